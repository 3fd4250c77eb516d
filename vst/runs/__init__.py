"""One run: its settings, its directory and record, how it begins, is ended and taken up again.

May import everything below it, and alone reads the configuration. Hands out `run.run`, and readers of what runs leave.
"""
