"""What others published, and our number beside it: one row a claim, one file of rows a chapter.

A chapter computes a number and says `published.compare("row", number)`. That prints one line, and
fails when the number leaves its tolerance or the verdict changes. The page `reference/results`
collects the lines.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from numbers import Integral
from statistics import median
from typing import Any

import numpy as np

from .._inputs import as_count, as_floats, describe

HOLDS, CONDITIONS, NOT_HERE = "holds", "holds under conditions", "did not reproduce here"
VERDICTS = (HOLDS, CONDITIONS, NOT_HERE)
JUDGED = ("every", "median")

Interval = tuple[float, float]
Ours = Any  # a number, numbers of several runs, or a mapping from named cases to those


@dataclass(frozen=True, kw_only=True)
class Row:
    """A published claim, and where our number must lie.

    Attributes
    ----------
    name, chapter : str
        Of the row, and of the chapter that computes it (its file name without the ending).
    source, place : str
        The key in the bibliography, and where in the source the claim stands.
    read : bool
        Whether the source itself was read; if not, `through` says what was.
    claim, published, setting : str
        What is claimed, its value as published with its setting, and our setting.
    expect : pair of floats
        The published value with the tolerance.
    tolerance : str
        The same in words.
    verdict : str
        `holds`: all cases lie in `expect`. `did not reproduce here`: none. `holds under
        conditions`: some.
    judged : str
        Whether `every` run must lie in the interval, or their `median`.
    digits : int
        Significant digits shown, at most 4.
    why : str
        The difference, explained. Must not be empty unless the claim holds.
    otherwise : dict
        For each case outside `expect` (unnamed: ``""``), where our number stays.
    """

    name: str
    chapter: str
    source: str
    place: str
    claim: str
    published: str
    expect: Interval
    tolerance: str
    setting: str
    verdict: str
    read: bool
    through: str = ""
    judged: str = "every"
    digits: int = 4
    why: str = ""
    otherwise: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """What a cell recorded: a row's name, the case, the median, the range over runs, the verdict.

    Examples
    --------
    >>> Line.parse("goh-rate: published 0.98 at 100, ours 0.9802: holds")
    Line(name='goh-rate', case='', ours=0.9802, low=0.9802, high=0.9802, runs=1, holds=True)
    """

    name: str
    case: str
    ours: float
    low: float
    high: float
    runs: int
    holds: bool

    @classmethod
    def parse(cls, text: str) -> Line | None:
        """Return the line that was printed, or None for any other text."""
        found = _LINE.fullmatch(text.strip())
        if found is None:
            return None
        ours, low, high = (float(found[key] or found["ours"]) for key in ("ours", "low", "high"))
        holds = found["verdict"] == "holds"
        runs = int(found["runs"] or 1)
        return cls(found["name"], found["case"] or "", ours, low, high, runs, holds)


_LINE = re.compile(
    r"(?P<name>[a-z0-9-]+)(?: \[(?P<case>[^\]]+)\])?: published .*, ours (?P<ours>\S+)"
    r"(?: \((?P<low>\S+) to (?P<high>\S+), (?P<runs>\d+) runs\))?: (?P<verdict>holds|does not hold)"
)


def rows() -> dict[str, Row]:
    """Return every row by its name, in the order of the chapters.

    Raises
    ------
    ValueError
        A row with a missing, unknown or impossible entry, or a name that two rows have.
    """
    return dict(_rows())


@cache
def _rows() -> dict[str, Row]:
    every: dict[str, Row] = {}
    for file in sorted(files(__package__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            for row in read(file.read_text(encoding="utf-8"), file.name[:-5]):
                if row.name in every:
                    raise ValueError(f"two rows have the name {row.name!r}: {file.name}")
                every[row.name] = row
    return every


def read(text: str, chapter: str) -> list[Row]:
    """Return the rows that stand in a TOML text, those of one chapter.

    Raises
    ------
    ValueError
        As `rows` does.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{chapter}.toml: {error}") from None
    if loose := [name for name, entry in tables.items() if not isinstance(entry, dict)]:
        raise ValueError(f"{chapter}.toml has {loose} outside of a row")
    return [_row(name, chapter, dict(entry)) for name, entry in tables.items()]


def _row(name: str, chapter: str, entry: dict[str, Any]) -> Row:
    known = {f.name: f for f in fields(Row)}
    if wrong := set(entry) - set(known):
        raise ValueError(f"row {name!r} has {sorted(wrong)}: its entries are {list(known)}")
    otherwise = entry.pop("otherwise", {})
    cases = otherwise if isinstance(otherwise, dict) else {"": otherwise}
    entry["otherwise"] = {
        case: _interval(f"{name}: otherwise", value) for case, value in cases.items()
    }
    entry["expect"] = _interval(f"{name}: expect", entry.get("expect"))
    try:
        row = Row(name=name, chapter=chapter, **entry)
    except TypeError as error:
        raise ValueError(f"row {name!r} is not complete: {error}") from None
    for f in fields(Row):
        kind = {"str": str, "bool": bool}.get(str(f.type), object)
        if not isinstance(value := getattr(row, f.name), kind):
            raise ValueError(f"row {name!r}: {f.name} must be a {f.type}, got {value!r}")
        if kind is str and "\n" in str(value):
            raise ValueError(f"row {name!r}: {f.name} must be one line")
    if not re.fullmatch(r"[a-z0-9-]+", name):
        raise ValueError(f"a row's name has small letters, digits and hyphens, got {name!r}")
    if row.verdict not in VERDICTS:
        raise ValueError(f"row {name!r}: verdict must be one of {VERDICTS}, got {row.verdict!r}")
    if row.judged not in JUDGED:
        raise ValueError(f"row {name!r}: judged must be one of {JUDGED}, got {row.judged!r}")
    if as_count(f"row {name!r}: digits", row.digits) > 4:
        raise ValueError(f"row {name!r}: digits must be at most 4, got {row.digits}")
    if not row.why and row.verdict != HOLDS:
        raise ValueError(f"row {name!r} does not simply hold: `why` must explain it")
    if not row.read and not row.through:
        raise ValueError(f"row {name!r}: its source was not read, so `through` must say what was")
    if (row.verdict == HOLDS) == bool(row.otherwise):
        raise ValueError(f"row {name!r}: `otherwise` is for what does not hold, and needed there")
    return row


