"""Input checks shared by the whole library: each names the argument, what it was and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Function = Callable[..., Any]
Vector = NDArray[np.floating]
Matrix = NDArray[np.floating]


def describe(value: Any) -> str:
    """Say in a few words what a value is: `float64 array of shape (3,)`, `str 'abc'`."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"


def as_floats(name: str, value: ArrayLike) -> NDArray[np.floating]:
    """Return `value` as a finite real float array, or raise an error that names it.

    Python numbers become float64; float32 arrays stay float32; integer arrays are refused,
    because they would cut every later step down to whole numbers.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of floats, got {describe(value)}") from error
    if array.dtype.kind in "iu" and isinstance(value, (int, np.integer)):
        array = array.astype(float)
    if array.dtype.kind in "iub":
        raise TypeError(
            f"{name} must hold floats, got {describe(array)}: write 1.0 for 1, or {name}.astype(float)"
        )
    if array.dtype.kind != "f":
        raise TypeError(f"{name} must hold real floats, got {describe(array)}")
    if not np.all(np.isfinite(array)):
        where = first_index(~np.isfinite(array))
        raise ValueError(f"{name} must be finite, got {array[where]} at {name}{list(where) or ''}")
    return array


def as_vector(name: str, value: ArrayLike, size: int | None = None) -> Vector:
    """Return `value` as a flat, finite float array, of length `size` when it is given."""
    array = as_floats(name, value)
    if array.ndim != 1:
        advice = "np.array([x])" if array.ndim == 0 else f"{name}.ravel()"
        raise ValueError(
            f"{name} must be one flat array of shape (n,), got {describe(array)}: use {advice}"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty: it needs at least one entry")
    if size is not None and array.size != size:
        raise ValueError(f"{name} must have shape ({size},), got {describe(array)}")
    return array


def as_step(h: float, name: str = "h") -> float:
    """Return the step `h` as a positive, finite float."""
    step = float(as_floats(name, h))
    if step <= 0:
        raise ValueError(f"{name} must be a positive step, got {step}")
    return step


def need_callable(name: str, f: Any) -> None:
    """Raise unless `f` can be called: passing `f(x)` instead of `f` is the usual slip."""
    if not callable(f):
        raise TypeError(f"{name} must be a function, got {describe(f)}: pass f itself, not f(x)")


def first_index(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first True entry of `mask` (an empty tuple for a scalar)."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def evaluate(f: Function, x: NDArray[np.floating], name: str = "f") -> NDArray[Any]:
    """Call `f` on a copy of `x` and return a numeric array; refuse an `f` that changes its input."""
    need_callable(name, f)
    given = x.copy()
    out = np.asarray(f(given[()] if given.ndim == 0 else given))
    if not np.array_equal(given, x):
        raise ValueError(f"{name} changed its argument in place: work on a copy inside {name}")
    if out.dtype.kind not in "fciub":
        raise TypeError(f"{name}(x) must be a number or an array of numbers, got {describe(out)}")
    return out if out.dtype.kind in "fc" else out.astype(float)


def need_scalar(value: Any, name: str = "f") -> None:
    """Raise unless `value`, an output of `name`, is a single number (shape `()`)."""
    shape = np.shape(value)
    if shape != ():
        advice = f"return {name}(x)[0]" if np.size(value) == 1 else f"use jacobian({name}, x)"
        raise ValueError(
            f"{name} must return one number, got an array of shape {shape}: {advice}"
        )
