"""Binder can make its image: repo2docker reads a clean export of the tree. Needs no docker."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def rendered(root: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Dockerfile, and repo2docker's log."""
    export = tmp_path_factory.mktemp("binder") / "book"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():
            (export / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, export / name)
    result = subprocess.run(
        [sys.executable, "-m", "repo2docker", "--no-build", "--debug", str(export)],
        cwd=export.parent,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_python_is_the_one_the_book_is_tested_with(rendered: str, root: Path) -> None:
    assert (root / "runtime.txt").read_text().strip() == "python-3.11"
    assert "Building conda environment for python=3.11" in rendered


def test_requirements_are_installed(rendered: str) -> None:
    assert 'pip install --no-cache-dir -r "requirements.txt"' in rendered


def test_nothing_switches_the_root_files_off(root: Path) -> None:
    """A binder folder, an environment.yml or an apt.txt would change what repo2docker reads."""
    for name in ("binder", ".binder", "environment.yml", "apt.txt", "postBuild", "Dockerfile"):
        assert not (root / name).exists()
