"""Optimisation-based video style transfer, and the comparison of methods that keep its frames coherent."""

__version__ = "0.1.0"
