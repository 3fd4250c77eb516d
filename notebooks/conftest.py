from __future__ import annotations

from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    """Let the tests run the notebook at its small size; nbmake's items know no fixtures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VST_NOTEBOOK", "small")
        return (yield)
