"""`secondorder-course init`: a new course folder."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import datetime
from pathlib import Path

from .._config import UNITS
from ..course import Course
from ..errors import CourseError, did_you_mean
from ._command import Command, moment


def _due(text: str) -> tuple[str, datetime]:
    unit, equals, when = text.partition("=")
    if not equals:
        raise ArgumentTypeError(f"{text!r}: write UNIT=TIME, such as derivative=2030-10-05T23:59")
    return unit, moment(when)


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="a folder that is new or empty")
    parser.add_argument("--id", required=True, help="a short name of the course, such as calc2")
    parser.add_argument("--term", required=True, help="such as 2030-autumn")
    parser.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin (default: UTC)")
    parser.add_argument(
        "--due",
        type=_due,
        action="append",
        default=[],
        metavar="UNIT=TIME",
        help="when a unit is due; once for each unit, or write it into course.toml later",
    )


def _run(args: Namespace) -> int:
    due = dict(args.due)
    for name in due:
        if name not in UNITS:
            raise CourseError(
                f"there is no unit {name!r}{did_you_mean(name, UNITS)}: the units are "
                f"{', '.join(UNITS)}"
            )
    course = Course.create(
        args.folder,
        id=args.id,
        term=args.term,
        time_zone=args.time_zone,
        units={name: due.get(name) for name in UNITS},
    )
    print(f"The course {course.id} is in {course.folder}.")
    print(f"Times are read in {course.config.zone_name}; due dates stand in course.toml.")
    print("overlay/ is private: keep it out of every public repository, and back it up.")
    print("Next: secondorder-course roster FILE, with an export of Canvas or Moodle.")
    return 0


init = Command(
    "init",
    "make a new course folder",
    "secondorder-course init calc2 --id calc2 --term 2030-autumn --time-zone Europe/Berlin",
    _arguments,
    _run,
)
