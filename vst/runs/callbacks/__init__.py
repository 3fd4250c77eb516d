"""What a run writes and shows after every frame; no callback alters a painting."""
