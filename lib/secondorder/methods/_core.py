"""What all methods share: counted evaluations, the run of iterates, and the records it yields.

A method is a pair of pure functions, and its state is data:

    init(oracle, at, rng) -> memory                 what it remembers besides the point
    update(oracle, at, memory, rng) -> Step         where it goes next, and what it remembers then

`at` is the current `Point`: x, value and gradient g. The oracle counts whatever is evaluated. The
core evaluates value and gradient at the new point (free when `update` just did), wraps it all in an
`Iterate` and yields it. So a method is one short file, and its costs cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._inputs import Matrix, Vector, as_count, as_rng, as_vector, describe, need_callable
from .._tape import BreakdownError, UntraceableError, record
from ..derivatives import gradient as checked_gradient
from ..objectives import Objective

GRADIENT_IN_VALUES = 3.0  # a gradient by reverse mode costs about this many evaluations of f
PRODUCT_IN_GRADIENTS = 2.0  # a product H v costs about this many gradients


@dataclass(frozen=True)
class Counts:
    """How often a run evaluated what. A mini-batch of a tenth of the rows counts as a tenth.

    Attributes
    ----------
    values : float
        Evaluations of f alone.
    gradients : float
        Evaluations of value and gradient together.
    products : float
        Products with a Hessian, Gauss–Newton or Fisher matrix; a dense n × n matrix counts n.

    Examples
    --------
    >>> Counts(values=3, gradients=4, products=2).in_gradients
    9.0
    """

    values: float = 0.0
    gradients: float = 0.0
    products: float = 0.0

    @property
    def in_gradients(self) -> float:
        """The whole cost, where a gradient is worth 3 values and a product 2 gradients."""
        extra = self.values / GRADIENT_IN_VALUES + PRODUCT_IN_GRADIENTS * self.products
        return self.gradients + extra


class Halt(ArithmeticError):
    """A method cannot go on. `reason` names why, as `Result.reason` does.

    Attributes
    ----------
    reason : str
    direction : array of shape (n,), or None
        A direction of negative curvature (or of zero curvature), where one was found.

    Examples
    --------
    >>> raise Halt("singular Hessian", "H has no inverse: add damping")
    Traceback (most recent call last):
    secondorder.methods._core.Halt: singular Hessian: H has no inverse: add damping
    """

    def __init__(self, reason: str, advice: str = "", direction: Vector | None = None) -> None:
        super().__init__(f"{reason}: {advice}" if advice else reason)
        self.reason, self.direction = reason, direction


class Point(NamedTuple):
    """Where a run stands: x, the value and the gradient g there, on `batch` (None: all data)."""

    x: Vector
    value: float
    g: Vector
    step: int = 0
    batch: Any = None


class Step(NamedTuple):
    """What `update` returns: the new x, the new memory, and what there is to say about the step."""

    x: Vector
    memory: Any = None
    note: str = ""
    negative_curvature: Vector | None = None


@dataclass(frozen=True)
class State:
    """All that a run needs to go on from here. It can be pickled."""

    at: Point
    memory: Any
    key: int
    counts: Counts
    rng: Mapping[str, Any] = field(repr=False, default_factory=dict)


@dataclass(frozen=True)
class Iterate:
    """One record of a run.

    Attributes
    ----------
    step : int
        0 for the start.
    x : array of shape (n,), read-only
    value, gradient_norm : float
        f(x) and ‖∇f(x)‖, on this step's mini-batch when the method draws them.
    counts : Counts
        Everything evaluated so far, from the start of the run.
    note : str
        What the method has to say: "step rejected", "negative curvature" …
    negative_curvature : array of shape (n,), or None
        A direction d with dᵀHd < 0, where the step that led here met one.
    state : State
        Pass it back to the method, and the run goes on from here.
    """

    step: int
    x: Vector
    value: float
    gradient_norm: float
    counts: Counts
    note: str = ""
    negative_curvature: Vector | None = field(default=None, repr=False)
    state: State | None = field(default=None, repr=False)


class Oracle:
    """The objective as a method sees it: every evaluation is counted, the last one remembered.

    Its errors are those of the objective. A value or gradient that does not exist is nan, so that a
    line search can turn back.

    Examples
    --------
    >>> oracle = Oracle(as_objective(lambda x: x[0] ** 2, [3.0]))
    >>> value, g = oracle.value_and_gradient(np.array([3.0]))
    >>> value, g, oracle.counts.gradients
    (9.0, array([6.]), 1.0)
    """

    def __init__(
        self, objective: Objective, counts: Counts | None = None, last: Point | None = None
    ) -> None:
        self.objective = objective
        self.counts = counts or Counts()
        self._last = last

    def value(self, x: Vector, batch: Any = None) -> float:
        """Return f(x). Cost: one value."""
        self.charge(batch, values=1)
        with np.errstate(all="ignore"):
            return float(self.objective(x, batch))

    def value_and_gradient(self, x: Vector, batch: Any = None) -> tuple[float, Vector]:
        """Return f(x) and ∇f(x). Cost: one gradient, or nothing where it was just evaluated.

        Its errors are those of the objective.
        """
        last = self._last
        if last is not None and last.batch is batch and np.array_equal(last.x, x):
            return last.value, last.g
        self.charge(batch, gradients=1)
        try:
            with np.errstate(all="ignore"):
                tape = record(lambda z: self.objective(z, batch), x)
                g = np.asarray(tape.pullback(np.ones_like(tape.value)[()]), x.dtype)
            value = float(tape.value)
        except BreakdownError:
            value, g = float("nan"), np.full_like(x, np.nan)
        except UntraceableError:
            self.objective(x, batch)  # an error of its own comes out as it is
            raise
        self._last = Point(x, value, g, batch=batch)
        return value, g

    def hessian_operator(self, x: Vector, batch: Any = None) -> Any:
        """Return H at x as an operator whose products are counted. Cost to make: one gradient."""
        from ..curvature import hessian_operator

        return self._counted(hessian_operator, x, batch)

    def ggn_operator(self, x: Vector, batch: Any = None) -> Any:
        """Return the Gauss–Newton matrix at x, its products counted. Cost to make: one gradient."""
        from ..curvature import ggn_operator

        return self._counted(ggn_operator, x, batch)

    def fisher_operator(self, x: Vector, batch: Any = None) -> Any:
        """Return the Fisher matrix at x, its products counted. Cost to make: one gradient."""
        from ..curvature import fisher_operator

        return self._counted(fisher_operator, x, batch)

    def hessian(self, x: Vector, batch: Any = None) -> Matrix:
        """Return the dense, symmetric Hessian. Cost: one gradient and n products."""
        H = self.hessian_operator(x, batch) @ np.eye(x.size, dtype=x.dtype)
        return (H + H.T) / 2

    def residuals_and_jacobian(self, x: Vector) -> tuple[Vector, Matrix]:
        """Return r and J of an objective ½‖r‖². Cost: counted as one gradient and n/2 products."""
        from ..derivatives import jacobian

        residuals = self.objective.residuals
        assert residuals is not None  # the method said that it needs them
        self.charge(None, gradients=1, products=x.size / 2)
        return np.asarray(residuals(x), x.dtype), jacobian(residuals, x)

    def _counted(self, make: Callable[..., Any], x: Vector, batch: Any) -> Any:
        self.charge(batch, gradients=1)
        A = make(self.objective, x, batches=None if batch is None else [batch])
        return _counting(A, lambda k: self.charge(batch, products=k))

    def charge(self, batch: Any = None, **more: float) -> None:
        """Count evaluations made elsewhere: `values`, `gradients`, `products`."""
        share = 1.0
        if batch is not None and self.objective.data is not None:
            share = len(batch[0]) / len(self.objective.data[0])
        now = {name: getattr(self.counts, name) + n * share for name, n in more.items()}
        self.counts = replace(self.counts, **now)


Init = Callable[[Oracle, Point, np.random.Generator], Any]
Update = Callable[[Oracle, Point, Any, np.random.Generator], Step]


@dataclass(frozen=True)
class Method:
    """An optimizer. Call it, `method(objective, x0, rng=rng)`, and it yields its records.

    Attributes
    ----------
    name : str
    update : callable
        (oracle, at, memory, rng) -> Step.
    init : callable, optional
        (oracle, at, rng) -> memory.
    needs : tuple of str
        Fields of `Objective` that it cannot do without; "a|b" means one of both.
    batch_size : int, optional
        Rows of the mini-batch that every step draws from `objective.data`; all rows without it.

    Examples
    --------
    >>> from itertools import islice
    >>> halve = Method("halve", lambda oracle, at, memory, rng: Step(at.x / 2))
    >>> [it.value for it in islice(halve(lambda x: x[0] ** 2, [4.0]), 3)]
    [16.0, 4.0, 1.0]
    """

    name: str
    update: Update
    init: Init | None = None
    needs: tuple[str, ...] = ()
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size is not None:
            as_count("batch_size", self.batch_size)

    def __call__(
        self,
        objective: Objective | Callable[..., Any],
        x0: ArrayLike | None = None,
        *,
        rng: np.random.Generator | None = None,
        state: State | None = None,
    ) -> Iterator[Iterate]:
        """Return an endless iterator over the run from x0, or from where `state` left off.

        Parameters
        ----------
        objective : Objective or callable
        x0 : array of shape (n,), optional
            Left out: `objective.start`.
        rng : numpy Generator, optional
            Whatever is random comes from it; `default_rng(0)` when left out.
        state : State, optional
            `iterate.state` of an earlier run. The record it came from is not yielded again.

        Raises
        ------
        TypeError, ValueError
            x0 is no flat float array, the objective lacks a part that the method needs, the state
            is none or of another dimension.
        Halt
            While iterating: the method cannot go on, for the reason it names.
        """
        if not (state is None or isinstance(state, State)):
            advice = "pass `found.state` or `iterate.state`"
            raise TypeError(f"state must be a State, got {type(state).__name__}: {advice}")
        found = as_objective(objective, x0 if state is None else state.at.x)
        self._check(found)
        rng = as_rng(rng)
        if state is None:
            given: Any = found.start if x0 is None else x0
            start = as_vector("x0", given, found.dim).copy()
            return self._start(found, start, rng)
        as_vector("state.at.x", state.at.x, found.dim)
        if state.rng:
            bits = getattr(np.random, state.rng["bit_generator"])()
            bits.state = state.rng
            rng = np.random.Generator(bits)
        oracle = Oracle(found, state.counts, state.at)
        return self._run(oracle, state, self._batches(found), rng)

    def __repr__(self) -> str:
        return f"Method({self.name!r})"

    def _check(self, objective: Objective) -> None:
        for need in self.needs + (("data",) if self.batch_size else ()):
            if all(getattr(objective, part) is None for part in need.split("|")):
                raise TypeError(
                    f"{self.name} needs objective.{need.replace('|', ' or objective.')}, which "
                    f"{objective.name!r} does not have"
                )

    def _batches(self, objective: Objective) -> Any:
        if self.batch_size is None:
            return None
        from ..data import Minibatches

        return Minibatches(objective.data, min(self.batch_size, len(objective.data[0])))  # type: ignore[arg-type, index]

    def _start(
        self, objective: Objective, x: Vector, rng: np.random.Generator
    ) -> Iterator[Iterate]:
        oracle, batches = Oracle(objective), self._batches(objective)
        key = int(rng.integers(2**63))
        batch = None if batches is None else batches.batch(0, key)
        checked_gradient(lambda z: objective(z, batch), x)  # refuses what would be silently wrong
        x.flags.writeable = False
        value, g = oracle.value_and_gradient(x, batch)
        at = Point(x, value, g, 0, batch)
        memory = self.init(oracle, at, rng) if self.init else None
        state = State(at, memory, key, oracle.counts, rng.bit_generator.state)
        yield Iterate(0, x, value, _norm(g), oracle.counts, state=state)
        yield from self._run(oracle, state, batches, rng)

    def _run(
        self, oracle: Oracle, state: State, batches: Any, rng: np.random.Generator
    ) -> Iterator[Iterate]:
        at, memory = state.at, state.memory
        while True:
            step = self.update(oracle, at, memory, rng)
            x, memory = np.asarray(step.x, at.x.dtype), step.memory
            if x is not at.x:
                x.flags.writeable = False
            number = at.step + 1
            batch = None if batches is None else batches.batch(number, state.key)
            if not np.all(np.isfinite(x)):
                raise Halt("not finite", f"{self.name} left the finite numbers at step {number}")
            stays = x is at.x and batch is at.batch
            value, g = (at.value, at.g) if stays else oracle.value_and_gradient(x, batch)
            if not (np.isfinite(value) and np.all(np.isfinite(g))):
                raise Halt("not finite", f"the value or gradient at step {number} is nan or inf")
            at = Point(x, value, g, number, batch)
            now = State(at, memory, state.key, oracle.counts, rng.bit_generator.state)
            yield Iterate(
                number, x, value, _norm(g), oracle.counts, step.note, step.negative_curvature, now
            )


def as_objective(objective: Objective | Callable[..., Any], x0: ArrayLike | None) -> Objective:
    """Return an Objective; a plain function becomes one, its dimension taken from x0.

    Raises
    ------
    TypeError
        Not a function, or a plain function without x0.

    Examples
    --------
    >>> as_objective(lambda x: x[0] ** 2, [1.0])
    Objective('f', dim=1)
    """
    if isinstance(objective, Objective):
        if x0 is None and objective.start is None:
            raise TypeError(f"x0 is missing, and {objective.name!r} has no customary start")
        return objective
    need_callable("objective", objective)
    if x0 is None:
        raise TypeError(f"x0 is missing: {describe(objective)} does not say where to start")
    return Objective("f", objective, as_vector("x0", x0).size)


def _counting(A: Any, count: Callable[[int], None]) -> Any:
    """Return the symmetric operator A, its products counted and of its dtype, that of x."""
    from scipy.sparse.linalg import LinearOperator

    def block(V: Matrix) -> Matrix:
        count(V.shape[1])
        return np.asarray(A @ V, A.dtype)  # float64 constants in f make them float64

    def one(v: Vector) -> Vector:
        count(1)
        return np.asarray(A @ np.ravel(v), A.dtype)

    return LinearOperator(A.shape, one, one, block, A.dtype, block)


def _norm(g: Vector) -> float:
    return float(np.linalg.norm(g))


__all__ = [
    "Counts",
    "Halt",
    "Iterate",
    "Method",
    "Oracle",
    "Point",
    "State",
    "Step",
    "as_objective",
]
