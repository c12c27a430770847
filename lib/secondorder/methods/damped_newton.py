"""Newton's method made safe: H shifted until it is positive definite, and a line search."""

from __future__ import annotations

import numpy as np

from .._inputs import need_callable
from ._core import Method, Oracle, Point, Step
from ._settings import need_between
from ._spectrum import spectrum
from .line_search import LineSearch, armijo

MARGIN = 1e-5  # of the largest eigenvalue in size: the least that a shift lifts the smallest to


def damped_newton(
    damping: float = 0.0,
    *,
    line_search: LineSearch | None = None,
) -> Method:
    r"""Return damped Newton: every step goes down, whatever the Hessian is like.

    .. math:: (H_k + \lambda_k I) p_k = -g_k, \qquad x_{k+1} = x_k + \alpha_k p_k

    λ is `damping` where H is positive definite. Elsewhere it is at least −2λmin + 10⁻⁵‖H‖, which
    turns the sign of the most negative curvature: H + λI is positive definite, and p goes down.

    Parameters
    ----------
    damping : float
        The least λ, from 0 on.
    line_search : callable, optional
        Finds α, starting from 1; `armijo()` when left out.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.
    Halt
        While running: what the line search raises.

    Notes
    -----
    With damping 0 the last steps are Newton's own, and digits double. Where H has a negative
    eigenvalue the note says so, and the direction is kept; it is not followed, so a start exactly
    at a saddle stays there.
    Cost: 1 gradient and n products a step, one eigendecomposition of H, and the line search.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), section 3.4. Their Algorithm 3.3
    finds λ by trial; here the eigenvalues tell it.

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.rosenbrock(), [-1.2, 1.0], damped_newton())
    >>> found.reason, found.x.round(6)
    ('converged', array([1., 1.]))
    """
    damping = need_between("damping", damping, 0, np.inf)
    search = armijo() if line_search is None else line_search
    need_callable("line_search", search)

    def update(oracle: Oracle, at: Point, memory: None, rng: np.random.Generator) -> Step:
        H = spectrum(oracle.hessian(at.x))
        if not at.g.any():
            return H.stay(at)
        shift = damping
        if H.values[0] <= 0:
            margin = MARGIN * float(np.max(np.abs(H.values))) or 1.0  # H = 0: straight down
            shift = max(damping, margin - 2 * float(H.values[0]))
        p = H.solve(at.g, H.values + shift)
        note = "" if H.downward is None else "negative curvature"
        return Step(at.x + search(oracle, at, p, 1.0) * p, None, note, H.downward)

    return Method("damped Newton", update)
