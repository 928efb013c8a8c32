"""Failovers under load, with real Sentinels: nothing lost, nobody rung twice. See run.py."""
