"""What every test runs under. Loaded before the workers start, so they inherit it."""

from pathlib import Path

import pytest

import canon

canon.steady_environment()


@pytest.fixture(scope="session")
def root() -> Path:
    """The folder of the repository."""
    return canon.ROOT
