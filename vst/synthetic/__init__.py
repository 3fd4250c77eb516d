"""Clips and paintings that are computed: scenes whose motion and occlusion are known exactly, and styles to paint in.

May import `vst.frames` and `vst.errors`. Hands out `Scene`s, which are `Clip`s, and functions that draw paintings.
"""
