"""Reads a roster from the CSV files that Canvas, Moodle and people write."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ._names import name_key, tidy
from .report import plain_cell
from .roster import Roster, RosterError, Student

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|(com|lpt)[1-9])(\..*)?")  # not folders on Windows
_ID_ADVICE = (
    "use up to 64 of the letters a to z, digits, '.', '_', '-' and '@', and begin with a letter or "
    "digit"
)

# Heads of columns, without case, spaces and punctuation. The first that is there is taken.
_HEADS = {
    "last_name": ("lastname", "surname", "familyname"),
    "first_name": ("firstname", "givenname"),
    "name": ("name", "fullname", "studentname", "student"),
    "email": ("email", "emailaddress"),
    "lms_id": ("lmsid", "canvasid", "canvasuserid", "userid"),
}
# In an export of Canvas `ID` is Canvas's own number, which stands in the names of downloaded files.
_CANVAS_IDS = ("sisuserid", "sisloginid", "id")
_MOODLE_IDS = ("idnumber", "username", "sisuserid", "sisloginid", "emailaddress", "email")
_OWN_IDS = ("id", "studentid", "studentnumber")


@dataclass(frozen=True)
class _Row:
    """One record of the file, with its cells by the heads of their columns."""

    line: int
    cells: dict[str, str]

    def first(self, heads: Iterable[str]) -> str:
        return next((self.cells[head] for head in heads if self.cells.get(head)), "")


def read_roster(path: Path) -> Roster:
    """Read a roster; see `Roster.read`."""
    text, notes = _decoded(path)
    heads, shown, rows = _records(path, text)
    canvas = "student" in heads and bool({"sisuserid", "sisloginid", "section"} & set(heads))
    if canvas:
        rows, skipped = _without_canvas_extras(rows)
        notes += skipped
    if not rows:
        raise RosterError([f"{path} names no student: export it again, or add a line a student"])
    id_head = _id_column(path, heads, shown, rows, canvas)
    if canvas or id_head not in _OWN_IDS:
        notes.append(f"ids are taken from the column {shown[id_head]!r}")
    if not {*_HEADS["last_name"], *_HEADS["first_name"], *_HEADS["name"]} & set(heads):
        notes.append(
            "there is no column with names: files can only be told apart by ids. Add the columns "
            "'last name' and 'first name' if Canvas or Moodle puts names into file names"
        )
    students, problems = [], []
    lines_of: dict[str, tuple[int, str]] = {}
    lms_lines: dict[str, int] = {}
    for row in rows:
        student = _student(row, id_head, canvas)
        place = f"{path}, line {row.line}, column {shown[id_head]!r}"
        if not student.id:
            problems.append(f"{place}: the id is empty: write one, or delete the line")
            continue
        if (
            not _ID.fullmatch(student.id)
            or student.id.endswith(".")
            or _RESERVED.fullmatch(student.id)
        ):
            problems.append(f"{place}: the id {student.id!r} cannot be a folder name: {_ID_ADVICE}")
            continue
        before, same = lines_of.setdefault(student.id.casefold(), (row.line, student.id))
        if before != row.line:
            what = (
                f"the id {student.id!r} stands on lines {before} and {row.line}"
                if same == student.id
                else f"the ids {same!r} (line {before}) and {student.id!r} differ only by case"
            )
            problems.append(f"{place}: {what}: give each student an id, or delete one line")
            continue
        number = student.lms_id.lstrip("0")
        if number and lms_lines.setdefault(number, row.line) != row.line:
            problems.append(
                f"{path}, line {row.line}: the number {student.lms_id!r} of Canvas stands on line "
                f"{lms_lines[number]} too: correct one of them"
            )
            continue
        students.append(student)
    if problems:
        raise RosterError(problems)
    roster = Roster(tuple(students))
    for group in roster.ambiguous:
        names = " and ".join(map(str, group))
        notes.append(f"{names} share a name: their files are told apart by id only, never guessed")
    return Roster(roster.students, tuple(notes))


def _decoded(path: Path) -> tuple[str, list[str]]:
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise RosterError([f"there is no file {path}: give the roster as a CSV file"]) from error
    except IsADirectoryError as error:
        raise RosterError([f"{path} is a folder: give the roster as a CSV file"]) from error
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise RosterError(
            [f"{path} is a workbook, not CSV: open it and save it as 'CSV UTF-8 (comma delimited)'"]
        )
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return raw.decode("utf-16"), ["read as UTF-16"]
        except UnicodeDecodeError:
            pass
    try:
        return raw.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("cp1252"), [
            f"{path} is not UTF-8: read as Windows-1252. Look at the accents; if they are wrong, "
            "save it as UTF-8"
        ]
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise RosterError(
            [
                f"{path}, line {line}: the byte {raw[error.start]:#x} is neither UTF-8 nor "
                "Windows-1252: save the file as UTF-8"
            ]
        ) from error


def _records(path: Path, text: str) -> tuple[list[str], dict[str, str], list[_Row]]:
    """Split the text; return the heads (keys and as written) and the rows that hold anything."""
    offset = 0
    if text[:4].casefold() == "sep=":  # a line that Excel writes for itself
        _, _, text = text.partition("\n")
        offset = 1
    first_line = text.lstrip().splitlines()[:1] or [""]
    delimiter = max(",;\t", key=lambda mark: len(next(csv.reader(first_line, delimiter=mark), [])))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records: list[tuple[int, list[str]]] = []
    start = offset + 1
    try:
        for cells in reader:
            records.append((start, [tidy(plain_cell(cell)) for cell in cells]))
            start = offset + reader.line_num + 1
    except csv.Error as error:
        raise RosterError(
            [f"{path}, line {start}: {error}. Look for a quotation mark without its partner"]
        ) from error
    records = [(line, cells) for line, cells in records if any(cells)]
    if not records:
        raise RosterError(
            [f"{path} is empty: it needs a line of column names and a line a student"]
        )
    head_line, written = records[0]
    heads = [name_key(head) for head in written]
    known = {*_OWN_IDS, *_MOODLE_IDS, *(head for names in _HEADS.values() for head in names)}
    for head in sorted(known & set(heads)):
        if heads.count(head) > 1:
            raise RosterError(
                [
                    f"{path}, line {head_line}: the column {written[heads.index(head)]!r} stands "
                    "twice: delete one"
                ]
            )
    rows, problems = [], []
    for line, cells in records[1:]:
        if any(cells[len(heads) :]):
            problems.append(
                f"{path}, line {line}: {len(cells)} cells for {len(heads)} columns, the first too "
                f"many is {cells[len(heads)]!r}: put quotation marks around cells that hold "
                f"{'a comma' if delimiter == ',' else f'the sign {delimiter!r}'}"
            )
        # The last of two columns with one name would hide the first: only unknown ones can be so.
        rows.append(_Row(line, dict(zip(heads, cells, strict=False))))
    if problems:
        raise RosterError(problems)
    return heads, dict(zip(heads, written, strict=True)), rows


def _without_canvas_extras(rows: list[_Row]) -> tuple[list[_Row], list[str]]:
    """Drop the rows of Canvas's export that are no students."""
    kept, notes = [], []
    for row in rows:
        name = name_key(row.cells.get("student", ""))
        if name == "pointspossible" or not (name or row.first(_CANVAS_IDS)):
            continue  # the second row, and one above it where posting is manual
        if name in ("studenttest", "teststudent") and not row.cells.get("sisuserid"):
            notes.append(f"line {row.line}: Canvas's test student is left out")
            continue
        kept.append(row)
    return kept, notes


