"""The tools that write notebooks lose nothing, and refuse what cannot be committed."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import canon
import edit
import report

CHAPTER = canon.notebooks()[0]


@pytest.fixture
def nb() -> nbformat.NotebookNode:
    return nbformat.read(CHAPTER, as_version=4)


def printing(text: str) -> nbformat.NotebookNode:
    return new_code_cell("f()", execution_count=7, outputs=[new_output("stream", text=text)])


# ---- canon


def test_the_canonical_form_is_its_own(nb: nbformat.NotebookNode) -> None:
    assert canon.canonical(nb) == CHAPTER.read_text(encoding="utf-8")


def test_what_nbval_does_not_compare_is_dropped() -> None:
    data = {
        "text/plain": "figure: a line",
        "image/png": "iVBORw0=",
        **dict.fromkeys(canon.NOT_COMPARED, "x"),
    }
    picture = new_output("display_data", data, metadata={"image/png": {"alt": "a line"}})
    pieces = [new_output("stream", text="a\n"), new_output("stream", text="b\n"), picture]
    metadata = {"tags": ["solution"], "collapsed": True, "jupyter": {"outputs_hidden": True}}
    cell = new_code_cell("f()", execution_count=7, outputs=pieces, metadata=metadata)
    nb = new_notebook(cells=[new_markdown_cell("  \n"), cell], metadata={"machine": "mine"})

    clean = nbformat.reads(canon.canonical(nb), as_version=4)

    (only,) = clean.cells
    assert clean.metadata == canon.METADATA
    assert only.execution_count == 1
    assert only.metadata == {"tags": ["solution"]}
    assert [o.get("text") or o.data for o in only.outputs] == [
        "a\nb\n",
        {"text/plain": "figure: a line"},
    ]


def test_ids_are_kept_mended_and_the_same_twice() -> None:
    cells = [new_markdown_cell("one", id="mine"), new_markdown_cell("two", id="mine")]
    cells.append(nbformat.from_dict({"cell_type": "markdown", "source": "two", "metadata": {}}))
    ids = canon.stable_ids(cells)
    assert ids[0] == "mine"
    assert len(set(ids)) == 3
    assert ids == canon.stable_ids(cells)


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        (new_code_cell("f()"), "never run"),
        (printing("x = np.float64(0.5)"), "raw numpy float"),
        (printing("0.30000000000000004"), "more digits"),
        (printing("<object at 0x7f80788da550>"), "new on every run"),
        (
            new_code_cell(
                "f()", execution_count=1, outputs=[new_output("error", ename="E", evalue="e")]
            ),
            "raises",
        ),
        (
            new_code_cell(
                "f()", execution_count=1, outputs=[new_output("stream", name="stderr", text="w")]
            ),
            "writes to stderr",
        ),
        (
            new_code_cell(
                "f()",
                execution_count=1,
                outputs=[new_output("display_data", {"image/svg+xml": "<svg/>"})],
            ),
            "nbval would compare it",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_committed_is_named(cell: nbformat.NotebookNode, words: str) -> None:
    (problem,) = canon.problems(new_notebook(cells=[cell]))
    assert words in problem


def test_check_says_what_and_how_to_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.ipynb"
    copy.write_text(
        CHAPTER.read_text(encoding="utf-8").replace('"execution_count": 1', '"execution_count": 9')
    )
    assert canon.main(["--check", "--no-run", str(copy)]) == 1
    said = capsys.readouterr().err
    assert "copy.ipynb: is not canonical: line" in said
    assert "to fix: python tools/canon.py" in said


def test_a_failing_notebook_is_not_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "fails.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("1 / 0", id="a")]), path)
    before = path.read_bytes()
    (problem,) = canon.canonicalise(path)
    assert "ZeroDivisionError" in problem
    assert path.read_bytes() == before


# ---- edit


@pytest.mark.parametrize("suffix", edit.FORMATS)
def test_a_round_trip_through_text_changes_nothing(nb: nbformat.NotebookNode, suffix: str) -> None:
    text = edit.to_text(nbformat.from_dict(nb), suffix)
    assert canon.canonical(edit.from_text(text, suffix, nb)) == CHAPTER.read_text(encoding="utf-8")


def test_moved_cells_keep_id_and_output_and_edited_ones_their_id() -> None:
    old = new_notebook(
        cells=[
            new_markdown_cell("# Title", id="title"),
            new_code_cell(
                "x = 1\nprint(x)",
                id="x",
                execution_count=1,
                outputs=[new_output("stream", text="1\n")],
            ),
            new_code_cell(
                "print('far')",
                id="far",
                execution_count=2,
                outputs=[new_output("stream", text="far\n")],
            ),
        ]
    )
    draft = (
        "# %%\nprint('far')\n\n# %% [markdown]\n# # Title\n\n# %%\nx = 2\nprint(x)\n\n# %%\nnew()\n"
    )
    new = edit.from_text(draft, ".py", old)
    assert [cell.id for cell in new.cells][:3] == ["far", "title", "x"]
    assert new.cells[0].outputs == old.cells[2].outputs
    assert new.cells[2].outputs == []
    assert new.cells[3].id not in {"far", "title", "x"}


# ---- report


def test_sentences_are_those_of_running_text() -> None:
    blocks = [
        "# A heading",
        "One two three. Is $x = 1$ four?",
        "- An item",
        "| a | table |",
        "$$x$$",
    ]
    assert report.sentences("\n\n".join(blocks)) == [
        "One two three.",
        "Is formula four?",
        "- An item",
    ]


def test_links_count_as_their_words() -> None:
    text = "see [the gradient](glossary.md#gradient) <b>now</b>"
    assert report.plain(text) == "see the gradient now"
