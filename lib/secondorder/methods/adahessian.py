"""AdaHessian: Adam with the diagonal of the Hessian where Adam has the gradient."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Vector, as_count
from ._core import Method, Oracle, Point, Step
from ._moments import Moments
from ._settings import need_between, need_positive


class Curved(NamedTuple):
    """The averages, and the last estimate of the diagonal."""

    moments: Moments
    diagonal: Vector


def adahessian(
    lr: float = 0.15,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-4,
    *,
    interval: int = 1,
    batch_size: int | None = None,
) -> Method:
    r"""Return AdaHessian.

    .. math:: D_k = z \odot H z, \quad v_k = \beta_2 v_{k-1} + (1 - \beta_2) D_k^2, \quad
              x_{k+1} = x_k - \eta \frac{m_k / (1 - \beta_1^k)}
              {\sqrt{v_k / (1 - \beta_2^k)} + \varepsilon}

    Parameters
    ----------
    lr : float
        The learning rate η. On a quadratic with a diagonal H, 1 is Newton's step.
    beta1, beta2, eps : float
        As in `adam`; m is the average of the gradient.
    interval : int
        A new D every so many steps; in between the last one is used again.
    batch_size : int, optional
        Rows of the mini-batch of each step, for g and H; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    z is drawn from random signs; D is then the diagonal of H on average, and exactly where H is
    diagonal. Because D is squared, negative curvature counts as positive. The paper also averages
    D over blocks of weights, such as the kernel of a convolution: that is left out. The Hessian
    power is 1.
    Cost: 1 gradient a step, and 1 gradient and 1 product every `interval` steps. Memory: 3 vectors.
    Source: Yao, Gholami, Shen, Mustafa, Keutzer & Mahoney, *ADAHESSIAN: An Adaptive Second Order
    Optimizer for Machine Learning*, AAAI (2021), Algorithm 1.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = adahessian(1.0, eps=1e-12)(objectives.quadratic([1.0, 100.0]), [3.0, 1.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 2)]
    [[3.0, 1.0], [0.0, 0.0]]
    """
    lr, eps = need_positive("lr", lr), need_positive("eps", eps)
    beta1, beta2 = need_between("beta1", beta1, 0, 1), need_between("beta2", beta2, 0, 1)
    every = as_count("interval", interval)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Curved:
        return Curved(Moments.zero(at.x), np.zeros_like(at.x))

    def update(oracle: Oracle, at: Point, past: Curved, rng: np.random.Generator) -> Step:
        D = past.diagonal
        if at.step % every == 0:
            z = np.where(rng.random(at.x.size) < 0.5, -1, 1).astype(at.x.dtype)
            D = z * (oracle.hessian_operator(at.x, at.batch) @ z)
        now = past.moments.after(at.g, D**2, beta1, beta2)
        x = at.x - lr * now.direction(at.step + 1, beta1, beta2, eps)
        return Step(x, Curved(now, D))

    return Method("AdaHessian", update, init, batch_size=batch_size)
