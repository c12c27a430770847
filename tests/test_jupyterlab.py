"""A reader's own installation runs the notebooks, in a real JupyterLab over REST and websocket.

Two notebooks by default; all of them with SECONDORDER_ALL_NOTEBOOKS=1.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import canon
import lab_runner

ALL = canon.notebooks()
CHOSEN = ALL if os.environ.get("SECONDORDER_ALL_NOTEBOOKS") == "1" else [*ALL[:1], *ALL[1:][-1:]]
#: A reader's environment, in MB: a Binder image should start fast.
LARGEST = 800


@pytest.fixture(scope="module")
def python() -> Path:
    return lab_runner.reader_environment()


@pytest.fixture(scope="module")
def server(python: Path) -> Iterator[lab_runner.Lab]:
    with lab_runner.lab(python) as running:
        yield running


def test_lab_page_opens(server: lab_runner.Lab) -> None:
    assert b"<title>JupyterLab</title>" in server.rest("GET", "lab")


@pytest.mark.parametrize("path", CHOSEN, ids=lambda path: path.stem)
def test_notebook_runs_as_committed(server: lab_runner.Lab, path: Path) -> None:
    assert lab_runner.differences(path, server.run(path)) == []


def test_the_environment_is_small(python: Path) -> None:
    assert lab_runner.megabytes(lab_runner.READER) < LARGEST
