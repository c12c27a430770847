"""Large arrays, used again instead of given back.

For arrays above some 100 kB the system hands out fresh pages each time, and touching those first
costs more than the arithmetic on them. So `new` keeps the arrays it made, per thread, and hands one
out again once nobody else refers to it: neither a variable nor a view.
"""

from __future__ import annotations

import threading
from math import prod
from sys import getrefcount
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL = 2**16  # bytes: below, numpy's own allocation is as fast
LIMIT = 2**28  # bytes that a thread keeps at most


class _Kept(threading.local):
    def __init__(self) -> None:
        self.arrays: dict[tuple[tuple[int, ...], Any], list[NDArray[Any]]] = {}
        self.size = 0


_kept = _Kept()


def new(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an array with arbitrary contents, as `numpy.empty` does."""
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    same = _kept.arrays.setdefault((shape, dtype), [])
    for i in range(len(same)):
        if getrefcount(same[i]) == 2:  # the list, and the argument of getrefcount
            return same[i]
    array = np.empty(shape, dtype)
    if _kept.size + size > LIMIT:
        _kept.arrays.clear()
        _kept.size = 0
        same = _kept.arrays.setdefault((shape, dtype), [])
    if size <= LIMIT:
        same.append(array)
        _kept.size += size
    return array


def zeros(shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return an array of zeros."""
    array = new(shape, dtype)
    array[...] = 0
    return array
