"""The notebooks keep the patterns of CONTRIBUTING.md, so that nbval can test all of them."""

import ast
import importlib
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from myst_parser.mdit_to_docutils.base import compute_unique_slug
from nbformat import NotebookNode
from nbval.plugin import find_comment_markers, find_metadata_tags

import canon
import report

ROOT = canon.ROOT
NOTEBOOKS = canon.notebooks()
CHAPTERS = [path for path in NOTEBOOKS if path.parent.name == "chapters"]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("reference/*.md"), *NOTEBOOKS]

#: Other people cite these: an exercise never changes its id.
EXERCISES = {
    "01_slope": "D1.1 D1.2 D1.3 D1.4",
    "02_bend": "D2.1 D2.2 D2.3 D2.4",
    "03_direction": "G3.1 G3.2 G3.3 G3.4",
    "04_step_size": "G4.1 G4.2 G4.3 G4.4",
    "05_many_outputs": "J5.1 J5.2 J5.3 J5.4",
    "06_autodiff": "J6.1 J6.2 J6.3 J6.4",
    "06b_one_long_vector": "V6.1 V6.2 V6.3",
    "07_curvature": "H7.1 H7.2 H7.3 H7.4",
    "08_saddles": "H8.1 H8.2 H8.3 H8.4",
    "09_momentum": "H9.1 H9.2 H9.3 H9.4",
    "10_newton": "H10.1 H10.2 H10.3 H10.4 H10.5",
    "11_products": "P11.1 P11.2 P11.3 P11.4",
    "12_spectra": "P12.1 P12.2 P12.3 P12.4",
    "13_edge": "P13.1 P13.2 P13.3 P13.4",
    "14_optimizers": "P14.1 P14.2 P14.3 P14.4",
    "15_scale": "P15.1 P15.2",
}

notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code(nb: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def output_text(cell: NotebookNode) -> str:
    """All that the cell says, as text."""
    parts = [
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    ]
    return "\n".join(parts)


# ---- the whole book


def test_the_table_of_contents_lists_every_notebook_and_no_other() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    paths = {*PAGES, *ROOT.glob("chapters/*.md")}
    pages = [
        path.relative_to(ROOT).with_suffix("").as_posix() for path in paths if path.parent != ROOT
    ]
    assert sorted(listed) == sorted(pages)


def test_every_exercise_has_its_check_and_hints() -> None:
    registry = importlib.import_module("secondorder.check").EXERCISES
    wanted = {exercise for path in CHAPTERS for exercise in EXERCISES[path.stem].split()}
    assert set(registry) == wanted
    assert all(exercise.hints for exercise in registry.values())


# ---- the net holds


@notebook
def test_is_canonical(path: Path) -> None:
    assert canon.canonicalise(path, run=False, check=True) == [], f"run tools/canon.py {path.name}"


@notebook
def test_counts_are_1_to_n(path: Path) -> None:
    cells = code(read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def escapes(cell: NotebookNode) -> bool:
    """Whether nbval would not compare this cell's outputs."""
    markers = [*find_metadata_tags(cell.metadata), *find_comment_markers(cell.source)]
    return bool(markers) or bool(
        re.search(r"^\s*%%capture|\bclear_output\b", cell.source, re.MULTILINE)
    )


def test_no_cell_escapes_comparison_without_a_reason() -> None:
    listed = tomllib.loads((ROOT / "tests/compare_exempt.toml").read_text(encoding="utf-8")).get(
        "cell", []
    )
    assert all(entry["reason"].strip() for entry in listed)
    found = {
        (path.relative_to(ROOT).as_posix(), cell.id)
        for path in NOTEBOOKS
        for cell in code(read(path))
        if escapes(cell)
    }
    assert found == {(entry["notebook"], entry["id"]) for entry in listed}


@pytest.mark.parametrize(
    ("source", "tags"),
    [
        ("1 + 1", ["nbval-skip"]),
        ("1 + 1", ["nbval-ignore-output"]),
        ("1 / 0", ["raises-exception"]),
        ("# NBVAL_IGNORE_OUTPUT\n1 + 1", []),
        ("%%capture\n1 + 1", []),
    ],
)
def test_ways_to_escape_are_seen(source: str, tags: list[str]) -> None:
    assert escapes(nbformat.v4.new_code_cell(source, metadata={"tags": tags}))


# ---- cells


@notebook
def test_one_setup_cell_and_no_path_hacks(path: Path) -> None:
    first, *others = code(read(path))
    assert "import" in first.source, "the first code cell sets up"
    for cell in others:
        assert "plt.style.use" not in cell.source
        late = [
            node
            for node in ast.parse(cell.source).body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        assert not late, f"imports stand in the setup cell: {cell.source}"
    for cell in [first, *others]:
        assert not re.search(
            r"sys\.path|os\.chdir|^\s*[!%]|\bget_ipython\b", cell.source, re.MULTILINE
        )


@chapter
def test_setup_cell_sets_the_style(path: Path) -> None:
    assert 'plt.style.use("secondorder.book")' in code(read(path))[0].source


@notebook
def test_markdown_reads_well_without_the_book(path: Path) -> None:
    """Directives and roles show as raw text in Jupyter and Colab: only a citation is worth it."""
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"^\s*(`{3,}|~{3,}|:{3,})\s*\{", cell.source, re.MULTILINE), (
                cell.source
            )
            roles = set(re.findall(r"\{([\w:-]+)\}`", cell.source))
            assert roles <= {"cite"}, f"{roles} in {cell.source}"


@chapter
def test_citations_stand_in_going_further(path: Path) -> None:
    text = "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    body, heading, sources = text.partition("\n## Going further")
    assert heading
    assert "{cite}" in sources
    assert "{cite}" not in body


@notebook
def test_every_figure_says_what_there_is_to_see(path: Path) -> None:
    for cell in code(read(path)):
        assert "plt.show(" not in cell.source, f"a figure cell ends with show(…): {cell.source}"
        for name, call in report.figure_calls(cell.source):
            alt = [keyword.value for keyword in call.keywords if keyword.arg == "alt"] or call.args[
                :1
            ]
            assert alt, f"{name} without alt text: {cell.source}"
            if isinstance(alt[0], ast.Constant):
                assert len(str(alt[0].value)) >= 20, f"say more: {alt[0].value}"


# ---- exercises


@dataclass
class Exercise:
    """The cells under one exercise heading."""

    id: str
    statement: str
    cells: list[NotebookNode] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.id.replace(".", "_")


EXERCISE_HEADING = re.compile(r"^### ([A-Z]\d+\.\d+)\b", re.MULTILINE)


def exercises(nb: NotebookNode) -> list[Exercise]:
    """The exercises of a notebook, each with the code cells below its heading."""
    found: list[Exercise] = []
    inside = False
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            if match := EXERCISE_HEADING.search(cell.source):
                found.append(Exercise(match[1], cell.source))
                inside = True
            elif re.search(r"^#{1,3} ", cell.source, re.MULTILINE):
                inside = False
        elif inside:
            found[-1].cells.append(cell)
    return found


def bound_names(source: str) -> set[str]:
    """The names a cell defines at its top level."""
    tree = ast.parse(source)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    inner = {
        id(n)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        for n in ast.walk(node)
    }
    return defined | {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and id(node) not in inner
    }


def used_names(source: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}


@chapter
def test_has_its_exercises_in_order(path: Path) -> None:
    assert [exercise.id for exercise in exercises(read(path))] == EXERCISES[path.stem].split()


def all_exercises() -> list:
    return [pytest.param(path, e, id=e.id) for path in CHAPTERS for e in exercises(read(path))]


@pytest.mark.parametrize(("path", "exercise"), all_exercises())
def test_exercise_keeps_the_pattern(path: Path, exercise: Exercise) -> None:
    anchor = f'<a id="ex-{exercise.id.replace(".", "-")}"></a>'
    assert re.search(rf"{anchor}\n+### {exercise.id} ", exercise.statement), (
        f"{anchor} before the heading"
    )

    stub, check, *rest = exercise.cells
    called = f"check.{exercise.name}({exercise.name}_solution"
    (solution,) = [cell for cell in rest if called in cell.source]  # more may follow, folded too
    assert all("hide-cell" in cell.metadata.get("tags", []) for cell in rest)
    assert "# your code here" in stub.source
    assert check.source.startswith(f"check.{exercise.name}(")
    assert "not written yet" in output_text(check)

    assert {"solution", "hide-cell"} <= set(solution.metadata.get("tags", []))
    assert solution.metadata.get("jupyter", {}).get("source_hidden")
    assert "not written yet" not in output_text(solution)
    assert f"{exercise.name}_solution" in bound_names(solution.source)

    readers = bound_names(stub.source)
    assert readers, "the stub defines the reader's name"
    assert not readers & bound_names(solution.source), "the solution rebinds the reader's name"
    for cell in code(read(path)):
        if cell.source not in {stub.source, check.source}:
            assert not readers & used_names(cell.source), f"depends on a stub: {cell.source}"


# ---- links


def markdown_of(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def parse(path: Path) -> SyntaxTreeNode:
    parser = MarkdownIt("commonmark").enable("table").use(dollarmath_plugin)
    return SyntaxTreeNode(parser.parse(markdown_of(path)))


def anchors(path: Path) -> set[str]:
    """What a link can point to: ids written in HTML, MyST targets, headings as MyST names them."""
    text = markdown_of(path)
    named = re.findall(r'<\w+ [^>]*\bid="([^"]+)"', text)
    named += re.findall(r"^\(([^)\s]+)\)=$", text, re.MULTILINE)
    slugs: list[str] = []
    for node in parse(path).walk():
        if node.type == "heading":
            slugs.append(compute_unique_slug(node, slugs))
    return {*named, *slugs}


def links(path: Path) -> list[str]:
    nodes = [node for node in parse(path).walk() if node.type in {"link", "image"}]
    written = [str(node.attrs.get("href") or node.attrs.get("src")) for node in nodes]
    return [*written, *re.findall(r'<a [^>]*href="([^"]+)"', markdown_of(path))]


@page
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in links(path):
        if re.match(r"https?:|mailto:", link):
            continue
        name, _, anchor = unquote(link).partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


# ---- budgets


@chapter
def test_keeps_its_budgets(path: Path) -> None:
    size = report.measure(path)
    assert 800 <= size.words <= 1600
    assert size.sentence <= 17
    assert size.longest_cell <= 12
    assert size.live >= 1
