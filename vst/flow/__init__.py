"""Optical flow: estimators, warps, reliability masks, and predictions from frames painted before.

May import `vst.video` and what lies below. Provides `FlowEstimator`s, `Neighbour`, and pure functions on flows.
"""
