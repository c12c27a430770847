"""`matches.csv`: a person says whose files are whose, where names do not tell."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import CourseError, did_you_mean
from .report import plain_cell
from .roster import Roster, Student


@dataclass(frozen=True)
class Matches:
    """Pairs of file and student. A file is a name in the zip, a folder in it, or a sender.

    Attributes
    ----------
    table : dict
        Student by unit (empty: every unit) and file.
    """

    table: dict[tuple[str, str], Student]

    @classmethod
    def read(cls, path: Path, roster: Roster, units: Iterable[str]) -> Matches:
        """Read the file, columns `file,id` and, if wished, `unit`; none is an empty table.

        Raises CourseError that names the line and the value: a student or unit that is not known, a
        file that is given to two students.
        """
        if not path.is_file():
            return cls({})
        try:
            text = path.read_bytes().decode("utf-8-sig")
            lines = text.splitlines()[:1]
            mark = ";" if lines and ";" in lines[0] else ","
            reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
            heads = [head.strip().casefold() for head in reader.fieldnames or ()]
            reader.fieldnames = heads
            rows = [(reader.line_num, row) for row in reader]
        except (UnicodeDecodeError, csv.Error) as error:
            raise CourseError(f"{path} cannot be read: {error}. Save it as CSV in UTF-8") from error
        if not {"file", "id"} <= set(heads):
            raise CourseError(f"{path}: the first line must be file,id or file,id,unit")
        table: dict[tuple[str, str], Student] = {}
        known = tuple(units)
        for line, row in rows:
            cells = {
                head: plain_cell((row.get(head) or "").strip()) for head in ("file", "id", "unit")
            }
            if not any(cells.values()):
                continue
            student = roster.get(cells["id"])
            if not cells["file"] or student is None:
                guess = did_you_mean(cells["id"], (s.id for s in roster.students))
                raise CourseError(
                    f"{path}, line {line}: the id {cells['id']!r} is not in the roster{guess}: "
                    "correct it, or delete the line"
                    if cells["file"]
                    else f"{path}, line {line}: there is no file for {cells['id']!r}: name one"
                )
            if cells["unit"] and cells["unit"] not in known:
                raise CourseError(
                    f"{path}, line {line}: there is no unit {cells['unit']!r}"
                    f"{did_you_mean(cells['unit'], known)}: correct it, or leave it empty"
                )
            key = (cells["unit"], _key(cells["file"]))
            if table.setdefault(key, student) != student:
                raise CourseError(
                    f"{path}, line {line}: {cells['file']!r} is given to {table[key].id} and to "
                    f"{student.id}: delete one line"
                )
        return cls(table)

    def find(self, unit: str, name: str, senders: Iterable[str]) -> Student | None:
        """Return the student a person named for a file, for a folder it lies in, or its sender."""
        parts = name.split("/")
        places = ["/".join(parts[:n]) for n in range(len(parts), 0, -1)]
        for place in (*places, *senders):
            for where in (unit, ""):
                student = self.table.get((where, _key(place)))
                if student is not None:
                    return student
        return None


def _key(file: str) -> str:
    return unicodedata.normalize("NFC", file).strip("/")
