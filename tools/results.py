"""What reference/results.ipynb shows: every row of `secondorder.published`, and what came out here.

Nothing here computes: our numbers are the lines that the cells of the committed notebooks printed.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondorder import published
from secondorder.published import CONDITIONS, HOLDS, NOT_HERE, Interval, Line, Row

MISSING = "no number yet"  # a row that no cell has recorded
PARTS = {
    "I · Derivative": ("01", "02"),
    "II · Gradient": ("03", "04"),
    "III · Jacobian": ("05", "06"),
    "IV · Hessian": ("07", "08", "09", "10"),
    "V · Neural networks": ("11", "12", "13", "14", "15"),
}
REST = "Errata"
FAR = 2.0  # where the figure is cut, in half widths of the published interval


@dataclass(frozen=True)
class Cell:
    """A cell that recorded lines: its notebook, its id, and the nearest heading above it."""

    notebook: Path
    id: str
    heading: str
    anchor: str

    def link(self, root: Path) -> str:
        """Where it stands, as a link from a page in reference/."""
        folder = self.notebook.parent.relative_to(root).as_posix()
        number = re.match(r"\d+b?", self.notebook.stem)
        text = f"{number.group()} · {self.heading}" if number else self.heading
        anchor = f"#{self.anchor}" if self.anchor else ""
        return f"[{text}](../{folder}/{self.notebook.name}{anchor})"


@dataclass(frozen=True)
class Claim:
    """A row, and the lines that were recorded for it, each with its cell."""

    row: Row
    found: tuple[tuple[Cell, Line], ...]

    @property
    def lines(self) -> list[Line]:
        return [line for _, line in self.found]

    @property
    def verdict(self) -> str:
        """The verdict that follows from the recorded numbers."""
        return published.verdict(line.holds for line in self.lines) if self.found else MISSING


def problems(claim: Claim) -> list[str]:
    """What is wrong with a claim: no cell, or more than one, records it, or a number has moved."""
    row = claim.row
    cells = {(cell.notebook, cell.id) for cell, _ in claim.found}
    if len(cells) != 1:
        where = ", ".join(sorted(path.name for path, _ in cells))
        return [f"{row.name}: {len(cells)} cells record it{where and f' ({where})'}, not one"]
    found = []
    cases = [line.case for line in claim.lines]
    if len(set(cases)) < len(cases):
        found.append(f"{row.name}: recorded more than once in its cell")
    if (stem := claim.found[0][0].notebook.stem) != row.chapter:
        found.append(f"{row.name}: recorded in {stem}, its row stands in {row.chapter}.toml")
    for line in claim.lines:
        numbers = [line.ours] if row.judged == "median" else [line.low, line.ours, line.high]
        inside = all(lies_in(number, row.expect, row.digits) for number in numbers)
        kept = row.otherwise.get(line.case)
        named = f"{row.name} [{line.case}]" if line.case else row.name
        if line.holds and not inside:
            found.append(f"{named}: recorded as holding, but {numbers} is not in {row.expect}")
        if not line.holds and kept is None:
            found.append(f"{named}: does not hold, and the row does not say where it stays")
        elif not line.holds and not all(lies_in(n, kept, row.digits) for n in numbers):
            found.append(f"{named}: {numbers} is not in {kept}, where it was")
    if claim.verdict != row.verdict:
        found.append(f"{row.name}: {claim.verdict}, the row says: {row.verdict}")
    return found


def lies_in(number: float, allowed: Interval | None, digits: int) -> bool:
    """Whether a number that was printed with so many digits can lie in an interval."""
    low, high = allowed or (-math.inf, math.inf)
    unit = 10.0 ** (math.floor(math.log10(abs(number))) - digits + 1) if number else 0.0
    return low - 0.51 * unit <= number <= high + 0.51 * unit


class Page:
    """All claims, by part of the book."""

    def __init__(self, claims: Sequence[Claim], root: Path, citations: dict[str, str]) -> None:
        self.claims, self.root, self.citations = list(claims), root, citations

    @classmethod
    def read(cls, root: Path | str) -> Page:
        """Read the rows, the committed notebooks and the bibliography of the book in a folder."""
        root = Path(root).resolve()
        found: dict[str, list[tuple[Cell, Line]]] = {}
        paths = [
            path for folder in ("chapters", "reference") for path in root.glob(f"{folder}/*.ipynb")
        ]
        for path in sorted(paths):
            for cell, line in recorded(path):
                found.setdefault(line.name, []).append((cell, line))
        claims = [Claim(row, tuple(found.get(name, ()))) for name, row in published.rows().items()]
        return cls(claims, root, citations((root / "references.bib").read_text(encoding="utf-8")))

    def of(self, part: str) -> list[Claim]:
        """The claims of a part."""
        return [claim for claim in self.claims if part_of(claim.row) == part]

    # ── words and tables

    def summary(self) -> str:
        """How many rows, and how they came out; how many sources, and who read them."""
        verdicts = [claim.verdict for claim in self.claims]
        sources = {claim.row.source for claim in self.claims}
        read = {claim.row.source for claim in self.claims if claim.row.read}
        counts = [(name, verdicts.count(name)) for name in (HOLDS, CONDITIONS, NOT_HERE, MISSING)]
        rows: list[tuple[str, Any]] = [pair for pair in counts if pair[1] or pair[0] != MISSING]
        rows.append(("**claims**", f"**{len(self.claims)}**"))
        rows.append(("sources read where the claim stands", len(read)))
        rows.append(("sources known second hand only", len(sources - read)))
        return table(("verdict", "how many"), rows)

    def part(self, name: str) -> str:
        """The claims of a part: one table, and below it what does not simply hold."""
        claims = self.of(name)
        head = ("claim, and source", "published", "ours", "verdict")
        below = [
            f"- `{claim.row.name}` {claim.verdict}: {claim.row.why}"
            for claim in claims
            if claim.verdict != HOLDS and claim.row.why
        ]
        notes = [
            f"- `{claim.row.name}`: {claim.row.why}"
            for claim in claims
            if claim.verdict == HOLDS and claim.row.why
        ]
        blocks = [table(head, map(self._row, claims))]
        if below:
            blocks += ["**What does not simply hold**", "\n".join(below)]
        if notes:
            blocks += ["**What differs from the source**", "\n".join(notes)]
        return "\n\n".join(blocks)

    def _row(self, claim: Claim) -> tuple[str, ...]:
        row = claim.row
        named = self.citations.get(row.source, row.source)
        hand = "" if row.read else f". *Second hand*, through {row.through}"
        allowed = "allowed for the median:" if row.judged == "median" else "allowed:"
        verdict = claim.verdict if claim.verdict == HOLDS else f"**{claim.verdict}**"
        where = dict.fromkeys(cell.link(self.root) for cell, _ in claim.found)
        return (
            f"`{row.name}` {row.claim}<br>[{named}](bibliography.md), {row.place}{hand}",
            f"{row.published}<br>{allowed} {interval(row.expect)} ({row.tolerance})",
            f"{'; '.join(map(spoken, claim.lines)) or '–'}<br>{row.setting}",
            "<br>".join((verdict, *where)),
        )

    # ── figure

    def height(self) -> float:
        """How many inches the figure needs, so that its rows can be told apart."""
        return 0.9 + 0.18 * sum(bool(claim.found) for claim in self.claims)

    def chart(self, ax: Any) -> None:
        """Draw all claims: the published interval as a band from −1 to 1, ours as marks."""
        from secondorder.plotting import COLORS

        shown = [claim for claim in self.claims if claim.found]
        ax.axvspan(-1, 1, color=COLORS["muted"], alpha=0.2, linewidth=0)
        for y, claim in enumerate(shown):
            for line in claim.lines:
                role, marker = ("path", "o") if line.holds else ("down", "X")
                low, mid, high = (
                    place(value, claim.row.expect) for value in (line.low, line.ours, line.high)
                )
                if line.holds:  # by all its digits, of which the line shows a few
                    mid = min(max(mid, -1), 1)
                ax.plot([low, high], [y, y], "-", color=COLORS[role], linewidth=2)
                ax.plot([mid], [y], marker, color=COLORS[role], markersize=6)
        parts = [part_of(claim.row) for claim in shown]
        for y, part in enumerate(parts):
            if y == 0 or part != parts[y - 1]:
                ax.text(FAR + 0.1, y, part.split(" ·")[0], ha="right", va="center", weight="bold")
            if y and part != parts[y - 1]:
                ax.axhline(y - 0.5, color=COLORS["muted"], linewidth=0.8)
        ax.set(yticks=range(len(shown)), yticklabels=[claim.row.name for claim in shown])
        ax.set(xlim=(-FAR - 0.15, FAR + 0.15), ylim=(len(shown) - 0.4, -0.6))
        ax.set_xticks([-FAR, -1, 1, FAR], ["far below", "low end", "high end", "far above"])
        ax.tick_params(axis="y", labelsize=8, length=0)
        ax.grid(False)
        ax.tick_params(axis="x", labelsize=8)
        hold = sum(claim.verdict == HOLDS for claim in shown)
        ax.set_title(f"{hold} of {len(shown)} hold: all in the band")

    def words(self) -> str:
        """The figure in words, as its alternative text."""
        shown = [claim for claim in self.claims if claim.found]
        out = [
            f"{claim.row.name}{f' ({line.case})' if line.case else ''}"
            for claim in shown
            for line in claim.lines
            if not line.holds
        ]
        return (
            f"One row a claim, {len(shown)} in all. A grey band marks what was published, with its "
            "tolerance. Round marks inside it are ours. Crosses lie outside: "
            f"{', '.join(out) or 'none'}."
        )


def recorded(path: Path) -> list[tuple[Cell, Line]]:
    """The lines that the cells of a notebook recorded, each with its cell."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells, heading, anchor, slugs = {}, path.stem, "", set[str]()
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for level, title in headings("".join(cell["source"])):
                slug = slugify(title, slugs)
                slugs.add(slug)
                heading, anchor = title, slug if level > 1 else ""
        cells[cell["id"]] = Cell(path, cell["id"], heading, anchor)
    return [(cells[id], line) for id, line in published.recorded(notebook)]


