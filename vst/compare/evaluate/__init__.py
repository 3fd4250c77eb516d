"""Computes a run's metrics for the output of any system."""
