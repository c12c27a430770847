"""Derivatives as linear maps on blocks: J, Jᵀ and H, each recorded once and then only replayed.

Blocks are rows: `push(V)` takes (k, n) and returns (k, *shape of f(x)). Forward mode carries them
where every step has a forward rule that is known to be right, or agrees with reverse mode on one
direction. Otherwise reverse mode does, a row at a time: slower, never wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inputs import Function, Vector
from ._replay import NoForwardRule, Pushforward
from ._tape import BreakdownError, Tape, UntraceableError, gradient_map, record

Block = NDArray[np.floating]
BlockMap = Callable[[Block], Block]


class Linear:
    """The map v ↦ J v of f at x, and its transpose u ↦ Jᵀ u.

    Attributes
    ----------
    value : array
        f(x).
    tape : Tape
        The recorded evaluation. Cost: one evaluation of f, and as much for each of J and Jᵀ when
        they are first used.
    """

    def __init__(self, f: Function, x: Vector, name: str = "f") -> None:
        self._f, self._x, self._name = f, x, name
        self.tape = record(f, x, name)
        self.value = np.asarray(self.tape.value)

    def push(self, V: Block) -> Block:
        """Return J v for every row v of V."""
        return self._push(V)

    def pull(self, U: Block) -> Block:
        """Return Jᵀu for every u along the first axis of U."""
        return self._pull(U)

    @cached_property
    def _push(self) -> BlockMap:
        def by_rows() -> BlockMap:  # J itself, one reverse pass an output
            basis = np.eye(self.value.size, dtype=self._x.dtype)
            J = _rows(self.tape)(basis.reshape(-1, *self.value.shape))
            return lambda V: (V @ J.T).reshape(len(V), *self.value.shape)

        def agrees(forward: Pushforward) -> bool:
            u, v = _wave(self.value.shape, self._x.dtype), _wave(self._x.shape, self._x.dtype)
            Jv = forward.push(v[None])[0]
            try:
                back = np.asarray(self.tape.pullback(u[()]))
            except (TypeError, ValueError):  # there is no reverse pass to compare with
                return True
            return _close(np.sum(u * Jv), np.sum(back * v), [u * Jv, back * v])

        return _forward_or(lambda: Pushforward.of(self._f, self._x, self._name), agrees, by_rows)

    @cached_property
    def _pull(self) -> BlockMap:
        def agrees(forward: Pushforward) -> bool:
            u = _wave(self.value.shape, self._x.dtype)
            return _alike(forward.push(u[None])[0], np.asarray(self.tape.pullback(u[()])))

        return _forward_or(
            lambda: Pushforward.of(self.tape.pullback, _zeros_like(self.tape.value)),
            agrees,
            lambda: _rows(self.tape),
        )


class Bend:
    """The map v ↦ H v of a scalar f at x.

    Attributes
    ----------
    value : float
        f(x).
    gradient : array of shape (n,)
    steps : tuple
        The steps of f, for `derivatives` to look at. Cost: one gradient.
    """

    def __init__(self, f: Function, x: Vector, name: str = "f") -> None:
        try:
            forward = Pushforward.of_gradient(f, x, name)
            self.value, self.gradient = forward.trace.forward_value, forward.trace.value
            self.steps: Iterable[Any] = forward.trace.forward[1:]
        except NoForwardRule:
            tape = record(f, x, name)
            self.value, self.steps = tape.value, tuple(tape.steps)
            self.gradient = tape.pullback(np.ones_like(tape.value)[()])
            forward = None

        def make() -> Pushforward:
            if forward is None:
                raise NoForwardRule
            return forward

        def agrees(forward: Pushforward) -> bool:
            v = _wave(x.shape, x.dtype)
            return _alike(forward.push(v[None])[0], np.asarray(backwards()(v[None])[0]))

        def backwards() -> BlockMap:
            return _rows(record(gradient_map(f, name), x, name))

        self.products = _forward_or(make, agrees, backwards)


def _forward_or(
    make: Callable[[], Pushforward],
    agrees: Callable[[Pushforward], bool],
    backwards: Callable[[], BlockMap],
) -> BlockMap:
    """Return the forward block map, or the reverse one where forward mode cannot be relied on."""
    try:
        forward = make()
        usable = forward.trusted or agrees(forward)
    except (NotImplementedError, BreakdownError, UntraceableError):
        usable = False
    return forward.push if usable else backwards()


def _rows(tape: Tape) -> BlockMap:
    """Return U ↦ the pullback of every row of U, one reverse pass each."""
    return lambda U: np.stack([tape.pullback(u[()]) for u in U])


def _zeros_like(value: Any) -> Any:
    return np.zeros_like(value)[()]


def _wave(shape: tuple[int, ...], dtype: Any) -> NDArray[np.floating]:
    """A fixed direction without symmetries, to compare two ways to compute the same thing."""
    size = int(np.prod(shape))
    return np.reshape(np.cos(np.arange(1.0, size + 1)), shape).astype(dtype)


def _close(there: Any, here: Any, terms: list[Any]) -> bool:
    if any(np.iscomplexobj(term) for term in terms):  # a forward rule that forgot to be real
        return False
    size = float(sum(np.sum(np.abs(term)) for term in terms))
    tolerance = 10 * float(np.finfo(np.result_type(*terms)).eps) ** 0.5
    return bool(np.isfinite(size)) and abs(float(there - here)) <= tolerance * size


def _alike(a: NDArray[np.floating], b: NDArray[np.floating]) -> bool:
    if np.iscomplexobj(a):
        return False
    gap, size = np.max(np.abs(a - b), initial=0), np.max(np.abs(b), initial=0)
    return bool(gap <= 10 * float(np.finfo(a.dtype).eps) ** 0.5 * size) or gap == 0