def headings(markdown: str) -> list[tuple[int, str]]:
    """The headings of a text down to level 3, as the book makes anchors for them."""
    return [
        (len(marks), title.strip())
        for marks, title in re.findall(r"^(#{1,3}) (.+)$", markdown, re.M)
    ]


def slugify(title: str, taken: Iterable[str] = ()) -> str:
    """The anchor of a heading, as MyST makes it: without punctuation and formulas."""
    slug = re.sub(r"\$[^$]*\$|[^\w\- ]", "", title.lower()).replace(" ", "-")
    unique, count = slug, 1
    while unique in taken:
        unique, count = f"{slug}-{count}", count + 1
    return unique


def part_of(row: Row) -> str:
    """The part of the book in which a row is computed."""
    return next((part for part, starts in PARTS.items() if row.chapter.startswith(starts)), REST)


# ── numbers in words


def number(value: float, digits: int = 4) -> str:
    """With so many digits at most, a true minus sign, and no exponent where that reads well."""
    text = f"{value:.{digits}g}"
    if "e+" in text and abs(value) < 1e6:
        text = f"{value:.0f}"
    return text.replace("-", "−")


def interval(expect: Interval) -> str:
    """An interval in words."""
    low, high = (number(end, digits=6) for end in expect)
    if math.isinf(expect[1]):
        return f"at least {low}"
    return f"at most {high}" if math.isinf(expect[0]) else f"{low} to {high}"


