"""One table: every method in `METHODS`, on problems of its kind, against one contract.

A new method is picked up by itself. What the table needs to know about one stands in `SETTINGS`
(a learning rate that suits the problems), `LEAVES` (it leaves a saddle even from exactly there),
`NEEDS_DATA` and `LEAST_SQUARES` (its problems have these parts).
"""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from itertools import islice
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest

from secondorder import ConstantWarning, minimize
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.methods import METHODS, Halt, Method, Stop
from secondorder.networks import Network, mlp
from secondorder.objectives import (
    Objective,
    himmelblau,
    quadratic,
    rosenbrock,
    saddle,
    tilted_trough,
    two_weights,
)

RNG = onp.random.default_rng(0)
INPUTS, LABELS = RNG.normal(size=(40, 3)), RNG.integers(2, size=40)
NET = mlp([3, 4, 2])
CLASSES = NET.objective(cross_entropy, INPUTS, LABELS, weight_decay=0.01)
LINE = mlp([3, 2])  # squared error: a quadratic with data
FIT = LINE.objective(mean_squared_error, INPUTS, RNG.normal(size=(40, 2)))

SETTINGS: dict[str, dict[str, Any]] = {
    "gradient_descent": {"lr": 1e-3},
    "heavy_ball": {"lr": 1e-3, "momentum": 0.5},
    "nesterov": {"lr": 1e-3},
    "sam": {"radius": 1e-3, "base": METHODS["gradient_descent"](1e-3)},
    "adahessian": {"lr": 0.02},
    "sophia": {"lr": 1e-3},
    "muon": {"adam_lr": 0.02},
}
LEAVES = {"trust_region", "cubic_newton"}
NEEDS_DATA = {"sgd", "kfac", "natural_gradient"}
LEAST_SQUARES = {"gauss_newton", "levenberg_marquardt"}
ALL = sorted(METHODS)
EACH = pytest.mark.parametrize("name", ALL)
WITH_ANY_F = pytest.mark.parametrize("name", sorted(set(ALL) - NEEDS_DATA - LEAST_SQUARES))
BATCHED = [name for name in ALL if "batch_size" in inspect.signature(METHODS[name]).parameters]
PARTS = ("model", "loss", "likelihood", "residuals", "data", "ridge")
WRONG: dict[str, tuple[Any, ...]] = {  # by the type that a setting has
    "float": (-1.0, onp.nan, onp.inf, "much"),
    "int": (-1, 1.5, True, "many"),
    "str": ("nonsense", 3),
    "Network": (3, None),
    "Method": (3, METHODS["adam"]),
    "LineSearch": (3,),
    "Layout": (3,),
}


def method(name: str, network: Network = NET, **options: Any) -> Method:
    settings = dict(SETTINGS.get(name, {}))
    if "network" in inspect.signature(METHODS[name]).parameters:
        settings["network"] = network
    return METHODS[name](**{**settings, **options})


def bowl(name: str) -> tuple[Objective, Any, Method]:
    """A quadratic of the kind that the method takes, a start, and the method."""
    if name in NEEDS_DATA:
        return FIT, onp.zeros(FIT.dim), method(name, LINE)
    if name in LEAST_SQUARES:
        return (
            Objective("residuals", _half_square, 2, residuals=_residuals),
            onp.ones(2),
            method(name),
        )
    return quadratic([1.0, 4.0]), onp.array([1.0, -1.0]), method(name)


def _residuals(x: Any) -> Any:
    return np.array([x[0] - 3.0, 2.0 * (x[1] + 1.0)])


def _half_square(x: Any) -> Any:
    return 0.5 * np.sum(_residuals(x) ** 2)


def valley(name: str) -> tuple[Objective, Any, Method]:
    """A function that is no quadratic."""
    if name in NEEDS_DATA:
        return CLASSES, 0.5 * onp.random.default_rng(1).normal(size=CLASSES.dim), method(name)
    return rosenbrock(), onp.array([-1.2, 1.0]), method(name)


def records(run: Method, f: Any, x0: Any, steps: int, seed: int = 0, **options: Any) -> list[Any]:
    """The first records; fewer where the method halts."""
    return list(until_halted(run(f, x0, rng=onp.random.default_rng(seed), **options), steps))


def until_halted(run: Any, steps: int) -> Any:
    try:
        yield from islice(run, steps + 1)
    except Halt:
        pass


# ── where it goes ─────────────────────────────────────────────────────────────────────────────────


