"""Files whose student is not known wait in `unmatched/`."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from .._files import remove_empty, safe_name, sha256, unique_name, whole
from .archive import Refused
from .run import Line, Outcome, Piece, Run, refused


def keep_unmatched(run: Run, pieces: list[Piece]) -> None:
    """Keep files whose student is not known, and remove those that have become an attempt since."""
    folder = run.course.unmatched(run.unit.name) / run.kept.sha256[:12]
    folder.mkdir(parents=True, exist_ok=True)
    names: set[str] = set()
    for piece in pieces:
        name = unique_name(safe_name(piece.member.name.strip("/").replace("/", "__")), names)
        path = folder / name
        before = sha256(path) if path.is_file() else None
        try:
            with whole(path) as out:
                checksum, _ = run.unpacker.unpack(piece.member, piece.sender.label, out)
        except Refused as error:
            run.lines[piece.index] = refused(run, "", str(error))
            names.discard(name.casefold())
            continue
        finally:
            run.step(piece.member)
        run.changed |= checksum != before
        run.lines[piece.index] = _unmatched_line(run, piece, path)
    for path in sorted(folder.iterdir()):
        expected = unicodedata.normalize("NFC", path.name).casefold() in names
        if not expected and path.is_file() and sha256(path) in run.stored:
            path.unlink()
            run.changed = True
    remove_empty(folder)
    remove_empty(folder.parent)


def _unmatched_line(run: Run, piece: Piece, path: Path) -> Line:
    sender = piece.sender
    if sender.several:
        fits = ", ".join(map(str, sender.several))
        return Line(Outcome.AMBIGUOUS, note=f"{sender.label!r}: {fits} fit", kept=run.where(path))
    near = run.roster.closest(re.sub(r"_?\d+$", "", sender.label.rpartition("/")[2]))
    parts = [sender.why, f"nearest: {', '.join(map(str, near))}" if near else "nobody is near"]
    note = f"{sender.label!r}: " + "; ".join(part for part in parts if part)
    return Line(Outcome.UNKNOWN, note=note, kept=run.where(path))
