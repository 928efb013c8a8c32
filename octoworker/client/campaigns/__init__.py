"""Campaigns: one text, many people. A file or rows come in; messages of the bulk lane, counted together, come out."""
