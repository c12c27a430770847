"""Where autograd's rules give a wrong number or a mere convention: two tables, read by the tape.

Every row was found by comparing autograd 1.9 with differences (tests/lib/test_silent_wrong.py).
A *fault* is a call whose rule is wrong: it becomes an error. A *kink* is a point where the
derivative may not exist, and what autograd returns is a convention: it becomes a warning.

A step of the tape has the attributes `fun` (`fun.fun` is numpy's own function), `args`, `kwargs`,
`traced` (the positions of the arguments that depend on the input) and `value`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Step = Any
_TIE = 1e-12  # eigenvalues and singular values closer than this, relative to the largest, are equal


def _option(step: Step, position: int, name: str, default: Any = None) -> Any:
    return step.args[position] if len(step.args) > position else step.kwargs.get(name, default)


def _is_float(value: Any) -> bool:
    return getattr(value, "dtype", np.dtype(float)).kind in "fc"


# ── faults ────────────────────────────────────────────────────────────────────────────────────────
# Each returns what is wrong and what to write instead, or None.


def _reduction(step: Step) -> str | None:
    known = {"axis", "keepdims", "ddof", "dtype"}
    if step.fun.fun in (np.sum, np.prod):
        known = known | {"initial"}
    for key, value in step.kwargs.items():
        if key not in known and value is not None:
            return f"its rule ignores {key}=: select or shift the entries before"
    return None


def _repeat(step: Step) -> str | None:
    axis = _option(step, 2, "axis")
    return "its rule is wrong for a negative axis: count it from 0" if (axis or 0) < 0 else None


def _tile(step: Step) -> str | None:
    if len(np.atleast_1d(_option(step, 1, "reps"))) < np.ndim(step.args[0]):
        return "its rule needs one number a dimension in reps, such as (1, 2) for 2"
    return None


def _transpose(step: Step) -> str | None:
    axes = _option(step, 1, "axes")
    if axes is not None and min(axes, default=0) < 0:
        return "its rule is wrong for negative axes: count them from 0"
    return None


def _order(step: Step, position: int) -> str | None:
    if _option(step, position, "order") == "A":
        return 'its rule is wrong for order="A": say "C" or "F"'
    return None


def _norm(step: Step) -> str | None:
    axis = _option(step, 2, "axis")
    if np.ndim(_option(step, 1, "ord")) == 0 and _option(step, 1, "ord") in (np.inf, -np.inf):
        return "it has no rule for the largest entry: write np.max(np.abs(x))"
    if isinstance(axis, tuple) and min(axis) < 0:
        return "its rule is wrong for negative axes: count them from 0"
    if axis is not None and _option(step, 3, "keepdims"):
        return "its rule is wrong for keepdims with an axis: reshape afterwards"
    return None


def _full(step: Step) -> str | None:
    if 1 in step.traced and np.ndim(step.args[1]) > 0:
        return "its rule sums over an array fill_value: multiply it by np.ones(shape)"
    return None


def _real_fourier(step: Step) -> str | None:
    if _option(step, 3, "norm") == "forward":
        return 'its rule is wrong for norm="forward": divide by n yourself'
    n = step.kwargs.get("n")
    if step.fun.fun is np.fft.rfft and n not in (None, np.shape(step.args[0])[-1]):
        return "its rule ignores n=: pass n by position, rfft(x, n)"
    return None


def _solve(step: Step) -> str | None:
    a, b = step.args[:2]
    vector = np.ndim(b) == 1 and np.ndim(a) == 2
    if not vector and np.shape(a)[:-2] != np.shape(b)[:-2]:
        return "its rule is wrong when a is broadcast against b: give both the same leading axes"
    return None


def _covariance(step: Step, position: int) -> str | None:
    A = np.asarray(_option(step, position, "cov"))
    if A.ndim < 2 or np.allclose(A, np.swapaxes(A, -1, -2), rtol=1e-9, atol=0):
        return None
    return "its rule takes cov to be symmetric, and this one is not: pass (A + A.T) / 2"


def _triangular(step: Step) -> str | None:
    if _option(step, 4, "unit_diagonal"):
        return "its rule ignores unit_diagonal: put the ones on the diagonal yourself"
    return None


def _sinc(step: Step) -> str | None:
    x = np.abs(step.args[0])
    if np.any((x > 0) & (x < 1e-4)):
        return "its rule loses its digits this close to 0: use 1 − (πx)²/6 there"
    return None


_FAULTS: dict[Any, Callable[[Step], str | None]] = {
    np.repeat: _repeat,
    np.tile: _tile,
    np.transpose: _transpose,
    np.ravel: lambda step: _order(step, 1),
    np.reshape: lambda step: _order(step, 2),
    np.full: _full,
    np.sinc: _sinc,
    np.linalg.norm: _norm,
    np.linalg.solve: _solve,
    **{getattr(np, name): _reduction for name in "sum prod mean var std max min amax amin".split()},
    **{
        getattr(np.fft, f"{kind}fft{end}"): _real_fourier
        for kind in ("r", "ir")
        for end in ("", "2", "n")
    },
}

# functions of autograd.scipy, which is not imported here: known by their qualified names
_SCIPY_FAULTS: dict[str, Callable[[Step], str | None]] = {
    "solve_triangular": _triangular,
    "multivariate_normal_gen.logpdf": lambda step: _covariance(step, 2),
    "multivariate_normal_gen.pdf": lambda step: _covariance(step, 2),
    "multivariate_normal_gen.entropy": lambda step: _covariance(step, 1),
}


def fault(step: Step, order: int = 1) -> str | None:
    """Say why the derivative of this step would be silently wrong, or return None.

    `order` is 2 when second derivatives are asked for.
    """
    value = step.value
    if getattr(value, "dtype", np.dtype(float)).kind == "O":
        return "it holds an array of objects: make arrays with np.array of autograd.numpy"
    if not _is_float(value):
        return "it cuts to whole numbers, and its rule passes the slope on: leave the dtype alone"
    takes = step.fun.__name__ == "container_take"
    if order > 1 and takes and "EighResult" in type(step.args[0]).__name__ and step.args[1] == 1:
        return "eigenvectors have no second derivative here: autograd drops a term of it"
    rule = _FAULTS.get(step.fun.fun) or _SCIPY_FAULTS.get(getattr(step.fun.fun, "__qualname__", ""))
    return rule(step) if rule else None


# ── kinks ─────────────────────────────────────────────────────────────────────────────────────────
# Each returns in how many places the step sits on a tie, a jump or a branch cut.


def _ties(step: Step) -> int:
    x, axis = np.asarray(step.args[0]), _option(step, 1, "axis")
    best = step.fun.fun(x, axis=axis, keepdims=True)
    return int(np.sum(np.sum(x == best, axis=axis) > 1))


def _clip_ends(step: Step) -> int:
    ends = (_option(step, 1, "a_min"), _option(step, 2, "a_max"))
    return int(sum(np.sum(step.args[0] == end) for end in ends if end is not None))


def _equal(step: Step) -> int:
    return int(np.sum(step.args[0] == step.args[1]))


def _zeros(step: Step) -> int:
    return int(np.sum(step.args[0] == 0))


def _jumps(step: Step) -> int:
    return int(np.sum(step.value == 0))


def _zero_bases(step: Step) -> int:
    return int(np.sum(np.asarray(step.args[0]) == 0)) if 1 in step.traced else 0


def _repeated(step: Step) -> int:
    return int(np.sum(np.diff(np.sort(np.ravel(step.args[0]))) == 0))


def _below_zero(y: Any, x: Any) -> int:
    return int(np.sum((np.asarray(y) == 0) & (np.asarray(x) < 0)))


def _branch(step: Step) -> int:
    z = step.args[0]
    return _below_zero(np.imag(z), np.real(z)) if np.iscomplexobj(z) else 0


def _close(values: Any) -> int:
    """Count neighbours of a spectrum that are equal up to rounding."""
    values = np.atleast_1d(values)
    if np.iscomplexobj(values):
        gaps = np.abs(values[..., :, None] - values[..., None, :])
        return int(np.sum(gaps <= _TIE * np.max(np.abs(values), initial=0)) - values.size) // 2
    ordered = np.sort(values, axis=-1)
    return int(np.sum(np.diff(ordered) <= _TIE * np.max(np.abs(values), initial=0)))


def _singular(step: Step) -> int:
    s = step.value[1] if isinstance(step.value, tuple) else step.value
    return _close(s) + int(np.sum(s <= _TIE * np.max(s, initial=0)))


def _lost_rank(step: Step) -> int:
    s = np.linalg.svd(step.args[0], compute_uv=False)
    return int(np.sum(s <= _TIE * np.max(s, initial=0)))


def _nuclear(step: Step) -> int:
    return _lost_rank(step) if _option(step, 1, "ord") == "nuc" else 0


_KINKS: dict[Any, Callable[[Step], int]] = {
    np.absolute: _zeros,
    np.fabs: _zeros,
    np.clip: _clip_ends,
    np.power: _zero_bases,
    np.arctan2: lambda step: _below_zero(*step.args[:2]),
    np.angle: _branch,
    np.log: _branch,
    np.sqrt: _branch,
    np.sort: _repeated,
    np.partition: _repeated,
    np.nan_to_num: lambda step: int(np.sum(~np.isfinite(step.args[0]))),
    np.linalg.eigh: lambda step: _close(step.value[0]),
    np.linalg.eig: lambda step: _close(step.value[0]),
    np.linalg.svd: _singular,
    np.linalg.pinv: _lost_rank,
    np.linalg.norm: _nuclear,
    **{getattr(np, name): _equal for name in ("maximum", "minimum", "fmax", "fmin")},
    **{getattr(np, name): _ties for name in ("max", "min", "amax", "amin")},
    **{getattr(np, name): _jumps for name in ("mod", "remainder")},
}


def kinks(step: Step) -> int:
    """Count the places where this step sits on a kink, a jump or a branch cut."""
    rule = _KINKS.get(step.fun.fun)
    return rule(step) if rule else 0
