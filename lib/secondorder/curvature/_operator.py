"""What all curvature operators share: blocks of vectors, batches of data, and any ordered map.

A matrix over data is a weighted sum over batches, A = Σ_b (rows of b / all rows) A_b. Each term is
a `Part`: a picklable object that knows how to make the products of its batch. A worker that
receives one makes them once and keeps them, so every product after the first only replays. From
then on the key of the part is all that travels; a worker that does not hold it asks for the rest.
"""

from __future__ import annotations

import builtins
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator

from .._inputs import Vector, as_vector, describe, need_callable
from ..objectives import Objective, VectorMap

Block = NDArray[np.floating]
Products = Callable[[Block], Block]
Map = Callable[..., Iterable[Any]]
KEPT = 256  # recorded batches that a process keeps for the operators it serves


class NotHere(LookupError):
    """This process does not hold the part whose key it got."""


_kept: OrderedDict[str, Any] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class Part:
    """One batch of an operator, as it travels to a worker.

    `make(objective, x, batch, **options)` returns what is recorded once: the products, or an object
    with several kinds of them.
    """

    key: str
    make: Callable[..., Any] | None
    objective: Any
    x: Vector | None
    batch: Any
    weight: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)

    def recorded(self) -> Any:
        """Return what `make` made in this process, or have it made now."""
        with _lock:
            if self.key in _kept:
                _kept.move_to_end(self.key)
                return _kept[self.key]
        if self.make is None:
            raise NotHere(self.key)
        made = self.make(self.objective, self.x, self.batch, **self.options)
        with _lock:
            _kept[self.key] = made
            while len(_kept) > KEPT:
                _kept.popitem(last=False)
        return made

    def light(self) -> Part:
        """Return the part without what is heavy, for a process that holds it already."""
        return replace(self, make=None, objective=None, x=None, batch=None, options={})


def multiply(V: Block, part: Part) -> Block:
    """Return a batch's share of the products with the rows of V: the task that `map` carries out.

    Raises
    ------
    ValueError
        A product that is not finite.
    """
    out = np.asarray(part.recorded()(V), V.dtype)  # constants in f may have made it float64
    if not np.all(np.isfinite(out)):
        raise ValueError(
            "a product with this matrix is nan or inf: a derivative rule breaks down at this x"
        )
    return out if part.weight == 1.0 else out * np.asarray(part.weight, out.dtype)


