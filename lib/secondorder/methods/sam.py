"""SAM: step by the gradient of a nearby point uphill, so that sharp minima do not hold."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._inputs import describe
from ._core import Method, Oracle, Point, Step
from ._settings import need_positive
from .gradient_descent import gradient_descent


def sam(
    radius: float = 0.05, base: Method | None = None, *, batch_size: int | None = None
) -> Method:
    r"""Return sharpness-aware minimization on top of another method.

    .. math:: e_k = \rho \frac{g_k}{\|g_k\|}, \qquad
              \text{then a step of the base method by } \nabla f(x_k + e_k)

    Parameters
    ----------
    radius : float
        ρ.
    base : Method, optional
        What steps by the gradient it is given: `gradient_descent(0.1)` when left out; `sgd`,
        `heavy_ball`, `adam` and their kind. A method with a line search looks at f itself, and
        does not belong here.
    batch_size : int, optional
        Rows of the mini-batch of each step, the same for both gradients. Left out: as in the base.

    Raises
    ------
    TypeError, ValueError
        A setting out of its range, or a base that is no Method.

    Notes
    -----
    It goes down the highest of the values in a ball, to first order. Where g = 0, e = 0 too.
    Records show f and g at x itself.
    Cost: 2 gradients a step. Memory: that of the base.
    Source: Foret, Kleiner, Mobahi & Neyshabur, *Sharpness-Aware Minimization for Efficiently
    Improving Generalization*, ICLR (2021), Algorithm 1.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> from secondorder.methods import gradient_descent
    >>> run = sam(0.5, gradient_descent(0.5))(objectives.quadratic([1.0]), [2.0])
    >>> [it.x[0].item() for it in islice(run, 2)]
    [2.0, 0.75]
    """
    rho = need_positive("radius", radius)
    inner = gradient_descent(0.1) if base is None else base
    if not isinstance(inner, Method):
        raise TypeError(f"base must be a Method such as adam(), got {describe(base)}")

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Any:
        return inner.init(oracle, at, rng) if inner.init else None

    def update(oracle: Oracle, at: Point, memory: Any, rng: np.random.Generator) -> Step:
        norm = float(np.linalg.norm(at.g))
        if norm == 0:
            return inner.update(oracle, at, memory, rng)
        _, g = oracle.value_and_gradient(at.x + rho / norm * at.g, at.batch)
        return inner.update(oracle, at._replace(g=g), memory, rng)

    rows = inner.batch_size if batch_size is None else batch_size
    return Method("SAM", update, init, inner.needs, rows)
