"""Adam: momentum, and every coordinate divided by the running size of its own gradient."""

from __future__ import annotations

import numpy as np

from ._core import Method, Oracle, Point, Step
from ._moments import Moments
from ._settings import need_between, need_positive


def adam(
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    *,
    batch_size: int | None = None,
) -> Method:
    r"""Return Adam, with both corrections of its averages.

    .. math:: m_k = \beta_1 m_{k-1} + (1 - \beta_1) g_k, \quad
              v_k = \beta_2 v_{k-1} + (1 - \beta_2) g_k^2, \quad
              x_{k+1} = x_k - \eta \frac{m_k / (1 - \beta_1^k)}
              {\sqrt{v_k / (1 - \beta_2^k)} + \varepsilon}

    Parameters
    ----------
    lr : float
        The learning rate η. No coordinate moves much farther in a step.
    beta1, beta2 : float
        β₁ and β₂, at least 0 and below 1.
    eps : float
        ε, above 0. It stands outside the root.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    Squares and roots are taken entry by entry. The first step is η in every coordinate, against
    the sign of g. The divisor is a size of gradients, not a curvature.
    Cost: 1 gradient a step. Memory: 2 vectors.
    Source: Kingma & Ba, *Adam: A Method for Stochastic Optimization*, ICLR (2015), Algorithm 1.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = adam(0.5)(objectives.quadratic([1.0, 100.0]), [1.0, 1.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 2)]
    [[1.0, 1.0], [0.5, 0.5]]
    """
    lr, eps = need_positive("lr", lr), need_positive("eps", eps)
    beta1, beta2 = need_between("beta1", beta1, 0, 1), need_between("beta2", beta2, 0, 1)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Moments:
        return Moments.zero(at.x)

    def update(oracle: Oracle, at: Point, past: Moments, rng: np.random.Generator) -> Step:
        now = past.after(at.g, at.g**2, beta1, beta2)
        return Step(at.x - lr * now.direction(at.step + 1, beta1, beta2, eps), now)

    return Method("Adam", update, init, batch_size=batch_size)
