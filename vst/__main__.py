"""`vst …`: runs the command named first, or else paints a clip with Hydra's options."""

import sys
from importlib import import_module

from vst.commandline import open_streams

COMMANDS = ("evaluate", "plots", "report", "sweep", "train")
"""Each is also a module of this package, so that `python -m vst.report …` is `vst report …`."""


def main() -> None:
    """Run the command that the command line names, and exit."""
    open_streams()
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in COMMANDS:
        del sys.argv[1]
        import_module(f"vst.{name}").main()
        return
    from vst.cli import main as paint

    paint()


if __name__ == "__main__":
    main()
