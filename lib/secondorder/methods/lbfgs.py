"""L-BFGS: BFGS that remembers the last few steps instead of a matrix."""

from __future__ import annotations

import numpy as np

from .._inputs import Vector, as_count, need_callable
from ._core import Halt, Method, Oracle, Point, Step
from .bfgs import bends_up, first_length
from .line_search import LineSearch, strong_wolfe

Pairs = tuple[tuple[Vector, Vector, float], ...]  # of s, y and ρ = 1/yᵀs, the latest last


def lbfgs(memory: int = 10, *, line_search: LineSearch | None = None) -> Method:
    r"""Return L-BFGS, the quasi-Newton method for many variables.

    .. math:: p_k = -H_k g_k, \qquad x_{k+1} = x_k + \alpha_k p_k

    H is the inverse Hessian that BFGS makes of the last pairs s, y, starting from yᵀs/yᵀy · I. It
    is never built: the two-loop recursion multiplies with it.

    Parameters
    ----------
    memory : int
        How many pairs to keep.
    line_search : callable, optional
        Finds α, starting from 1; `strong_wolfe()` when left out.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.
    Halt
        While running: what the line search raises along −g. Along another p, the pairs are
        forgotten and the note says "restart".

    Notes
    -----
    A pair with too small yᵀs is left out, as in `bfgs`.
    Cost: 1 gradient a step, and what the line search takes beyond its last trial; about 4n
    operations a pair. Memory: 2 vectors a pair.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), Algorithms 7.4 and 7.5, eq. (7.20).

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.rosenbrock(100), None, lbfgs())
    >>> found.reason, bool(abs(found.x - 1).max() < 1e-5)
    ('converged', True)
    """
    keep = as_count("memory", memory)
    search = strong_wolfe() if line_search is None else line_search
    need_callable("line_search", search)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Pairs:
        return ()

    def update(oracle: Oracle, at: Point, pairs: Pairs, rng: np.random.Generator) -> Step:
        if not at.g @ at.g:  # also where it underflows
            return Step(at.x, pairs, "stationary")
        p = -inverse_times(pairs, at.g)
        try:
            alpha = search(oracle, at, p, 1.0 if pairs else first_length(at.g))
        except Halt:
            if not pairs:
                raise
            return Step(at.x, (), "restart")
        x = at.x + alpha * p
        s, y = x - at.x, oracle.value_and_gradient(x)[1] - at.g
        if not bends_up(s, y):
            return Step(x, pairs, "update skipped")
        return Step(x, (*pairs, (s, y, 1 / (y @ s)))[-keep:])

    return Method("L-BFGS", update, init)


def inverse_times(pairs: Pairs, g: Vector) -> Vector:
    """Return H g by the two-loop recursion."""
    q, alphas = g, []
    for s, y, rho in reversed(pairs):
        alphas.append(rho * (s @ q))
        q = q - alphas[-1] * y
    if not pairs:
        return q
    _, y, rho = pairs[-1]
    r = q / (rho * (y @ y))
    for (s, y, rho), alpha in zip(pairs, reversed(alphas), strict=True):
        r = r + (alpha - rho * (y @ r)) * s
    return r
