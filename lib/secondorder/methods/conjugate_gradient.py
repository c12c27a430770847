"""Linear conjugate gradients: a quadratic minimised by products with its Hessian."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Vector
from ._core import Halt, Method, Oracle, Point, Step
from .line_search import curvature_along


class Conjugate(NamedTuple):
    """The last direction, the last ‖g‖², and the gradient that a quadratic has now."""

    p: Vector
    square: float
    g: Vector


def conjugate_gradient() -> Method:
    r"""Return the conjugate gradient method, for a quadratic.

    .. math:: \alpha_k = \frac{\|g_k\|^2}{p_k^\top H p_k}, \qquad x_{k+1} = x_k + \alpha_k p_k,
       \qquad p_{k+1} = -g_{k+1} + \frac{\|g_{k+1}\|^2}{\|g_k\|^2}\, p_k

    Raises
    ------
    Halt
        While running: "negative curvature" or "no curvature" where pᵀHp is not positive, with p;
        "not quadratic" where the gradient is not gₖ + αₖHpₖ, up to the square root of the rounding
        error.

    Notes
    -----
    In exact arithmetic it takes as many steps as H has distinct eigenvalues. The error in the norm
    of H shrinks by at least about (√κ − 1)/(√κ + 1) a step. g is evaluated at every x, so rounding
    errors do not add up in it.
    Cost: 2 gradients and 1 product a step. Memory: 2 vectors.
    Source: Hestenes & Stiefel, *Methods of Conjugate Gradients for Solving Linear Systems*, Journal
    of Research of the National Bureau of Standards 49 (1952); Nocedal & Wright, *Numerical
    Optimization* (2006), Algorithm 5.2.

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> f = objectives.quadratic([1.0, 1.0, 10.0], minimiser=[1.0, 2.0, 3.0])
    >>> found = minimize(f, [0.0, 0.0, 0.0], conjugate_gradient())
    >>> found.steps, found.x.round(6)
    (2, array([1., 2., 3.]))
    """

    def update(oracle: Oracle, at: Point, last: Conjugate | None, rng: np.random.Generator) -> Step:
        square, p = float(at.g @ at.g), -at.g
        if not square:  # also where it underflows
            return Step(at.x, last, "stationary")
        if last is not None:
            p = p + square / last.square * last.p
        bend, Hp = curvature_along(oracle, at, p)
        if last is not None:
            _need_quadratic(at, last, float(np.linalg.norm(Hp) / np.linalg.norm(p)))
        alpha = square / bend
        return Step(at.x + alpha * p, Conjugate(p, square, at.g + alpha * Hp))

    return Method("conjugate gradient", update)


def _need_quadratic(at: Point, last: Conjugate, size: float) -> None:
    """Halt where g is not what it is on a quadratic whose H is about as large as `size`."""
    error, scale = np.linalg.norm(at.g - last.g), last.square**0.5 + size * np.linalg.norm(at.x)
    if error > np.finfo(at.x.dtype).eps ** 0.5 * scale:
        advice = f"the gradient is off by {error:.3g} from that of a quadratic: try nonlinear_cg()"
        raise Halt("not quadratic", advice)
