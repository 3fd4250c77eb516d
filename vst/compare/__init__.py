"""Runs and other systems' output side by side: their settings, figures, looks and pictures.

May import `vst.runs` and what lies below. Hands out the commands evaluate, report and plots.
"""
