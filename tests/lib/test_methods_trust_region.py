"""Trust region and cubic Newton: their steps by optimality conditions, the loops by their rules."""

from __future__ import annotations

import pickle
from itertools import islice, pairwise
from typing import Any

import autograd.numpy as np
import numpy as onp
import pytest
from more_garbow_hillstrom import PROBLEMS, TRAPS
from numpy.testing import assert_allclose, assert_array_equal

from secondorder import objectives
from secondorder.methods import (
    Iterate,
    Method,
    Oracle,
    Stop,
    cubic_newton,
    minimize,
    trust_region,
)
from secondorder.methods._spectrum import spectrum
from secondorder.methods._trust_region_steps import (
    dogleg,
    exact,
    secular_step,
    steihaug,
    to_boundary,
    truncated_cg,
)
from secondorder.objectives import Objective, quadratic

LOOPS = {
    "exact": trust_region("exact"),
    "dogleg": trust_region("dogleg"),
    "steihaug": trust_region("steihaug"),
    "cubic": cubic_newton(),
}
each_loop = pytest.mark.parametrize("loop", LOOPS.values(), ids=LOOPS)
REGIONS = {name: method for name, method in LOOPS.items() if name != "cubic"}
each_region = pytest.mark.parametrize("loop", REGIONS.values(), ids=REGIONS)
SPECTRA = {
    "bowl": [1.0, 2.0, 10.0, 300.0],
    "saddle": [-3.0, -0.1, 1.0, 20.0],
    "dome": [-4.0, -3.0, -2.0, -1.0],
    "trough": [0.0, 0.0, 1.0, 2.0],
    "twins": [-1.0, -1.0, 1.0, 1.0],
    "flat": [0.0, 0.0, 0.0, 0.0],
    "stiff": [-1e-6, 1e-3, 1.0, 1e6],
}
each_spectrum = pytest.mark.parametrize("values", SPECTRA.values(), ids=SPECTRA)


def matrix(values: list[float], seed: int = 0) -> tuple[Any, Any]:
    rng = onp.random.default_rng(seed)
    H = quadratic(values, rng=rng).known.hessian(None)
    return H, rng.normal(size=len(values))


def model(g: Any, H: Any, p: Any) -> float:
    return float(g @ p + p @ H @ p / 2)


def run(method: Method, f: Any, x0: Any, steps: int) -> list[Iterate]:
    return list(islice(method(f, x0), steps + 1))


# ── the exact step ────────────────────────────────────────────────────────────────────────────────


def gradients(H: Any, g: Any) -> dict[str, Any]:
    """Any gradient, one without a part along the first eigenvectors (the hard case), nearly so …"""
    Q = onp.linalg.eigh(H)[1]
    hard = Q[:, 2:] @ (Q[:, 2:].T @ g)
    return {
        "any": g,
        "hard": hard,
        "nearly": hard + 1e-9 * Q[:, 0],
        "small": 1e-9 * g,
        "zero": 0 * g,
    }


def check_kkt(H: Any, g: Any, p: Any, shift: float, room: float) -> None:
    """(H + λI) p = −g, H + λI ⪰ 0, λ ≥ 0, and ‖p‖ = room unless λ = 0, where it may be less."""
    size = onp.linalg.norm(H, 2) + shift
    assert_allclose(H @ p + shift * p, -g, atol=1e-10 * size * max(1e-3, onp.linalg.norm(p)))
    assert shift >= 0 and shift + onp.linalg.eigvalsh(H)[0] >= -1e-13 * size
    length = onp.linalg.norm(p)
    if shift > 1e-12 * size:
        assert length == pytest.approx(room, rel=1e-6)
    assert length <= room * (1 + 1e-9) or room < 1e-9