def _interval(name: str, value: Any) -> Interval:
    try:
        low, high = map(float, value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a pair [low, high], got {describe(value)}") from None
    if not low < high:
        raise ValueError(f"{name} must have low < high, got {describe(value)}")
    return low, high


def compare(name: str, ours: Ours) -> None:
    """Print our number beside the published one; fail where the row's verdict does not come out.

    Parameters
    ----------
    name : str
        The row.
    ours : float, sequence of floats or mapping
        Our number; one number for each run where it is random; or those for each named case.

    Raises
    ------
    ValueError
        There is no such row, a number is not finite, or the cases are not those of the row.
    TypeError
        What should be a number is none.
    AssertionError
        A number left its tolerance, or the verdict is not the one that the row states.
    """
    every = _rows()
    if not isinstance(name, str) or name not in every:
        close = get_close_matches(str(name), every, n=3, cutoff=0.5)
        meant = (
            f"did you mean {' or '.join(close)}?" if close else f"the rows are {', '.join(every)}"
        )
        raise ValueError(f"there is no row {name!r}: {meant}")
    for line in judge(every[name], ours):
        print(line)


def judge(row: Row, ours: Ours) -> list[str]:
    """Return the lines that `compare` prints, one a case. Errors are those of `compare`."""
    cases = dict(ours) if isinstance(ours, Mapping) else {"": ours}
    if not cases:
        raise ValueError(f"{row.name}: ours is empty")
    if missing := set(row.otherwise) - set(cases):
        raise ValueError(f"{row.name}: no number for {sorted(missing)}, which `otherwise` names")
    lines, inside = [], {}
    for case, given in cases.items():
        if not re.fullmatch(r"[^\]\n]*", str(case)) or (case == "") != (list(cases) == [""]):
            raise ValueError(f"{row.name}: a case must be a name without ], got {case!r}")
        values = np.atleast_1d(_floats(f"{row.name}: ours", given))
        if values.ndim != 1 or values.size == 0:
            raise ValueError(f"{row.name}: ours must be numbers, one a run, got {describe(given)}")
        numbers = values.tolist()
        judged = numbers if row.judged == "every" else [median(numbers)]
        inside[case] = _all_in(judged, row.expect)
        lines.append(_line(row, str(case), numbers, inside[case]))
        if not inside[case] and case not in row.otherwise:
            raise AssertionError(f"{lines[-1]}. To hold it must lie in {list(row.expect)}")
        if not inside[case] and not _all_in(judged, row.otherwise[case]):
            raise AssertionError(f"{lines[-1]}. Before, it lay in {list(row.otherwise[case])}")
    if (found := verdict(inside.values())) != row.verdict:
        raise AssertionError(f"{'; '.join(lines)}. So it {found}; the row says: {row.verdict}")
    return lines


def _floats(name: str, given: Any) -> np.ndarray:
    """Return numbers as floats; counts are welcome here, one or many."""
    whole = lambda number: isinstance(number, Integral) and not isinstance(number, bool)
    counts = isinstance(given, (list, tuple)) and all(map(whole, given))
    if counts or (isinstance(given, np.ndarray) and given.dtype.kind in "iu"):
        given = np.asarray(given, dtype=float)
    return as_floats(name, given)


def verdict(inside: Iterable[bool]) -> str:
    """Return the verdict on a claim whose cases lie inside its tolerance, or do not.

    Raises
    ------
    ValueError
        There is no case.

    Examples
    --------
    >>> verdict([True, True]), verdict([True, False]), verdict([False])
    ('holds', 'holds under conditions', 'did not reproduce here')
    """
    found = list(inside)
    if not found:
        raise ValueError("inside is empty: a verdict needs at least one case")
    return HOLDS if all(found) else CONDITIONS if any(found) else NOT_HERE


def _all_in(values: Iterable[float], interval: Interval) -> bool:
    low, high = interval
    return all(low <= value <= high for value in values)


def _line(row: Row, case: str, numbers: list[float], holds: bool) -> str:
    def text(value: float) -> str:
        return f"{value:.{row.digits}g}"

    spread = ""
    if len(numbers) > 1:
        spread = f" ({text(min(numbers))} to {text(max(numbers))}, {len(numbers)} runs)"
    name = f"{row.name} [{case}]" if case else row.name
    return (
        f"{name}: published {row.published}, ours {text(median(numbers))}{spread}: "
        f"{'holds' if holds else 'does not hold'}"
    )


def recorded(notebook: Mapping[str, Any]) -> list[tuple[str, Line]]:
    """Return what the cells of a notebook recorded: the id of the cell, and the line.

    Parameters
    ----------
    notebook : mapping
        As `json.load` reads it from the file.

    Raises
    ------
    ValueError
        That is no notebook.
    """
    if not isinstance(notebook, Mapping) or "cells" not in notebook:
        raise ValueError(f"notebook must be what its file holds, got {describe(notebook)}")
    found = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stdout":
                texts = "".join(output["text"]).splitlines()
                lines = (Line.parse(text) for text in texts)
                found += [(cell["id"], line) for line in lines if line is not None]
    return found
