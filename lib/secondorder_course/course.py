"""The folder of a course: where everything lies, what its settings are, who may write now."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path

from ._config import UNITS, Config, LateRule, Unit, check_name, config_text, find_zone, read_config
from ._files import write_whole
from ._lock import hold
from .errors import CourseError, did_you_mean, is_full
from .roster import Roster

CONFIG = "course.toml"
_FOLDERS = (
    *("source", "release", "submitted", "autograded", "feedback"),  # as nbgrader expects them
    *("inbox", "attempts", "unmatched", "reports", "overlay"),
)


@dataclass(frozen=True)
class Course:
    """A course folder with its settings, as `Course.open` or `Course.create` returns it.

    ======================================== =======================================================
    `source/`, `release/`                    the assignments, and what students get
    `inbox/`                                 every zip as it came, named by its checksum
    `attempts/{unit}/{student}/{number}/`    every attempt ever collected, never overwritten
    `unmatched/{unit}/`                      files whose student is not known
    `submitted/{student}/{unit}/`            the attempt that counts, for nbgrader
    `autograded/`, `feedback/`               what nbgrader makes of it
    `gradebook.db`                           marks
    `reports/`                               what each command did
    `overlay/`                               private: the seed of the term, hidden tests
    `course.toml`, `roster.csv`              settings; who is in the course
    `matches.csv`                            whose files are whose, where names do not tell
    ======================================== =======================================================
    """

    folder: Path
    config: Config

    @classmethod
    def create(
        cls,
        folder: Path | str,
        *,
        id: str,
        term: str,
        time_zone: str = "UTC",
        units: Mapping[str, datetime | None] | Iterable[str] = UNITS,
    ) -> Course:
        """Make a new course in `folder`, which may exist but must not hold any part of a course.

        Raises CourseError for a folder that is in use, a bad setting, or a full disk. What was made
        before an error is removed again.
        """
        folder = Path(folder).absolute()
        due = dict(units) if isinstance(units, Mapping) else dict.fromkeys(units)
        check_name("the course id", id)
        for name in due:
            check_name("the unit", name)
        if not term.strip():
            raise CourseError("the term is empty: write one such as '2030-autumn'")
        find_zone(time_zone)
        _refuse_used(folder)
        made: list[Path] = []
        try:
            for path in (folder, *(folder / name for name in _FOLDERS)):
                if not path.is_dir():
                    path.mkdir(parents=True)
                    made.append(path)
            (folder / "overlay").chmod(0o700)
            seed = folder / "overlay" / "term_seed"
            if not seed.exists():
                write_whole(seed, secrets.token_hex(32) + "\n", private=True)
                made.append(seed)
            # Last: it is what makes the folder a course.
            write_whole(folder / CONFIG, config_text(id, term.strip(), time_zone, due.items()))
            made.append(folder / CONFIG)
            return cls(folder, read_config(folder / CONFIG))
        except (OSError, CourseError) as error:
            for path in reversed(made):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            if isinstance(error, OSError) and is_full(error):
                raise CourseError(
                    f"there is no space left for {folder}: nothing was made. Free some, and run "
                    "this again"
                ) from error
            raise

    @classmethod
    def open(cls, folder: Path | str = ".") -> Course:
        """Return the course in `folder`, or in the nearest folder above it.

        Raises CourseError where there is none, or where its `course.toml` cannot be used.
        """
        start = Path(folder).absolute()
        if not start.is_dir():
            raise CourseError(f"there is no folder {start}: give the folder of your course")
        for place in (start, *start.parents):
            if (place / CONFIG).is_file():
                return cls(place, read_config(place / CONFIG))
        raise CourseError(
            f"there is no course in {start} or above it: go to the folder of your course, or make "
            "one with: secondorder-course init FOLDER --id ID --term TERM"
        )

    # ── settings

    @property
    def id(self) -> str:
        """The name of the course, which nbgrader uses too."""
        return self.config.id

    @property
    def zone(self) -> tzinfo:
        """The time zone of times that do not name one."""
        return self.config.zone

    @property
    def keep(self) -> str:
        """Which attempt counts: `latest` or `first`."""
        return self.config.keep

    @property
    def late(self) -> LateRule:
        """What late work costs."""
        return self.config.late

    def unit(self, name: str) -> Unit:
        """Return a unit of `course.toml`; raise CourseError, with a guess, for any other name."""
        if name not in self.config.units:
            known = ", ".join(self.config.units)
            raise CourseError(
                f"there is no unit {name!r}{did_you_mean(name, self.config.units)}: the units of "
                f"this course are {known} (in {self.folder / CONFIG})"
            )
        return self.config.units[name]

    def roster(self) -> Roster:
        """Return the stored roster; raise CourseError where there is none yet."""
        if not self.roster_file.is_file():
            raise CourseError(
                f"the course in {self.folder} has no roster yet: export one from Canvas or Moodle "
                "and run: secondorder-course roster FILE"
            )
        return Roster.read(self.roster_file)

    def term_seed(self) -> str:
        """Return the secret of this term, from which each student's numbers are drawn."""
        path = self.folder / "overlay" / "term_seed"
        if not path.is_file():
            raise CourseError(
                f"{path} is missing: without it the numbers of this term cannot be drawn again. "
                "Restore it from your backup"
            )
        return path.read_text().strip()

    # ── places

    @property
    def roster_file(self) -> Path:
        """`roster.csv`."""
        return self.folder / "roster.csv"

    @property
    def matches_file(self) -> Path:
        """`matches.csv`: whose files are whose, where names do not tell."""
        return self.folder / "matches.csv"

    @property
    def inbox(self) -> Path:
        """Where every zip is kept as it came."""
        return self.folder / "inbox"

    @property
    def reports(self) -> Path:
        """Where commands say what they did."""
        return self.folder / "reports"

    def attempts(self, unit: str, student: str) -> Path:
        """Where every attempt of a student at a unit is kept."""
        return self.folder / "attempts" / unit / student

    def submitted(self, unit: str, student: str) -> Path:
        """Where nbgrader finds the attempt that counts."""
        return self.folder / "submitted" / student / unit

    def unmatched(self, unit: str) -> Path:
        """Where files wait whose student is not known."""
        return self.folder / "unmatched" / unit

    # ── one writer at a time

    @contextmanager
    def lock(self, command: str) -> Iterator[str]:
        """Hold the lock of the course; yield a note, which is empty in the usual case.

        Raises CourseError that says who holds it. Every command that writes must hold it.
        """
        with hold(self.folder / "course.lock", command) as note:
            yield note


def _refuse_used(folder: Path) -> None:
    if (folder / CONFIG).exists():
        raise CourseError(
            f"{folder} already holds a course: nothing was changed. Take a new folder, or edit "
            f"{folder / CONFIG}"
        )
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file: give a folder that is new or empty")
    for name in (*_FOLDERS, "roster.csv", "matches.csv", "gradebook.db"):
        path = folder / name
        # A first try that was killed leaves empty folders and a good seed.
        left = path.is_dir() and all(inner == "term_seed" for inner in os.listdir(path))
        if path.exists() and not left:
            raise CourseError(
                f"{folder} already holds {name}, perhaps of another course: take a new folder"
            )
