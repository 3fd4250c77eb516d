"""Many runs: grids of styles and videos, and searches for the best weights.

May import `vst.compare` and everything below it. Provides the command `sweep`, and what the sweeper of grids needs.
"""
