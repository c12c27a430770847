"""BFGS: curvature learned from how the gradient changes, kept as a dense inverse."""

from __future__ import annotations

import numpy as np

from .._inputs import Matrix, Vector, need_callable, need_memory
from ._core import Halt, Method, Oracle, Point, Step
from .line_search import LineSearch, strong_wolfe


def bfgs(*, line_search: LineSearch | None = None) -> Method:
    r"""Return BFGS, the quasi-Newton method with a dense inverse Hessian.

    .. math:: p_k = -H_k g_k, \qquad H_{k+1} = (I - \rho s y^\top) H_k (I - \rho y s^\top)
       + \rho s s^\top, \qquad \rho = \frac1{y^\top s}

    Here H approximates the *inverse* of the Hessian, s is the step and y the change of the
    gradient: H y = s holds exactly. The memory of the run is H, None before the first step.

    Parameters
    ----------
    line_search : callable, optional
        Finds α, starting from 1; `strong_wolfe()` when left out.

    Raises
    ------
    TypeError
        `line_search` is not a function.
    MemoryError
        n × n numbers do not fit: use `lbfgs`.
    Halt
        While running: what the line search raises along −g. Along another p, H is forgotten
        and the note says "restart".

    Notes
    -----
    H starts as yᵀs/yᵀy · I. Where yᵀs is so small that H would have no correct digit the update is
    left out, and the note says "update skipped".
    Cost: 1 gradient a step, and what the line search takes beyond its last trial; about 6n²
    operations. Memory: n² numbers.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), Algorithm 6.1, eq. (6.17) and (6.20).

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.rosenbrock(), None, bfgs())
    >>> found.reason, found.x.round(5)
    ('converged', array([1., 1.]))
    """
    search = strong_wolfe() if line_search is None else line_search
    need_callable("line_search", search)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> None:
        need_memory(2 * at.x.size**2, at.x.dtype, "the inverse Hessian of bfgs", "lbfgs()")

    def update(oracle: Oracle, at: Point, H: Matrix | None, rng: np.random.Generator) -> Step:
        if not at.g @ at.g:  # also where it underflows
            return Step(at.x, H, "stationary")
        p = -at.g if H is None else -(H @ at.g)
        try:
            alpha = search(oracle, at, p, first_length(at.g) if H is None else 1.0)
        except Halt:
            if H is None:
                raise
            return Step(at.x, None, "restart")
        x = at.x + alpha * p
        s, y = x - at.x, oracle.value_and_gradient(x)[1] - at.g
        if not bends_up(s, y):
            return Step(x, H, "update skipped")
        return Step(x, _updated(H, s, y))

    return Method("BFGS", update, init)


def first_length(g: Vector) -> float:
    """Return the first step length to try along −g, where nothing is known about the curvature."""
    return min(1.0, 1.0 / float(np.linalg.norm(g)))


def bends_up(s: Vector, y: Vector) -> bool:
    """Say whether yᵀs is large enough for an update.

    On a convex quadratic the angle's cosine is at least 2√κ/(κ + 1): below √ε, κ is beyond 1/ε.
    Steps so short that their products underflow teach nothing.
    """
    info = np.finfo(s.dtype)
    least = info.eps**0.5 * np.linalg.norm(s) * np.linalg.norm(y)
    return bool(s @ y > max(least, info.tiny) and y @ y > info.tiny)


def _updated(H: Matrix | None, s: Vector, y: Vector) -> Matrix:
    """Return the inverse H with H y = s; (6.17) multiplied out."""
    rho = 1 / (y @ s)
    if H is None:
        H = np.eye(s.size, dtype=s.dtype) / (rho * (y @ y))
    Hy = H @ y
    u = (1 + rho * (y @ Hy)) / 2 * s - Hy
    return H + rho * (np.outer(s, u) + np.outer(u, s))
