"""The Jacobian as an operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse.linalg import LinearOperator

from .._inputs import Vector, as_vector, describe, need_finite
from .._linear import Linear
from ..derivatives import examine
from ..objectives import VectorMap
from ._operator import Block, Map, Part, as_map, make_parts, mapped, on, sum_over


class JacobianOperator(LinearOperator):
    """The m × n Jacobian J of a map at one point: `J @ v` goes forward, `J.T @ u` backward.

    Raises
    ------
    TypeError, ValueError
        As `jacobian_operator`.
    RuntimeError
        While multiplying: `map` failed, with the batch that it failed on.

    Examples
    --------
    >>> J = jacobian_operator(lambda x: x**2, [1.0, 3.0])
    >>> J.T @ np.array([1.0, 1.0])
    array([2., 6.])
    """

    def __init__(self, f: Any, x: ArrayLike, batches: Sequence[Any] | None, map: Map) -> None:
        self.x = as_vector("x", x, getattr(f, "inputs", None))
        self.parts = make_parts(_linear, f, self.x, batches)
        self._map = as_map(map)
        sizes = list(mapped(self.parts, self._map, _outputs))
        self._cuts = np.cumsum(sizes)[:-1]
        super().__init__(self.x.dtype, (sum(sizes), self.x.size))

    def _matmat(self, V: Block) -> Block:
        rows = np.ascontiguousarray(np.asarray(V, self.dtype).T)
        out = list(mapped(self.parts, self._map, partial(_push, rows)))
        return np.concatenate(out, axis=1).T

    def _matvec(self, v: Block) -> Block:
        return self._matmat(np.reshape(v, (-1, 1)))[:, 0]

    def _rmatmat(self, U: Block) -> Block:
        rows = np.split(np.ascontiguousarray(np.asarray(U, self.dtype).T), self._cuts, axis=1)
        blocks = {part.key: block for part, block in zip(self.parts, rows, strict=True)}
        return sum_over(self.parts, self._map, partial(_pull, blocks)).T

    def _rmatvec(self, u: Block) -> Block:
        return self._rmatmat(np.reshape(u, (-1, 1)))[:, 0]


def jacobian_operator(
    f: VectorMap | Callable[..., Any],
    x: ArrayLike,
    *,
    batches: Sequence[Any] | None = None,
    map: Map = map,
) -> JacobianOperator:
    """Return the Jacobian J of f at x as a SciPy LinearOperator of shape (m, n).

    Parameters
    ----------
    f : callable
        f(x), or f(x, batch): any array; J takes its entries in row-major order. For a network that
        is `objective.model`, for least squares `objective.residuals`.
    x : array of shape (n,)
    batches : sequence, optional
        The data in pieces: the outputs of all batches stand below one another.
    map : callable
        As `hessian_operator`.

    Raises
    ------
    TypeError, ValueError
        As `jacobian`; also when batches are empty or have no rows.
    RuntimeError
        `map` failed, with the batch that it failed on.

    Notes
    -----
    Jᵢⱼ = ∂fᵢ/∂xⱼ. Cost: 1 evaluation to make; about 2 evaluations of f for J v, and for Jᵀu.
    Source: Griewank & Walther, *Evaluating Derivatives* (2008), chapter 3.

    Examples
    --------
    >>> import autograd.numpy as np
    >>> J = jacobian_operator(lambda x: np.array([x[0] * x[1], x[0] - x[1], x[0]]), [2.0, 5.0])
    >>> J.shape, J @ np.array([1.0, 0.0])
    ((3, 2), array([5., 1., 1.]))
    """
    return JacobianOperator(f, x, batches, map)


def _linear(f: Any, x: Vector, batch: Any) -> Linear:
    with np.errstate(all="ignore"):  # what is not finite is refused below
        linear = Linear(on(f, batch), x)
    if linear.value.dtype.kind != "f":
        raise TypeError(f"f(x) must be floats, got {describe(linear.value)}")
    need_finite(linear.value)
    examine(linear.tape.steps)
    return linear


def _outputs(part: Part) -> int:
    return int(part.recorded().value.size)


def _push(V: Block, part: Part) -> Block:
    return np.asarray(part.recorded().push(V), V.dtype).reshape(len(V), -1)


def _pull(blocks: dict[str, Block], part: Part) -> Block:
    linear, U = part.recorded(), blocks[part.key]
    return np.asarray(linear.pull(U.reshape(len(U), *linear.value.shape)), U.dtype)
