"""The one kind of error that a person who runs a course is meant to read."""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable


class CourseError(Exception):
    """What went wrong, where, and what to do. The command line prints it without a traceback."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'gradient'?)`, or nothing where no known word is near."""
    by_key = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), by_key, n=1)
    return f" (did you mean {by_key[near[0]]!r}?)" if near else ""


def is_full(error: OSError) -> bool:
    """Say whether an error of the system means that a disk or a quota is full."""
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
