"""Arrays that are used again: only when nobody else can see them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from secondorder import _memory
from secondorder._memory import LIMIT, SMALL, new, zeros

LARGE = (SMALL // 8, 2)


def test_an_array_comes_back_when_nobody_refers_to_it():
    first = new(LARGE, float)
    address = first.ctypes.data
    del first
    assert new(LARGE, float).ctypes.data == address


@pytest.mark.parametrize("hold", [lambda a: a, lambda a: a[1:], lambda a: a.T, lambda a: [a]])
def test_an_array_in_use_is_left_alone(hold):
    first = new(LARGE, float)
    first[...] = 7.0
    held = hold(first)
    del first
    new(LARGE, float)[...] = 0.0
    assert np.all(np.asarray(held) == 7.0)


def test_shape_and_dtype_are_what_was_asked_for():
    for shape in (LARGE, LARGE[::-1], (3,), ()):
        for dtype in (np.float32, np.float64):
            array = new(shape, dtype)
            assert array.shape == shape and array.dtype == dtype
            assert np.all(zeros(shape, dtype) == 0)


def test_threads_have_arrays_of_their_own():
    def work(value: int) -> bool:
        array = new(LARGE, float)
        array[...] = value
        return bool(np.all(array == value))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(200)))


def test_only_so_much_is_kept(monkeypatch):
    monkeypatch.setattr(_memory, "LIMIT", 20 * SMALL)
    held = [new((SMALL // 8 + i,), float) for i in range(60)]
    assert len({array.ctypes.data for array in held}) == 60
    assert _memory._kept.size <= 20 * SMALL
    assert LIMIT > SMALL
    assert new((30 * SMALL,), np.uint8).size == 30 * SMALL
