"""Every attempt of a student at a unit: stored for good, one of them chosen, laid out for nbgrader.

`attempts/{unit}/{student}/0001/` holds `files/` as they came and `attempt.json`, which says where
they came from. The files never change. `submitted/` holds a copy of the attempt that counts.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ._config import Unit
from ._files import write_whole
from .course import Course
from .errors import CourseError

RECORD = "attempt.json"


@dataclass(frozen=True)
class StoredFile:
    """One file of an attempt: its path in the zip, its name in `files/`, what is in it."""

    member: str
    kept: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Attempt:
    """What a student handed in at one time.

    Attributes
    ----------
    number : int
        In the order of collection, from 1.
    digest : str
        Says which files it has; the same files again are no new attempt.
    sources : tuple of str
        Checksums of the archives in the inbox that hold it. None: it was taken back, because a
        person has said since that the files are another student's.
    files : tuple of StoredFile
        All of them.
    main : str
        Which of them (its name in `files/`) is the submission.
    is_notebook : bool
        Whether that goes to nbgrader as the notebook of the unit.
    human : tuple of str
        Why a person has to look at it; empty where nobody has to.
    received : datetime or None
        When it was handed in, if that was said.
    late_flag : bool or None
        What Canvas said.
    attachment : int or None
        Canvas's largest number of a file: a later attempt has a larger one.
    """

    number: int
    digest: str
    sources: tuple[str, ...]
    files: tuple[StoredFile, ...]
    main: str
    is_notebook: bool
    human: tuple[str, ...] = ()
    received: datetime | None = None
    late_flag: bool | None = None
    attachment: int | None = None

    @property
    def folder_name(self) -> str:
        """The name of its folder."""
        return f"{self.number:04d}"

    def main_file(self, course: Course, unit: str, student: str) -> Path:
        """Return the path of the file that is the submission."""
        return course.attempts(unit, student) / self.folder_name / "files" / self.main


def read_attempts(course: Course, unit: str, student: str) -> list[Attempt]:
    """Return all attempts of a student, in the order of collection.

    Raises CourseError where a record was damaged.
    """
    folder = course.attempts(unit, student)
    if not folder.is_dir():
        return []
    numbered = sorted(p for p in folder.iterdir() if p.name.isdecimal() and p.is_dir())
    return [_read(path) for path in numbered]


def current(course: Course, unit: str) -> dict[str, Attempt]:
    """Return the attempt that counts of every student who has one, by id."""
    folder = course.folder / "attempts" / unit
    students = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    chosen = {s: choose(read_attempts(course, unit, s), course.keep) for s in students}
    return {student: attempt for student, attempt in chosen.items() if attempt is not None}


def in_order(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return the attempts that stand, in the order they were handed in, as far as that is known.

    By time, if it is known of all; by Canvas's numbers, if known of all; else as collected.
    """
    standing = [a for a in attempts if a.sources]
    if all(a.received for a in standing):
        return sorted(standing, key=lambda a: (a.received, a.attachment or 0, a.number))
    if all(a.attachment is not None for a in standing):
        return sorted(standing, key=lambda a: (a.attachment, a.number))
    return sorted(standing, key=lambda a: a.number)


def choose(attempts: Sequence[Attempt], keep: str) -> Attempt | None:
    """Return the attempt that counts by the rule `latest` or `first`; None where none stands."""
    ordered = in_order(attempts)
    if not ordered:
        return None
    return ordered[0] if keep == "first" else ordered[-1]


def how_late(course: Course, unit: Unit, attempt: Attempt) -> str:
    """Return `late by 2 h 5 min` or `late, says Canvas`; empty where it is not, or nobody knows."""
    if attempt.received is not None and unit.due is not None:
        over = attempt.received - unit.due
        if over <= timedelta(minutes=course.late.grace_minutes):
            return ""
        minutes = int(over.total_seconds() // 60)
        days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
        parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min"]
        return "late by " + " ".join(part for part in parts if part)
    return "late, says Canvas" if attempt.late_flag else ""


# ── storing


def same_attempt(attempts: Sequence[Attempt], digest: str, source: str) -> Attempt | None:
    """Return the attempt that files with this digest from this archive already are, if any.

    Files that came back after others are a new attempt: the student went back to them. Canvas's
    numbers are part of the digest, so for Canvas there is never a doubt.
    """
    equal = [a for a in attempts if a.digest == digest]
    standing = in_order(attempts)
    for attempt in equal:
        known = source in attempt.sources or not attempt.sources or attempt.attachment is not None
        if known or attempt == standing[-1]:
            return attempt
    return None


def store(course: Course, unit: str, student: str, folder: Path, attempt: Attempt) -> None:
    """Give an unfinished folder with `files/` its record and its number. It never changes again."""
    write_whole(folder / RECORD, _dump(attempt))
    os.rename(folder, course.attempts(unit, student) / attempt.folder_name)


def update(course: Course, unit: str, student: str, old: Attempt, new: Attempt) -> bool:
    """Write what is now known about an attempt; say whether that is anything new."""
    if new == old:
        return False
    write_whole(course.attempts(unit, student) / old.folder_name / RECORD, _dump(new))
    return True


def merged(old: Attempt, new: Attempt) -> Attempt:
    """Return an attempt with what a second archive says about it. The kinder time counts."""
    times = [a.received for a in (old, new) if a.received is not None]
    flags = [a.late_flag for a in (old, new) if a.late_flag is not None]
    return replace(
        old,
        sources=tuple(dict.fromkeys([*old.sources, *new.sources])),
        main=new.main,
        is_notebook=new.is_notebook,
        human=new.human,
        received=min(times) if times else None,
        late_flag=all(flags) if flags else None,
    )


def _dump(attempt: Attempt) -> str:
    record = asdict(attempt)
    record["received"] = attempt.received.isoformat() if attempt.received else None
    return json.dumps(record, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _read(folder: Path) -> Attempt:
    path = folder / RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        received = record.pop("received")
        files = tuple(StoredFile(**file) for file in record.pop("files"))
        record["sources"], record["human"] = tuple(record["sources"]), tuple(record["human"])
        return Attempt(
            **record, files=files, received=datetime.fromisoformat(received) if received else None
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} cannot be read: restore it from your backup, or move the folder {folder} away "
            "and collect the zip again"
        ) from error
