"""The pixel loop: from an objective and a start to a solution."""

from vst.optim.lbfgs import minimise
from vst.optim.solution import Losses, Minimise, Solution

__all__ = ["Losses", "Minimise", "Solution", "minimise"]
