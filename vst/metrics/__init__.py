"""Temporal coherence of a painted clip: pure functions on frames and flows, and `ClipMetrics`, frame by frame.

May import `vst.flow` and what lies below. Provides `ClipMetrics`, and in `catalogue` the name of every metric.
"""