@EACH
def test_it_descends_on_a_quadratic(name: str) -> None:
    f, x0, run = bowl(name)
    found = minimize(f, x0, run, stop=Stop(steps=300))
    assert float(f(found.x)) < 0.9 * float(f(x0))
    assert found.reason in ("converged", "step limit", "stagnated"), found.message


@EACH
def test_it_descends_in_a_valley(name: str) -> None:
    f, x0, run = valley(name)
    found = minimize(f, x0, run, stop=Stop(steps=300))
    if name == "conjugate_gradient":  # for quadratics only, and it says so
        assert "nonlinear_cg" in found.message
        return
    assert float(f(found.x)) < float(f(x0))


@pytest.mark.parametrize("name", sorted(set(ALL) - NEEDS_DATA))
def test_it_descends_to_the_valley_of_the_two_weights(name: str) -> None:
    f, x0 = two_weights(), onp.array([1.5, 0.2])
    found = minimize(f, x0, method(name), stop=Stop(steps=300))
    assert found.value < 0.3 * float(f(x0))


@EACH
def test_it_stays_at_a_minimiser(name: str) -> None:
    f, _, run = bowl(name)
    if name in NEEDS_DATA:
        f, x0 = LINE.objective(mean_squared_error, INPUTS, onp.zeros((40, 2))), onp.zeros(LINE.dim)
    elif name in LEAST_SQUARES:
        x0 = onp.array([3.0, -1.0])
    else:
        x0 = onp.zeros(2)
    if name == "adamw":
        run = method(name, weight_decay=0.0)
    for it in records(run, f, x0, 5):
        onp.testing.assert_array_equal(it.x, x0)


@EACH
def test_exactly_at_a_saddle_it_leaves_or_stays(name: str) -> None:
    f, net = (two_weights() if name in LEAST_SQUARES else saddle()), NET
    if (
        name in NEEDS_DATA
    ):  # targets are the inputs, of mean 0: the product of weights wants to grow
        net, X = mlp([1, 1, 1], "identity"), onp.array([[-2.0], [-1.0], [1.0], [2.0]])
        f = net.objective(mean_squared_error, X, X)
    found = records(method(name, net), f, onp.zeros(f.dim), 10)
    assert found[0].gradient_norm == 0
    assert all(onp.all(onp.isfinite(it.x)) for it in found)
    if name in LEAVES:
        assert found[-1].value < found[0].value - 1e-3
        assert any(it.negative_curvature is not None for it in found)


@pytest.mark.parametrize(
    "name", sorted(LEAVES | {"saddle_free_newton", "damped_newton", "newton_cg"})
)
def test_near_a_saddle_it_goes_down_and_says_what_it_met(name: str) -> None:
    found = records(method(name), himmelblau(), onp.array([0.0866, 2.8843]), 60)
    assert found[-1].value < 1e-6
    met = [it.negative_curvature for it in found if it.negative_curvature is not None]
    assert met
    H = himmelblau().known.hessian(onp.array([0.0866, 2.8843]))
    assert met[0] @ H @ met[0] < 0


# ── state and records ─────────────────────────────────────────────────────────────────────────────


@EACH
def test_records_are_complete_and_read_only(name: str) -> None:
    f, x0, run = valley(name)
    kept = x0.copy()
    found = records(run, f, x0, 8)
    onp.testing.assert_array_equal(x0, kept)
    onp.testing.assert_array_equal(found[0].x, x0)
    for number, it in enumerate(found):
        assert it.step == number
        batch = it.state.at.batch
        assert onp.isclose(it.value, float(f(it.x, batch)), rtol=1e-12)
        assert it.gradient_norm >= 0 and isinstance(it.note, str)
        with pytest.raises(ValueError, match="read-only"):
            it.x[0] = 1.0


@EACH
def test_it_is_deterministic_under_a_seed(name: str) -> None:
    f, x0, run = valley(name)
    first, second = records(run, f, x0, 8, seed=3), records(run, f, x0, 8, seed=3)
    for a, b in zip(first, second, strict=True):
        onp.testing.assert_array_equal(a.x, b.x)
        assert a.counts == b.counts


@EACH
def test_a_run_that_was_pickled_goes_on_as_if_nothing_had_happened(name: str) -> None:
    f, x0, run = valley(name)
    whole = records(run, f, x0, 9, seed=5)
    for stop in (0, 4):
        if len(whole) <= stop + 1:
            continue
        state = pickle.loads(pickle.dumps(whole[stop].state))
        rest = records(run, f, None, len(whole) - stop - 2, state=state)
        for a, b in zip(whole[stop + 1 :], rest, strict=True):
            onp.testing.assert_array_equal(a.x, b.x)
            assert a.counts == b.counts and a.step == b.step


