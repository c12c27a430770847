"""`course.toml`: what may stand in it, read with errors that name the line, and written once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from .errors import CourseError, did_you_mean

UNITS = ("derivative", "gradient", "jacobian", "hessian", "networks")
KEEP = ("latest", "first")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True)
class Unit:
    """One assignment: its name, and when it is due (None: it is never late)."""

    name: str
    due: datetime | None = None


@dataclass(frozen=True)
class LateRule:
    """What late work costs.

    Work is late from `grace_minutes` after the due time. Every day begun costs `percent_per_day` of
    the points; after `days` days it counts no more. Collecting takes it in all the same.
    """

    grace_minutes: int = 10
    percent_per_day: float = 0.0
    days: int = 7


@dataclass(frozen=True)
class Config:
    """The settings of a course, checked."""

    id: str
    term: str
    zone: tzinfo
    zone_name: str
    units: Mapping[str, Unit]
    keep: str = "latest"
    late: LateRule = field(default_factory=LateRule)


def read_config(path: Path) -> Config:
    """Read and check `course.toml`.

    Raises CourseError that names the file, the line, the entry, what it was and what to do.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not UTF-8: save it as UTF-8 in your editor") from error
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path} cannot be read: {error}. Mend that line") from error
    return _Reader(path, text).config(table)


def check_name(what: str, name: str) -> str:
    """Return a name that is safe as a folder name; raise CourseError for any other."""
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise CourseError(
            f"{what} {name!r} cannot be a folder name: use up to 64 letters, digits, '_', '-' and "
            "'.', and begin with a letter or digit"
        )
    return name


def find_zone(name: str) -> tzinfo:
    """Return the time zone of a name such as `Europe/Berlin`; raise CourseError if unknown."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # not found, odd characters, a folder
        raise CourseError(
            f"the time zone {name!r} is not known: write one such as 'Europe/Berlin', "
            "'America/New_York' or 'UTC'"
        ) from error


def config_text(
    id: str, term: str, zone_name: str, units: Iterable[tuple[str, datetime | None]]
) -> str:
    """Return the text of a new `course.toml`, with comments that show what can be set."""
    lines = [
        '# A course with the book "From Slope to Curvature". Edit this file as you like;',
        "# the next command checks it.",
        f"id = {_quoted(id)}",
        f"term = {_quoted(term)}",
        f"time_zone = {_quoted(zone_name)}  # of all times below that do not name one",
        "",
        '# Which of a student\'s attempts counts: "latest" or "first". All are kept.',
        'keep = "latest"',
        "",
        "[late]",
        "grace_minutes = 10    # late only after these",
        "percent_per_day = 0   # what every day begun costs",
        "days = 7              # after these, late work counts no more",
        "",
        "# When a unit is due: due = 2030-10-05T23:59:00",
    ]
    for name, due in units:
        lines += [f"[units.{name if re.fullmatch(r'[A-Za-z0-9_-]+', name) else _quoted(name)}]"]
        lines += [f"due = {due.isoformat(timespec='seconds')}"] if due else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


@dataclass(frozen=True)
class _Reader:
    """Checks entries one by one, with the place of each at hand."""

    path: Path
    text: str

    def config(self, table: dict[str, Any]) -> Config:
        known = ("id", "term", "time_zone", "keep", "late", "units")
        self.only(table, known, ())
        id = check_name(f"{self.place((), 'id')}: id", self.string(table, "id"))
        zone_name = self.string(table, "time_zone")
        try:
            zone = find_zone(zone_name)
        except CourseError as error:
            raise CourseError(f"{self.place((), 'time_zone')}: {error}") from error
        keep = table.get("keep", "latest")
        if keep not in KEEP:
            raise self.wrong((), "keep", keep, 'write "latest" or "first"')
        return Config(
            id=id,
            term=self.string(table, "term"),
            zone=zone,
            zone_name=zone_name,
            units=self.units(table.get("units", {}), zone),
            keep=keep,
            late=self.late(table.get("late", {})),
        )

    def units(self, table: Any, zone: tzinfo) -> dict[str, Unit]:
        advice = "write a line [units.derivative] for each unit"
        if not isinstance(table, dict):
            raise self.wrong((), "units", table, advice)
        if not table:
            raise CourseError(f"{self.path} names no unit: {advice}")
        units: dict[str, Unit] = {}
        for name, entry in table.items():
            where = ("units", name)
            check_name(f"{self.place(where)}: the unit", name)
            if not isinstance(entry, dict):
                raise self.wrong(("units",), name, entry, f"write [units.{name}]")
            if name.casefold() in {other.casefold() for other in units}:
                raise CourseError(
                    f"{self.place(where)}: two units are called {name!r} but for upper and lower "
                    "case: rename one"
                )
            self.only(entry, ("due",), where)
            units[name] = Unit(name, self.due(where, entry.get("due"), zone))
        return units

    def due(self, where: tuple[str, ...], value: Any, zone: tzinfo) -> datetime | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=zone)
        if isinstance(value, date):  # the whole day
            return datetime.combine(value, time(23, 59, 59), tzinfo=zone)
        raise self.wrong(where, "due", value, "write a time such as 2030-10-05T23:59:00, no quotes")

    def late(self, table: Any) -> LateRule:
        if not isinstance(table, dict):
            raise self.wrong((), "late", table, "write a line [late] and the settings below it")
        limits = {"grace_minutes": 60 * 24, "percent_per_day": 100, "days": 366}
        self.only(table, limits, ("late",))
        for key, value in table.items():
            kinds = (int, float) if key == "percent_per_day" else (int,)
            good = isinstance(value, kinds) and not isinstance(value, bool)
            if not good or not 0 <= value <= limits[key]:
                whole = "" if float in kinds else "whole "
                advice = f"write a {whole}number from 0 to {limits[key]}"
                raise self.wrong(("late",), key, value, advice)
        return LateRule(**table)

    def string(self, table: dict[str, Any], key: str) -> str:
        if key not in table:
            raise CourseError(f'{self.path} has no entry {key!r}: add a line such as {key} = "…"')
        value = table[key]
        if not isinstance(value, str) or not value.strip() or len(value) > 200:
            raise self.wrong((), key, value, f'write a short text: {key} = "…"')
        return value.strip()

    def only(self, table: dict[str, Any], known: Iterable[str], where: tuple[str, ...]) -> None:
        for key in table:
            if key not in known:
                named = ", ".join(known)
                raise CourseError(
                    f"{self.place(where, key)}: the entry {key!r} is not known"
                    f"{did_you_mean(key, known)}: known here are {named}"
                )

    def wrong(self, where: tuple[str, ...], key: str, value: Any, advice: str) -> CourseError:
        shown = (
            "…"
            if isinstance(value, dict)
            else repr(value)
            if not isinstance(value, str)
            else _quoted(value)
        )
        return CourseError(f"{self.place(where, key)}: {key} = {shown} cannot be used: {advice}")

    def place(self, where: tuple[str, ...], key: str | None = None) -> str:
        """Return the file, and the line of an entry where it can be told."""
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.text.splitlines(), 1):
            head = re.match(r"\s*\[\s*([^\]]+?)\s*\]", line)
            if head:
                table = tuple(part.strip().strip("\"'") for part in head[1].split("."))
                if table == (where if key is None else (*where, key)):
                    return f"{self.path}, line {number}"
            entry = re.match(r"\s*[\"']?([^\"'=#\[]+?)[\"']?\s*=", line)
            if entry and key is not None and table == where and entry[1] == key:
                return f"{self.path}, line {number}"
        return str(self.path)
