"""`python -m vst.evaluate …` is `vst evaluate …`."""

from vst.compare.evaluate.command import main

if __name__ == "__main__":
    main()
