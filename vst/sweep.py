"""`python -m vst.sweep …` is `vst sweep …`."""

from vst.commandline import open_streams
from vst.search.command import main

if __name__ == "__main__":
    open_streams()
    main()
