"""One frame after another: what a frame starts from, what L-BFGS moves, and what is remembered of the frames before.

May import losses, features, flow, optim and `vst.video`. Hands out `VideoStylizer`, the loop over frames.
"""
