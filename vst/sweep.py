"""`python -m vst.sweep …` is `vst sweep …`."""

from vst.search.command import main

if __name__ == "__main__":
    main()
