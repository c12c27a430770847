"""Sophia-H: momentum divided by the diagonal of the Hessian, and clipped."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Vector, as_count
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive


class Clipped(NamedTuple):
    """The averages of the gradient and of the diagonal of H."""

    m: Vector
    h: Vector


def sophia(
    lr: float = 1e-2,
    beta1: float = 0.96,
    beta2: float = 0.99,
    gamma: float = 0.01,
    eps: float = 1e-12,
    weight_decay: float = 0.0,
    *,
    interval: int = 10,
    batch_size: int | None = None,
) -> Method:
    r"""Return Sophia-H.

    .. math:: x_{k+1} = x_k - \eta \lambda x_k - \eta \,
              \mathrm{clip}\!\left( \frac{m_k}{\max(\gamma h_k, \varepsilon)}, 1 \right)

    m is the average of the gradient, h that of u ⊙ Hu with Gaussian u.

    Parameters
    ----------
    lr : float
        The learning rate η: the longest step of a coordinate.
    beta1, beta2 : float
        The averages keep so much of m every step, and of h every `interval` steps.
    gamma : float
        γ, above 0. A small one clips less often.
    eps : float
        ε, above 0. Where h is not positive it makes the step η.
    weight_decay : float
        λ, from 0 on, no part of the objective.
    interval : int
        A new estimate of the diagonal every so many steps.
    batch_size : int, optional
        Rows of the mini-batch of each step, for g and H; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    The averages start from 0 and are not corrected, as in the paper. A coordinate whose curvature
    is negative, or much smaller than its gradient, takes a step of length η: there Sophia is sign
    descent with momentum.
    Cost: 1 gradient a step, and 1 gradient and 1 product every `interval` steps. Memory: 2 vectors.
    Source: Liu, Li, Hall, Liang & Ma, *Sophia: A Scalable Stochastic Second-order Optimizer for
    Language Model Pre-training*, ICLR (2024), Algorithm 3 with the Hutchinson estimator.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = sophia(0.5)(objectives.quadratic([1.0, 100.0]), [9.0, 9.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 2)]
    [[9.0, 9.0], [8.5, 8.5]]
    """
    lr, gamma, eps = (
        need_positive(name, value) for name, value in (("lr", lr), ("gamma", gamma), ("eps", eps))
    )
    beta1, beta2 = need_between("beta1", beta1, 0, 1), need_between("beta2", beta2, 0, 1)
    decay = need_between("weight_decay", weight_decay, 0, np.inf)
    every = as_count("interval", interval)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Clipped:
        return Clipped(np.zeros_like(at.x), np.zeros_like(at.x))

    def update(oracle: Oracle, at: Point, past: Clipped, rng: np.random.Generator) -> Step:
        m, h = beta1 * past.m + (1 - beta1) * at.g, past.h
        if at.step % every == 0:
            u = rng.standard_normal(at.x.size).astype(at.x.dtype)
            h = beta2 * h + (1 - beta2) * u * (oracle.hessian_operator(at.x, at.batch) @ u)
        ratio = m / np.maximum(gamma * h, eps)
        return Step(at.x - lr * decay * at.x - lr * np.clip(ratio, -1, 1), Clipped(m, h))

    return Method("Sophia-H", update, init, batch_size=batch_size)
