"""The page of results: every claim has one live source, its number, its verdict and its place."""

import json
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from myst_parser.mdit_to_docutils.base import compute_unique_slug
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import canon
import results
from secondorder import published
from secondorder.published import HOLDS, Row

ROOT = canon.ROOT
ROWS = list(published.rows())
PAGE = ROOT / "reference" / "results.ipynb"

every = pytest.mark.parametrize("name", ROWS)


@pytest.fixture(scope="module")
def page() -> results.Page:
    return results.Page.read(ROOT)


@pytest.fixture(scope="module")
def claims(page: results.Page) -> dict[str, results.Claim]:
    return {claim.row.name: claim for claim in page.claims}


@pytest.fixture(scope="module")
def shown() -> str:
    """All that the committed page shows, as Markdown."""
    cells = nbformat.read(PAGE, as_version=4).cells
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    return "\n".join(output.data.get("text/markdown", "") for output in outputs if "data" in output)


# ---- the book


def test_there_are_at_least_25_claims() -> None:
    assert len(ROWS) >= 25


@every
def test_a_claim_has_one_live_source_and_its_number_stands(
    name: str, claims: dict[str, results.Claim]
) -> None:
    assert results.problems(claims[name]) == []


@every
def test_a_source_stands_in_the_bibliography(name: str, page: results.Page) -> None:
    assert published.rows()[name].source in page.citations


@every
def test_the_page_shows_the_claim(name: str, claims: dict[str, results.Claim], shown: str) -> None:
    claim = claims[name]
    (line,) = [line for line in shown.splitlines() if line.startswith(f"| `{name}` ")]
    for text in (claim.row.published, claim.row.setting, *map(results.spoken, claim.lines)):
        assert text.replace("|", "\\|") in line
    assert re.search(rf"\| (\*\*)?{claim.row.verdict}(\*\*)?<br>\[", line)
    assert claim.row.read or claim.row.through in line
    assert not claim.row.why or claim.row.why in shown


def test_the_committed_page_is_what_is_made_now(page: results.Page, shown: str) -> None:
    assert page.summary() in shown, "run tools/canon.py reference/results.ipynb"
    for part in (*results.PARTS, results.REST):
        assert page.part(part) in shown, "run tools/canon.py reference/results.ipynb"


def test_no_cell_records_a_claim_without_a_row() -> None:
    found = {
        line.name
        for path in canon.notebooks()
        for _, line in published.recorded(json.loads(path.read_text(encoding="utf-8")))
    }
    assert found <= set(ROWS)


def test_every_link_leads_to_a_heading(page: results.Page) -> None:
    for claim in page.claims:
        for cell, _ in claim.found:
            assert not cell.anchor or cell.anchor in anchors(cell.notebook), cell


def anchors(path: Path) -> set[str]:
    """The headings of a notebook, as MyST names them."""
    cells = nbformat.read(path, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    slugs: list[str] = []
    for node in SyntaxTreeNode(MarkdownIt("commonmark").use(dollarmath_plugin).parse(text)).walk():
        if node.type == "heading":
            slugs.append(compute_unique_slug(node, slugs))
    return set(slugs)


# ---- a small book, where something is wrong


def small(folder: Path, *texts: str, chapter: str = "04_step_size") -> results.Page:
    """A book of one chapter whose cells print these texts."""
    cells = [new_markdown_cell("# 04 · Step size\n\n## The best, of all"), *map(printing, texts)]
    (folder / "chapters").mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), folder / "chapters" / f"{chapter}.ipynb")
    (folder / "references.bib").write_text((ROOT / "references.bib").read_text(encoding="utf-8"))
    return results.Page.read(folder)


def printing(text: str) -> nbformat.NotebookNode:
    return new_code_cell(outputs=[new_output("stream", name="stdout", text=f"{text}\n")])


def claim_of(page: results.Page, row: Row) -> results.Claim:
    found = [claim for claim in page.claims if claim.row.name == row.name]
    return results.Claim(row, found[0].found)


