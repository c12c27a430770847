"""A small course, and the zips that Canvas, Moodle and students make of its submissions."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from secondorder_course import Course, Roster, Student

ROSTER = Roster(
    (
        Student("jdoe", "Doe", "Jane", "jane@school.edu", "1234"),
        Student("jnunez", "Núñez", "José", "jose@school.edu", "1235"),
        Student("bray", "Ray", "Bob", "bob@school.edu", "1236"),
        Student("jsmith1", "Smith", "John", "", "1237"),
        Student("jsmith2", "Smith", "John", "", "1238"),
    )
)


def make_course(folder: Path, roster: Roster = ROSTER, **settings: object) -> Course:
    """A course with a roster, and due dates in 2030."""
    due = {"derivative": None, "gradient": None}
    course = Course.create(folder, id="calc2", term="2030-autumn", units=due)
    if settings:
        text = (folder / "course.toml").read_text()
        for key, value in settings.items():
            text = text.replace('keep = "latest"', f'keep = "{value}"') if key == "keep" else text
            line = f"[units.{key}]\n"
            text = text.replace(line, f"{line}due = {value}\n")
        (folder / "course.toml").write_text(text)
    roster.write(course.roster_file)
    return Course.open(folder)


def notebook(*ids: str, text: str = "") -> bytes:
    """A notebook whose cells carry these grade ids."""
    cells = [
        {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": id, "grade": True}}}
        for id in ids
    ]
    return json.dumps({"cells": cells, "nbformat": 4, "text": text}).encode()


def release(course: Course, unit: str, *ids: str) -> None:
    """Give students a notebook with these grade ids."""
    folder = course.folder / "release" / unit
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{unit}.ipynb").write_bytes(notebook(*ids))


def make_zip(path: Path, files: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> Path:
    """A zip with these members, in this order."""
    pairs = files.items() if isinstance(files, Mapping) else files
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in pairs:
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def special(name: str, kind: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    """An entry that is a link, a pipe, a device."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def tree(folder: Path) -> dict[str, bytes]:
    """All files below a folder, but those that hold the time of day."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_file() and path.parent.name != "inbox") or path.suffix == ".zip"
    }


def what(report: object) -> dict[str, tuple[str, str]]:
    """Student and outcome of each file of a report."""
    return {r["file"]: (r["student"], r["what"]) for r in report.records()}  # type: ignore[attr-defined]


def note(report: object, file: str) -> str:
    """What a report notes about a file."""
    return next(r["note"] for r in report.records() if r["file"] == file)  # type: ignore[attr-defined]
