"""Fixtures of the course tools."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from classroom import make_course

from secondorder_course import Course


@pytest.fixture(autouse=True, scope="session")
def no_waiting_for_the_disk() -> Iterator[None]:
    """No test pulls a plug: what must survive that need not be waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course of five, two of them with one name."""
    return make_course(tmp_path / "course")