@pytest.mark.parametrize("name", BATCHED)
def test_a_pickled_run_of_mini_batches_goes_on_in_the_middle_of_an_epoch(name: str) -> None:
    x0, run = 0.5 * onp.random.default_rng(1).normal(size=CLASSES.dim), method(name, batch_size=15)
    whole = records(run, CLASSES, x0, 8, seed=5)
    state = pickle.loads(pickle.dumps(whole[4].state))  # the second of three batches
    rest = records(run, CLASSES, None, 3, state=state)
    assert [len(it.state.at.batch[0]) for it in whole[:6]] == [15, 15, 10] * 2
    for a, b in zip(whole[5:], rest, strict=True):
        onp.testing.assert_array_equal(a.x, b.x)
        assert a.counts == b.counts and a.value == b.value


@EACH
def test_what_came_before_is_not_changed_by_what_comes_after(name: str) -> None:
    f, x0, run = valley(name)
    made = until_halted(run(f, x0), 6)
    states = [(it.state, pickle.dumps(it.state)) for it in made]  # each before the next is made
    for state, before in states:
        onp.testing.assert_array_equal(state.at.x, pickle.loads(before).at.x)
        onp.testing.assert_array_equal(state.at.g, pickle.loads(before).at.g)
        _equal(state.memory, pickle.loads(before).memory)


def _equal(a: Any, b: Any) -> None:
    if isinstance(a, tuple):
        assert type(a) is type(b) and len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            _equal(one, other)
    else:
        onp.testing.assert_array_equal(a, b)


@EACH
def test_float32_stays_float32(name: str) -> None:
    if name in NEEDS_DATA:
        X = INPUTS.astype(onp.float32)
        f, x0 = NET.objective(cross_entropy, X, LABELS), onp.full(NET.dim, 0.1, onp.float32)
    else:
        f, x0, _ = bowl(name)
        x0 = x0.astype(onp.float32)
    found = records(method(name), f, x0, 5)
    for it in found:
        arrays = [it.x, it.state.at.g, *_arrays(it.state.memory)]
        assert {a.dtype for a in arrays} == {onp.dtype("float32")}, it.step


def _arrays(memory: Any) -> list[Any]:
    if isinstance(memory, tuple):
        return [a for part in memory for a in _arrays(part)]
    return [memory] if isinstance(memory, onp.ndarray) else []


# ── costs ─────────────────────────────────────────────────────────────────────────────────────────


@EACH
def test_costs_only_grow_and_every_evaluation_is_counted(name: str) -> None:
    f, x0, run = valley(name)
    calls = []

    def fun(x: Any, batch: Any = None) -> Any:
        calls.append(1.0 if batch is None else len(batch[0]) / 40)
        return f.fun(x) if f.data is None else f.fun(x, batch)

    parts = {part: getattr(f, part) for part in PARTS}
    found = records(run, Objective("watched", fun, f.dim, start=f.start, **parts), x0, 6)
    costs = [it.counts.in_gradients for it in found]
    assert costs == sorted(costs) and costs[0] > 0
    if len(found) < 7:  # it halted, and the last step has no record
        assert name == "conjugate_gradient"
        return
    last = found[-1].counts
    # The start is looked at twice more, to refuse what would be silently wrong.
    real, counted = sum(calls) - 2 * calls[0], last.values + last.gradients
    # Those with needs evaluate the model or the residuals as well, and count that.
    assert real <= counted + 1e-9 if run.needs else onp.isclose(real, counted)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@EACH
def test_an_objective_without_the_parts_it_needs_is_refused_by_name(name: str) -> None:
    run = method(name)
    if run.needs or run.batch_size:
        with pytest.raises(TypeError, match=r"needs objective\."):
            run(lambda x: np.sum(x**2), [1.0, 1.0])


@EACH
def test_a_start_that_is_none_is_refused(name: str) -> None:
    f, _, run = valley(name)
    good = onp.ones(f.dim)
    for x0, says in (
        (good[:-1], "shape"),
        (good.astype(int), "floats"),
        (onp.nan * good, "finite"),
    ):
        with pytest.raises((TypeError, ValueError), match=says):
            list(islice(run(f, x0), 2))


