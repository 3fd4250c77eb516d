"""Networks that paint a frame in one pass: what they are, and the files that hold them.

May import `vst.assets`, `vst.bounds`, `vst.errors` and `vst.files`. Provides `AnyStyle` and
`TransformationNetwork`.
"""
