"""Trust region: a quadratic model, believed within a radius that follows its luck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._inputs import Vector
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_choice, need_positive
from ._spectrum import Spectrum, spectrum
from ._trial import agreement, rejected, resting, short
from ._trust_region_steps import Inner, dogleg, exact, steihaug

SUBPROBLEMS: dict[str, Callable[[Vector, Any, float], Inner]] = {
    "exact": exact,
    "dogleg": dogleg,
    "steihaug": steihaug,
}


class Region(NamedTuple):
    """The radius, and the Hessian where the last step was rejected: it is still that at x."""

    radius: float
    H: Spectrum | None = None


def trust_region(
    subproblem: str = "exact",
    radius: float = 1.0,
    *,
    max_radius: float = 1000.0,
    accept: float = 0.1,
) -> Method:
    r"""Return the trust-region method: the lowest point of the quadratic model in a ball.

    .. math:: \min_p \; m(p) = f + g^\top p + \tfrac12 p^\top H p
              \quad\text{with } \|p\| \le \Delta, \qquad
              \rho = \frac{f(x) - f(x + p)}{m(0) - m(p)}

    ρ compares what f does with what the model promised. Below ¼ the radius becomes ¼‖p‖; above ¾,
    with p on the boundary, it doubles. The step is taken where ρ is above `accept`, else x stays
    and the note says "step rejected".

    Parameters
    ----------
    subproblem : str
        How the step is found. "exact": the minimiser in the ball, from the eigenvalues of H.
        "dogleg": two legs, along −g and on to Newton's step; where H is not positive definite, the
        lowest point along −g (note "Cauchy point"). "steihaug": conjugate gradients, which end at
        the boundary or at negative curvature, by products with H alone.
    radius, max_radius : float
        The first radius Δ, and the largest.
    accept : float
        Between 0 and ¼, 0 included.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.

    Notes
    -----
    "exact" leaves a saddle even from exactly there. The others need g ≠ 0 to move.
    Cost: a trial point is 1 gradient, whether it is taken or not. The dense subproblems need 1
    gradient and n products at each new x, "steihaug" 1 gradient and its products in every step.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), Algorithm 4.1, with ¼‖p‖ in place of
    ¼Δ; Algorithm 7.2 for "steihaug"; section 4.3 for "exact", there by Cholesky factors.

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.rosenbrock(), [-1.2, 1.0], trust_region("dogleg"))
    >>> found.reason, found.x.round(6)
    ('converged', array([1., 1.]))
    """
    solve = SUBPROBLEMS[need_choice("subproblem", subproblem, SUBPROBLEMS)]
    radius, max_radius = need_positive("radius", radius), need_positive("max_radius", max_radius)
    accept = need_between("accept", accept, 0, 0.25)
    dense = subproblem != "steihaug"

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Region:
        return Region(min(radius, max_radius))

    def update(oracle: Oracle, at: Point, memory: Region, rng: np.random.Generator) -> Step:
        H, delta = memory.H, memory.radius
        if H is None:
            H = spectrum(oracle.hessian(at.x)) if dense else oracle.hessian_operator(at.x)
        p, decrease, note, down = solve(at.g, H, delta)
        kept = H if dense else None
        if short(at, p):
            return resting(at, p, Region(delta, kept), H)
        rho, length = agreement(oracle, at, at.x + p, decrease), float(np.linalg.norm(p))
        if rho < 0.25:
            delta = length / 4
        elif rho > 0.75 and length > 0.99 * delta:
            delta = min(2 * delta, max_radius)
        if rho > accept:
            return Step(at.x + p, Region(delta), note, down)
        return rejected(at, Region(delta, kept), note, down)

    return Method("trust region", update, init)
