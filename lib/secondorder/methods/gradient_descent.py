"""Gradient descent: a step downhill, its length fixed, on a schedule, or searched for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from .._inputs import need_callable
from ._core import Method, Oracle, Point, Step
from ._settings import need_between, need_positive
from .line_search import LineSearch

Schedule = Callable[[int], float]


def gradient_descent(
    lr: float | Schedule = 0.1,
    *,
    line_search: LineSearch | None = None,
    batch_size: int | None = None,
) -> Method:
    r"""Return gradient descent: a step along −g.

    .. math:: x_{k+1} = x_k - \eta_k g_k

    Parameters
    ----------
    lr : float or callable
        The learning rate η, or a schedule k ↦ ηₖ such as `decaying(0.1, 0.01)`. With a line search:
        the first length to try.
    line_search : callable, optional
        Finds ηₖ: `armijo()`, `strong_wolfe()`, or `exact()` for steepest descent on a quadratic.
        After the first step it tries twice the last length.
    batch_size : int, optional
        Rows of the mini-batch of each step; all rows without it.

    Raises
    ------
    ValueError, TypeError
        A setting out of its range, or both a schedule and a line search. While running: a schedule
        that gives no positive number.
    Halt
        While running: what the line search raises.

    Notes
    -----
    Stable on a quadratic where η λmax < 2. With λmin and λmax known the best fixed rate is
    η = 2/(λmax + λmin); the error then shrinks by (κ − 1)/(κ + 1) a step. Exact steepest descent
    shrinks it by as much at worst, measured in f(x) − f* by the square.
    Cost: 1 gradient a step, and what the line search takes beyond its last trial. Memory: none.
    Source: Cauchy, *Comptes Rendus* 25 (1847); Nocedal & Wright, *Numerical Optimization* (2006),
    section 3.3, for the rate.

    Examples
    --------
    >>> from itertools import islice
    >>> from secondorder import objectives
    >>> run = gradient_descent(0.25)(objectives.quadratic([1.0, 2.0]), [16.0, 16.0])
    >>> [it.x.tolist() for it in islice(run, 3)]
    [[16.0, 16.0], [12.0, 8.0], [9.0, 4.0]]
    """
    rate = lr if callable(lr) else partial(_constant, need_positive("lr", lr))
    if line_search is None:

        def update(oracle: Oracle, at: Point, memory: None, rng: np.random.Generator) -> Step:
            eta = need_positive(f"lr({at.step})", rate(at.step))
            return Step(at.x - eta * at.g)

        return Method("gradient descent", update, batch_size=batch_size)
    need_callable("line_search", line_search)
    if callable(lr):
        raise TypeError("lr is a schedule and line_search is given: only one can choose the step")

    def searched(oracle: Oracle, at: Point, last: float | None, rng: np.random.Generator) -> Step:
        if not at.g @ at.g:  # also where it underflows
            return Step(at.x, last, "stationary")
        alpha = line_search(oracle, at, -at.g, rate(0) if last is None else 2 * last)
        return Step(at.x + alpha * -at.g, alpha)

    return Method("gradient descent", searched, batch_size=batch_size)


def decaying(lr: float, rate: float) -> Schedule:
    r"""Return a learning rate that falls like 1/k, for mini-batches.

    .. math:: \eta_k = \frac{\eta_0}{1 + r k}

    Parameters
    ----------
    lr : float
        The first rate η₀.
    rate : float
        r, from 0 on: after 1/r steps the learning rate is half of the first.

    Raises
    ------
    ValueError
        A setting out of its range.

    Notes
    -----
    The sum of ηₖ is infinite and that of ηₖ² is not: the conditions of Robbins & Monro, *A
    Stochastic Approximation Method*, Annals of Mathematical Statistics 22 (1951).

    Examples
    --------
    >>> eta = decaying(1.0, 0.5)
    >>> [eta(k) for k in (0, 2, 6)]
    [1.0, 0.5, 0.25]
    """
    return partial(_decayed, need_positive("lr", lr), need_between("rate", rate, 0, np.inf))


def _constant(lr: float, k: int) -> float:
    return lr


def _decayed(lr: float, rate: float, k: int) -> float:
    return lr / (1 + rate * k)