def _id_column(
    path: Path, heads: list[str], shown: dict[str, str], rows: list[_Row], canvas: bool
) -> str:
    """Return the head of the column that holds the ids; raise where there is none."""
    own = [] if canvas else [head for head in _OWN_IDS if head in heads]
    if own:
        return own[0]
    there = [head for head in (_CANVAS_IDS if canvas else _MOODLE_IDS) if head in heads]
    if not there:
        named = ", ".join(repr(head) for head in shown.values() if head)
        raise RosterError(
            [
                f"{path} has no column with ids, only {named}: name one 'id' (or 'Student ID', "
                "'SIS User ID', 'ID number', 'Username')"
            ]
        )
    # A column that a school leaves partly empty is no id.
    full = [head for head in there if all(row.cells.get(head) for row in rows)]
    return full[0] if full else there[0]


def _student(row: _Row, id_head: str, canvas: bool) -> Student:
    first, last = row.first(_HEADS["first_name"]), row.first(_HEADS["last_name"])
    if not (first or last):
        name = row.first(_HEADS["name"])
        last, comma, first = name.partition(",")
        if not comma:
            first, _, last = name.rpartition(" ")
    email = row.first(_HEADS["email"])
    if canvas and not email and "@" in row.cells.get("sisloginid", ""):
        email = row.cells["sisloginid"]
    lms_id = row.cells.get("id", "") if canvas else row.first(_HEADS["lms_id"])
    return Student(row.cells.get(id_head, ""), last.strip(), first.strip(), email, lms_id)
