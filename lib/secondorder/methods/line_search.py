"""How far to go along a direction p: step lengths α for the methods of this package.

A line search is a function `search(oracle, at, p, first) -> α`, where `first` is the length to try
first. It looks at φ(α) = f(x + αp), and its last evaluation is at the point it chose, so the step
that follows is free. A trial where f or its gradient is not finite counts as too far.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from .._inputs import Vector, as_count
from ._core import Halt, Oracle, Point
from ._settings import need_between

LineSearch = Callable[[Oracle, Point, Vector, float], float]
FAR = 1e30  # the longest first trial, also where `first` overflowed


class Trial(NamedTuple):
    """φ and its slope φ′ at a step length."""

    alpha: float
    value: float
    slope: float

    @property
    def finite(self) -> bool:
        """Whether f and its gradient exist there."""
        return bool(np.isfinite(self.value) and np.isfinite(self.slope))


def armijo(decrease: float = 1e-4, shrink: float = 0.5) -> LineSearch:
    r"""Return the backtracking line search: the first of α, ρα, ρ²α … where f falls enough.

    .. math:: f(x + \alpha p) \le f(x) + c_1 \alpha\, g^\top p

    Parameters
    ----------
    decrease : float
        c₁, between 0 and 1: the part of the fall promised by the slope that must come true.
    shrink : float
        ρ, between 0 and 1.

    Raises
    ------
    ValueError
        A setting out of its range.
    Halt
        When called: "line search failed", because p does not go down or no step helps.

    Notes
    -----
    Where f changes by 10 ε ``|f|`` or less, its slope at the trial must say that it fell: f alone
    would not tell.
    Cost: 1 gradient a trial. The last one is the gradient of the next step.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), Algorithm 3.1; Hager & Zhang, *A New
    Conjugate Gradient Method with Guaranteed Descent and an Efficient Line Search*, SIAM Journal on
    Optimization 16 (2005), for the test by the slope.

    Examples
    --------
    >>> from secondorder.methods import gradient_descent, minimize
    >>> from secondorder.objectives import quadratic
    >>> method = gradient_descent(1.0, line_search=armijo())
    >>> minimize(quadratic([1.0, 4.0]), [1.0, 1.0], method).reason
    'converged'
    """
    decrease = need_between("decrease", decrease, 0, 1, open_start=True)
    shrink = need_between("shrink", shrink, 0, 1, open_start=True)
    return partial(_backtrack, decrease, shrink)


def _backtrack(c1: float, rho: float, oracle: Oracle, at: Point, p: Vector, first: float) -> float:
    start, slack, alpha = _start(at, p), _rounding(at), min(FAR, first)
    while not np.array_equal(at.x + alpha * p, at.x):
        trial = _try(oracle, at, p, alpha)
        fall = start.value - trial.value  # where rounding hides it, the slope speaks
        flat = abs(fall) <= slack and trial.slope <= (2 * c1 - 1) * start.slope
        if trial.finite and (fall >= -c1 * alpha * start.slope or flat):
            return alpha
        alpha *= rho
    raise _failed(start)


def strong_wolfe(decrease: float = 1e-4, curvature: float = 0.9, *, trials: int = 40) -> LineSearch:
    r"""Return a line search for a step where f falls enough and its slope is nearly used up.

    .. math:: f(x + \alpha p) \le f(x) + c_1 \alpha\, g^\top p, \qquad
       \lvert \nabla f(x + \alpha p)^\top p \rvert \le c_2 \lvert g^\top p \rvert

    The second condition makes sᵀy positive, which quasi-Newton methods live on.

    Parameters
    ----------
    decrease, curvature : float
        c₁ and c₂, with 0 < c₁ < c₂ < 1. A small c₂ asks for a nearly exact search.
    trials : int
        Give up after so many. A point where f fell enough is then taken as it is.

    Raises
    ------
    ValueError
        A setting out of its range.
    Halt
        When called: "line search failed", because p does not go down or no step helps.

    Notes
    -----
    It steps out until a minimum is bracketed, then closes in on it, by cubic interpolation with
    safeguards. The first condition allows for a rounding error of 10 ε ``|f|``.
    Cost: 1 gradient a trial. The last one is the gradient of the next step.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), Algorithms 3.5 and 3.6, eq. (3.59).

    Examples
    --------
    >>> from secondorder.methods import gradient_descent, minimize
    >>> from secondorder.objectives import quadratic
    >>> method = gradient_descent(line_search=strong_wolfe(curvature=0.1))
    >>> minimize(quadratic([1.0, 4.0]), [1.0, 1.0], method).reason
    'converged'
    """
    curvature = need_between("curvature", curvature, 0, 1, open_start=True)
    decrease = need_between("decrease", decrease, 0, curvature, open_start=True)
    return partial(_bracket, decrease, curvature, as_count("trials", trials))


def _bracket(
    c1: float, c2: float, trials: int, oracle: Oracle, at: Point, p: Vector, first: float
) -> float:
    start = lo = _start(at, p)
    slack, hi, alpha, width = _rounding(at), None, min(FAR, first), np.inf
    for _ in range(trials):
        trial = _try(oracle, at, p, alpha)
        limit = start.value + c1 * alpha * start.slope
        if lo is not start:
            limit = min(limit, lo.value)
        if not trial.finite or trial.value > limit + slack:
            hi = trial
        elif abs(trial.slope) <= -c2 * start.slope:
            return alpha
        else:
            last, lo = lo, trial
            if hi is None and trial.slope < 0:
                alpha = _further(last, lo, slack)
                continue
            if hi is None or trial.slope * (hi.alpha - trial.alpha) > 0:
                hi = last
        alpha = _between(lo, hi, slack, halve=abs(hi.alpha - lo.alpha) > 2 / 3 * width)
        width = abs(hi.alpha - lo.alpha)
        if np.array_equal(at.x + alpha * p, at.x + lo.alpha * p):
            break
    # As in `_backtrack`: below rounding, the slope says whether f fell.
    if lo.value < start.value or abs(lo.slope) <= (2 * c1 - 1) * start.slope:
        return lo.alpha
    raise _failed(start)


def _further(last: Trial, lo: Trial, slack: float) -> float:
    """Return the next step outwards: to the model's minimum, within 1 to 9 times the stride."""
    stride = lo.alpha - last.alpha
    alpha = _lowest(last, lo, slack)
    outwards = alpha if alpha > lo.alpha else np.inf  # no minimum ahead: as far as allowed
    return float(np.clip(outwards, lo.alpha + stride, lo.alpha + 9 * stride))


