"""What one call of `collect` works with, and what it says of each file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from .._config import Unit
from ..course import Course
from ..roster import Roster
from .archive import Kept, Member, Unpacker
from .senders import Sender


class Outcome(StrEnum):
    """What happened to a file of the archive: exactly one of these."""

    ACCEPTED = "accepted"
    RENAMED = "accepted and renamed"
    OLDER = "older attempt kept"
    LATER = "later attempt kept"
    SAME = "same as before"
    EXTRA = "extra file kept"
    UNKNOWN = "unknown student"
    AMBIGUOUS = "several students fit"
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True)
class Line:
    """One row of the report."""

    what: Outcome
    student: str = ""
    note: str = ""
    kept: str = ""
    routine: bool = False


@dataclass(frozen=True)
class Piece:
    """A file of the archive and who sent it."""

    index: int
    member: Member
    sender: Sender


@dataclass
class Run:
    """What one call of `collect` works with and finds out."""

    course: Course
    unit: Unit
    roster: Roster
    kept: Kept
    unpacker: Unpacker
    tasks: frozenset[str]
    before: bool  # this archive was collected to the end before
    received: datetime | None
    whole_of: str | None  # the student whose all of it is
    step: Callable[[Member], None]
    lines: dict[int, Line] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)  # checksums
    produced: dict[str, str] = field(default_factory=dict)  # digest by student
    changed: bool = False

    def where(self, path: Path) -> str:
        """Return a path as reports show it: from the folder of the course."""
        return path.relative_to(self.course.folder).as_posix()


def refused(run: Run, student: str, why: str) -> Line:
    """Return the line of a file that is not taken out: it stays in the archive, in the inbox."""
    return Line(Outcome.REFUSED, student, why, run.where(run.kept.path))
