"""A search for good settings on one machine or several, without an account.

    python -m vst.sweep -o DIR [options] [group=choice …] [option=value …]

The command's process keeps the study (optuna) and decides; worker processes paint. Importing this costs next to
nothing; what paints is imported by the workers.
"""
