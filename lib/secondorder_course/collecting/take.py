"""The files of one student become an attempt, and get their lines in the report."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from .._files import new_folder, remove_empty, safe_name, unique_name, whole
from ..attempts import (
    Attempt,
    StoredFile,
    choose,
    how_late,
    in_order,
    merged,
    read_attempts,
    same_attempt,
    store,
    update,
)
from ..roster import Student
from .archive import Refused
from .fit import Fit, judge
from .run import Line, Outcome, Piece, Run, refused


def take_attempt(run: Run, student: Student, pieces: list[Piece]) -> None:
    """Store the files of one student as an attempt, unless they are one already."""
    folder = new_folder(run.course.attempts(run.unit.name, student.id))
    try:
        files, taken_out = _unpack_all(run, student, pieces, folder)
        if not files:
            return
        attempts = read_attempts(run.course, run.unit.name, student.id)
        fits = {file.kept: judge(folder / "files" / file.kept, run.tasks) for file in files}
        new = _described(
            run, files, taken_out, fits, max((a.number for a in attempts), default=0) + 1
        )
        old = same_attempt(attempts, new.digest, run.kept.sha256)
        run.produced[student.id] = new.digest
        if old is None:
            store(run.course, run.unit.name, student.id, folder, new)
            run.changed = True
            attempt, seen = new, False
        else:
            # Its files have the names that the first archive gave them.
            pairs = zip(_by_content(files), _by_content(old.files), strict=True)
            names = {mine.kept: theirs.kept for mine, theirs in pairs}
            taken_out = [(piece, names[kept]) for piece, kept in taken_out]
            fits = {names[kept]: fit for kept, fit in fits.items()}
            attempt = merged(old, replace(new, main=names[new.main]))
            # An attempt that only this archive holds is new, if a crash kept us from saying so.
            seen = run.before or bool(set(old.sources) - {run.kept.sha256})
            run.changed |= update(run.course, run.unit.name, student.id, old, attempt)
        _say(run, student, attempt, taken_out, fits, seen)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        remove_empty(folder.parent)


def take_back(run: Run) -> None:
    """Attempts that this archive no longer gives to a student, because of `matches.csv`, fall."""
    for place in sorted((run.course.folder / "attempts" / run.unit.name).glob("*/")):
        for attempt in read_attempts(run.course, run.unit.name, place.name):
            if run.kept.sha256 not in attempt.sources:
                continue
            if attempt.digest == run.produced.get(place.name):
                continue
            sources = tuple(s for s in attempt.sources if s != run.kept.sha256)
            less = replace(attempt, sources=sources)
            update(run.course, run.unit.name, place.name, attempt, less)
            run.changed = True
            run.notes.append(
                f"{place.name}: attempt {attempt.number} is no longer read from this archive"
                + ("" if sources else "; it is kept, but does not count")
            )


def _unpack_all(
    run: Run, student: Student, pieces: list[Piece], folder: Path
) -> tuple[list[StoredFile], list[tuple[Piece, str]]]:
    (folder / "files").mkdir()
    files: list[StoredFile] = []
    taken_out: list[tuple[Piece, str]] = []
    names: set[str] = set()
    for piece in pieces:
        kept = unique_name(safe_name(piece.sender.file.rpartition("/")[2]), names)
        path = folder / "files" / kept
        try:
            with whole(path) as out:
                checksum, size = run.unpacker.unpack(piece.member, student.id, out)
        except Refused as error:
            run.lines[piece.index] = refused(run, student.id, str(error))
            continue
        finally:
            run.step(piece.member)
        files.append(StoredFile(piece.member.name, kept, checksum, size))
        taken_out.append((piece, kept))
        run.stored.add(checksum)
    return files, taken_out


def _by_content(files: Iterable[StoredFile]) -> list[StoredFile]:
    return sorted(files, key=lambda file: (file.sha256, file.kept))


def _described(
    run: Run,
    files: list[StoredFile],
    taken_out: list[tuple[Piece, str]],
    fits: dict[str, Fit],
    number: int,
) -> Attempt:
    """Return the attempt that these files are: which one is the submission, what is odd."""
    pieces = {kept: piece for piece, kept in taken_out}
    main = max(files, key=lambda file: _rank(run, file, pieces[file.kept], fits[file.kept]))
    fit, extension = fits[main.kept], _is_ipynb(pieces[main.kept].sender.file)
    notebooks = [file for file in files if fits[file.kept].is_notebook or _is_ipynb(file.kept)]
    human = []
    if not notebooks:
        human.append("there is no notebook")
    elif not fit.is_notebook:
        human.append("the file is empty" if not main.size else "it cannot be read as a notebook")
    elif run.tasks and not fit.tasks:
        human.append(f"none of the tasks of {run.unit.name} is in it")
    if len(notebooks) > 1:
        human.append(f"there are {len(notebooks)} notebooks")
    if any(_is_zip(file.kept) for file in files):
        human.append("there is a zip inside, not opened")
    attachments = [p.sender.attachment for p, _ in taken_out if p.sender.attachment is not None]
    flags = [p.sender.late for p, _ in taken_out if p.sender.late is not None]
    return Attempt(
        number=number,
        digest=_digest(files, pieces),
        sources=(run.kept.sha256,),
        files=tuple(files),
        main=main.kept,
        is_notebook=fit.is_notebook or extension,
        human=tuple(human),
        received=run.received,
        late_flag=any(flags) if flags else None,
        attachment=max(attachments) if attachments else None,
    )


def _rank(run: Run, file: StoredFile, piece: Piece, fit: Fit) -> tuple[object, ...]:
    """Order the files of a submission: the largest is most likely the one that was meant."""
    return (
        fit.tasks,
        fit.is_notebook,
        _is_ipynb(piece.sender.file),
        ".ipynb_checkpoints/" not in piece.member.name,
        _without_number(piece.sender.file).casefold() == f"{run.unit.name}.ipynb".casefold(),
        piece.sender.attachment or 0,
        file.size,
        -piece.index,
    )


def _digest(files: list[StoredFile], pieces: dict[str, Piece]) -> str:
    content = sorted(
        [
            unicodedata.normalize("NFC", pieces[file.kept].sender.file),
            file.sha256,
            str(pieces[file.kept].sender.attachment or ""),
        ]
        for file in files
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _say(
    run: Run,
    student: Student,
    attempt: Attempt,
    taken_out: list[tuple[Piece, str]],
    fits: dict[str, Fit],
    seen: bool,
) -> None:
    """Write the lines of the files of one student."""
    attempts = read_attempts(run.course, run.unit.name, student.id)
    counts = choose(attempts, run.course.keep)
    standing = [a.number for a in in_order(attempts)]
    twin = next((a for a in attempts if a.number < attempt.number and _equal(a, attempt)), None)
    base = run.course.attempts(run.unit.name, student.id) / attempt.folder_name / "files"
    for piece, kept in taken_out:
        notes = [piece.sender.why]
        routine = seen
        if kept != attempt.main:
            what = Outcome.EXTRA
            if _is_zip(kept):
                notes.append("a zip inside the zip: not opened")
            elif fits[kept].is_notebook or _is_ipynb(kept):
                notes.append("another notebook, which fits the unit less well")
            elif piece.member.name.endswith((".html", ".txt")) and piece.sender.attachment is None:
                notes.append("text typed into the page, or a note")
        else:
            notes += [*attempt.human, how_late(run.course, run.unit, attempt)]
            missing = len(run.tasks) - fits[kept].tasks
            if 0 < missing < len(run.tasks):
                notes.append(f"{missing} of {len(run.tasks)} marked cells missing")
            if twin is not None and not seen:
                notes.append(f"the files are those of attempt {twin.number}")
            name = piece.sender.file.rpartition("/")[2]
            if counts is not None and counts.number != attempt.number:
                older = standing.index(attempt.number) < standing.index(counts.number)
                what = Outcome.OLDER if older else Outcome.LATER
                notes.append(f"attempt {counts.number} counts: the rule is {run.course.keep!r}")
            elif not attempt.is_notebook or _expected(name, run, student):
                what = Outcome.ACCEPTED
                routine = routine or not any(notes)
            else:
                what = Outcome.RENAMED
                notes.append(f"{name} is {run.unit.name}.ipynb now")
                routine = routine or not any(notes[:-1])
        if seen:
            what = Outcome.SAME
        note = "; ".join(note for note in notes if note)
        run.lines[piece.index] = Line(what, student.id, note, run.where(base / kept), routine)


def _equal(one: Attempt, other: Attempt) -> bool:
    return sorted(f.sha256 for f in one.files) == sorted(f.sha256 for f in other.files)


def _expected(name: str, run: Run, student: Student) -> bool:
    """Say whether the name of a file is the one we gave, but for numbers of Canvas and browsers."""
    unit, id = run.unit.name, student.id
    forms = {unit, id, *(f"{a}{mark}{b}" for a, b in ((unit, id), (id, unit)) for mark in " _+-")}
    good = {f"{form}.ipynb".casefold() for form in forms}
    return name.casefold() in good or _without_number(name).casefold() in good


def _without_number(name: str) -> str:
    """Return a file name without what Canvas (`-2`) and browsers (` (1)`) add before its suffix."""
    return re.sub(r"(?:-\d+| ?\(\d+\))(\.[^.]*)?$", r"\1", name.rpartition("/")[2])


def _is_ipynb(name: str) -> bool:
    return name.casefold().endswith(".ipynb")


def _is_zip(name: str) -> bool:
    return name.casefold().endswith((".zip", ".rar", ".7z", ".gz", ".tgz", ".tar"))
