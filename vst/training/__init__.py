"""The training of a network for one painting: its settings, examples, steps, and what it writes.

May import `vst.runs` and everything below it. Provides `run.train`, which leaves a network.safetensors.
"""
