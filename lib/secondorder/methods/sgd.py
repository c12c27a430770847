"""Stochastic gradient descent: a step along the gradient of a mini-batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .._inputs import Vector
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


def sgd(
    lr: float | Callable[[int], float] = 0.1,
    momentum: float = 0.0,
    *,
    nesterov: bool = False,
    batch_size: int | None = 32,
) -> Method:
    r"""Return stochastic gradient descent, with momentum if you want it.

    .. math:: v_{k+1} = \mu v_k + g_k, \qquad x_{k+1} = x_k - \eta_k v_{k+1}

    Parameters
    ----------
    lr : float or callable
        The learning rate η, or a schedule k ↦ ηₖ such as `decaying(0.1, 0.01)`.
    momentum : float
        μ, at least 0 and below 1.
    nesterov : bool
        Step along g + μ v instead of v.
    batch_size : int or None
        Rows of the mini-batch of each step; None for all rows.

    Raises
    ------
    ValueError
        A setting out of its range. While running: a schedule that gives no positive number.

    Notes
    -----
    The gradient of a mini-batch is right on average and noisy: with a fixed η the run ends in a
    cloud around a minimiser, whose width falls with η. With a fixed η and all rows this is
    `heavy_ball`.
    Cost: 1 gradient of the mini-batch a step. Memory: 1 vector.
    Source: Robbins & Monro, *A Stochastic Approximation Method*, Annals of Mathematical Statistics
    22 (1951); the Nesterov form as in Sutskever, Martens, Dahl & Hinton, *On the importance of
    initialization and momentum in deep learning*, ICML (2013), rewritten for the look-ahead point.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = sgd(0.5, batch_size=None)(objectives.quadratic([1.0]), [8.0])
    >>> [it.x[0].item() for it in islice(run, 3)]
    [8.0, 4.0, 2.0]
    """
    rate = lr if callable(lr) else None
    fixed = 0.0 if callable(lr) else need_positive("lr", lr)
    momentum = need_between("momentum", momentum, 0, 1)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Vector:
        return np.zeros_like(at.x)

    def update(oracle: Oracle, at: Point, v: Vector, rng: np.random.Generator) -> Step:
        eta = need_positive(f"lr({at.step})", rate(at.step)) if rate else fixed
        v = momentum * v + at.g
        return Step(at.x - eta * (at.g + momentum * v if nesterov else v), v)

    return Method("SGD", update, init, batch_size=batch_size)
