"""`python -m vst.report …` is `vst report …`."""

from vst.commandline import open_streams
from vst.compare.report.command import main

if __name__ == "__main__":
    open_streams()
    main()
