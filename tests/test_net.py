"""The net catches: nbval passes a notebook of the book and fails every damaged copy of it."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat import NotebookNode

import canon


def cell_with(nb: NotebookNode, kind: str) -> NotebookNode:
    """The first cell with an output of that kind."""
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    return next(cell for cell in code if any(o.output_type == kind for o in cell.outputs))


def printed(nb: NotebookNode) -> NotebookNode:
    """The first text that a cell printed."""
    return next(o for o in cell_with(nb, "stream").outputs if o.output_type == "stream")


def change_a_number(nb: NotebookNode) -> None:
    """Another last digit of the first number printed."""
    stream = printed(nb)
    stream.text, changes = re.subn(
        r"\d(?!\d)", lambda digit: str((int(digit[0]) + 1) % 10), stream.text, count=1
    )
    assert changes == 1


def change_a_word(nb: NotebookNode) -> None:
    printed(nb).text = f"Not {printed(nb).text}"


def delete_an_output(nb: NotebookNode) -> None:
    cell_with(nb, "stream").outputs = []


def delete_a_figure(nb: NotebookNode) -> None:
    cell_with(nb, "display_data").outputs = []


def add_a_stray_output(nb: NotebookNode) -> None:
    stray = nbformat.v4.new_output("display_data", {"text/plain": "stray"})
    cell_with(nb, "stream").outputs.append(stray)


def print_one_line_more(nb: NotebookNode) -> None:
    cell_with(nb, "stream").source += '\nprint("one line more")'


def draw_no_figure(nb: NotebookNode) -> None:
    cell_with(nb, "display_data").source = "pass"


def write_to_stderr(nb: NotebookNode) -> None:
    cell_with(nb, "stream").source += '\nimport warnings; warnings.warn("careful")'


def raise_in_a_cell(nb: NotebookNode) -> None:
    cell_with(nb, "stream").source += "\n1 / 0"


def raise_in_the_setup_cell(nb: NotebookNode) -> None:
    nb.cells[
        [cell.cell_type for cell in nb.cells].index("code")
    ].source += "\nimport no_such_module"


def change_nothing(nb: NotebookNode) -> None:
    pass


DIFFER = "Cell outputs differ"
DAMAGES = {
    change_a_number: DIFFER,
    change_a_word: DIFFER,
    delete_an_output: DIFFER,
    delete_a_figure: DIFFER,
    add_a_stray_output: DIFFER,
    print_one_line_more: DIFFER,
    draw_no_figure: DIFFER,
    write_to_stderr: DIFFER,
    raise_in_a_cell: "ZeroDivisionError",
    raise_in_the_setup_cell: "ModuleNotFoundError",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What nbval says of each copy, all in one run; nothing if it passes."""
    chapter = nbformat.read(canon.notebooks()[0], as_version=4)
    # The beginning of a real chapter, up to its first printed numbers and its first figure.
    ends = [chapter.cells.index(cell_with(chapter, kind)) for kind in ("stream", "display_data")]
    chapter.cells = chapter.cells[: max(ends) + 1]

    folder = tmp_path_factory.mktemp("net")
    for damage in (change_nothing, *DAMAGES):
        copy = nbformat.from_dict(chapter)
        damage(copy)
        assert (copy == chapter) == (damage is change_nothing)
        nbformat.write(copy, folder / f"{damage.__name__}.ipynb")
    options = "--nbval --nbval-current-env --nbval-cell-timeout=60 --color=no --junitxml=said.xml"
    pytest_here = [sys.executable, "-m", "pytest", f"--rootdir={folder}", "-c", os.devnull]
    run = subprocess.run([*pytest_here, *options.split()], cwd=folder, capture_output=True)
    assert run.returncode == 1, run.stdout.decode()

    answers: dict[str, str] = {}
    for case in ElementTree.parse(folder / "said.xml").iter("testcase"):
        failures = "".join(failure.text or "" for failure in case.iter("failure"))
        name = case.get("classname", "").removesuffix(".ipynb")
        answers[name] = answers.get(name, "") + failures
    return answers


def test_the_chapter_passes(said: dict[str, str]) -> None:
    assert said["change_nothing"] == ""


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_caught(damage: Callable, said: dict[str, str]) -> None:
    assert DAMAGES[damage] in said[damage.__name__]
