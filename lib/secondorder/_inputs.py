"""Input checks shared by the whole library: each names the argument, what it was and what to do."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Function = Callable[..., Any]
Vector = NDArray[np.floating]
Matrix = NDArray[np.floating]
_HOME = str(Path(__file__).parent)


def describe(value: Any) -> str:
    """Say in a few words what a value is: `float64 array of shape (3,)`, `str 'abc'`."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array of shape {value.shape}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 40 else text[:37] + '...'}"


def as_floats(name: str, value: ArrayLike) -> NDArray[np.floating]:
    """Return `value` as a finite real float array, or raise an error that names it.

    Python numbers become float64; float32 arrays stay float32; integer arrays are refused,
    because they would cut every later step down to whole numbers.
    """
    if type(value).__name__ == "ArrayBox":
        raise TypeError(
            f"{name} is being traced: the derivatives of this library return plain numbers and do "
            "not nest. Use hessian, hvp or derivative(order=2)"
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must be an array of floats, got {describe(value)}") from error
    if array.dtype.kind in "iu" and isinstance(value, (int, np.integer)):
        array = array.astype(float)
    if array.dtype.kind in "iub":
        advice = f"write 1.0 for 1, or {name}.astype(float)"
        raise TypeError(f"{name} must hold floats, got {describe(array)}: {advice}")
    if array.dtype.kind != "f":
        got = describe(array if array.ndim else value)
        raise TypeError(f"{name} must hold real floats, got {got}")
    if not np.all(np.isfinite(array)):
        where = first_index(~np.isfinite(array))
        raise ValueError(f"{name} must be finite, got {array[where]} at {place(name, where)}")
    return array


def as_vector(name: str, value: ArrayLike, size: int | None = None) -> Vector:
    """Return `value` as a flat, finite float array, of length `size` when it is given."""
    array = as_floats(name, value)
    if array.ndim != 1:
        advice = f"np.array([{name}])" if array.ndim == 0 else f"{name}.ravel()"
        raise ValueError(
            f"{name} must be one flat array of shape (n,), got {describe(array)}: use {advice}"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty: it needs at least one entry")
    if size is not None and array.size != size:
        raise ValueError(f"{name} must have shape ({size},), got {describe(array)}")
    return array


def as_step(h: float, name: str = "h", least: float = 0.0) -> float:
    """Return the step `h` as a positive, finite float, not below `least`."""
    step = as_floats(name, h)
    if step.ndim:
        raise ValueError(f"{name} must be one positive number, got {describe(step)}")
    if step <= 0 or step < least:
        at_least = f" of at least {least:g}" if least else ""
        raise ValueError(f"{name} must be a positive step{at_least}, got {float(step)}")
    return float(step)


def as_count(name: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int; refuse what is not a whole number from `least` on."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least:
        raise ValueError(f"{name} must be a whole number from {least} on, got {describe(value)}")
    return number


def as_rng(rng: np.random.Generator | None) -> np.random.Generator:
    """Return the generator, `default_rng(0)` for None; refuse a seed or NumPy's global state."""
    if rng is None:
        return np.random.default_rng(0)
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            f"rng must be a numpy Generator, got {describe(rng)}: use np.random.default_rng(seed)"
        )
    return rng


def need_callable(name: str, f: Any) -> None:
    """Raise unless `f` can be called: passing `f(x)` instead of `f` is the usual slip."""
    if not callable(f):
        raise TypeError(f"{name} must be a function, got {describe(f)}: pass f itself, not f(x)")


def first_index(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first True entry of `mask` (an empty tuple for a scalar)."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def place(name: str, where: tuple[int, ...]) -> str:
    """Write an index as a reader would: `x[1]`, `x[0, 2]`, or `x` for a scalar."""
    return f"{name}{list(where) if where else ''}"


def evaluate(f: Function, x: NDArray[np.floating], name: str = "f") -> NDArray[np.floating]:
    """Call `f` on a copy of `x` and return a real array; refuse an `f` that changes its input."""
    need_callable(name, f)
    given = x.copy()
    value = f(given[()] if given.ndim == 0 else given)
    if not np.array_equal(given, x):
        raise ValueError(f"{name} changed its argument in place: work on a copy inside {name}")
    if value is None:
        raise TypeError(f"{name}(x) is None: is there a return in {name}?")
    try:
        out = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name}(x) must be an array of numbers, got {describe(value)}") from error
    if out.dtype.kind == "c":
        raise TypeError(
            f"{name} must return real numbers, got {describe(value)}: return np.real(...) of it"
        )
    if out.dtype.kind not in "fiub":
        got = describe(out if out.ndim else value)
        raise TypeError(f"{name}(x) must be a number or an array of numbers, got {got}")
    return out if out.dtype.kind == "f" else out.astype(float)


def need_scalar(value: Any, name: str = "f") -> None:
    """Raise unless `value`, an output of `name`, is a single number (shape `()`)."""
    shape = np.shape(value)
    if shape != ():
        advice = f"return {name}(x)[0]" if np.size(value) == 1 else f"use jacobian({name}, x)"
        raise ValueError(f"{name} must return one number, got an array of shape {shape}: {advice}")


def need_finite(value: NDArray[np.floating], name: str = "f", at: str = "at this x") -> None:
    """Raise when an output of `name` holds nan or inf."""
    if not np.all(np.isfinite(value)):
        where = first_index(~np.isfinite(value))
        raise ValueError(f"{place(f'{name}(x)', where)} is {value[where]} {at}")


def need_memory(entries: float, dtype: Any, what: str, instead: str) -> None:
    """Raise MemoryError where so many entries cannot fit into the memory that is free."""
    need = entries * np.dtype(dtype).itemsize
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on this system: let numpy try
        free = sys.maxsize
    if need > free:
        raise MemoryError(
            f"{what} needs {_in_units(need)}, and {_in_units(free)} are free: use {instead}, which "
            "multiplies without building it"
        )


def _in_units(size: float) -> str:
    power = min(int(np.log10(max(size, 1.0)) // 3), 4)
    return f"{size / 1000**power:.3g} {('bytes', 'kB', 'MB', 'GB', 'TB')[power]}"


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line that called into the library from outside, however deep we are in it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HOME):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
