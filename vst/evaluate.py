"""`python -m vst.evaluate …` is `vst evaluate …`."""

from vst.commandline import open_streams
from vst.compare.evaluate.command import main

if __name__ == "__main__":
    open_streams()
    main()
