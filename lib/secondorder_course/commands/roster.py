"""`secondorder-course roster`: check a list of students, and store it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from ..course import Course
from ..errors import CourseError, is_full
from ..roster import Roster, Student
from ._command import Command, add_course


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "file", type=Path, help="CSV: of Canvas's gradebook, of Moodle's participants, or your own"
    )
    parser.add_argument("--check", action="store_true", help="check it, store nothing")
    add_course(parser)


def _run(args: Namespace) -> int:
    course = Course.open(args.course)
    new = Roster.read(args.file)
    for note in new.notes:
        print(f"Note: {note}.")
    if args.check:
        print(f"{len(new)} students; nothing was stored.")
        return 0
    with course.lock("roster") as note:
        if note:
            print(f"Note: {note}.")
        try:
            _store(course, new)
        except OSError as error:
            if is_full(error):
                raise CourseError(
                    f"there is no space left for {course.folder}: the roster was not changed. Free "
                    "some, and run this again"
                ) from error
            raise
    return 0


def _store(course: Course, new: Roster) -> None:
    old = Roster.read(course.roster_file) if course.roster_file.exists() else None
    if old == new:
        print(f"{len(new)} students, the same as before.")
        return
    if old is not None:
        course.reports.mkdir(exist_ok=True)
        when = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        old.write(course.reports / f"roster-before-{when}.csv")
    new.write(course.roster_file)
    print(f"{len(new)} students, stored in {course.roster_file}.")
    if old is not None:
        _compare("New", new.students, old)
        _compare("No longer in it", old.students, new)
        print("Their work is kept. The roster of before is in reports/.")


def _compare(what: str, students: Iterable[Student], other: Roster) -> None:
    found = [str(student) for student in students if other.get(student.id) is None]
    if found:
        more = f" and {len(found) - 10} more" if len(found) > 10 else ""
        print(f"{what}: {', '.join(found[:10])}{more}.")


roster = Command(
    "roster",
    "check a list of students and store it",
    "secondorder-course roster grades-export.csv",
    _arguments,
    _run,
)
