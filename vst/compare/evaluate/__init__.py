"""The metrics of a run, for the output of any system."""
