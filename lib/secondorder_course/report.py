"""What a command found: a table to read, and a CSV file that a spreadsheet opens safely."""

from __future__ import annotations

import csv
import io
import textwrap
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from ._files import write_whole

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a cell that starts so may be run by a spreadsheet
_WIDEST = 60


@dataclass(frozen=True)
class Report:
    """A table with a title and notes.

    Attributes
    ----------
    title : str
        One line that says what was done.
    columns : tuple of str
        The heads of the table.
    rows : tuple of tuples of str
        One cell a column.
    notes : tuple of str
        Sentences that stand below the table.
    routine : frozenset of int
        Rows that nobody needs to look at: `text` only counts them.
    csv_only : frozenset of str
        Columns that `text` leaves out.
    ok : bool
        False where the command did not reach what it was run for.

    Examples
    --------
    >>> print(Report("Two files.", ("file", "what"), (("a", "fine"), ("b", "odd")), routine={0}))
    Two files.
      file  what
      b     odd
    1 more row without anything to look at.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    routine: frozenset[int] | set[int] = field(default=frozenset())
    csv_only: frozenset[str] | set[str] = field(default=frozenset())
    ok: bool = True

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"{row} has {len(row)} cells for {len(self.columns)} columns")

    def __str__(self) -> str:
        return self.text()

    def records(self) -> list[dict[str, str]]:
        """Return the rows as dictionaries, in order."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def text(self, *, everything: bool = False) -> str:
        """Return the title, the table and the notes as plain text.

        Control characters are shown as `?`: a file name must not move the cursor of a terminal.
        """
        shown = [row for i, row in enumerate(self.rows) if everything or i not in self.routine]
        lines = [printable(self.title)]
        if shown:
            keep = [i for i, column in enumerate(self.columns) if column not in self.csv_only]
            table = [[row[i] for i in keep] for row in (self.columns, *shown)]
            cells = [[_shortened(printable(cell)) for cell in row] for row in table]
            cells = [
                [*row[:-1], printable(full[-1])] for row, full in zip(cells, table, strict=True)
            ]
            widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
            for row in cells:
                padded = (c + " " * (w - _width(c)) for c, w in zip(row, widths, strict=True))
                lines.append(("  " + "  ".join(padded)).rstrip())
        hidden = len(self.rows) - len(shown)
        if hidden:
            lines.append(
                f"{hidden} more {'row' if hidden == 1 else 'rows'} without anything to look at."
            )
        for note in self.notes:
            lines.append(textwrap.fill(printable(note), 100, subsequent_indent="  "))
        return "\n".join(lines)

    def write_csv(self, path: Path) -> None:
        """Write the rows to `path`, whole or not at all, quoted and safe for spreadsheets.

        UTF-8 with a byte order mark, without which Excel shows accents wrongly.
        """
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        for row in [self.columns, *self.rows]:
            writer.writerow([safe_cell(cell) for cell in row])
        write_whole(path, out.getvalue().encode("utf-8-sig", errors="replace"))


def safe_cell(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula: with `'` in front.

    >>> safe_cell("=1+1"), safe_cell("Ada")
    ("'=1+1", 'Ada')
    """
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def plain_cell(text: str) -> str:
    """Return what `safe_cell` was given.

    >>> plain_cell(safe_cell("=1+1")), plain_cell("'t Hooft")
    ('=1+1', "'t Hooft")
    """
    return text[1:] if text.startswith("'") and text[1:].lstrip(" ").startswith(FORMULA) else text


def printable(text: str) -> str:
    """Return `text` with `?` for what would move the cursor of a terminal, or hide."""
    kinds = ((c, unicodedata.category(c)) for c in text)
    return "".join("?" if k[0] == "C" or k in ("Zl", "Zp") else c for c, k in kinds)


def _shortened(text: str) -> str:
    # The end of a file name says more than its middle.
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 21]}…{text[-20:]}"


def _width(text: str) -> int:
    """Return how many columns of a terminal `text` takes: wide East Asian characters take two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