def row(**changes: object) -> Row:
    entry = {
        "source": "goh2017", "place": "there", "read": True, "claim": "It is 1.98.",
        "published": "1.98", "expect": (1.97, 1.99), "tolerance": "±0.01", "setting": "the same",
        "verdict": HOLDS,
    }  # fmt: skip
    return Row(name="goh-best-step", chapter="04_step_size", **(entry | changes))


GOOD = "goh-best-step: published 1.98, ours 1.98: holds"
TWO_CASES = """
goh-best-step [a]: published 1.98, ours 1.98: holds
goh-best-step [b]: published 1.98, ours 3.5: does not hold"""
FAILED = {"verdict": "did not reproduce here", "why": "x", "otherwise": {"": (3.0, 4.0)}}
SOME = {"verdict": "holds under conditions", "why": "x", "otherwise": {"b": (3.0, 4.0)}}


@pytest.mark.parametrize(
    ("texts", "changes"),
    [
        ((GOOD,), {}),
        (("so\n" + GOOD,), {}),
        ((GOOD.replace("1.98: h", "1.98 (1.971 to 1.989, 5 runs): h"),), {}),
        ((GOOD.replace("1.98: h", "1.98 (1.5 to 2.5, 5 runs): h"),), {"judged": "median"}),
        ((GOOD.replace("1.98: h", "2: h"),), {"digits": 1}),  # 1.98, printed with one digit
        ((GOOD.replace("ours 1.98: holds", "ours 3.5: does not hold"),), FAILED),
        ((TWO_CASES,), SOME),
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(tmp_path: Path, texts: tuple[str], changes: dict) -> None:
    page = small(tmp_path, *texts)
    assert results.problems(claim_of(page, row(**changes))) == []


@pytest.mark.parametrize(
    ("texts", "changes", "words"),
    [
        ((), {}, "0 cells record it, not one"),
        (("best step: 1.98",), {}, "0 cells record it, not one"),
        (
            (GOOD, GOOD),
            {},
            r"2 cells record it \(04_step_size.ipynb, 04_step_size.ipynb\), not one",
        ),
        ((f"{GOOD}\n{GOOD}",), {}, "recorded more than once in its cell"),
        (
            (GOOD.replace("ours 1.98", "ours 2.5"),),
            {},
            r"\[2.5, 2.5, 2.5\] is not in \(1.97, 1.99\)",
        ),
        ((GOOD.replace("1.98: h", "1.98 (1.5 to 1.98, 5 runs): h"),), {}, r"\[1.5, 1.98, 1.98\]"),
        ((GOOD.replace("ours 1.98: holds", "ours 3.5: does not hold"),), {}, "does not hold, and"),
        (
            (GOOD.replace("ours 1.98: holds", "ours 5: does not hold"),),
            FAILED,
            r"not in \(3.0, 4.0\)",
        ),
        ((GOOD,), FAILED, "goh-best-step: holds, the row says: did not reproduce here"),
        ((GOOD,), SOME, "goh-best-step: holds, the row says: holds under conditions"),
    ],
)
def test_what_has_moved_is_named(
    tmp_path: Path, texts: tuple[str, ...], changes: dict, words: str
) -> None:
    page = small(tmp_path, *texts)
    found = results.problems(claim_of(page, row(**changes)))
    assert found
    assert re.search(words, "; ".join(found))


def test_a_line_in_another_chapter_is_named(tmp_path: Path) -> None:
    page = small(tmp_path, GOOD, chapter="09_momentum")
    (found,) = results.problems(claim_of(page, row()))
    assert found == "goh-best-step: recorded in 09_momentum, its row stands in 04_step_size.toml"


def test_a_page_with_a_changed_number_is_not_the_committed_one(tmp_path: Path, shown: str) -> None:
    page = small(tmp_path, GOOD.replace("ours 1.98", "ours 1.985"))
    assert "**1.985**" in page.part("II · Gradient")
    assert page.part("II · Gradient") not in shown
    assert "| no number yet |" in page.summary()


# ---- its parts


def test_a_cell_is_linked_by_the_heading_above_it(tmp_path: Path) -> None:
    ((cell, _),) = claim_of(small(tmp_path, GOOD), row()).found
    link = "[04 · The best, of all](../chapters/04_step_size.ipynb#the-best-of-all)"
    assert cell.link(tmp_path.resolve()) == link


@pytest.mark.parametrize(
    ("value", "expect", "where"),
    [
        (1.98, (1.97, 1.99), 0.0),
        (1.97, (1.97, 1.99), -1.0),
        (1.99, (1.97, 1.99), 1.0),
        (5.0, (1.97, 1.99), results.FAR),
        (-5.0, (1.97, 1.99), -results.FAR),
        (2.0, (2.0, float("inf")), -1.0),
        (4.0, (2.0, float("inf")), 0.0),
        (1.0, (2.0, float("inf")), -1.5),
        (0.0, (float("-inf"), 2.0), -1.0),
        (2.0, (float("-inf"), 2.0), 1.0),
        (3.0, (float("-inf"), 2.0), 2.0),
        (0.0, (0.0, float("inf")), -1.0),
    ],
)
def test_where_a_number_is_drawn(value: float, expect: tuple[float, float], where: float) -> None:
    assert results.place(value, expect) == pytest.approx(where)


def test_the_figure_has_a_row_a_claim_and_says_the_same_in_words(page: results.Page) -> None:
    fig, ax = plt.subplots(figsize=(4.8, page.height()))
    page.chart(ax)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    plt.close(fig)
    assert labels == [claim.row.name for claim in page.claims if claim.found]
    outside = [c.row.name for c in page.claims if any(not line.holds for line in c.lines)]
    assert all(name in page.words() for name in outside)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.98021, "0.9802"), (-1.0, "−1"), (5264.0, "5264"), (52640.0, "52640"), (1e-9, "1e−09")],
)
def test_numbers_in_words(value: float, text: str) -> None:
    assert results.number(value) == text


