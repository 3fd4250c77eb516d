"""VGG-19: its layers, its weights, and the activations of an image.

May import `vst.assets`, `vst.files` and `vst.errors`. Provides `VGG19`, which maps images to activations.
"""