@each_spectrum
@pytest.mark.parametrize("radius", [1e-3, 0.3, 1.0, 50.0])
def test_the_exact_step_satisfies_the_optimality_conditions(
    values: list[float], radius: float
) -> None:
    for seed in range(5):
        H, any_g = matrix(values, seed)
        for g in gradients(H, any_g).values():
            S = spectrum(H)
            p, shift = secular_step(S, g, radius, 0.0)
            check_kkt(H, g, p, shift, radius)
            inner = exact(g, S, radius)
            assert_array_equal(inner.p, p)
            terms = abs(g @ p) + onp.linalg.norm(H, 2) * (p @ p)
            assert inner.decrease == pytest.approx(-model(g, H, p), abs=1e-12 * terms)


@each_spectrum
@pytest.mark.parametrize("sigma", [1e-3, 1.0, 1e3])
def test_the_cubic_step_satisfies_the_optimality_conditions(
    values: list[float], sigma: float
) -> None:
    for seed in range(5):
        H, any_g = matrix(values, seed)
        for kind, g in gradients(H, any_g).items():
            p, shift = secular_step(spectrum(H), g, 0.0, 1 / sigma)
            check_kkt(H, g, p, shift, shift / sigma)
            if kind == "zero" and values[0] < 0:
                assert onp.linalg.norm(p) == pytest.approx(-values[0] / sigma, rel=1e-3)


def test_no_other_step_in_the_ball_is_lower() -> None:
    rng = onp.random.default_rng(1)
    for seed in range(20):
        H, g = matrix(list(rng.normal(size=4)), seed)
        inner = exact(g, spectrum(H), 1.5)
        for _ in range(200):
            p = rng.normal(size=4)
            p *= 1.5 * rng.uniform() ** 0.25 / onp.linalg.norm(p)
            assert model(g, H, p) >= -inner.decrease - 1e-10


def test_an_inside_step_is_that_of_newton() -> None:
    H, g = matrix([1.0, 2.0, 3.0])
    p, shift = secular_step(spectrum(H), g, 100.0, 0.0)
    assert shift == 0
    assert_allclose(p, -onp.linalg.solve(H, g))


def test_rounding_errors_along_a_trough_are_not_followed() -> None:
    H, g = matrix([0.0, 1.0])
    S = spectrum(H)
    assert S.singular and S.values[0] == 0
    p, shift = secular_step(S, H @ g, 100.0, 0.0)
    assert shift == 0
    assert_allclose(p, -onp.linalg.pinv(H) @ (H @ g))


# ── dogleg and Steihaug ───────────────────────────────────────────────────────────────────────────


@each_spectrum
@pytest.mark.parametrize("radius", [1e-3, 0.3, 50.0])
def test_every_step_stays_inside_and_falls_as_far_as_the_cauchy_point(
    values: list[float], radius: float
) -> None:
    for seed in range(5):
        H, g = matrix(values, seed)
        norm, bend = onp.linalg.norm(g), g @ H @ g
        cauchy = -g * min(radius / norm, norm**2 / bend if bend > 0 else onp.inf)
        for inner in (dogleg(g, spectrum(H), radius), steihaug(g, H, radius)):
            assert onp.linalg.norm(inner.p) <= radius * (1 + 1e-12)
            assert inner.decrease == pytest.approx(-model(g, H, inner.p), rel=1e-6)
            assert inner.decrease >= -model(g, H, cauchy) * (1 - 1e-12)
            best = exact(g, spectrum(H), radius).decrease
            assert inner.decrease <= best * (1 + 1e-12)
            d = inner.negative_curvature
            assert d is None or d @ H @ d < 0


def test_the_dogleg_has_two_legs_and_ends_at_newton() -> None:
    H, g = matrix([1.0, 4.0, 9.0])
    S, newton = spectrum(H), -onp.linalg.solve(H, g)
    bottom = -g * (g @ g) / (g @ H @ g)
    inside, outside = onp.linalg.norm(bottom), onp.linalg.norm(newton)
    assert_allclose(dogleg(g, S, 2 * outside).p, newton)
    assert_allclose(dogleg(g, S, inside / 2).p, bottom / 2)
    p = dogleg(g, S, (inside + outside) / 2).p
    assert onp.linalg.norm(p) == pytest.approx((inside + outside) / 2)
    leg, way = newton - bottom, p - bottom
    assert way @ leg == pytest.approx(onp.linalg.norm(way) * onp.linalg.norm(leg))


