"""Nesterov's accelerated gradient: the gradient is taken where the momentum leads to."""

from __future__ import annotations

import numpy as np

from .._inputs import Vector
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


def nesterov(
    lr: float = 0.1, momentum: float | None = None, *, batch_size: int | None = None
) -> Method:
    r"""Return Nesterov's accelerated gradient descent.

    .. math:: y_{k+1} = x_k - \eta \nabla f(x_k), \qquad
       x_{k+1} = y_{k+1} + \beta_k (y_{k+1} - y_k), \qquad y_0 = x_0

    The recorded x are the look-ahead points, where the gradients are taken; y is in the memory.

    Parameters
    ----------
    lr : float
        The learning rate η, at most 1/L where the gradient has Lipschitz constant L.
    momentum : float, optional
        A constant β from 0 on and below 1. Left out: βₖ = k/(k + 3), for convex functions.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    With the schedule and η ≤ 1/L, f(yₖ) − f* is at most 2‖x₀ − x*‖² / (η (k + 1)²) on a convex f.
    Where f is μ-strongly convex, β = (√κ − 1)/(√κ + 1) with κ = L/μ and η = 1/L shrinks the error
    of a quadratic by about 1 − 1/√κ a step.
    Cost: 1 gradient a step. Memory: 1 vector.
    Source: Nesterov, *A method of solving a convex programming problem with convergence rate
    O(1/k²)*, Soviet Mathematics Doklady 27 (1983); the schedule as in Su, Boyd & Candès, *A
    Differential Equation for Modeling Nesterov's Accelerated Gradient Method*, JMLR 17 (2016).

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = nesterov(0.5, 0.5)(objectives.quadratic([1.0]), [8.0])
    >>> [it.x[0].item() for it in islice(run, 4)]
    [8.0, 2.0, -0.5, -0.875]
    """
    lr = need_positive("lr", lr)
    beta = None if momentum is None else need_between("momentum", momentum, 0, 1)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Vector:
        return at.x

    def update(oracle: Oracle, at: Point, last: Vector, rng: np.random.Generator) -> Step:
        y = at.x - lr * at.g
        beta_k = at.step / (at.step + 3) if beta is None else beta
        return Step(y + beta_k * (y - last), y)

    return Method("Nesterov", update, init, batch_size=batch_size)
