"""`secondorder-course collect`: take in what students handed in."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from ..collect import collect as collect_archive
from ..course import Course
from ._command import Command, add_course, moment

_WORTH_SHOWING = 10 * 2**20  # bytes; less is done before anybody reads it


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("unit", help="such as derivative")
    parser.add_argument(
        "archive",
        type=Path,
        metavar="zip",
        help="a zip of Canvas or Moodle, any other zip, a folder, or one notebook",
    )
    parser.add_argument(
        "--received",
        type=moment,
        metavar="TIME",
        help="when all of it was handed in, not when you downloaded it (default: Canvas's LATE)",
    )
    parser.add_argument("--student", metavar="ID", help="whose all of it is, for a single notebook")
    parser.add_argument("--all", action="store_true", help="show every file, not only odd ones")
    add_course(parser)


def _run(args: Namespace) -> int:
    course = Course.open(args.course)
    report = collect_archive(
        course,
        args.unit,
        args.archive,
        received=args.received,
        student=args.student,
        progress=_progress(),
    )
    print(report.text(everything=args.all))
    return 0 if report.ok else 1


def _progress() -> Callable[[int, int], None] | None:
    """Return a function that shows how far it is, on a terminal and for large archives."""
    if not sys.stderr.isatty():
        return None
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        percent = 100 * done // max(total, 1)
        if total < _WORTH_SHOWING or percent == shown:
            return
        shown = percent
        end = "\r\x1b[K" if done >= total else ""
        print(f"\rreading the zip: {percent} %{end}", end="", file=sys.stderr, flush=True)

    return show


collect = Command(
    "collect",
    "take in a zip of submissions",
    "secondorder-course collect derivative submissions.zip",
    _arguments,
    _run,
)
