"""One command at a time writes into a course: `course.lock` says who holds it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ._files import write_whole
from .errors import CourseError

try:
    import fcntl
except ImportError:  # Windows: two commands that take over a dead one's lock at once are not seen
    fcntl = None  # type: ignore[assignment]


@contextmanager
def hold(path: Path, command: str) -> Iterator[str]:
    """Hold the lock while the block runs. Yields a note: empty, or whose lock was taken over.

    Raises CourseError where another process holds it, with its command, process and computer.
    """
    mine = json.dumps(
        {
            "command": command,
            "pid": os.getpid(),
            "process_started": _started(os.getpid()),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        },
        indent=1,
    )
    note = ""
    with _one_at_a_time(path.parent):
        if path.exists():
            note = _take_over(path)
        write_whole(path, mine)
    try:
        yield note
    finally:
        with _one_at_a_time(path.parent):
            # Somebody may have deleted our lock by hand, and another command made its own.
            if path.exists() and path.read_text() == mine:
                path.unlink()


def _take_over(path: Path) -> str:
    """Return a note where the holder of the lock is dead; raise where it lives or may live."""
    try:
        other = json.loads(path.read_text())
        pid, host = int(other["pid"]), str(other["host"])
        command, since = str(other["command"]), str(other["since"])
    except (ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{path} is there, but does not say who made it: delete it if no other command is "
            "working on this course"
        ) from error
    if host != socket.gethostname():
        raise CourseError(
            f"the course is in use: {command!r} on the computer {host} (process {pid}, since "
            f"{since}). Wait for it; if it no longer runs there, delete {path}"
        )
    if _alive(pid, other.get("process_started")):
        raise CourseError(
            f"the course is in use: {command!r} (process {pid} on this computer, since {since}). "
            "Wait until it is done, then run this again"
        )
    return f"{command!r} of {since} (process {pid}) did not end well: its lock was taken over"


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process look at the lock and change it, so that two cannot take over the same."""
    if fcntl is None or not hasattr(os, "O_DIRECTORY"):
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:  # a file system without such locks: course.lock alone must do
            pass
        yield
    finally:
        os.close(handle)


def _alive(pid: int, started: str | None) -> bool:
    if os.name == "nt":  # there os.kill would end the process
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it lives, and is somebody else's
        pass
    # The number may have been given to a new process since.
    now = _started(pid)
    return started is None or now is None or now == started


def _started(pid: int) -> str | None:
    """Return when a process started, in ticks since boot; None where /proc does not tell."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
