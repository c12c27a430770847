"""Heavy ball: gradient descent with a memory of the last step."""

from __future__ import annotations

import numpy as np

from .._inputs import Vector
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


def heavy_ball(lr: float = 0.1, momentum: float = 0.9, *, batch_size: int | None = None) -> Method:
    r"""Return Polyak's heavy ball: a step along −g plus a part of the last step.

    .. math:: v_{k+1} = \beta v_k - \eta g_k, \qquad x_{k+1} = x_k + v_{k+1}

    Parameters
    ----------
    lr : float
        The learning rate η.
    momentum : float
        β, at least 0 and below 1; 0 is gradient descent.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    Stable on a quadratic where η λmax < 2 + 2β. With λmin and λmax known, the best setting is
    β = ((√κ − 1)/(√κ + 1))², η = (2/(√λmax + √λmin))². With an averaged gradient, which puts
    1 − β before g, divide η by 1 − β.
    Cost: 1 gradient a step. Memory: 1 vector.
    Source: Polyak, *Some methods of speeding up the convergence of iteration methods*, USSR
    Computational Mathematics and Mathematical Physics 4 (1964).

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = heavy_ball(0.5, 0.5)(objectives.quadratic([1.0]), [1.0])
    >>> [it.x[0].item() for it in islice(run, 3)]
    [1.0, 0.5, 0.0]
    """
    lr, momentum = need_positive("lr", lr), need_between("momentum", momentum, 0, 1)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Vector:
        return np.zeros_like(at.x)

    def update(oracle: Oracle, at: Point, v: Vector, rng: np.random.Generator) -> Step:
        v = momentum * v - lr * at.g
        return Step(at.x + v, v)

    return Method("heavy ball", update, init, batch_size=batch_size)
