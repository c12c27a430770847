"""Who is in the course: read from what Canvas, Moodle or a person exports, and looked up."""

from __future__ import annotations

import csv
import difflib
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ._files import write_whole
from ._names import name_key
from .errors import CourseError
from .report import safe_cell

COLUMNS = ("id", "last_name", "first_name", "email", "lms_id")


class RosterError(CourseError):
    """What is wrong with a roster; `problems` holds one sentence a problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Student:
    """One student. `id` is the name of their folders; `lms_id` is Canvas's number, if known."""

    id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    lms_id: str = ""

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()

    @cached_property
    def keys(self) -> frozenset[str]:
        """What the name may be written as: both orders, without accents, case and spaces."""
        first, last = name_key(self.first_name), name_key(self.last_name)
        return frozenset({first + last, last + first} - {""})

    def __str__(self) -> str:
        return f"{self.name} ({self.id})" if self.name else self.id


@dataclass(frozen=True)
class Roster:
    """The students of a course, in the order of the file.

    Attributes
    ----------
    students : tuple of Student
        Their ids differ by more than case.
    notes : tuple of str
        What was odd about the file, and how it was read.

    Examples
    --------
    >>> roster = Roster((Student("ada", "Núñez", "Ada"), Student("bob", "Ray", "Bob")))
    >>> [student.id for student in roster.named("NUNEZ, Ada")]
    ['ada']
    >>> roster.get("BOB").name
    'Bob Ray'
    """

    students: tuple[Student, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def read(cls, path: Path | str) -> Roster:
        """Read a CSV file: our own, an export of Canvas's gradebook, or of Moodle's participants.

        UTF-8 or Windows-1252; commas, semicolons or tabs. Raises RosterError, which names the file,
        the line, the column, the value and what to do, for every problem that was found.
        """
        from ._roster_file import read_roster  # which makes students and rosters

        return read_roster(Path(path))

    def write(self, path: Path) -> None:
        """Write the roster as CSV in UTF-8, whole or not at all, safe for spreadsheets."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS)
        for student in self.students:
            writer.writerow([safe_cell(getattr(student, column)) for column in COLUMNS])
        write_whole(path, out.getvalue())

    def __len__(self) -> int:
        return len(self.students)

    def get(self, id: str) -> Student | None:
        """Return the student with this id, in any case, or None."""
        return self._by_id.get(id.casefold())

    def by_lms_id(self, number: str) -> Student | None:
        """Return the student with this number in Canvas, or None."""
        return self._by_lms_id.get(number.lstrip("0"))

    def by_email(self, email: str) -> Student | None:
        """Return the only student with this address, or None."""
        found = self._by_email.get(email.strip().casefold(), [])
        return found[0] if len(found) == 1 else None

    def named(self, name: str) -> list[Student]:
        """Return all students who may be called so, in either order of names."""
        return self._by_name.get(name_key(name), [])

    def closest(self, text: str, n: int = 3) -> list[Student]:
        """Return the students whose name or id is nearest to `text`, the nearest first."""
        near = difflib.get_close_matches(name_key(text), self._spellings, n=4 * n, cutoff=0.6)
        found = {student.id: student for key in near for student in self._spellings[key]}
        return list(found.values())[:n]

    @cached_property
    def ambiguous(self) -> list[list[Student]]:
        """Students who share a name, so that a name does not tell who it is."""
        groups = {tuple(group) for group in self._by_name.values() if len(group) > 1}
        return [list(group) for group in sorted(groups, key=lambda g: self.students.index(g[0]))]

    @cached_property
    def _by_id(self) -> dict[str, Student]:
        return {student.id.casefold(): student for student in self.students}

    @cached_property
    def _by_lms_id(self) -> dict[str, Student]:
        return {s.lms_id.lstrip("0"): s for s in self.students if s.lms_id}

    @cached_property
    def _by_email(self) -> dict[str, list[Student]]:
        return _grouped((s.email.casefold(), s) for s in self.students if s.email)

    @cached_property
    def _by_name(self) -> dict[str, list[Student]]:
        return _grouped((key, s) for s in self.students for key in sorted(s.keys))

    @cached_property
    def _spellings(self) -> dict[str, list[Student]]:
        ids = ((name_key(s.id), s) for s in self.students)
        return _grouped([*ids, *((key, s) for s in self.students for key in sorted(s.keys))])


def _grouped(pairs: Iterable[tuple[str, Student]]) -> dict[str, list[Student]]:
    groups: dict[str, list[Student]] = defaultdict(list)
    for key, student in pairs:
        if student not in groups[key]:
            groups[key].append(student)
    return dict(groups)
