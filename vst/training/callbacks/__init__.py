"""Callbacks of a training: its curves, previews, progress and checkpoints."""
