"""Synthetic clips and paintings: scenes with exactly known motion and occlusion, and procedural style images.

May import `vst.frames` and `vst.errors`. Provides `Scene`s, which are `Clip`s, and functions that draw paintings.
"""
