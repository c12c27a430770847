"""Every chapter's size against its budgets: python tools/report.py [NB…]

Seconds are those of the run the built book was made from; a dash where there is none.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import nbformat
from nbformat import NotebookNode

from canon import ROOT

FOLDED = re.compile(r"<details\b.*?</details>", re.DOTALL)
FENCE = re.compile(r"^(```|~~~).*?^\1`*$", re.DOTALL | re.MULTILINE)
DISPLAY = re.compile(r"\$\$.+?\$\$", re.DOTALL)
INLINE = re.compile(r"\$[^$\n]+\$")
WORD = re.compile(r"[^\W_][\w'’\-]*")
SENTENCE_END = re.compile(r"(?<=[.?!:])[\"”’)*_]*\s+")


@dataclass(frozen=True)
class Size:
    """What there is in a chapter."""

    name: str
    words: int
    sentence: float  # median words in a sentence of running text
    longest_cell: int  # lines of code, without the algorithm being taught
    figures: int
    live: int
    words_a_figure: float
    equations: float  # displayed, outside folded boxes, in 1,000 words
    seconds: float | None

    def over_budget(self) -> list[str]:
        """The budgets of CONTRIBUTING.md that this chapter breaks, in words."""
        checks = {
            f"{self.words} words, wanted 800 to 1,600": not 800 <= self.words <= 1600,
            f"median sentence of {self.sentence:g} words, at most 17": self.sentence > 17,
            f"a cell of {self.longest_cell} lines, at most 12": self.longest_cell > 12,
            "no live figure": self.live == 0,
            f"a figure every {self.words_a_figure:.0f} words, at most 200": self.words_a_figure
            > 200,
            f"{self.equations:.1f} display equations in 1,000 words, at most 1.5": self.equations
            > 1.5,
            f"{self.seconds or 0:.0f} s to run, at most 20": (self.seconds or 0) > 20,
        }
        return [what for what, broken in checks.items() if broken]


def measure(path: Path) -> Size:
    """Count one notebook."""
    nb = nbformat.read(path, as_version=4)
    text = "\n\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    text = FOLDED.sub("", text)
    words = len(WORD.findall(plain(text)))
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    calls = [name for cell in code for name, _ in figure_calls(cell.source)]
    return Size(
        name=path.stem,
        words=words,
        sentence=median([len(WORD.findall(s)) for s in sentences(text)] or [0]),
        longest_cell=max([code_lines(cell) for cell in code if not is_algorithm(cell)] or [0]),
        figures=len(calls),
        live=calls.count("explore"),
        words_a_figure=words / max(len(calls), 1),
        equations=1000 * len(DISPLAY.findall(text)) / max(words, 1),
        seconds=run_seconds(nb),
    )


def plain(markdown: str) -> str:
    """Running text as read aloud: a formula or code is one word; fences and tags are none."""
    text = DISPLAY.sub("\n\n", FENCE.sub("", markdown))
    text = re.sub(r"`[^`\n]+`", "code", INLINE.sub("formula", text))
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]+>", "", text)


def sentences(markdown: str) -> list[str]:
    """The sentences of paragraphs and list items; headings and tables have none."""
    found = []
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.)\s)", plain(markdown)):
        if not re.match(r"\s*[#|]", block):
            found += [s for s in SENTENCE_END.split(" ".join(block.split())) if WORD.search(s)]
    return found


def figure_calls(source: str) -> list[tuple[str, ast.Call]]:
    """The calls of `show` and `explore` in a cell."""
    return [
        (node.func.id, node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"show", "explore"}
    ]


def code_lines(cell: NotebookNode) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def is_algorithm(cell: NotebookNode) -> bool:
    return "algorithm" in cell.metadata.get("tags", [])


def run_seconds(nb: NotebookNode) -> float | None:
    """How long the book's own run of this notebook took."""
    cache = ROOT / "_build" / ".jupyter_cache"
    if not cache.exists():
        return None
    from jupyter_cache import get_cache

    try:
        return get_cache(cache).match_cache_notebook(nb).data.get("execution_seconds")
    except KeyError:
        return None


def table(sizes: list[Size]) -> str:
    """One line a chapter; numbers to the right."""
    names = [field.name for field in fields(Size)]
    rows = [[name.replace("_", " ") for name in names]]
    for size in sizes:
        values = [getattr(size, name) for name in names]
        rows.append([v if isinstance(v, str) else "–" if v is None else f"{v:.4g}" for v in values])
    widths = [max(len(row[k]) for row in rows) for k in range(len(names))]
    return "\n".join(
        "  ".join(
            [
                row[0].ljust(widths[0]),
                *(v.rjust(w) for v, w in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("notebook", nargs="*", type=Path, help="default: every chapter")
    args = parser.parse_args(argv)
    sizes = [measure(path) for path in args.notebook or sorted((ROOT / "chapters").glob("*.ipynb"))]
    print(table(sizes))
    for size in sizes:
        for line in size.over_budget():
            print(f"{size.name}: {line}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
