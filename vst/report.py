"""`python -m vst.report …` is `vst report …`."""

from vst.compare.report.command import main

if __name__ == "__main__":
    main()
