"""Run the notebook anew and keep its outputs: what `make notebook` does.

    python notebooks/execute.py

Unlike Jupyter's own command it writes no times of day into the file, so that what has not changed shows no
difference; and a notebook that fails is left as it was.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

from vst.files import write_text

NOTEBOOK = Path(__file__).parent / "paper.ipynb"


def main() -> None:
    """Execute it, in the Python that runs this script, and write it back."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        resources={"metadata": {"path": str(NOTEBOOK.parent)}},
    ).execute()
    # which Python ran it is no part of the text
    notebook.metadata["language_info"] = {"name": "python"}
    write_text(NOTEBOOK, nbformat.writes(notebook) + "\n")


if __name__ == "__main__":
    main()