def test_the_dogleg_falls_back_to_the_cauchy_point_and_says_so() -> None:
    H, g = matrix([-1.0, 5.0])
    inner = dogleg(g, spectrum(H), 0.7)
    assert inner.note == "Cauchy point" and inner.negative_curvature is not None
    assert onp.linalg.norm(onp.outer(inner.p, g) - onp.outer(g, inner.p)) < 1e-12
    assert dogleg(0 * g, spectrum(H), 0.7).decrease == 0


def test_steihaug_solves_roughly_inside_and_takes_negative_curvature_to_the_boundary() -> None:
    H, g = matrix([1.0, 2.0, 5.0])
    assert_allclose(steihaug(1e-6 * g, H, 1.0).p, -onp.linalg.solve(H, 1e-6 * g), rtol=1e-2)
    H, g = matrix([-1.0, -2.0, 5.0])
    inner = steihaug(g, H, 3.0)
    assert inner.note == "negative curvature"
    assert onp.linalg.norm(inner.p) == pytest.approx(3)


def test_truncated_cg_is_exact_after_as_many_products_as_distinct_eigenvalues() -> None:
    H, g = matrix([1.0, 1.0, 7.0, 7.0])
    seen = []
    p, Hp, down = truncated_cg(lambda v: (seen.append(1), H @ v)[1], g, 1e-10, 10)
    assert_allclose(p, -onp.linalg.solve(H, g), rtol=1e-9)
    assert_allclose(Hp, H @ p)
    assert down is None and len(seen) == 2


@pytest.mark.parametrize(("bend", "length"), [(-4.0, 0.25), (0.0, 1.0)])
def test_truncated_cg_without_a_boundary_goes_as_far_as_the_curvature_is_large(
    bend: float, length: float
) -> None:
    g = onp.array([3.0, 0.0])
    p, _, down = truncated_cg(lambda v: bend * v, g, 0.1, 5)
    assert_allclose(p, -length * g)
    assert (down is not None) == (bend < 0)


@pytest.mark.parametrize("z", [[0.0, 0.0], [0.3, -0.2], [1.0, 0.0]])
@pytest.mark.parametrize("d", [[1.0, 0.0], [-1e-9, 2e-9], [-5.0, 3.0]])
def test_to_the_boundary(z: list[float], d: list[float]) -> None:
    tau = to_boundary(onp.array(z), onp.array(d), 1.0)
    assert tau >= 0
    assert onp.linalg.norm(onp.array(z) + tau * onp.array(d)) == pytest.approx(1)


# ── the loops ─────────────────────────────────────────────────────────────────────────────────────


@each_loop
@pytest.mark.parametrize(
    "f",
    [
        quadratic([1.0, 30.0, 500.0], minimiser=[1.0, 2.0, 3.0], rng=onp.random.default_rng(2)),
        objectives.rosenbrock(3),
        objectives.himmelblau(),
        objectives.two_weights(),
        objectives.quartic(2),
    ],
    ids=repr,
)
def test_it_never_goes_up_and_arrives(loop: Method, f: Objective) -> None:
    start = onp.zeros(f.dim) if f.start is None else f.start
    found = minimize(f, start, loop, stop=Stop(steps=200))
    assert found.reason == "converged"
    assert onp.all(onp.diff(found.values) <= 0)
    assert found.value == pytest.approx(f.known.minimum, abs=1e-7)


@pytest.mark.parametrize("loop", ["exact", "cubic"])
@pytest.mark.parametrize("f", [objectives.two_weights(), objectives.himmelblau()], ids=repr)
def test_a_saddle_is_left_from_exactly_there(loop: str, f: Objective) -> None:
    for x0 in f.known.saddles:
        start = minimize(f, x0, LOOPS["exact"], stop=Stop(gradient=1e-14, steps=1)).x
        seen = run(LOOPS[loop], f, x0, 30)
        assert seen[-1].value < f(start) - 0.1 and seen[-1].gradient_norm < 1e-6
        assert any(it.negative_curvature is not None for it in seen)


