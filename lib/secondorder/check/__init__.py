"""Exercises checked by mathematical property: `check.D1_1(central_difference)`.

A check holds no answer. It runs the reader's function on fresh random points and tests what must be
true of any right answer. It replies in words: right, or what is wrong. `check.D1_1.hint()` gives
one more hint each time. Importing this package registers every exercise in `EXERCISES`.
"""

from __future__ import annotations

from typing import Any

from . import (  # they register themselves
    autodiff,
    curvature,
    derivative,
    edge,
    gradient,
    jacobian,
    momentum,
    newton,
    one_long_vector,
    optimizers,
    products,
    saddles,
    scale,
    spectra,
    step_size,
)
from ._exercise import EXERCISES, Exercise, Verdict

__all__ = ["EXERCISES", "Exercise", "Verdict"]

globals().update({name.replace(".", "_"): exercise for name, exercise in EXERCISES.items()})


def __getattr__(name: str) -> Any:
    known = ", ".join(sorted(id.replace(".", "_") for id in EXERCISES))
    raise AttributeError(f"there is no exercise {name!r}: the exercises are {known}")
