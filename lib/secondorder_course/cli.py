"""`secondorder-course`: read the command line, run one command, say in a line what went wrong."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

from .commands import COMMANDS
from .errors import CourseError, is_full
from .report import printable

_STATUS = (
    "Exit status: 0 done, 1 not done (the reason is on stderr or in the report), 2 wrong usage."
)
_MOST = 12  # problems of one roster that are shown at once


def build_parser() -> ArgumentParser:
    """Return the parser with every command of `COMMANDS`."""
    parser = ArgumentParser(
        prog="secondorder-course",
        description="Run the course From Slope to Curvature with a class.",
        epilog=f"Each command has its own --help, with an example.\n{_STATUS}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    words = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS.values():
        inner = words.add_parser(
            command.name,
            help=command.summary,
            description=f"{command.summary[0].upper()}{command.summary[1:]}.",
            epilog=f"Example:\n  {command.example}\n\n{_STATUS}",
            formatter_class=RawDescriptionHelpFormatter,
        )
        command.arguments(inner)
        inner.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 1 or 2 as the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show an accent shows `\xe9`
            stream.reconfigure(errors="backslashreplace")
    try:
        args = build_parser().parse_args(argv)
    except SystemExit as stop:  # argparse has said why
        return stop.code if isinstance(stop.code, int) else 2
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except CourseError as error:
        lines = str(error).splitlines()
        hidden = len(lines) - _MOST
        _complain(*lines[:_MOST], *([f"and {hidden} more like these"] if hidden > 0 else []))
    except KeyboardInterrupt:
        _complain("stopped. Nothing is half written: run the same command again")
    except BrokenPipeError:  # `| head`: what was to be done is done
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if is_full(error):
            _complain("there is no space left: free some and run the same command again")
        else:
            _complain(f"{error.filename or 'the system'}: {error.strerror or error}")
    except Exception as error:
        if os.environ.get("SECONDORDER_COURSE_DEBUG"):
            raise
        _complain(
            f"this should not happen: {type(error).__name__}: {error}",
            "please report it with what SECONDORDER_COURSE_DEBUG=1 in front of the command shows",
        )
    return 1


def _complain(*lines: str) -> None:
    for line in lines:
        print(f"secondorder-course: {printable(line)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
