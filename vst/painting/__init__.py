"""The frame loop: the start of each frame, what L-BFGS optimises, and the history of painted frames.

May import losses, features, flow, networks, optim, synthesis and `vst.video`. Provides `VideoStylizer`, the loop over
frames.
"""
