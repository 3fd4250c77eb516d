"""Guided patch synthesis: an image put together of the patches of a painted key frame, as guides say.

Knows tensors alone, and how `vst.flow` warps them. Provides `synthesise`, and `cross_fade` between two syntheses.
"""
