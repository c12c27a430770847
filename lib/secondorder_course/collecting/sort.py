"""Whose each file of an archive is."""

from __future__ import annotations

from dataclasses import replace

from ..matches import Matches
from .archive import Member
from .run import Line, Outcome, Piece, Run, refused
from .senders import Sender, read_sender


def sort_out(
    run: Run, entries: list[Member], matches: Matches
) -> tuple[dict[str, list[Piece]], list[Piece]]:
    """Say of every entry whose it is; those that are not taken out get their line at once."""
    by_student: dict[str, list[Piece]] = {}
    unknown: list[Piece] = []
    for index, entry in enumerate(entries):
        if entry.ignored or entry.refused:
            run.step(entry)
        if entry.ignored:
            run.lines[index] = Line(Outcome.IGNORED, note=entry.ignored, routine=True)
            continue
        sender = _sender(run, entry, matches)
        if entry.refused:
            # Whose it is can be told only where the name itself is not what is wrong.
            sure = sender.student is not None and not entry.refused.startswith("its name")
            whose = sender.student.id if sure and sender.student else ""
            run.lines[index] = refused(run, whose, entry.refused)
        elif sender.student is None:
            unknown.append(Piece(index, entry, sender))
        else:
            by_student.setdefault(sender.student.id, []).append(Piece(index, entry, sender))
    return by_student, unknown


def _sender(run: Run, entry: Member, matches: Matches) -> Sender:
    read = [read_sender(name, run.unit.name, run.roster) for name in entry.names]
    sender = next((s for s in read if s.student), read[0])
    if run.whole_of is not None:
        return replace(sender, student=run.roster.get(run.whole_of), why="", several=())
    told = next(
        (
            found
            for name, s in zip(entry.names, read, strict=True)
            if (found := matches.find(run.unit.name, name, [s.label]))
        ),
        None,
    )
    return replace(sender, student=told, why="", several=()) if told else sender
