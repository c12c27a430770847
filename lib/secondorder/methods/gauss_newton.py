"""Gauss–Newton for least squares, pure: no damping, no line search."""

from __future__ import annotations

import numpy as np

from ._core import Method, Oracle, Point, Step


def gauss_newton() -> Method:
    r"""Return Gauss–Newton: the minimiser of the residuals' linear model.

    .. math:: p_k = \arg\min_p \|r(x_k) + J_k p\|, \qquad x_{k+1} = x_k + p_k

    Notes
    -----
    For an objective ½‖r(x)‖² given by its `residuals`. It is Newton's method with JᵀJ for H, the
    bends of r left out, so it needs no second derivative. Exact in one step where r is linear. The
    digits double near a zero of r; where ‖r‖ stays large and r is bent, it may go away instead: use
    `levenberg_marquardt`. Where J lacks full column rank the shortest p is taken, and the note says
    so.
    Cost: 2 gradients and what J costs, counted as n/2 products, a step; one singular value
    decomposition of J.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), section 10.3.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = gauss_newton()(objectives.rosenbrock(), [-1.2, 1.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 3)]
    [[-1.2, 1.0], [1.0, -3.84], [1.0, 1.0]]
    """

    def update(oracle: Oracle, at: Point, memory: None, rng: np.random.Generator) -> Step:
        r, J = oracle.residuals_and_jacobian(at.x)
        p, _, rank, _ = np.linalg.lstsq(J, -r)
        return Step(at.x + p, None, "rank-deficient Jacobian" if rank < at.x.size else "")

    return Method("Gauss–Newton", update, needs=("residuals",))
