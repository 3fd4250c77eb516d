"""How coherent a painted clip is: pure functions on frames and flows, and `ClipMetrics`, which goes frame by frame.

May import `vst.flow` and what lies below. Hands out `ClipMetrics`, and in `catalogue` what every figure is called.
"""
