"""Cubic Newton: the quadratic model plus a cubic term that keeps the step within reason."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive
from ._spectrum import Spectrum, spectrum
from ._trial import agreement, rejected, resting, short
from ._trust_region_steps import secular_step


class Weight(NamedTuple):
    """σ, and the Hessian where the last step was rejected: it is still that at x."""

    sigma: float
    H: Spectrum | None = None


def cubic_newton(sigma: float = 1.0, *, accept: float = 0.1) -> Method:
    r"""Return Newton's method with adaptive cubic regularisation.

    .. math:: p_k = \arg\min_p \; f + g^\top p + \tfrac12 p^\top H p + \tfrac{\sigma_k}{3} \|p\|^3

    The minimiser is global and exact: (H + λI) p = −g with λ = σ‖p‖ and H + λI positive
    semi-definite. ρ is the fall of f over that of the model. Below `accept` x stays (note "step
    rejected") and σ is tripled; above 0.9 the step was good, and σ is divided by 3.

    Parameters
    ----------
    sigma : float
        The first σ.
    accept : float
        Above 0, below 0.9.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.

    Notes
    -----
    It leaves a saddle even from exactly there: where g = 0 it steps along the most negative
    curvature. The last steps are nearly Newton's, and digits double.
    Cost: 1 gradient a step, and at each new x 1 gradient, n products and one eigendecomposition.
    Source: Nesterov & Polyak, *Cubic Regularization of Newton Method and Its Global Performance*,
    Mathematical Programming 108 (2006); σ as in Cartis, Gould & Toint, *Adaptive Cubic
    Regularisation Methods*, Part I, Mathematical Programming 127 (2011), Algorithm 2.1.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = cubic_newton()(objectives.two_weights(), [0.0, 0.0])
    >>> [round(it.value, 6) for it in islice(run, 20)][::19]
    [0.5, 0.0]
    """
    sigma = need_positive("sigma", sigma)
    accept = need_between("accept", accept, 0, 0.9, open_start=True)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Weight:
        return Weight(sigma)

    def update(oracle: Oracle, at: Point, memory: Weight, rng: np.random.Generator) -> Step:
        weight, H = memory
        H = spectrum(oracle.hessian(at.x)) if H is None else H
        p, _ = secular_step(H, at.g, 0.0, 1 / weight)
        if short(at, p):
            return resting(at, p, Weight(weight, H), H)
        decrease = float(-at.g @ p) / 2 + weight / 6 * float(np.linalg.norm(p)) ** 3
        rho = agreement(oracle, at, at.x + p, decrease)
        note = "" if H.downward is None else "negative curvature"
        if rho > accept:
            weight = max(weight / 3, float(np.finfo(at.x.dtype).eps)) if rho > 0.9 else weight
            return Step(at.x + p, Weight(weight), note, H.downward)
        return rejected(at, Weight(3 * weight, H), note, H.downward)

    return Method("cubic Newton", update, init)
