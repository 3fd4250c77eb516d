"""`python -m vst.plots …` is `vst plots …`."""

from vst.compare.plots.command import main

if __name__ == "__main__":
    main()
