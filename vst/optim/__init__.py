"""The pixel loop: from an objective and a start to a solution."""

from vst.optim.lbfgs import minimise
from vst.optim.solution import Losses, Solution

__all__ = ["Losses", "Solution", "minimise"]