def spoken(line: Line) -> str:
    """A recorded line: the case, the number, the spread, and whether it lies outside."""
    case = f"{line.case}: " if line.case else ""
    spread = ""
    if line.runs > 1:
        spread = f" ({number(line.low)} to {number(line.high)}, {line.runs} runs)"
    return f"{case}**{number(line.ours)}**{spread}{'' if line.holds else ', outside'}"


def place(value: float, expect: Interval) -> float:
    """Where a number is drawn: −1 and 1 are the ends of the interval, ±FAR all that is far off."""
    low, high = expect
    if math.isinf(high):  # lies at 1 when it is far above the bound
        x = 1 - 2 * low / value if value > low > 0 else (value - low) / (abs(low) or 1) - 1
    elif math.isinf(low):
        x = 2 * value / high - 1 if high > 0 else 1 + (value - high) / (abs(high) or 1)
    else:
        x = (2 * value - low - high) / (high - low)
    return max(-FAR, min(FAR, x))


# ── bibliography and Markdown


def citations(bibliography: str) -> dict[str, str]:
    """What stands for each key: names and year, as in “Baur and Strassen 1983”."""
    found = {}
    for key, body in re.findall(r"^@\w+\{([^,\s]+),\n(.*?)^\}", bibliography, re.M | re.S):
        fields = dict(re.findall(r"^\s*(\w+)\s*=\s*\{(.*)\},?\s*$", body, re.M))
        names = [last_name(name) for name in fields.get("author", key).split(" and ")]
        who = (
            names[0]
            if len(names) == 1
            else " and ".join(names)
            if len(names) == 2
            else f"{names[0]} et al."
        )
        found[key] = f"{who} {fields.get('year', '')}".strip()
    return found


def last_name(author: str) -> str:
    """The last name of an author in BibTeX, accents included."""
    name = author.split(",")[0] if "," in author else author
    if "," not in author and not author.startswith("{"):
        name = author.split()[-1]
    marks = {
        "'": "\u0301",
        "`": "\u0300",
        '"': "\u0308",
        "^": "\u0302",
        "~": "\u0303",
        "c": "\u0327",
        "v": "\u030c",
    }
    accent = lambda found: found[2] + marks[found[1]]
    name = re.sub(r"\{?\\(['`\"^~cv])\s*\{?\\?(\w)\}?\}?", accent, name)
    return unicodedata.normalize("NFC", name.replace("{", "").replace("}", ""))


def table(head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    lines = [head := list(head), ["---"] * len(head), *rows]
    clean = lambda cell: str(cell).replace("|", "\\|").replace("\n", " ")
    return "\n".join("| " + " | ".join(map(clean, line)) + " |" for line in lines)
