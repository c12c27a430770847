"""What a command is, and what several of them share."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Command:
    """One word after `secondorder-course`.

    Attributes
    ----------
    name, summary : str
        The word, and a line that says what it does.
    example : str
        What to type; `--help` shows it.
    arguments : function
        Adds its arguments to a parser.
    run : function
        Does it; returns 0, or 1 where it did not reach what it was run for. Raises CourseError.
    """

    name: str
    summary: str
    example: str
    arguments: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]


def add_course(parser: ArgumentParser) -> None:
    """Add `--course`, which every command but `init` has."""
    parser.add_argument(
        "--course",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the course (default: the folder you are in, or the nearest one above it)",
    )


def moment(text: str) -> datetime:
    """Read a time from the command line; raises ArgumentTypeError, which argparse shows."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(
            f"{text!r} is no time: write one such as 2030-10-05T23:59"
        ) from None
