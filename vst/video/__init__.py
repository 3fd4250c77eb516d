"""Video input and output: reading frame by frame, detecting cuts, storing frames, writing video with sound.

May import `vst.frames`, `vst.files` and `vst.errors`. Provides `Frame`s in order, `FrameStore`, `write_video`.
"""
