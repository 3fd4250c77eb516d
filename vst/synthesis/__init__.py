"""Guided patch synthesis: an image put together of the patches of a painted key frame, as guides say.

Knows tensors alone. Provides `synthesise`, and `cross_fade` between two syntheses.
"""
