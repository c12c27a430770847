"""The net catches: nbval passes a notebook of the book and fails every damaged copy of it."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

import canon


def printing_cells(nb: NotebookNode) -> list[NotebookNode]:
    """Cells that printed a number."""
    return [
        cell
        for cell in nb.cells
        if cell.cell_type == "code"
        and any(o.output_type == "stream" and re.search(r"\d", o.text) for o in cell.outputs)
    ]


@pytest.fixture(scope="module")
def notebook() -> NotebookNode:
    """The beginning of the first chapter, up to its second cell that prints a number."""
    nb = nbformat.read(canon.notebooks()[0], as_version=4)
    last = nb.cells.index(printing_cells(nb)[:2][-1])
    nb.cells = nb.cells[: last + 1]
    return nb


def nbval(nb: NotebookNode, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run nbval on `nb`, in a process of its own, as the test suite does."""
    nbformat.write(nb, folder / "copy.ipynb")
    options = [
        "--nbval",
        "--nbval-current-env",
        "--nbval-cell-timeout=60",
        "-p",
        "no:cacheprovider",
        "--color=no",
    ]
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "copy.ipynb",
            f"--rootdir={folder}",
            "-c",
            "/dev/null",
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def change_a_number(nb: NotebookNode) -> None:
    """The last digit of the first printed number is another one."""
    stream = next(o for o in printing_cells(nb)[0].outputs if o.output_type == "stream")
    stream.text = re.sub(r"\d(?!\d)", lambda m: str((int(m[0]) + 1) % 10), stream.text, count=1)


def change_a_word(nb: NotebookNode) -> None:
    stream = next(o for o in printing_cells(nb)[0].outputs if o.output_type == "stream")
    stream.text = f"Not {stream.text}"


def delete_an_output(nb: NotebookNode) -> None:
    printing_cells(nb)[0].outputs = []


def add_a_stray_output(nb: NotebookNode) -> None:
    printing_cells(nb)[0].outputs.append(
        nbformat.v4.new_output("display_data", {"text/plain": "stray"})
    )


def change_what_a_cell_prints(nb: NotebookNode) -> None:
    printing_cells(nb)[0].source += '\nprint("one line more")'


def raise_in_a_cell(nb: NotebookNode) -> None:
    printing_cells(nb)[0].source += "\n1 / 0"


def raise_in_the_setup_cell(nb: NotebookNode) -> None:
    nb.cells[
        [cell.cell_type for cell in nb.cells].index("code")
    ].source += "\nimport no_such_module"


def write_to_stderr(nb: NotebookNode) -> None:
    printing_cells(nb)[0].source += '\nimport warnings; warnings.warn("careful")'


def test_the_notebook_passes(notebook: NotebookNode, tmp_path: Path) -> None:
    result = nbval(notebook, tmp_path)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (change_a_number, "Cell outputs differ"),
        (change_a_word, "Cell outputs differ"),
        (delete_an_output, "Cell outputs differ"),
        (add_a_stray_output, "Cell outputs differ"),
        (change_what_a_cell_prints, "Cell outputs differ"),
        (write_to_stderr, "Cell outputs differ"),
        (raise_in_a_cell, "ZeroDivisionError"),
        (raise_in_the_setup_cell, "ModuleNotFoundError"),
    ],
)
def test_damage_is_caught(
    damage: Callable[[NotebookNode], None], words: str, notebook: NotebookNode, tmp_path: Path
) -> None:
    copy = nbformat.from_dict(notebook)
    damage(copy)
    assert copy != notebook
    result = nbval(copy, tmp_path)
    assert result.returncode == 1, result.stdout
    assert words in result.stdout
