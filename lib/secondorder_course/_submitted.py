"""Lays out in `submitted/`, for nbgrader, the attempt of each student that counts."""

from __future__ import annotations

import os
import shutil
from datetime import UTC
from pathlib import Path

from ._files import PART, new_folder, sha256
from .attempts import Attempt, choose, read_attempts
from .course import Course

TIMESTAMP = "timestamp.txt"  # nbgrader reads when a submission came from this file


def publish(course: Course, unit: str, student: str) -> tuple[bool, str]:
    """Make `submitted/{student}/{unit}/` hold the attempt that counts.

    Returns whether anything changed, and a note. What lay there and is no attempt of ours, because
    a person put it there, is moved to the attempts first: nothing is lost.
    """
    attempts = read_attempts(course, unit, student)
    attempt = choose(attempts, course.keep)
    place = course.submitted(unit, student)
    wanted = _wanted(course, unit, student, attempt)
    there = {p.name: p for p in place.iterdir()} if place.is_dir() else {}
    if _equal(there, wanted):
        return False, ""
    known = {file.sha256 for a in attempts for file in a.files}
    foreign = [
        p.name
        for p in there.values()
        if p.name != TIMESTAMP and not (p.is_file() and sha256(p) in known)
    ]
    note = ""
    if foreign:
        put_away = _free(course.attempts(unit, student), "by-hand")
        put_away.parent.mkdir(parents=True, exist_ok=True)
        os.rename(place, put_away)
        where = put_away.relative_to(course.folder)
        note = f"{student}: what a person had put into submitted/ ({foreign[0]}) is now in {where}"
    elif attempt is None:
        shutil.rmtree(place)
    if attempt is not None:
        _lay_out(place, wanted)
    return True, note


def _wanted(
    course: Course, unit: str, student: str, attempt: Attempt | None
) -> dict[str, Path | bytes]:
    if attempt is None:
        return {}
    # Only the notebook: another file of a student, such as numpy.py, would change what is graded.
    name = f"{unit}.ipynb" if attempt.is_notebook else attempt.main
    wanted: dict[str, Path | bytes] = {name: attempt.main_file(course, unit, student)}
    if attempt.received is not None:
        when = attempt.received.astimezone(UTC)
        wanted[TIMESTAMP] = f"{when:%Y-%m-%d %H:%M:%S} UTC\n".encode()
    return wanted


def _equal(there: dict[str, Path], wanted: dict[str, Path | bytes]) -> bool:
    if set(there) != set(wanted) or not all(path.is_file() for path in there.values()):
        return False
    for name, content in wanted.items():
        if isinstance(content, bytes):
            if there[name].read_bytes() != content:
                return False
        elif there[name].stat().st_size != content.stat().st_size:
            return False
        elif sha256(there[name]) != sha256(content):
            return False
    return True


def _lay_out(place: Path, wanted: dict[str, Path | bytes]) -> None:
    fresh = new_folder(place.parent)
    try:
        for name, content in wanted.items():
            if isinstance(content, bytes):
                (fresh / name).write_bytes(content)
            else:
                shutil.copyfile(content, fresh / name)
        if place.exists():
            # Two steps: a folder cannot replace one that holds files. After a crash between them
            # the next run lays it out anew.
            os.rename(place, old := place.parent / f"{PART}{place.name}-before")
            os.rename(fresh, place)
            shutil.rmtree(old)
        else:
            os.rename(fresh, place)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _free(folder: Path, name: str) -> Path:
    number = 1
    while (folder / f"{name}-{number}").exists():
        number += 1
    return folder / f"{name}-{number}"
