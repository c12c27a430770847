"""Take in what students handed in: nothing is lost, overwritten, guessed or trusted."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from ._config import Unit
from ._files import sweep
from ._submitted import publish
from .collecting.archive import Kept, Member, Unpacker, keep, members
from .collecting.fit import tasks_of
from .collecting.run import Run
from .collecting.sort import sort_out
from .collecting.summary import finish, note_earlier
from .collecting.take import take_attempt, take_back
from .collecting.unmatched import keep_unmatched
from .course import Course
from .errors import CourseError, did_you_mean, is_full
from .matches import Matches
from .report import Report
from .roster import Roster, Student

Progress = Callable[[int, int], None]


def collect(
    course: Course,
    unit: str,
    archive: Path | str,
    *,
    received: datetime | None = None,
    student: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Collect a zip of Canvas or Moodle, any other zip, a folder, or one notebook.

    The archive goes to the inbox as it came. Files of a student of the roster become one attempt,
    kept for good; the attempt that counts by the rule of the course is laid out for nbgrader. Other
    files wait in `unmatched/`. Run again, also after a crash, it ends the same.

    Parameters
    ----------
    received : datetime, optional
        When all of it was handed in; without a time zone, in that of the course. Without it only
        Canvas's mark says what is late.
    student : str, optional
        The id of the student, if all of it is from one.
    progress : function, optional
        Called with the bytes that are done and the bytes there are.

    Returns
    -------
    Report
        One row for every entry of the archive, and notes: who has nothing yet, what to do.

    Raises
    ------
    CourseError
        An unknown unit or student, no roster, nothing that can be read, a command that runs at the
        same time, a full disk. What was stored before stays.
    """
    the_unit = course.unit(unit)
    roster = course.roster()
    matches = Matches.read(course.matches_file, roster, course.config.units)
    whole_of = None if student is None else roster.get(student)
    if student is not None and whole_of is None:
        guess = did_you_mean(student, (s.id for s in roster.students))
        raise CourseError(f"there is no student {student!r} in the roster{guess}")
    if received is not None and received.tzinfo is None:
        received = received.replace(tzinfo=course.zone)
    with course.lock(f"collect {unit}") as note:
        stored_before = sum(1 for _ in (course.folder / "attempts").glob(f"{unit}/*/[0-9]*"))
        try:
            for folder in ("inbox", "attempts", "submitted", "reports"):
                (course.folder / folder).mkdir(exist_ok=True)  # git does not keep empty folders
            _sweep(course, unit)
            kept = keep(Path(archive), course.inbox)
            report = _collect(course, the_unit, roster, matches, kept, received, whole_of, progress)
        except OSError as error:
            if not is_full(error):
                raise
            _sweep(course, unit)
            stored = sum(1 for _ in (course.folder / "attempts").glob(f"{unit}/*/[0-9]*"))
            raise CourseError(
                f"there is no space left for {course.folder}. Kept whole: "
                f"{stored - stored_before} new attempts and all that was there before; nothing is "
                "half written. Free some space and run the same command again"
            ) from error
    return replace(report, notes=(note, *report.notes)) if note else report


def _sweep(course: Course, unit: str) -> None:
    sweep(course.folder, "", "inbox/", "reports/", f"attempts/{unit}/*/", "submitted/*/")
    sweep(course.folder, f"unmatched/{unit}/*/", f"attempts/{unit}/*/*/")


def _collect(
    course: Course,
    unit: Unit,
    roster: Roster,
    matches: Matches,
    kept: Kept,
    received: datetime | None,
    whole_of: Student | None,
    progress: Progress | None,
) -> Report:
    receipt = course.inbox / f"{kept.sha256}.{unit.name}.json"
    with zipfile.ZipFile(kept.path) as archive:
        entries = list(members(archive))
        run = Run(
            course=course,
            unit=unit,
            roster=roster,
            kept=kept,
            unpacker=Unpacker(archive),
            tasks=tasks_of(
                [
                    course.folder / folder / unit.name / f"{unit.name}.ipynb"
                    for folder in ("release", "source")
                ]
            ),
            before=receipt.exists(),
            received=received,
            whole_of=whole_of.id if whole_of else None,
            step=_stepper(entries, progress),
        )
        note_earlier(run, receipt)
        by_student, unknown = sort_out(run, entries, matches)
        for who in roster.students:
            if who.id in by_student:
                take_attempt(run, who, by_student[who.id])
        keep_unmatched(run, unknown)
    take_back(run)
    for place in sorted((course.folder / "attempts" / unit.name).glob("*/")):
        changed, note = publish(course, unit.name, place.name)
        run.changed |= changed
        run.notes += [note] if note else []
    return finish(run, entries, receipt)


def _stepper(entries: list[Member], progress: Progress | None) -> Callable[[Member], None]:
    total, done = sum(entry.info.compress_size for entry in entries), 0

    def step(entry: Member) -> None:
        nonlocal done
        done += entry.info.compress_size
        if progress is not None:
            progress(done, total)

    return step
