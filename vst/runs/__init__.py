"""One run: its settings, its directory and record, how it begins, ends and is resumed.

May import everything below it, and alone reads the configuration. Hands out `run.run`, and readers of what runs leave.
"""