@EACH
def test_a_start_where_the_value_is_nan_is_refused(name: str) -> None:
    f, x0, run = valley(name)
    parts = {part: getattr(f, part) for part in PARTS}
    broken = Objective("broken", lambda x, batch=None: np.sum(x) * np.nan, f.dim, **parts)
    with pytest.raises(ValueError, match="nan"):
        list(islice(run(broken, x0), 2))


@WITH_ANY_F
def test_a_constant_is_pointed_out_and_a_flat_function_is_no_crash(name: str) -> None:
    with pytest.warns(ConstantWarning):
        first, *_ = records(method(name), lambda x: 1.0, onp.ones(2), 2)
    assert first.gradient_norm == 0
    run = method(name, **({"weight_decay": 0.0} if name == "adamw" else {}))
    for it in records(run, lambda x: 0.0 * np.sum(x), onp.ones(2), 3):
        onp.testing.assert_array_equal(it.x, onp.ones(2))


@WITH_ANY_F
def test_without_a_minimum_it_goes_down_or_halts_by_name(name: str) -> None:
    found = minimize(tilted_trough(), None, method(name), stop=Stop(steps=50))
    assert found.reason in ("step limit", "unbounded", "singular Hessian", "no curvature")
    assert found.value < 1.0 or found.reason == "singular Hessian"
    assert onp.all(onp.isfinite(found.x))


def _barrier(x: Any) -> Any:
    return 1e4 * np.sum(x - np.log(x))  # nan where an entry is negative


@WITH_ANY_F
def test_where_the_function_ends_it_turns_back_or_halts_by_name(name: str) -> None:
    found = minimize(_barrier, onp.array([3.0, 0.5]), method(name), stop=Stop(steps=50))
    assert found.reason in ("converged", "step limit", "not finite", "not quadratic")
    assert onp.all(found.x > 0) and onp.isfinite(found.value)
    assert found.value <= _barrier(onp.array([3.0, 0.5]))


@EACH
def test_every_setting_out_of_its_range_is_refused_by_name(name: str) -> None:
    for setting, parameter in inspect.signature(METHODS[name]).parameters.items():
        kind = str(parameter.annotation).split(" | ")[0]
        for wrong in () if kind == "bool" else WRONG[kind]:
            with pytest.raises((TypeError, ValueError), match=setting):
                method(name, **{setting: wrong})


@EACH
def test_it_is_documented_like_the_others(name: str) -> None:
    factory: Callable[..., Method] = METHODS[name]
    assert factory.__name__ == name
    words = inspect.getdoc(factory) or ""
    for part in ("Cost:", "Source:", ">>> ", ".. math::"):
        assert part in words, part
    assert inspect.signature(factory).return_annotation == "Method"


COLUMN = onp.array([[1.0], [2.0], [-1.0]])


def _line(x: Any, batch: Any = None) -> Any:
    return x[0] * COLUMN


def _misfit(z: Any, batch: Any = None) -> Any:
    return mean_squared_error.loss(z, 3.0 * COLUMN)


@pytest.mark.parametrize("name", sorted(set(ALL) - {"kfac"}))  # a network has two parameters
def test_one_variable_is_enough(name: str) -> None:
    f = Objective(
        "one variable",
        lambda x: _misfit(_line(x)),
        1,
        model=_line,
        loss=_misfit,
        likelihood=mean_squared_error,
        residuals=lambda x: onp.sqrt(2.0) * np.array([x[0] - 3.0]),
    )
    options = {"batch_size": None} if name == "sgd" else {}
    found = records(method(name, **options), f, onp.ones(1), 5)
    assert len(found) == 6 and found[-1].value < found[0].value


@pytest.mark.parametrize("bits", [onp.random.PCG64, onp.random.MT19937, onp.random.Philox])
def test_a_run_goes_on_with_the_generator_that_it_began_with(bits: Any) -> None:
    run = method("adahessian")
    whole = list(islice(run(rosenbrock(), None, rng=onp.random.Generator(bits(1))), 8))
    rest = list(islice(run(rosenbrock(), None, state=whole[3].state), 4))
    for a, b in zip(whole[4:], rest, strict=True):
        onp.testing.assert_array_equal(a.x, b.x)


def test_what_is_no_generator_or_no_rule_is_refused_by_name() -> None:
    for rng in (3, "a", onp.random.RandomState(0)):
        with pytest.raises(TypeError, match="rng must be a numpy Generator"):
            method("adam")(rosenbrock(), None, rng=rng)
    with pytest.raises(TypeError, match="stop must be a Stop"):
        minimize(rosenbrock(), None, method("adam"), stop=5)  # type: ignore[arg-type]
