"""The run of iterates and `minimize`: counts, records, going on, stopping, halting, bad input."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
from collections.abc import Callable
from itertools import islice
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest
from numpy.testing import assert_allclose

from secondorder import objectives
from secondorder.methods import (
    METHODS,
    Counts,
    Halt,
    Iterate,
    Method,
    Oracle,
    Result,
    State,
    Step,
    Stop,
    bfgs,
    gradient_descent,
    heavy_ball,
    lbfgs,
    minimize,
    newton,
    newton_cg,
)
from secondorder.methods import _minimize as module
from secondorder.methods._core import as_objective
from secondorder.objectives import Objective, quadratic

BOWL = quadratic([1.0, 4.0])
ONES = onp.ones(2)


def data_objective(rows: int = 10) -> Objective:
    """½ mean (Xx − y)², which no x fits exactly."""
    rng = onp.random.default_rng(5)
    data = (rng.normal(size=(rows, 2)), rng.normal(size=rows))

    def fun(x: Any, batch: Any = None) -> Any:
        X, y = data if batch is None else batch
        return np.mean((np.dot(X, x) - y) ** 2) / 2

    return Objective("rows", fun, 2, data=data, start=onp.zeros(2))


def moving(where: Callable[[int], float]) -> Method:
    """A method that goes to x = where(k), whatever f is."""
    return Method(
        "moving", lambda oracle, at, memory, rng: Step(onp.full_like(at.x, where(at.step + 1)))
    )


def noisy(oracle: Oracle, at: Any, memory: Any, rng: onp.random.Generator) -> Step:
    return Step(at.x - 0.1 * at.g + 0.01 * rng.normal(size=at.x.size))


def the_state(run: Any) -> State:
    state = run.state
    assert state is not None
    return state


# ── the oracle counts ─────────────────────────────────────────────────────────────────────────────


def test_every_evaluation_is_counted_once() -> None:
    oracle, x = Oracle(BOWL), ONES
    assert oracle.value(x) == 2.5
    assert oracle.counts == Counts(values=1)
    for _ in range(3):
        assert oracle.value_and_gradient(x.copy())[0] == 2.5  # remembered
    assert oracle.counts == Counts(values=1, gradients=1)
    oracle.value_and_gradient(2 * x)
    oracle.value_and_gradient(x)
    assert oracle.counts == Counts(values=1, gradients=3)


def test_products_are_counted_by_columns() -> None:
    oracle = Oracle(BOWL)
    H = oracle.hessian_operator(ONES)
    assert oracle.counts == Counts(gradients=1)
    assert_allclose(H @ ONES, [1.0, 4.0])
    assert oracle.counts == Counts(gradients=1, products=1)
    assert_allclose(H @ onp.eye(2), onp.diag([1.0, 4.0]))
    assert_allclose(H.T @ ONES, [1.0, 4.0])
    assert oracle.counts == Counts(gradients=1, products=4)
    assert_allclose(oracle.hessian(ONES), onp.diag([1.0, 4.0]))
    assert oracle.counts == Counts(gradients=2, products=6)


def test_residuals_count_as_half_a_hessian() -> None:
    oracle = Oracle(objectives.himmelblau())
    r, J = oracle.residuals_and_jacobian(ONES)
    value, g = oracle.value_and_gradient(ONES)
    assert_allclose([r @ r / 2, *(J.T @ r)], [value, *g])
    assert oracle.counts == Counts(gradients=2, products=1)


def test_a_mini_batch_costs_its_share() -> None:
    f = data_objective()
    assert f.data is not None
    oracle, batch = Oracle(f), tuple(a[:4] for a in f.data)
    oracle.value(ONES, batch)
    oracle.value_and_gradient(ONES, batch)
    oracle.hessian_operator(ONES, batch) @ ONES
    assert oracle.counts == Counts(0.4, 0.8, 0.4)
    assert oracle.value_and_gradient(ONES)[0] != oracle.value_and_gradient(ONES, batch)[0]


def test_the_whole_cost_is_in_gradients() -> None:
    assert Counts(values=3, gradients=4, products=2).in_gradients == 9
    assert Counts().in_gradients == 0


def test_what_does_not_exist_is_nan_and_warns_nobody() -> None:
    oracle = Oracle(as_objective(lambda x: np.log(x[0]) + np.sqrt(x[1]), ONES))
    for x in ([-1.0, 1.0], [0.0, 1.0], [1.0, 0.0], [onp.inf, 1.0]):
        value, g = oracle.value_and_gradient(onp.array(x))
        assert not (onp.isfinite(value) and onp.all(onp.isfinite(g)))
    assert onp.isnan(oracle.value(onp.array([-1.0, 1.0])))


# ── the run ───────────────────────────────────────────────────────────────────────────────────────


def test_a_run_can_be_sliced_and_stepped() -> None:
    run = gradient_descent(0.1)(BOWL, ONES)
    first = next(run)
    assert (first.step, first.value, first.note) == (0, 2.5, "")
    assert_allclose(first.gradient_norm, 17**0.5)
    assert [it.step for it in islice(run, 2, 9, 3)] == [3, 6, 9]


def test_what_an_iterate_says_is_true() -> None:
    for it in islice(heavy_ball(0.05, 0.5)(objectives.himmelblau(), [1.0, 1.0]), 6):
        assert it.value == float(objectives.himmelblau()(it.x))
        g = objectives.himmelblau().known.gradient(it.x)  # type: ignore[misc]
        assert_allclose(it.gradient_norm, onp.linalg.norm(g))
        assert it.counts == Counts(gradients=it.step + 1) == the_state(it).counts
        assert the_state(it).at.x is it.x


def test_iterates_are_read_only_and_x0_is_not_touched() -> None:
    x0 = ONES.copy()
    for it in islice(gradient_descent(0.1)(BOWL, x0), 3):
        with pytest.raises(ValueError, match="read-only"):
            it.x[0] = 0.0
        with pytest.raises(dataclasses.FrozenInstanceError):
            it.value = 0.0  # type: ignore[misc]
    x0[:] = 7.0  # a caller may do with his array what he likes
    assert onp.array_equal(ONES, onp.ones(2))


def test_two_runs_of_one_method_do_not_meet() -> None:
    method = heavy_ball()
    a, b = method(BOWL, ONES), method(BOWL, ONES)
    next(a), next(a), next(a)
    assert [it.value for it in islice(b, 4)][3] == next(a).value


def test_a_method_that_stays_pays_nothing() -> None:
    stay = Method("stay", lambda oracle, at, memory, rng: Step(at.x, note="resting"))
    *_, last = islice(stay(BOWL, ONES), 5)
    assert last.counts == Counts(gradients=1) and last.note == "resting" and last.step == 4


def test_x0_may_be_a_list_or_left_to_the_objective() -> None:
    f = objectives.rosenbrock()
    assert next(newton()(f)).x.tolist() == [-1.2, 1.0]
    assert next(newton()(f, [0.0, 1.0])).x.tolist() == [0.0, 1.0]


def test_lengths_of_float32_stay_float32_though_the_method_forgets() -> None:
    careless = Method("careless", lambda oracle, at, memory, rng: Step(at.x.astype(float) / 2))
    for it in islice(careless(BOWL, onp.ones(2, onp.float32)), 3):
        assert it.x.dtype == the_state(it).at.g.dtype == onp.float32


def test_init_sees_the_start_and_the_generator() -> None:
    def init(oracle: Oracle, at: Any, rng: onp.random.Generator) -> Any:
        return at.value, rng.normal()

    def update(oracle: Oracle, at: Any, memory: Any, rng: onp.random.Generator) -> Step:
        return Step(at.x / 2, memory)

    method = Method("curious", update, init)
    a, b = (next(method(BOWL, ONES, rng=onp.random.default_rng(s))) for s in (1, 2))
    assert the_state(a).memory[0] == 2.5 and the_state(a).memory[1] != the_state(b).memory[1]


def test_mini_batches_come_from_the_seed_and_cover_all_rows() -> None:
    f = data_objective(10)
    method = gradient_descent(0.01, batch_size=4)
    seen = [the_state(it).at.batch[1] for it in islice(method(f), 3)]
    assert [len(y) for y in seen] == [4, 4, 2]
    assert f.data is not None
    assert onp.array_equal(onp.sort(onp.concatenate(seen)), onp.sort(f.data[1]))

    def ends(seed: int) -> Any:
        *_, last = islice(method(f, rng=onp.random.default_rng(seed)), 9)
        return last

    assert onp.array_equal(ends(1).x, ends(1).x)
    assert not onp.array_equal(ends(1).x, ends(2).x)
    assert_allclose(ends(1).counts.gradients, 3.0)  # 9 evaluations, three epochs


def test_a_batch_of_more_than_all_rows_is_all_rows() -> None:
    f = data_objective(10)
    a = next(gradient_descent(0.01, batch_size=100)(f))
    assert_allclose(a.value, float(f(f.start)))


# ── going on ──────────────────────────────────────────────────────────────────────────────────────


RUNS = [
    (gradient_descent(0.05), BOWL, ONES),
    (heavy_ball(0.05, 0.8), objectives.himmelblau(), ONES),
    (lbfgs(3), objectives.rosenbrock(6), None),
    (bfgs(), objectives.rosenbrock(), None),
    (Method("noisy", noisy), BOWL, ONES),
    (heavy_ball(0.05, 0.5, batch_size=4), data_objective(), None),
]


@pytest.mark.parametrize(("method", "f", "x0"), RUNS, ids=[repr(r[0]) for r in RUNS])
def test_a_run_goes_on_from_a_pickled_state(method: Method, f: Objective, x0: Any) -> None:
    whole = list(islice(method(f, x0, rng=onp.random.default_rng(7)), 13))
    for k in (0, 5):
        state = pickle.loads(pickle.dumps(the_state(whole[k])))
        rest = list(islice(method(f, state=state), 12 - k))
        for a, b in zip(whole[k + 1 :], rest, strict=True):
            assert onp.array_equal(a.x, b.x) and a.counts == b.counts and a.step == b.step
            assert (a.value, a.gradient_norm, a.note) == (b.value, b.gradient_norm, b.note)


def test_one_state_can_be_used_twice() -> None:
    state = the_state(list(islice(heavy_ball()(BOWL, ONES), 4))[-1])
    a, b = (next(heavy_ball()(BOWL, state=state)) for _ in range(2))
    assert onp.array_equal(a.x, b.x)


def test_another_method_can_take_over_the_point() -> None:
    state = the_state(minimize(objectives.rosenbrock(), None, gradient_descent(1e-3), stop=few(20)))
    found = minimize(objectives.rosenbrock(), None, newton(), state=state)
    assert found.converged and found.steps > 20


def few(steps: int) -> Stop:
    return Stop(steps=steps)


def test_minimize_goes_on_where_it_stopped() -> None:
    method, f = heavy_ball(0.01, 0.5), objectives.himmelblau()
    whole = minimize(f, ONES, method)
    part = minimize(f, ONES, method, stop=few(10))
    state = pickle.loads(pickle.dumps(part.state))
    rest = minimize(f, None, method, state=state)
    assert part.reason == "step limit" and part.steps == 10
    assert onp.array_equal(rest.x, whole.x) and rest.steps == whole.steps
    assert rest.counts == whole.counts and rest.reason == whole.reason == "converged"
    assert onp.array_equal(rest.values, whole.values[10:])


def test_a_converged_state_has_nothing_left_to_do() -> None:
    found = minimize(BOWL, ONES, newton())
    again = minimize(BOWL, None, newton(), state=found.state)
    assert again.reason == "converged" and again.counts == found.counts and again.steps == 1


def test_a_step_limit_counts_from_where_it_goes_on() -> None:
    part = minimize(BOWL, ONES, gradient_descent(0.01), stop=few(5))
    rest = minimize(BOWL, None, gradient_descent(0.01), stop=few(5), state=part.state)
    assert rest.steps == 10 and len(rest.values) == 6


# ── stopping rules ────────────────────────────────────────────────────────────────────────────────


def cube(x: Any) -> Any:
    return x[0] ** 3


RULES: list[tuple[str, Any, Any, Method, Stop]] = [
    ("converged", BOWL, [1.0, 1.0], gradient_descent(0.1), Stop()),
    ("converged", BOWL, [0.0, 0.0], gradient_descent(0.1), Stop()),
    ("value reached", BOWL, [1.0, 1.0], gradient_descent(0.1), Stop(value=0.1)),
    ("value reached", BOWL, [1.0, 1.0], gradient_descent(0.1), Stop(value=100.0, steps=1)),
    ("step limit", BOWL, [1.0, 1.0], gradient_descent(0.1), Stop(steps=3)),
    ("cost limit", BOWL, [1.0, 1.0], gradient_descent(0.1), Stop(cost=5)),
    ("cost limit", BOWL, [1.0, 1.0], newton_cg(), Stop(cost=2, gradient=1e-20)),
    ("stagnated", BOWL, [1.0, 1.0], gradient_descent(0.5), Stop(stagnation=5)),
    ("stagnated", BOWL, [1.0, 1.0], moving(lambda k: 1.0), Stop()),
    ("diverged", BOWL, [1.0, 1.0], gradient_descent(1.0), Stop()),
    ("diverged", BOWL, [1.0, 1.0], gradient_descent(1.0), Stop(divergence=100)),
    ("unbounded", cube, [-1.0], gradient_descent(0.1), Stop()),
    ("unbounded", objectives.saddle(), [1.0, 0.1], gradient_descent(0.1), Stop()),
    ("not finite", cube, [1.0], moving(lambda k: onp.nan), Stop()),
    ("not finite", cube, [1.0], moving(lambda k: onp.inf), Stop()),
    ("not finite", lambda x: np.log(x[0]), [2.0], moving(lambda k: 1.0 - k), Stop(gradient=1e-9)),
    ("singular Hessian", objectives.quadratic([1.0, 0.0, 0.0]), None, newton(), Stop()),
]


@pytest.mark.parametrize(("reason", "f", "x0", "method", "stop"), RULES)
def test_a_run_ends_for_a_reason_with_a_name(
    reason: str, f: Any, x0: Any, method: Method, stop: Stop
) -> None:
    if reason == "singular Hessian":
        f, x0 = (lambda x: x[0] ** 2 + x[1]), [1.0, 1.0]
    found = minimize(f, x0, method, stop=stop)
    assert found.reason == reason
    assert found.converged == (reason in ("converged", "value reached"))
    assert onp.all(onp.isfinite(found.x)) and onp.isfinite(found.value)
    assert found.message and len(found.values) == found.steps + 1


def test_rules_can_be_switched_off() -> None:
    off = Stop(gradient=None, stagnation=None, divergence=None, steps=400)
    found = minimize(BOWL, ONES, moving(lambda k: 0.0), stop=off)
    assert found.reason == "step limit" and found.gradient_norm == 0
    grown = minimize(BOWL, ONES, gradient_descent(1.0), stop=Stop(divergence=None, steps=60))
    assert grown.reason == "step limit" and grown.value > 1e10


def test_without_a_step_limit_another_rule_ends_it() -> None:
    assert minimize(BOWL, ONES, gradient_descent(0.1), stop=Stop(steps=None)).converged


def test_a_run_that_creeps_is_not_called_stagnated() -> None:
    """One step in four goes down; the run is slow, but f falls."""
    method = moving(lambda k: 1.0 / (1 + k // 4))
    found = minimize(BOWL, ONES, method, stop=Stop(stagnation=5, steps=200))
    assert found.reason == "step limit"


def test_the_history_belongs_to_the_run() -> None:
    found = minimize(BOWL, ONES, gradient_descent(0.1), stop=few(20))
    run = list(islice(gradient_descent(0.1)(BOWL, ONES), 21))
    assert_allclose(found.values, [it.value for it in run], rtol=0)
    assert_allclose(found.gradient_norms, [it.gradient_norm for it in run], rtol=0)
    assert_allclose(found.costs, onp.arange(1.0, 22.0), rtol=0)
    assert (found.value, found.gradient_norm) == (found.values[-1], found.gradient_norms[-1])


def test_best_is_the_lowest_iterate() -> None:
    heights = [1.0, 0.5, 0.2, 0.9, 0.7]
    found = minimize(BOWL, ONES, moving(lambda k: heights[k]), stop=few(4))
    assert found.best.step == 2 and found.x.tolist() == [0.7, 0.7]


def test_a_result_can_be_pickled_and_is_short_to_read() -> None:
    found = minimize(objectives.rosenbrock(), None, lbfgs())
    copied = pickle.loads(pickle.dumps(found))
    assert isinstance(copied, Result) and onp.array_equal(copied.x, found.x)
    assert "array([" in repr(found) and "best" not in repr(found) and "state" not in repr(found)
    assert repr(bfgs()) == "Method('BFGS')"


# ── halts and interrupts ──────────────────────────────────────────────────────────────────────────


def test_a_halt_keeps_what_the_run_has_and_its_direction() -> None:
    direction = onp.array([0.0, 1.0])

    def update(oracle: Oracle, at: Any, memory: Any, rng: Any) -> Step:
        if at.step == 3:
            raise Halt("negative curvature", "follow it", direction)
        return Step(at.x / 2)

    method = Method("stubborn", update)
    found = minimize(BOWL, ONES, method)
    assert (found.reason, found.message) == ("negative curvature", "negative curvature: follow it")
    assert found.steps == 3 and found.x[0] == 1 / 8 and not found.converged
    assert found.negative_curvature is direction
    with pytest.raises(Halt, match="follow it"):
        list(method(BOWL, ONES))
    assert str(Halt("tired")) == "tired" and isinstance(Halt("tired"), ArithmeticError)


def test_the_last_direction_of_negative_curvature_is_kept() -> None:
    def update(oracle: Oracle, at: Any, memory: Any, rng: Any) -> Step:
        down = onp.full(2, float(at.step)) if at.step in (1, 2) else None
        return Step(at.x / 2, None, "negative curvature" if down is not None else "", down)

    run = list(islice(Method("seeing", update)(BOWL, ONES), 5))
    assert [it.negative_curvature is not None for it in run] == [False, False, True, True, False]
    found = minimize(BOWL, ONES, Method("seeing", update))
    assert found.negative_curvature is not None and found.negative_curvature[0] == 2


def test_an_interrupt_keeps_what_the_run_has() -> None:
    def update(oracle: Oracle, at: Any, memory: Any, rng: Any) -> Step:
        if at.step == 4:
            raise KeyboardInterrupt
        return Step(at.x / 2)

    found = minimize(BOWL, ONES, Method("slow", update))
    assert found.reason == "interrupted" and found.steps == 4 and found.x[0] == 1 / 16
    rest = minimize(BOWL, None, gradient_descent(0.1), state=found.state)
    assert rest.converged


def test_an_interrupt_before_the_first_record_is_one() -> None:
    def fun(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        minimize(fun, ONES, gradient_descent(0.1))


def test_a_halt_before_the_first_record_is_an_error() -> None:
    def init(oracle: Oracle, at: Any, rng: Any) -> Any:
        raise Halt("unwilling", "do something else")

    method = Method("unwilling", lambda *a: Step(ONES), init)
    with pytest.raises(ValueError, match=r"stopped before its first record .*do something else"):
        minimize(BOWL, ONES, method)


def test_an_error_in_the_objective_is_not_hidden() -> None:
    def fun(x: Any) -> Any:
        if float(getattr(x[0], "_value", x[0])) < 0.5:
            raise RuntimeError("no data below 0.5")
        return x[0] ** 2

    with pytest.raises(RuntimeError, match="no data below"):
        minimize(fun, [1.0], gradient_descent(0.1))


def test_a_branch_that_autograd_cannot_trace_says_so() -> None:
    def fun(x: Any) -> Any:
        return x[0] ** 2 if x[0] > 0.5 else float(x[0])

    with pytest.raises(TypeError, match="autograd cannot trace f"):
        minimize(fun, [1.0], gradient_descent(0.1))


# ── the progress bar ──────────────────────────────────────────────────────────────────────────────


def test_a_progress_bar_only_on_request(capsys: Any) -> None:
    minimize(BOWL, ONES, gradient_descent(0.1))
    out, err = capsys.readouterr()
    assert not out and not err
    minimize(BOWL, ONES, gradient_descent(0.1), progress=True, stop=few(5))
    out, err = capsys.readouterr()
    assert not out and "gradient descent" in err and "5/5" in err and "f = " in err


def test_the_bar_is_closed_when_an_error_passes(monkeypatch: Any) -> None:
    closed = []

    class Bar:
        def update(self, n: int) -> None: ...

        def set_postfix_str(self, text: str, refresh: bool) -> None:
            raise RuntimeError("broken display")

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(module, "_bar", lambda name, steps: Bar())
    with pytest.raises(RuntimeError, match="broken display"):
        minimize(BOWL, ONES, gradient_descent(0.1), progress=True)
    assert closed == [True]


def test_without_a_bar_nothing_of_tqdm_is_loaded(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    assert minimize(BOWL, ONES, gradient_descent(0.1)).converged


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize(
    ("f", "x0", "error", "words"),
    [
        (BOWL, None, TypeError, "x0 is missing, and 'quadratic' has no customary start"),
        (lambda x: x[0], None, TypeError, "x0 is missing: function"),
        (3.0, ONES, TypeError, "objective must be a function, got float 3.0"),
        (BOWL, [1, 2], TypeError, "x0 must hold floats"),
        (BOWL, [[1.0, 2.0]], ValueError, "x0 must be one flat array"),
        (BOWL, [1.0], ValueError, r"x0 must have shape \(2,\)"),
        (BOWL, [1.0, onp.nan], ValueError, r"x0 must be finite, got nan at x0\[1\]"),
        (lambda x: x, ONES, ValueError, "f must return one number"),
        (lambda x: None, ONES, TypeError, "is there a return"),
        (lambda x: np.sqrt(x[0] - 2), ONES, ValueError, "is nan at this x"),
        (lambda x: float(onp.sum(onp.asarray(x))), ONES, TypeError, "autograd"),
    ],
)
def test_an_objective_or_start_that_will_not_do(
    f: Any, x0: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        minimize(f, x0, gradient_descent(0.1))


@pytest.mark.parametrize("method", [gradient_descent, "adam", None, METHODS])
def test_what_is_no_method(method: Any) -> None:
    with pytest.raises(TypeError, match=r"method must be a Method such as gradient_descent\(0.1\)"):
        minimize(BOWL, ONES, method)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("steps", 0),
        ("steps", 1.5),
        ("stagnation", -1),
        ("gradient", 0.0),
        ("gradient", onp.nan),
        ("cost", -1.0),
        ("divergence", 0.0),
    ],
)
def test_a_rule_that_is_not_positive(rule: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{rule} must be"):
        Stop(**{rule: value})


@pytest.mark.parametrize("size", [0, -3, 2.5])
def test_a_batch_of_no_rows(size: Any) -> None:
    with pytest.raises(ValueError, match="batch_size must be a whole number from 1 on"):
        gradient_descent(0.1, batch_size=size)


def test_mini_batches_of_a_function_without_data() -> None:
    with pytest.raises(TypeError, match=r"needs objective\.data, which 'quadratic' does not have"):
        gradient_descent(0.1, batch_size=2)(BOWL, ONES)


def test_parts_that_are_missing_are_named() -> None:
    method = Method("picky", lambda *a: Step(ONES), needs=("model|residuals",))
    with pytest.raises(TypeError, match=r"picky needs objective\.model or objective\.residuals"):
        method(BOWL, ONES)
    assert next(method(objectives.himmelblau(), ONES)).step == 0


def test_a_state_of_another_dimension() -> None:
    state = the_state(next(gradient_descent(0.1)(quadratic([1.0, 2.0, 3.0]), onp.ones(3))))
    with pytest.raises(ValueError, match=r"state\.at\.x must have shape \(2,\)"):
        gradient_descent(0.1)(BOWL, state=state)


def test_a_result_is_not_a_state() -> None:
    found: Any = minimize(BOWL, ONES, gradient_descent(0.1), stop=few(2))
    with pytest.raises(TypeError, match=r"must be a State, got Result: pass `found\.state`"):
        minimize(BOWL, ONES, gradient_descent(0.1), state=found)


def test_records_are_plain_data() -> None:
    it = next(gradient_descent(0.1)(BOWL, ONES))
    assert isinstance(it, Iterate) and copy.deepcopy(it).value == it.value
    assert it.state is not None and it.state.rng["bit_generator"] == "PCG64"