@each_loop
def test_a_stationary_start_does_not_crash(loop: Method) -> None:
    for f in (quadratic([0.0, 1.0]), objectives.quartic(2), objectives.monkey_saddle()):
        start, after = run(loop, f, [0.0, 0.0], 1)
        assert after.x is start.x
    for f in (objectives.saddle(), quadratic([-1.0, -2.0])):
        start, after = run(loop, f, [0.0, 0.0], 1)
        assert after.value < 0 or after.note in ("saddle", "maximum", "stationary")


@each_loop
def test_digits_double_at_the_end(loop: Method) -> None:
    f = objectives.himmelblau()
    found = [
        float(onp.linalg.norm(it.x - f.known.minimisers[0])) for it in run(loop, f, [3.3, 2.2], 9)
    ]
    assert found[-1] < 1e-12
    assert any(b < 1e-3 * a for a, b in pairwise(found))


@each_loop
def test_float32_stays_float32(loop: Method) -> None:
    found = run(loop, objectives.rosenbrock(), onp.array([-1.2, 1.0], onp.float32), 45)
    assert {it.x.dtype for it in found} == {onp.dtype("float32")}
    assert_allclose(found[-1].x, [1.0, 1.0], atol=1e-3)


@each_loop
def test_one_variable_will_do(loop: Method) -> None:
    assert_allclose(run(loop, lambda x: np.cosh(x[0] - 1.0), [4.0], 12)[-1].x, [1.0], atol=1e-8)


@each_loop
def test_it_converges_to_the_last_digit_where_f_is_all_rounding_error(loop: Method) -> None:
    found = minimize(
        lambda x: 7.0 + np.cosh(x[0]) + np.cosh(x[1] - x[0]),
        [1.0, -1.0],
        loop,
        stop=Stop(gradient=1e-13, steps=60),
    )
    assert found.reason == "converged"


@each_loop
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(loop: Method) -> None:
    f = objectives.rosenbrock()
    whole = run(loop, f, None, 15)
    rejected = next(it.step for it in whole if it.note.startswith("step rejected"))
    state = pickle.loads(pickle.dumps(whole[rejected].state))
    rest = list(islice(loop(f, state=state), 15 - rejected))
    for a, b in zip(whole[rejected + 1 :], rest, strict=True):
        assert_array_equal(a.x, b.x)
        assert a.counts == b.counts and a.note == b.note


@each_loop
def test_a_rejected_step_keeps_x_and_costs_one_trial(loop: Method) -> None:
    seen = run(loop, objectives.rosenbrock(), None, 15)
    k = next(it.step for it in seen if it.note.startswith("step rejected"))
    assert seen[k].x is seen[k - 1].x and seen[k].value == seen[k - 1].value
    if loop is not LOOPS["steihaug"]:
        gone = seen[k + 1].counts
        assert gone.products == seen[k].counts.products  # H is still known
        assert gone.gradients == seen[k].counts.gradients + 1


@each_loop
def test_counts_are_those_of_trials_and_hessians(loop: Method) -> None:
    f = quadratic([1.0, 2.0, 3.0])
    first, second = run(loop, f, [3.0, 3.0, 3.0], 1)
    assert (first.counts.gradients, first.counts.products) == (1, 0)
    assert second.counts.gradients == 3 and second.counts.values == 0
    assert second.counts.products <= 3


@each_region
def test_the_radius_doubles_while_the_model_is_right_and_shrinks_when_it_fails(
    loop: Method,
) -> None:
    radii = [it.state.memory.radius for it in run(loop, quadratic([1.0, 1.0]), [30.0, 40.0], 4)]
    assert radii == [1, 2, 4, 8, 16]
    seen = run(loop, objectives.rosenbrock(), None, 25)
    for before, after in pairwise(seen):
        if after.note.startswith("step rejected"):
            assert after.state.memory.radius <= before.state.memory.radius / 4 + 1e-12