class CurvatureOperator(LinearOperator):
    """A symmetric n × n matrix at one point x, known by its products with vectors and blocks.

    `A @ v`, `A @ V` with V of shape (n, k), `A.T`, and everything in SciPy that takes a
    `LinearOperator`. A block goes through in one pass. dtype is that of x.

    Raises
    ------
    TypeError, ValueError
        x is not a flat, finite float array; batches are empty or have no rows.
    RuntimeError
        While multiplying: `map` failed, with the batch that it failed on.

    Examples
    --------
    >>> from secondorder import objectives
    >>> from secondorder.curvature import hessian_operator
    >>> H = hessian_operator(objectives.quadratic([1.0, 4.0]), [0.0, 0.0])
    >>> H @ np.eye(2)
    array([[1., 0.],
           [0., 4.]])
    """

    def __init__(
        self,
        make: Callable[..., Any],
        objective: Any,
        x: ArrayLike,
        batches: Sequence[Any] | None,
        map: Map,
        *,
        ridge: float = 0.0,
        options: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        point = as_vector("x", x, getattr(objective, "dim", None))
        super().__init__(point.dtype, (point.size, point.size))
        self.x, self._ridge = point, ridge
        self.parts = make_parts(make, objective, point, batches, options)
        self._map = as_map(map)
        weakref.finalize(self, _forget, [part.key for part in self.parts])
        if batches is None:
            self.parts[0].recorded()  # a fault shows here, not at the first product

    def _matmat(self, V: Block) -> Block:
        rows = np.ascontiguousarray(np.asarray(V, self.dtype).T)
        out = sum_over(self.parts, self._map, partial(multiply, rows))
        return (out + self._ridge * rows).T if self._ridge else out.T

    def _matvec(self, v: Block) -> Block:
        return self._matmat(np.reshape(v, (-1, 1)))[:, 0]

    def _adjoint(self) -> CurvatureOperator:
        return self

    def _transpose(self) -> CurvatureOperator:
        return self


def sum_over(parts: Sequence[Part], map: Map, task: Callable[[Part], Any]) -> Any:
    """Return the sum of task(part) over all parts, through `map`; name the batch that fails."""
    total: Any = None
    for share in mapped(parts, map, task):
        total = share if total is None else total + share
    return total


def mapped(parts: Sequence[Part], map: Map, task: Callable[[Part], Any]) -> Iterator[Any]:
    """Yield task(part) for every part, in order, through `map`; name the batch that fails.

    Where `map` may lead to other processes, the parts go light first, and whole where a process did
    not hold them.

    Raises
    ------
    RuntimeError
        `map` failed on a batch, or returned too few results.
    """
    if len(parts) == 1:
        yield task(parts[0])
        return
    names = [
        f"batch {number} of {len(parts)} ({describe_batch(part.batch)})"
        for number, part in enumerate(parts)
    ]
    if map is builtins.map:
        yield from _named(names, map, task, parts)
        return
    found = list(_named(names, map, partial(_if_here, task), [part.light() for part in parts]))
    missing = [number for number, share in enumerate(found) if share is NotHere]
    rest = _named([names[i] for i in missing], map, task, [parts[i] for i in missing])
    for share in found:
        yield next(rest) if share is NotHere else share


def _if_here(task: Callable[[Part], Any], part: Part) -> Any:
    try:
        return task(part)
    except NotHere:
        return NotHere


def _named(
    names: Sequence[str], map: Map, task: Callable[[Part], Any], parts: Sequence[Part]
) -> Iterator[Any]:
    results = iter(map(task, parts))
    for name in names:
        try:
            yield next(results)
        except StopIteration:
            raise RuntimeError(
                f"map gave no result for {name}: it must return one a task"
            ) from None
        except Exception as error:
            raise RuntimeError(
                f"{name} failed in map, or its worker died: {type(error).__name__}: {error}"
            ) from error


def as_map(map: Any) -> Map:
    """Return `map` checked; an executor's own `map` method is what is wanted.

    Raises
    ------
    TypeError
        It cannot be called.
    """
    if hasattr(map, "map") and not isinstance(map, type):
        raise TypeError(f"map must be a function, got {describe(map)}: pass its map method")
    need_callable("map", map)
    return map


def make_parts(
    make: Callable[..., Any],
    objective: Any,
    x: Vector,
    batches: Iterable[Any] | None,
    options: Sequence[dict[str, Any]] | None = None,
) -> list[Part]:
    """Return a Part for every batch, weighted by its rows; one for all data without batches.

    Raises
    ------
    TypeError, ValueError
        The objective cannot be called; batches are not a sequence of batches with rows.
    """
    need_callable("objective", objective)
    key, numbers = uuid4().hex, count()
    common = (make, objective, x)
    if batches is None:
        return [Part(key, *common, None, 1.0, (options or [{}])[0])]
    if not isinstance(batches, Iterable):
        raise TypeError(f"batches must be a sequence of batches, got {describe(batches)}")
    found = list(batches)
    if not found:
        raise ValueError("batches is empty: pass at least one batch, or None for all data")
    sizes = [batch_rows(batch) for batch in found]
    settings = options or [{}] * len(found)
    return [
        Part(f"{key}-{next(numbers)}", *common, batch, size / sum(sizes), setting)
        for batch, size, setting in zip(found, sizes, settings, strict=True)
    ]


def batch_rows(batch: Any) -> int:
    """Return how many rows a batch has: the length of its first array, or its own.

    Raises
    ------
    TypeError, ValueError
        It has no length, or no rows.

    Examples
    --------
    >>> batch_rows((np.zeros((8, 3)), np.zeros(8)))
    8
    """
    try:
        rows = len(batch[0]) if isinstance(batch, (tuple, list)) else len(batch)
    except TypeError as error:
        raise TypeError(
            f"batches must hold arrays, or tuples of arrays with a row each, got {describe(batch)}"
        ) from error
    if rows == 0:
        raise ValueError("batches holds a batch without rows: leave it out")
    return rows


def describe_batch(batch: Any) -> str:
    """Say how large a batch is, for messages."""
    return "all data" if batch is None else f"{batch_rows(batch)} rows"


def on(function: Callable[..., Any], batch: Any) -> Callable[[Any], Any]:
    """Return x ↦ function(x, batch), or x ↦ function(x) without a batch."""
    return function if batch is None else (lambda x: function(x, batch))


def need(objective: Any, *parts: str, what: str) -> Objective:
    """Return the objective if it has all the parts that an operator needs.

    Raises
    ------
    TypeError
        It is no Objective, or lacks a part.
    """
    if not isinstance(objective, Objective):
        got = "a VectorMap" if isinstance(objective, VectorMap) else describe(objective)
        raise TypeError(f"objective must be an Objective for {what}, got {got}")
    for part in parts:
        if getattr(objective, part) is None:
            raise TypeError(
                f"{what} needs objective.{part}, which {objective.name!r} does not have"
            )
    return objective


def _forget(keys: list[str]) -> None:
    with _lock:
        for key in keys:
            _kept.pop(key, None)
