"""The Hessian as an operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import Vector, need_finite, need_scalar
from .._linear import Bend, BlockMap
from ..derivatives import examine
from ..objectives import Objective
from ._operator import CurvatureOperator, Map, on


def hessian_operator(
    objective: Objective | Callable[..., Any],
    x: ArrayLike,
    *,
    batches: Sequence[Any] | None = None,
    map: Map = map,
) -> CurvatureOperator:
    """Return the Hessian H of a scalar function at x as a SciPy LinearOperator.

    Parameters
    ----------
    objective : Objective or callable
        f(x), or f(x, batch) as the mean over the rows of a batch.
    x : array of shape (n,)
    batches : sequence, optional
        The data in pieces: H is then the mean over all rows, each batch weighted by its number of
        rows. Left out: all data at once.
    map : callable
        Any ordered map: the builtin one, `executor.map` of `concurrent.futures`, that of a Dask
        client's executor. Used with batches only.

    Returns
    -------
    CurvatureOperator of shape (n, n), dtype of x

    Raises
    ------
    TypeError, ValueError
        As `gradient`; also when batches are empty or have no rows.
    RuntimeError
        While multiplying: `map` failed, with the batch that it failed on.

    Notes
    -----
    H v = d/dt ∇f(x + t v) at t = 0. The gradient is recorded once at x and replayed for every
    product; a block of k vectors goes through in one pass.
    Cost: 1 gradient to make; about 1 gradient a product.
    Source: Pearlmutter, *Fast Exact Multiplication by the Hessian*, Neural Computation 6 (1994).

    Examples
    --------
    >>> import autograd.numpy as np
    >>> H = hessian_operator(lambda x: x[0] ** 2 * x[1], [1.0, 2.0])
    >>> H @ np.array([1.0, 0.0])
    array([4., 2.])
    """
    return CurvatureOperator(_products, objective, x, batches, map)


def _products(objective: Any, x: Vector, batch: Any) -> BlockMap:
    with np.errstate(all="ignore"):  # what is not finite is refused below
        bend = Bend(on(objective, batch), x)
    need_scalar(bend.value)
    need_finite(np.asarray(bend.value))
    need_finite(bend.gradient, "the gradient of f", "at this x")
    examine(bend.steps, order=2)
    return bend.products
