"""Clips in and out: read frame by frame, cut into shots, kept on disk, written as video with their sound.

May import `vst.frames`, `vst.files` and `vst.errors`. Hands out `Frame`s in order, `FrameStore`, `write_video`.
"""
