"""Who sent a file: read from its name, the way Canvas, Moodle and people write it.

Canvas writes `doejane_LATE_1234_56789_derivative-2.ipynb`: last and first name without anything but
letters, `LATE` where it is, Canvas's number of the student and of the attachment, the file's name.
Anonymous: `anon_aB3x9_56789_…`; text typed into Canvas: `doejane_1234_text.html`.

Moodle writes `Jane Doe_123456_assignsubmission_file/derivative.ipynb`, older ones
`…_assignsubmission_file_/…`, and without folders `…_assignsubmission_file_derivative.ipynb`. The
number changes from assignment to assignment: only the name tells who it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .._names import name_key
from ..roster import Roster, Student

_CANVAS = re.compile(
    r"(?P<name>.+?)(?P<late>_LATE)?_(?P<user>\d+)_"
    r"(?:(?P<attachment>\d+)_(?P<file>.+)|(?P<typed>(?:text|link)\.html))",
    re.DOTALL,
)
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<late>LATE_)?(?P<name>anon_[A-Za-z0-9]+)_"
    r"(?:(?P<attachment>\d+)_(?P<file>.+)|(?P<typed>(?:text|link)\.html))",
    re.DOTALL,
)
_MOODLE = re.compile(
    r"(?P<label>(?P<name>.+?)(?:_\d+)?)_assignsubmission_(?P<type>[a-z]+)(?:_(?P<file>.*))?",
    re.DOTALL,
)
_COPY = re.compile(r" ?\(\d+\)$")  # what browsers add to a second download: `ada (1).ipynb`


@dataclass(frozen=True)
class Sender:
    """What a file name says.

    Attributes
    ----------
    label : str
        How to name this sender in `matches.csv`.
    file : str
        The name that the student gave the file.
    student : Student or None
        Who it is, if exactly one student fits.
    why : str
        Why nobody fits, or what is odd about who does.
    several : tuple of Student
        All that fit, where more than one does.
    late : bool or None
        What Canvas says; None where nobody says anything.
    attachment : int or None
        Canvas's number of the file: a later one is larger.
    """

    label: str
    file: str
    student: Student | None = None
    why: str = ""
    several: tuple[Student, ...] = ()
    late: bool | None = None
    attachment: int | None = None


def read_sender(name: str, unit: str, roster: Roster) -> Sender:
    """Return who sent the file `name` of a zip, a path with `/`. Never guesses.

    What stands further out in the path counts: a student can give a file any name, so a name that
    looks like one of Canvas or Moodle, or like that of a classmate, says nothing inside a folder
    that belongs to somebody.
    """
    moodle = _moodle(name, unit, roster)
    if moodle is not None:
        return moodle
    plain, canvas = _plain(name, unit, roster), _canvas(name, roster)
    folders = name.split("/")[:-1]
    if canvas is None or any(_people(folder, unit, roster) for folder in folders):
        return plain
    # Some plain names look like Canvas's: `ada_1_2_b.ipynb`, where that is an id.
    return plain if plain.student and not canvas.student else canvas


def _canvas(name: str, roster: Roster) -> Sender | None:
    base = name.rpartition("/")[2]
    anonymous = _CANVAS_ANONYMOUS.fullmatch(base)
    match = anonymous or _CANVAS.fullmatch(base)
    if match is None:
        return None
    who = match["name"]
    user = "" if anonymous else match["user"]
    student: Student | None = None
    why = ""
    several: tuple[Student, ...] = ()
    if anonymous:
        why = "Canvas hides the name: turn anonymous grading off and download again"
    elif student := roster.by_lms_id(user):
        if name_key(who) not in student.keys:
            why = f"the file says {who!r}, Canvas's number says {student}"
    else:
        # Somebody whose number is known is not the one who has another number.
        free = [other for other in roster.named(who) if not other.lms_id]
        if len(free) == 1:
            student = free[0]
        elif free:
            several = tuple(free)
        elif roster.named(who):
            (other, *_) = roster.named(who)
            why = f"Canvas's number {user} is not that of {other}, {other.lms_id}"
    return Sender(
        label=who if anonymous else f"{who}_{user}",
        file=match["file"] or match["typed"],
        student=student,
        why=why,
        several=several,
        late=bool(match["late"]),
        attachment=int(match["attachment"]) if match["attachment"] else None,
    )


def _moodle(name: str, unit: str, roster: Roster) -> Sender | None:
    parts = name.split("/")
    for i, part in enumerate(parts):
        match = _MOODLE.fullmatch(part)
        if match is None:
            if _people(part, unit, roster):
                return None
            continue
        inner = [match["file"]] if match["file"] else []
        file = "/".join([*inner, *parts[i + 1 :]])
        if not file:
            continue
        fits = roster.named(match["name"]) or _with_id(match["name"], roster)
        why = ""
        if not fits and name_key(match["name"]) == "participant":
            why = "Moodle hides the name: reveal the students' identities and download again"
        return _sender(match["label"], file, fits, why)
    return None


def _plain(name: str, unit: str, roster: Roster) -> Sender:
    """Read `id/unit.ipynb`, `id.ipynb`, `id_unit.ipynb`, `unit_id.ipynb`, `Last, First/…`."""
    parts = name.split("/")
    *folders, base = parts
    stem = base.rpartition(".")[0] or base
    found = [_people(step, unit, roster) for step in (*folders, stem)]
    place = next((i for i, people in enumerate(found) if people), len(folders))
    fits = found[place]
    if fits:
        label = "/".join(parts[: place + 1])
    elif folders and stem.casefold() == unit.casefold():
        label = "/".join(folders)  # a file of that name says nothing: its folder must
    else:
        label = name
    file = "/".join(parts[place + 1 :]) or base
    why = ""
    if len(fits) == 1 and found[-1] and fits[0] not in found[-1]:
        why = f"the file in the folder of {fits[0].id} carries the name of {found[-1][0]}"
    return _sender(label, file if fits else base, fits, why)


def _sender(label: str, file: str, fits: list[Student], why: str) -> Sender:
    one = fits[0] if len(fits) == 1 else None
    return Sender(label, file, one, why, tuple(fits) if len(fits) > 1 else ())


def _people(text: str, unit: str, roster: Roster) -> list[Student]:
    """Return the students that a part of a path names."""
    bare = _COPY.sub("", text.strip())
    forms = [text.strip(), bare]
    for form in (text.strip(), bare):
        for pattern in (
            rf"(?i){re.escape(unit)}[ _+-]+(.+)",
            rf"(?i)(.+?)[ _+-]+{re.escape(unit)}",
        ):
            if match := re.fullmatch(pattern, form, re.DOTALL):
                forms.append(match[1])
    for form in dict.fromkeys(forms):
        student = roster.get(form) or (roster.by_email(form) if "@" in form else None)
        found = [student] if student else roster.named(form) or _with_id(form, roster)
        if found:
            return found
    return []


def _with_id(text: str, roster: Roster) -> list[Student]:
    """Return the student of `id name` or `name id`, where both belong to the same one."""
    for cut in re.finditer(r"[\s_,+-]+", text):
        head, tail = text[: cut.start()], text[cut.end() :]
        for id, name in ((head, tail), (tail, head)):
            student = roster.get(id.strip("()[]"))
            if student and name_key(name) in student.keys:
                return [student]
    return []
