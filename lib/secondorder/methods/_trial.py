"""Trial points: whether f falls there as a model promised, and what to do where it does not."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._inputs import Vector
from ._core import Oracle, Point, Step
from ._spectrum import Spectrum


def agreement(oracle: Oracle, at: Point, x: Vector, decrease: float) -> float:
    """Return ρ at x; −∞ where f or its gradient is not finite. Cost: 1 gradient."""
    value, g = oracle.value_and_gradient(x)
    return ratio(at, value, decrease) if np.all(np.isfinite(g)) else -np.inf


def ratio(at: Point, value: float, decrease: float) -> float:
    """Return ρ: how far f falls from `at` to `value`, over the `decrease` that a model promised.

    Both get 10 ε ``|f|`` more, so that ρ is near 1 where both are below the rounding error of f
    (Conn, Gould & Toint, *Trust-Region Methods*, 2000, section 17.4, with max(1, ``|f|``)).
    """
    slack = 10 * float(np.finfo(at.x.dtype).eps) * abs(at.value) + float(np.finfo(float).tiny)
    return (at.value - value + slack) / (decrease + slack) if np.isfinite(value) else -np.inf


def short(at: Point, p: Vector) -> bool:
    """Say whether p is so short that x + p is x."""
    return np.array_equal(at.x + p, at.x)


def resting(at: Point, p: Vector, memory: Any, H: Any = None) -> Step:
    """Return the step that stays at x where p is too short, and why."""
    if p.any():
        return Step(at.x, memory, "step below rounding")
    return H.stay(at, memory) if isinstance(H, Spectrum) else Step(at.x, memory, "stationary")


def rejected(at: Point, memory: Any, note: str = "", down: Vector | None = None) -> Step:
    """Return the step that stays at x because f did not fall enough."""
    return Step(at.x, memory, f"step rejected, {note}" if note else "step rejected", down)
