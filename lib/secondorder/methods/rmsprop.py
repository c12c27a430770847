"""RMSProp: every coordinate divided by the running size of its own gradient."""

from __future__ import annotations

import numpy as np

from .._inputs import Vector
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


def rmsprop(
    lr: float = 1e-2, decay: float = 0.9, eps: float = 1e-8, *, batch_size: int | None = None
) -> Method:
    r"""Return RMSProp, as its lecture gives it.

    .. math:: v_{k+1} = \rho v_k + (1 - \rho)\, g_k^2, \qquad
              x_{k+1} = x_k - \eta \frac{g_k}{\sqrt{v_{k+1}} + \varepsilon}

    Parameters
    ----------
    lr : float
        The learning rate η: about the length of a step in every coordinate.
    decay : float
        ρ, at least 0 and below 1.
    eps : float
        ε, above 0.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    Squares and roots are taken entry by entry. v starts from 0 and is not corrected, so the first
    steps are longer than η, by up to 1/√(1 − ρ).
    Cost: 1 gradient a step. Memory: 1 vector.
    Source: Tieleman & Hinton, lecture 6.5 of *Neural Networks for Machine Learning* (2012).

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = rmsprop(0.5, decay=0.0)(objectives.quadratic([1.0, 100.0]), [1.0, 1.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 2)]
    [[1.0, 1.0], [0.5, 0.5]]
    """
    lr, eps = need_positive("lr", lr), need_positive("eps", eps)
    decay = need_between("decay", decay, 0, 1)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Vector:
        return np.zeros_like(at.x)

    def update(oracle: Oracle, at: Point, v: Vector, rng: np.random.Generator) -> Step:
        v = decay * v + (1 - decay) * at.g**2
        return Step(at.x - lr * at.g / (np.sqrt(v) + eps), v)

    return Method("RMSProp", update, init, batch_size=batch_size)
