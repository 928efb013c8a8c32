"""The long run: all doors, all faults, a verdict for each person who was to get a message. See run.py."""
