"""Nonlinear conjugate gradients: directions that remember the last one, without a Hessian."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import Vector, need_callable
from ._core import Halt, Method, Oracle, Point, Step
from .line_search import LineSearch, strong_wolfe


class Conjugate(NamedTuple):
    """The last direction and gradient, and αgᵀp of the last step."""

    p: Vector
    g: Vector
    reach: float


def nonlinear_cg(*, line_search: LineSearch | None = None) -> Method:
    r"""Return nonlinear conjugate gradients of Polak and Ribière, with restarts ("PR+").

    .. math:: p_k = -g_k + \beta_k p_{k-1}, \qquad
       \beta_k = \max\Bigl(0, \frac{g_k^\top (g_k - g_{k-1})}{\|g_{k-1}\|^2}\Bigr), \qquad
       x_{k+1} = x_k + \alpha_k p_k

    Parameters
    ----------
    line_search : callable, optional
        Finds α; `strong_wolfe(curvature=0.1)` when left out. It first tries the length that has the
        first-order change of the last step.

    Raises
    ------
    TypeError
        `line_search` is not a function.
    Halt
        While running: what the line search raises along −g. Along another p, that p is
        forgotten and the note says "restart".

    Notes
    -----
    On a quadratic with exact searches it is `conjugate_gradient`. Where p would not go down it is
    −g, and the note says "restart" too.
    Cost: 1 gradient a step, and what the line search takes beyond its last trial. Memory: 2
    vectors.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), Algorithm 5.4, eq. (5.44) and (5.45).

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.rosenbrock(), None, nonlinear_cg())
    >>> found.reason, found.x.round(4)
    ('converged', array([1., 1.]))
    """
    search = strong_wolfe(curvature=0.1) if line_search is None else line_search
    need_callable("line_search", search)

    def update(oracle: Oracle, at: Point, last: Conjugate | None, rng: np.random.Generator) -> Step:
        if not at.g @ at.g:  # also where it underflows
            return Step(at.x, last, "stationary")
        p, note = -at.g, ""
        if last is not None:
            beta = max(0.0, float(at.g @ (at.g - last.g)) / float(last.g @ last.g))
            p = p + beta * last.p
            if not at.g @ p < 0:
                p, note = -at.g, "restart"
        slope = float(at.g @ p)
        first = min(1.0, (-slope) ** -0.5) if last is None else last.reach / slope
        try:
            alpha = search(oracle, at, p, first)
        except Halt:
            if last is None:
                raise
            return Step(at.x, None, "restart")
        return Step(at.x + alpha * p, Conjugate(p, at.g, alpha * slope), note)

    return Method("nonlinear CG", update)
