"""`minimize` drains a method until a rule stops it, and says by name which rule that was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import Vector, as_count, describe
from ..objectives import Objective
from ._core import Counts, Halt, Iterate, Method, State

_EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Stop:
    """When a run ends. Any rule can be switched off with None.

    Attributes
    ----------
    gradient : float
        "converged" when ‖∇f(x)‖ is at most this.
    value : float
        "value reached" when f(x) is at most this.
    steps : int
        "step limit" after so many steps.
    cost : float
        "cost limit" when the counted cost reaches so many gradients.
    stagnation : int
        "stagnated" when neither the lowest value nor the lowest gradient norm fell, beyond
        rounding, for so many steps.
    divergence : float
        "diverged" when f(x) lies above this times max(1, ``|f(x0)|``), "unbounded" when it lies as
        far below zero.

    Raises
    ------
    ValueError
        A rule that is not positive (`value` may be any number).

    Examples
    --------
    >>> Stop(steps=10).steps
    10
    """

    gradient: float | None = 1e-6
    value: float | None = None
    steps: int | None = 10_000
    cost: float | None = None
    stagnation: int | None = 300
    divergence: float | None = 1e10

    def __post_init__(self) -> None:
        for name in ("steps", "stagnation"):
            if getattr(self, name) is not None:
                as_count(name, getattr(self, name))
        for name in ("gradient", "cost", "divergence"):
            rule = getattr(self, name)
            if rule is not None and not rule > 0:
                raise ValueError(f"{name} must be a positive number or None, got {describe(rule)}")


@dataclass(frozen=True)
class Result:
    """What a run found. `x` is its last good iterate, `best` the one of lowest value.

    Attributes
    ----------
    x : array of shape (n,)
    value, gradient_norm : float
    steps : int
    counts : Counts
    reason : str
        "converged", "value reached", "step limit", "cost limit", "stagnated", "diverged",
        "unbounded", "not finite", "interrupted", or what a `Halt` named.
    message : str
        The same in a sentence.
    values, gradient_norms, costs : arrays of shape (steps + 1,)
        The history; the cost is in gradients.
    best : Iterate
    negative_curvature : array of shape (n,), or None
        The last direction of negative curvature that the method met. After a `Halt` it is the one
        that it named: for a singular Hessian, or "no curvature", one of zero curvature.
    state : State
        Pass it to `minimize` or to the method to go on.
    """

    x: Vector
    value: float
    gradient_norm: float
    steps: int
    counts: Counts
    reason: str
    message: str
    values: Vector = field(repr=False)
    gradient_norms: Vector = field(repr=False)
    costs: Vector = field(repr=False)
    best: Iterate = field(repr=False)
    negative_curvature: Vector | None = field(repr=False)
    state: State = field(repr=False)

    @property
    def converged(self) -> bool:
        """True when the gradient or the value got as small as was asked for."""
        return self.reason in ("converged", "value reached")


def minimize(
    objective: Objective | Callable[..., Any],
    x0: ArrayLike | None,
    method: Method,
    *,
    stop: Stop | None = None,
    rng: np.random.Generator | None = None,
    state: State | None = None,
    progress: bool = False,
) -> Result:
    """Run a method until a stopping rule ends it.

    An interrupt (Ctrl-C, the stop button) ends the run too, and keeps what it has.

    Parameters
    ----------
    objective : Objective or callable
    x0 : array of shape (n,), or None for `objective.start`
    method : Method
        Such as `gradient_descent(0.1)`.
    stop : Stop, optional
    rng : numpy Generator, optional
    state : State, optional
        Go on from `result.state` of an earlier run; x0 is then not used.
    progress : bool
        Show a progress bar.

    Raises
    ------
    TypeError, ValueError
        The objective, x0 or method is not what it should be, or the objective breaks down at x0.

    Notes
    -----
    Cost: that of the steps; `Result.counts` has it.

    Examples
    --------
    >>> from secondorder import methods, objectives
    >>> found = minimize(objectives.quadratic([1.0, 4.0]), [1.0, 1.0], methods.newton())
    >>> found.reason, found.steps
    ('converged', 1)
    """
    if not isinstance(method, Method):
        raise TypeError(
            f"method must be a Method such as gradient_descent(0.1), got {describe(method)}"
        )
    stop = Stop() if stop is None else stop
    if not isinstance(stop, Stop):
        raise TypeError(f"stop must be a Stop such as Stop(steps=100), got {describe(stop)}")
    run = method(objective, x0, rng=rng, state=state)
    log = _Log(stop, None if state is None else state)
    bar = _bar(method.name, stop.steps) if progress else None
    try:
        reason, message = _drain(run, log, bar)
    except Halt as halt:
        reason, message = halt.reason, str(halt)
        log.direction = log.direction if halt.direction is None else halt.direction
    except KeyboardInterrupt:
        if log.last is None:
            raise
        reason, message = "interrupted", "the run was interrupted; this is what it had"
    finally:
        if bar is not None:
            bar.close()
    return log.result(reason, message)


def _drain(run: Iterator[Iterate], log: _Log, bar: Any) -> tuple[str, str]:
    if log.last is not None and (verdict := log.verdict()):
        return verdict
    for iterate in run:
        log.add(iterate)
        if bar is not None:
            bar.update(1 if iterate.step else 0)
            bar.set_postfix_str(f"f = {iterate.value:.4g}", refresh=False)
        if verdict := log.verdict():
            return verdict
    raise AssertionError("a run has no end of its own")  # pragma: no cover


class _Log:
    """The history of a run, and the rules that look at it."""

    best: Iterate

    def __init__(self, stop: Stop, state: State | None) -> None:
        self.stop = stop
        self.last: Iterate | None = None
        self.direction: Vector | None = None
        self.history: list[tuple[float, float, float]] = []
        self._lowest_value, self._lowest_norm = inf, inf
        self.first_step = 0 if state is None else state.at.step
        if state is not None:
            at = state.at
            norm = float(np.linalg.norm(at.g))
            self.add(Iterate(at.step, at.x, at.value, norm, state.counts, state=state))

    def add(self, it: Iterate) -> None:
        """Take in one more record."""
        slack = 4 * _EPS * max(1.0, abs(it.value))
        fell = it.value < self._lowest_value - slack
        if fell or it.gradient_norm < self._lowest_norm * (1 - 4 * _EPS):
            self._fell_at = it.step
        if self.last is None or it.value <= self.best.value:
            self.best = it
        self._lowest_value = min(self._lowest_value, it.value)
        self._lowest_norm = min(self._lowest_norm, it.gradient_norm)
        self.last = it
        if it.negative_curvature is not None:
            self.direction = it.negative_curvature
        self.history.append((it.value, it.gradient_norm, it.counts.in_gradients))

    def verdict(self) -> tuple[str, str] | None:
        """Return the name of the rule that ends the run here, and a sentence; or None."""
        it, stop = self.last, self.stop
        assert it is not None
        far = (stop.divergence or inf) * max(1.0, abs(self.history[0][0]))
        if stop.gradient is not None and it.gradient_norm <= stop.gradient:
            return "converged", f"‖∇f‖ = {it.gradient_norm:.3g} is at most {stop.gradient:g}"
        if stop.value is not None and it.value <= stop.value:
            return "value reached", f"f = {it.value:.6g} is at most {stop.value:g}"
        if it.value > far:
            return "diverged", f"f = {it.value:.3g} has grown beyond {far:.3g}"
        if it.value < -far:
            return "unbounded", f"f = {it.value:.3g} falls without end"
        if stop.stagnation is not None and it.step - self._fell_at >= stop.stagnation:
            return "stagnated", f"neither f nor ‖∇f‖ fell for {stop.stagnation} steps"
        if stop.steps is not None and it.step - self.first_step >= stop.steps:
            return "step limit", f"{stop.steps} steps are over"
        if stop.cost is not None and it.counts.in_gradients >= stop.cost:
            return "cost limit", f"the cost has reached {stop.cost:g} gradients"
        return None

    def result(self, reason: str, message: str) -> Result:
        """Sum the run up."""
        it = self.last
        if it is None or it.state is None:
            raise ValueError(f"the run stopped before its first record ({message})")
        values, norms, costs = np.array(self.history).T
        return Result(
            it.x,
            it.value,
            it.gradient_norm,
            it.step,
            it.counts,
            reason,
            message,
            values,
            norms,
            costs,
            self.best,
            self.direction,
            it.state,
        )


def _bar(name: str, steps: int | None) -> Any:
    from tqdm.auto import tqdm

    return tqdm(total=steps, desc=name, unit="step")


__all__ = ["Result", "Stop", "minimize"]
