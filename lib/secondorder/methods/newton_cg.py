"""Newton-CG: truncated Newton, which knows the curvature by products alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._inputs import as_count, need_callable
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_choice
from ._trial import ratio
from ._trust_region_steps import truncated_cg
from .line_search import LineSearch, strong_wolfe

POWER = (1 + 5**0.5) / 2  # of the forcing term: Eisenstat & Walker's α, with γ = 1
FIRST, LEAST, MOST = 0.9, 1e-6, 0.7


class Inexact(NamedTuple):
    """λ, and the forcing term η and gradient norm of the last step."""

    damping: float
    forcing: float = FIRST
    norm: float = np.inf


def newton_cg(
    products: str = "hessian",
    damping: float = 0.0,
    *,
    line_search: LineSearch | None = None,
    max_products: int = 250,
    batch_size: int | None = None,
) -> Method:
    r"""Return Newton-CG ("Hessian-free"): Newton's system solved roughly, by products.

    .. math:: (B_k + \lambda_k I) p_k \approx -g_k, \qquad x_{k+1} = x_k + \alpha_k p_k

    Conjugate gradients solve until the residual is η ‖g‖, with η = (‖gₖ‖ / ‖gₖ₋₁‖)^1.618, at most
    0.7 and not much smaller than the last time: roughly at first, exactly near the end. Where they
    meet negative curvature they stop and keep what they have; the note says so, and the direction
    is kept.

    Parameters
    ----------
    products : str
        B. "hessian", or "ggn" for the generalized Gauss–Newton matrix, which is never indefinite
        where the loss is convex.
    damping : float
        The first λ. From then on it is divided by 3/2 where f falls as the undamped quadratic model
        promised (ρ > ¾), and multiplied by it where it does not (ρ < ¼). 0 stays 0.
    line_search : callable, optional
        Finds α, starting from 1; `strong_wolfe()` when left out.
    max_products : int
        Conjugate gradients stop after so many.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range.
    Halt
        While running: what the line search raises.

    Notes
    -----
    It does not follow negative curvature, so it may crawl where there is much of it:
    `trust_region("steihaug")` goes along it to the boundary.
    Cost: 1 gradient and the products a step, and the line search. With a mini-batch 1 more, since
    the next step draws another.
    Source: Martens, *Deep Learning via Hessian-Free Optimization*, ICML (2010), for λ; Nocedal &
    Wright, *Numerical Optimization* (2006), Algorithm 7.1; Eisenstat & Walker, *Choosing the
    Forcing Terms in an Inexact Newton Method*, SIAM Journal on Scientific Computing 17 (1996),
    choice 2, for η.

    Examples
    --------
    >>> from secondorder import minimize, objectives
    >>> found = minimize(objectives.rosenbrock(10), None, newton_cg())
    >>> found.reason, bool(np.allclose(found.x, 1.0, atol=1e-5))
    ('converged', True)
    """
    need_choice("products", products, ("hessian", "ggn"))
    damping = need_between("damping", damping, 0, np.inf)
    search = strong_wolfe() if line_search is None else line_search
    need_callable("line_search", search)
    max_products = as_count("max_products", max_products)

    def init(oracle: Oracle, at: Point, rng: np.random.Generator) -> Inexact:
        return Inexact(damping)

    def update(oracle: Oracle, at: Point, memory: Inexact, rng: np.random.Generator) -> Step:
        if not at.g.any():
            return Step(at.x, memory, "stationary")
        make = oracle.hessian_operator if products == "hessian" else oracle.ggn_operator
        B, shift, norm = make(at.x, at.batch), memory.damping, float(np.linalg.norm(at.g))
        eta = _forcing(memory, norm)
        limit = min(max_products, 2 * at.x.size)
        p, Ap, down = truncated_cg(lambda v: B @ v + shift * v, at.g, eta, limit)
        alpha = search(oracle, at, p, 1.0)
        x = at.x + alpha * p
        if shift:
            bend = float(p @ Ap - shift * (p @ p))
            fall = -alpha * float(at.g @ p) - alpha**2 * bend / 2
            shift *= _change(ratio(at, oracle.value_and_gradient(x, at.batch)[0], fall))
        note = "" if down is None else "negative curvature"
        return Step(x, Inexact(shift, eta, norm), note, down)

    needs = ("model|residuals",) if products == "ggn" else ()
    return Method("Newton-CG", update, init, needs, batch_size)


def _forcing(last: Inexact, norm: float) -> float:
    if last.norm == np.inf:
        return FIRST
    eta, safe = (norm / last.norm) ** POWER, last.forcing**POWER
    return min(max(eta, safe if safe > 0.1 else LEAST), MOST)


def _change(rho: float) -> float:
    return 2 / 3 if rho > 0.75 else 1.5 if rho < 0.25 else 1.0