def _between(lo: Trial, hi: Trial, slack: float, halve: bool) -> float:
    """Return a step between two: to the model's minimum, but not too near an end."""
    wide = hi.alpha - lo.alpha
    if not hi.finite:
        return lo.alpha + wide / 4
    t = 0.5 if halve else (_lowest(lo, hi, slack) - lo.alpha) / wide
    return lo.alpha + wide * (min(max(t, 0.1), 0.9) if np.isfinite(t) else 0.5)


def _lowest(a: Trial, b: Trial, slack: float) -> float:
    """Return where the cubic through two trials is lowest; not finite if nowhere.

    Where their values differ by rounding alone, the parabola through their slopes tells more.
    """
    wide = b.alpha - a.alpha
    with np.errstate(all="ignore"):
        if abs(a.value - b.value) <= slack:
            return float(a.alpha - wide * np.divide(a.slope, b.slope - a.slope))
        d1 = a.slope + b.slope + 3 * np.divide(a.value - b.value, wide)
        d2 = np.sign(wide) * np.sqrt(d1**2 - a.slope * b.slope)
        return float(b.alpha - wide * np.divide(b.slope + d2 - d1, b.slope - a.slope + 2 * d2))


def exact() -> LineSearch:
    r"""Return the exact line search for a quadratic: the minimiser of its parabola along p.

    .. math:: \alpha = -\frac{g^\top p}{p^\top H p}

    Raises
    ------
    Halt
        When called: "line search failed" where p does not go down, "negative curvature" or
        "no curvature" where pᵀHp is not positive.

    Notes
    -----
    Where f is not quadratic this is Newton's step along the line, and f need not fall.
    Cost: 1 gradient and 1 product.
    Source: Nocedal & Wright, *Numerical Optimization* (2006), eq. (3.55).

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder.methods import gradient_descent
    >>> from secondorder.objectives import quadratic
    >>> run = gradient_descent(line_search=exact())(quadratic([1.0, 4.0]), [4.0, 1.0])
    >>> [it.x.round(6).tolist() for it in islice(run, 3)]
    [[4.0, 1.0], [2.4, -0.6], [1.44, 0.36]]
    """
    return _exact


def _exact(oracle: Oracle, at: Point, p: Vector, first: float) -> float:
    slope = _start(at, p).slope
    return -slope / curvature_along(oracle, at, p)[0]


def curvature_along(oracle: Oracle, at: Point, p: Vector) -> tuple[float, Vector]:
    """Return pᵀHp and Hp; halt where the first is not positive. Cost: 1 gradient, 1 product."""
    Hp = oracle.hessian_operator(at.x, at.batch) @ p
    bend = float(p @ Hp)
    if not bend > 0:
        advice = f"pᵀHp = {bend:.3g}, so f has no minimum along p: try a line search or newton_cg()"
        raise Halt("negative curvature" if bend < 0 else "no curvature", advice, p)
    return bend, Hp


def _start(at: Point, p: Vector) -> Trial:
    slope = float(at.g @ p)
    if not slope < 0:
        raise Halt("line search failed", f"p does not go down: its slope gᵀp is {slope:.3g}")
    return Trial(0.0, at.value, slope)


def _try(oracle: Oracle, at: Point, p: Vector, alpha: float) -> Trial:
    with np.errstate(all="ignore"):
        value, g = oracle.value_and_gradient(at.x + alpha * p, at.batch)
        return Trial(alpha, value, float(g @ p))


def _rounding(at: Point) -> float:
    return 10 * float(np.finfo(at.x.dtype).eps) * abs(at.value)


def _failed(start: Trial) -> Halt:
    advice = f"f does not fall along p, though its slope is {start.slope:.3g}: "
    return Halt("line search failed", advice + "rounding hides the fall, or the gradient is wrong")
