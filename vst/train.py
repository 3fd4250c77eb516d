"""`python -m vst.train …` is `vst train …`."""

from vst.commandline import open_streams
from vst.training.command import main

if __name__ == "__main__":
    open_streams()
    main()
