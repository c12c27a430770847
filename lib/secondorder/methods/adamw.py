"""AdamW: Adam with weight decay that is not divided by anything."""

from __future__ import annotations

import numpy as np

from ._core import Method, Oracle, Point, Step
from ._moments import Moments
from ._settings import need_between, need_positive


def adamw(
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    *,
    batch_size: int | None = None,
) -> Method:
    r"""Return AdamW: a step of Adam, and the parameters shrunk by a factor of their own.

    .. math:: x_{k+1} = x_k - \eta \left( \frac{\hat m_k}{\sqrt{\hat v_k} + \varepsilon}
              + \lambda x_k \right)

    Parameters
    ----------
    lr : float
        The learning rate η.
    beta1, beta2, eps : float
        As in `adam`.
    weight_decay : float
        λ, from 0 on. It is no part of the objective, so the run does not end at a minimiser of f.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    With λ in the objective instead (½λ‖x‖², the `ridge`), Adam divides the decay of each
    coordinate by the size of its gradients: what moves much is then decayed little.
    Here λ is multiplied by η, as PyTorch does it; the paper lets a schedule multiply both.
    Cost: 1 gradient a step. Memory: 2 vectors.
    Source: Loshchilov & Hutter, *Decoupled Weight Decay Regularization*, ICLR (2019), Algorithm 2.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = adamw(0.5, weight_decay=0.1)(objectives.quadratic([1.0, 100.0]), [1.0, 1.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 2)]
    [[1.0, 1.0], [0.45, 0.45]]
    """
    lr, eps = need_positive("lr", lr), need_positive("eps", eps)
    beta1, beta2 = need_between("beta1", beta1, 0, 1), need_between("beta2", beta2, 0, 1)
    decay = need_between("weight_decay", weight_decay, 0, np.inf)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Moments:
        return Moments.zero(at.x)

    def update(oracle: Oracle, at: Point, past: Moments, rng: np.random.Generator) -> Step:
        now = past.after(at.g, at.g**2, beta1, beta2)
        p = now.direction(at.step + 1, beta1, beta2, eps) + decay * at.x
        return Step(at.x - lr * p, now)

    return Method("AdamW", update, init, batch_size=batch_size)
