"""VGG-19: which layers there are, its filters, and the activations of an image.

May import `vst.assets`, `vst.files` and `vst.errors`. Hands out `VGG19`, from an image to activations by layer.
"""
