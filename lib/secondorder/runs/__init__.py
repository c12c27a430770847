"""Long runs, computed once by the scripts in `experiments/` and stored here, one file a run.

A chapter plots the stored run, repeats a short piece of it live, and asserts that both agree. Each
file holds what is needed to compute it anew: settings, seed and versions.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A long run: what was computed, how, and with what. `run["key"]` is a part of its data.

    Attributes
    ----------
    name : str
    settings : dict
        All that the script was given, the seed included.
    versions : dict
        Of Python and of the packages that the numbers come from.
    made : str
        The day, as `2026-11-24`.
    seconds : float
        Processor time of all units of work together, on the machine that computed them.
    data : dict
        Numbers, lists of numbers as float arrays (nan where nothing is), dicts of those.
    """

    name: str
    settings: dict[str, Any]
    versions: dict[str, str]
    made: str
    seconds: float
    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        if key not in self.data:
            raise KeyError(f"run {self.name!r} has no {key!r}: it has {', '.join(self.data)}")
        return self.data[key]

    def __repr__(self) -> str:
        return f"StoredRun({self.name!r}, {', '.join(self.data)})"


def names() -> list[str]:
    """Return the names of all stored runs."""
    return sorted(file.name[:-5] for file in files(__package__).iterdir() if _is_run(file.name))


def load(name: str) -> StoredRun:
    """Return a stored run.

    Parameters
    ----------
    name : str
        One of `names()`.

    Raises
    ------
    ValueError
        There is no such run.

    Notes
    -----
    ``python experiments/NAME.py`` computes it anew. The same object comes back every time: its
    arrays are read-only.
    """
    if name not in names():
        raise ValueError(f"name must be one of {', '.join(names())}, got {name!r}")
    return _load(name)


@cache
def _load(name: str) -> StoredRun:
    content = json.loads((files(__package__) / f"{name}.json").read_text(encoding="utf-8"))
    content["data"] = {key: _as_arrays(value) for key, value in content["data"].items()}
    return StoredRun(**content)


def _is_run(file: str) -> bool:
    return file.endswith(".json")


def _as_arrays(value: Any) -> Any:
    """Turn lists of numbers (null for a missing one) into arrays, at any depth of dicts."""
    if isinstance(value, dict):
        return {key: _as_arrays(part) for key, part in value.items()}
    if not isinstance(value, list):
        return value
    try:
        array = np.array(value, dtype=float)
    except (TypeError, ValueError):  # words, dicts, or rows of unequal length
        return [_as_arrays(part) for part in value]
    array.flags.writeable = False
    return array
