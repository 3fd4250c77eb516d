"""One run: its settings, its directory and record, and how it begins, ends and is resumed.

May import everything below it, and alone reads the configuration. Provides `run.run`, and readers of the files
that runs write.
"""
