"""Runs and other systems' output side by side: their settings, figures and pictures, and how they are drawn.

May import `vst.runs` and everything below it. Provides the commands `evaluate`, `report` and `plots`.
"""
