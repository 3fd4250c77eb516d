"""Callbacks, which write and show results after every frame; none of them alters a painting."""
