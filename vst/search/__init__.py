"""Many runs: grids of styles and videos, and searches for the best weights.

May import `vst.compare` and what lies below. Hands out the command sweep, and what Hydra's sweeper of grids needs.
"""