def test_intervals_in_words() -> None:
    assert results.interval((1.97, 1.99)) == "1.97 to 1.99"
    assert results.interval((181.526, 181.708)) == "181.526 to 181.708"
    assert results.interval((2, float("inf"))) == "at least 2"
    assert results.interval((float("-inf"), 2)) == "at most 2"


def test_citations_are_names_and_year() -> None:
    entry = "@misc{{{key},\n  author = {{{author}}},\n  year   = {{2020}},\n}}\n"
    authors = {
        "a": r"Mor{\'e}, Jorge J. and Sorensen, D. C.",
        "b": r"Kuczy{\'n}ski, J. and Wo{\'z}niakowski, H.",
        "c": "{SciML}",
        "d": "Cohen, Jeremy M. and Kaur, Simran and Li, Yuanzhi",
        "e": r"Baydin, At{\i}l{\i}m G{\"u}ne{\c{s}}",
        "f": "Gabriel Goh",
    }
    text = "".join(entry.format(key=key, author=author) for key, author in authors.items())
    assert list(results.citations(text).values()) == [
        "Moré and Sorensen 2020",
        "Kuczyński and Woźniakowski 2020",
        "SciML 2020",
        "Cohen et al. 2020",
        "Baydin 2020",
        "Goh 2020",
    ]


def test_a_bar_in_a_cell_does_not_end_it() -> None:
    assert results.table(("a",), [("|x|",)]).splitlines()[-1] == "| \\|x\\| |"


# ---- the build


def test_the_build_runs_the_page_again_when_a_chapter_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_cache import get_cache

    import build

    page, chapter = tmp_path / "reference" / "results.ipynb", tmp_path / "chapters" / "01_a.ipynb"
    for path in (page, chapter, page.with_name("performance.ipynb")):
        path.parent.mkdir(exist_ok=True)
        nbformat.write(new_notebook(cells=[new_code_cell("1", execution_count=1)]), path)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "CACHE", tmp_path / "cache")
    cache = get_cache(tmp_path / "cache")
    cache.list_cache_records()  # makes the folder
    kept = []
    for text in ("1", "1", "2"):
        nbformat.write(new_notebook(cells=[new_markdown_cell(text, id="a")]), chapter)
        build.forget_pages_made_from_others(cache)
        kept.append(len(cache.list_cache_records()))
        cache.cache_notebook_file(str(page), check_validity=False, overwrite=True)
    assert kept == [0, 1, 0]