def test_the_radius_has_its_limit() -> None:
    method = trust_region(radius=9.0, max_radius=2.0)
    seen = run(method, quadratic([1.0]), [30.0], 4)
    assert [it.x[0] for it in seen] == pytest.approx([30, 28, 26, 24, 22])


def test_sigma_falls_where_the_model_is_good_and_rises_where_it_is_not() -> None:
    sigmas = [
        it.state.memory.sigma for it in run(LOOPS["cubic"], quadratic([1.0, 2.0]), [1.0, 1.0], 2)
    ]
    assert sigmas == pytest.approx([1, 1 / 3, 1 / 9])
    seen = run(cubic_newton(1e-6), objectives.rosenbrock(), [-1.2, 1.0], 15)
    failed = [k for k, it in enumerate(seen) if it.note.startswith("step rejected")]
    assert failed
    for k in failed:
        assert seen[k].state.memory.sigma == pytest.approx(3 * seen[k - 1].state.memory.sigma)


@each_loop
def test_values_that_do_not_exist_are_steps_too_far(loop: Method) -> None:
    f = Objective("log barrier", lambda x: x[0] - 1e-2 * np.log(x[0]), 1)
    found = minimize(f, [1.0], loop, stop=Stop(steps=100))
    assert found.converged and found.x[0] == pytest.approx(0.01)


@pytest.mark.filterwarnings("ignore::secondorder.derivatives.KinkWarning")
@each_loop
def test_a_slope_that_f_does_not_follow_ends_in_steps_below_rounding(loop: Method) -> None:
    kink = Objective("kink", lambda x: x[0] - 1.0 + 10 * np.abs(x[0] - 1.0), 1)
    found = minimize(kink, [1.0], loop)
    assert found.reason == "stagnated" and found.x == 1
    last = next(loop(kink, state=found.state))
    assert last.note == "step below rounding" and last.x is found.x


@pytest.mark.parametrize(
    ("factory", "name", "bad"),
    [
        *((trust_region, "subproblem", bad) for bad in ("cauchy", None, 2)),
        *(
            (trust_region, name, bad)
            for name in ("radius", "max_radius")
            for bad in (0, -1, np.inf)
        ),
        *((trust_region, "accept", bad) for bad in (-0.1, 0.25, "a", np.nan)),
        *((cubic_newton, "sigma", bad) for bad in (0.0, -2.0, np.inf)),
        *((cubic_newton, "accept", bad) for bad in (0.0, 0.9)),
    ],
)
def test_settings_out_of_range_are_named(factory: Any, name: str, bad: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=name):
        factory(**{name: bad})


# ── test problems of Moré, Garbow and Hillstrom ───────────────────────────────────────────────────

HARD = {"Powell badly scaled", "Brown badly scaled", "Meyer", "Osborne 1", "Biggs EXP6"}
NAMES = [name for name in PROBLEMS if name not in HARD]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("loop", ["exact", "steihaug", "cubic"])
def test_standard_problems_end_at_a_known_minimum(loop: str, name: str) -> None:
    f = PROBLEMS[name]
    found = minimize(f, None, LOOPS[loop], stop=Stop(gradient=1e-4, steps=250))
    assert found.reason == "converged"
    ends = [f.known.minimum, *([TRAPS[name].value] if name in TRAPS else [])]
    assert min(abs(found.value - end) / (1 + abs(end)) for end in ends) < 1e-4


def test_the_dense_hessian_is_asked_for_once_a_point() -> None:
    f = objectives.rosenbrock()
    found = minimize(f, None, LOOPS["exact"])
    taken = len({tuple(it.x) for it in run(LOOPS["exact"], f, None, found.steps - 1)})
    assert found.counts.products == f.dim * taken
    assert Oracle(f).counts.products == 0
