"""Optimisation-based video style transfer, and the comparison of its ways of keeping frames coherent."""

__version__ = "0.1.0"
