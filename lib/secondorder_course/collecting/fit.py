"""Which file of a submission is the notebook of the unit. Never fails, whatever the file holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_JUDGED_BYTES = 50 * 2**20  # a larger file is kept like any other, but not looked into


@dataclass(frozen=True)
class Fit:
    """What a file looks like: whether it is a notebook, and how many cells of the unit it has."""

    is_notebook: bool
    tasks: int = 0


def tasks_of(paths: list[Path]) -> frozenset[str]:
    """Return the grade ids of the first of these notebooks that can be read; none if no one can."""
    for path in paths:
        ids = _grade_ids(_load(path)) if path.is_file() else None
        if ids:
            return ids
    return frozenset()


def judge(path: Path, tasks: frozenset[str]) -> Fit:
    """Look into a file."""
    ids = _grade_ids(_load(path))
    return Fit(False) if ids is None else Fit(True, len(ids & tasks))


def _load(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_JUDGED_BYTES:
            return None
        return json.loads(path.read_bytes())
    # ValueError: not JSON, not UTF-8, a number of too many digits. The others: nested too deeply.
    except (OSError, ValueError, RecursionError, MemoryError):
        return None


def _grade_ids(notebook: Any) -> frozenset[str] | None:
    """Return nbgrader's ids of the cells, or None where this is no notebook."""
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return None
    ids = set()
    for cell in notebook["cells"]:
        if not isinstance(cell, dict):
            return None
        metadata = cell.get("metadata")
        marks = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        id = marks.get("grade_id") if isinstance(marks, dict) else None
        if isinstance(id, str):
            ids.add(id)
    return frozenset(ids)
