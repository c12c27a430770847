"""What a person reads when an archive was collected, and what is written down."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from .._files import write_whole
from ..attempts import current
from ..report import Report
from .archive import Member
from .run import Line, Outcome, Run
from .senders import read_sender

COLUMNS = ("file", "student", "what", "note", "kept as")


def note_earlier(run: Run, receipt: Path) -> None:
    """Note that the archive was collected before, for this unit or for another."""
    if run.before:
        record = json.loads(receipt.read_text(encoding="utf-8"))
        run.notes.append(f"This archive was collected before, at {record['collected']}.")
        if run.whole_of is None and run.roster.get(record["student"] or "") is not None:
            # Said once with --student, it stays said.
            run.whole_of = record["student"]
            run.notes.append(f"As before, all of it is taken as {run.whole_of}'s.")
    others = sorted(receipt.parent.glob(f"{run.kept.sha256}.*.json"))
    for other in others:
        if other != receipt:
            name = other.name.removeprefix(f"{run.kept.sha256}.").removesuffix(".json")
            run.notes.append(
                f"The same archive was collected for the unit {name}: is it the right one for "
                f"{run.unit.name}?"
            )


def finish(run: Run, entries: list[Member], receipt: Path) -> Report:
    """Return the report; write it and the receipt, where there is anything new to say."""
    lines = [run.lines[index] for index in range(len(entries))]
    rows = tuple(
        (entry.name, line.student, str(line.what), line.note, line.kept)
        for entry, line in zip(entries, lines, strict=True)
    )
    used = [line for line in lines if line.what not in (Outcome.REFUSED, Outcome.IGNORED)]
    missing = _missing(run, lines)
    if run.before and not run.changed:
        run.notes.append("Nothing has changed since.")
    if not used:
        run.notes.append(
            "Nothing in this archive could be used. It is kept in the inbox; look at the reasons "
            "above, or unpack it yourself and give the folder."
        )
    run.notes += _advice(run, lines, entries)
    run.notes += missing
    report = Report(
        title=_title(run, lines),
        columns=COLUMNS,
        rows=rows,
        notes=tuple(run.notes),
        routine=frozenset(i for i, line in enumerate(lines) if line.routine),
        csv_only=frozenset({"kept as"}),
        ok=bool(used),
    )
    if run.changed or not run.before:
        place = _report_place(run)
        report.write_csv(place)
        report = replace(report, notes=(*report.notes, f"Every file: {run.where(place)}"))
        record = {
            "archive": run.kept.name,
            "unit": run.unit.name,
            "collected": datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
            "student": run.whole_of,
            "members": len(entries),
            "report": run.where(place),
        }
        # Last of all: it says that this archive was collected to the end.
        write_whole(receipt, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    return report


def _report_place(run: Run) -> Path:
    stem = f"collect-{run.unit.name}-{run.kept.sha256[:12]}"
    number, place = 1, run.course.reports / f"{stem}.csv"
    while run.before and place.exists():
        number += 1
        place = run.course.reports / f"{stem}-{number}.csv"
    return place


def _title(run: Run, lines: list[Line]) -> str:
    students = {line.student for line in lines if line.student and line.what != Outcome.REFUSED}
    counts: dict[str, int] = {}
    for line in lines:
        counts[line.what] = counts.get(line.what, 0) + 1
    parts = ", ".join(f"{counts[what]} {what}" for what in Outcome if what in counts)
    who = f"{len(students)} student{'' if len(students) == 1 else 's'}"
    return f"{run.unit.name}: {run.kept.name}: {who}; files: {parts}."


def _advice(run: Run, lines: list[Line], entries: list[Member]) -> list[str]:
    notes = []
    open_ones = [
        (entry, line)
        for entry, line in zip(entries, lines, strict=True)
        if line.what in (Outcome.UNKNOWN, Outcome.AMBIGUOUS)
    ]
    if open_ones:
        entry, _ = open_ones[0]
        label = read_sender(entry.name, run.unit.name, run.roster).label
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow([label, "ID", run.unit.name])
        notes.append(
            "To say whose a file is, write into matches.csv below a first line file,id,unit: "
            f"{out.getvalue()} (with the id), and run the same command again."
        )
    judged = [line for line in lines if line.what in (Outcome.ACCEPTED, Outcome.RENAMED)]
    strange = [line for line in judged if "none of the tasks" in line.note]
    if len(strange) > len(judged) / 2:
        notes.append(
            f"{len(strange)} of {len(judged)} notebooks hold none of the tasks of {run.unit.name}: "
            "is this the zip of another unit?"
        )
    return notes


def _missing(run: Run, lines: Iterable[Line]) -> list[str]:
    """Say who has nothing, and write it to a file of its own."""
    have = current(run.course, run.unit.name)
    nothing = [student for student in run.roster.students if student.id not in have]
    place = run.course.reports / f"missing-{run.unit.name}.csv"
    refused = {line.student for line in lines if line.what == Outcome.REFUSED}
    rows = tuple(
        (s.id, s.name, s.email, "a file was refused" if s.id in refused else "") for s in nothing
    )
    Report("", ("id", "name", "email", "note"), rows).write_csv(place)
    if not nothing:
        return ["Every student of the roster has handed in."]
    shown = ", ".join(str(student) for student in nothing[:10])
    more = f" and {len(nothing) - 10} more" if len(nothing) > 10 else ""
    return [
        f"{len(nothing)} of {len(run.roster)} students have nothing yet: {shown}{more} "
        f"(all of them: {run.where(place)})."
    ]
