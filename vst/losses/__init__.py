"""The terms of L_total: the paper's equations as pure functions, and the `Loss` modules that keep a frame's targets.

May import `vst.features` and `vst.flow`. Provides `Loss`es, and `Target`, everything that a loss or a start may use.
"""
