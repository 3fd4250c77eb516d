"""Optical flow: estimators, warps, masks of what to trust, and what a neighbouring painted frame predicts.

May import `vst.video` and what lies below. Hands out `FlowEstimator`s, `Neighbour`, and pure functions on flows.
"""
