"""`python -m vst.plots …` is `vst plots …`."""

from vst.commandline import open_streams
from vst.compare.plots.command import main

if __name__ == "__main__":
    open_streams()
    main()
