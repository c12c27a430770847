"""Objectives: every fact they state about themselves is true, by hand, by autograd, by values."""

import pickle

import autograd.numpy as anp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from secondorder import central_difference, gradient, hessian, jacobian, objectives
from secondorder.objectives import Objective, VectorMap

MAKERS = {
    "rosenbrock": objectives.rosenbrock(),
    "rosenbrock 5": objectives.rosenbrock(5),
    "himmelblau": objectives.himmelblau(),
    "quartic": objectives.quartic(),
    "quartic 3": objectives.quartic(3),
    "tilted trough": objectives.tilted_trough(),
    "saddle": objectives.saddle(),
    "monkey saddle": objectives.monkey_saddle(),
    "peano": objectives.peano(),
    "two weights": objectives.two_weights(),
    "bowl": objectives.quadratic([1.0, 10.0], minimiser=[2.0, -1.0]),
    "dome": objectives.quadratic([-3.0, -1.0, -2.0]),
    "turned saddle": objectives.quadratic([5.0, -2.0, 0.5], rng=np.random.default_rng(1)),
    "trough": objectives.quadratic([0.0, 3.0], minimiser=[1.0, 1.0], rng=np.random.default_rng(2)),
}
ALL = pytest.mark.parametrize("f", list(MAKERS.values()), ids=list(MAKERS))


def points(f: Objective, count: int = 6) -> np.ndarray:
    return np.random.default_rng(7).uniform(0.3, 2.0, (count, f.dim)) * [
        [1.0] if i % 2 else [-1.0] for i in range(count)
    ]


def test_every_maker_is_under_test() -> None:
    makers = {
        name
        for name, value in vars(objectives).items()
        if callable(value) and getattr(value, "__module__", "") == objectives.__name__
    }
    tested = {f.fun.func.__name__ if hasattr(f.fun, "func") else "" for f in MAKERS.values()}
    assert {name for name in makers if name[0].islower()} == {
        *("rosenbrock", "himmelblau", "quartic", "tilted_trough", "saddle", "monkey_saddle"),
        *("peano", "two_weights", "quadratic", "three_outputs"),
    }
    assert "_quadratic" in tested


@ALL
def test_gradient_by_hand_is_that_of_autograd_and_of_differences(f: Objective) -> None:
    for x in points(f):
        by_hand = f.known.gradient(x)
        assert by_hand.shape == (f.dim,)
        np.testing.assert_allclose(by_hand, gradient(f, x), rtol=1e-10, atol=1e-10)
        for i, axis in enumerate(np.eye(f.dim)):
            slope = central_difference(f, x, v=axis)
            assert slope == pytest.approx(by_hand[i], rel=1e-6, abs=1e-5)


@ALL
def test_hessian_by_hand_is_that_of_autograd_and_of_differences(f: Objective) -> None:
    for x in points(f):
        H = hessian(f, x)
        if f.known.hessian is not None:
            np.testing.assert_allclose(f.known.hessian(x), H, rtol=1e-10, atol=1e-9)
            assert np.array_equal(f.known.hessian(x), f.known.hessian(x).T)
        for i, axis in enumerate(np.eye(f.dim)):
            column = central_difference(f.known.gradient, x, v=axis)
            np.testing.assert_allclose(column, H[:, i], rtol=1e-5, atol=1e-4)


@ALL
def test_minimisers_are_flat_lowest_and_not_in_a_dome(f: Objective) -> None:
    assert (f.known.minimum is None) == (not f.known.minimisers)
    rng = np.random.default_rng(3)
    for x in f.known.minimisers:
        assert x.shape == (f.dim,)
        assert float(f(x)) == pytest.approx(f.known.minimum, abs=1e-18)
        np.testing.assert_allclose(f.known.gradient(x), 0, atol=1e-12)
        assert np.min(np.linalg.eigvalsh(f.known.hessian(x))) >= -1e-12
        for step in rng.normal(size=(50, f.dim)) * rng.choice([0.01, 1.0, 10.0], (50, 1)):
            assert f(x + step) >= f.known.minimum - 1e-15


@ALL
def test_saddles_are_flat_and_go_up_and_down(f: Objective) -> None:
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False) + 0.05
    for x in f.known.saddles:
        np.testing.assert_allclose(f.known.gradient(x), 0, atol=1e-9)
        if f.known.hessian is not None:
            values = np.linalg.eigvalsh(f.known.hessian(x))
            assert values[0] < 0 < values[-1] or not np.any(values)
        if f.dim == 2:
            ring = [f(x + 1e-2 * np.array([np.cos(a), np.sin(a)])) for a in angles]
            assert min(ring) < f(x) < max(ring)


@ALL
def test_spectrum_is_that_of_the_hessian(f: Objective) -> None:
    if f.known.spectrum is not None:
        H = f.known.hessian(np.ones(f.dim))
        np.testing.assert_allclose(np.linalg.eigvalsh(H), f.known.spectrum, atol=1e-12)


@ALL
def test_residuals_make_the_function(f: Objective) -> None:
    if f.residuals is not None:
        for x in points(f):
            assert 0.5 * np.sum(f.residuals(x) ** 2) == pytest.approx(float(f(x)), rel=1e-12)
            J = jacobian(f.residuals, x)
            np.testing.assert_allclose(J.T @ f.residuals(x), gradient(f, x), rtol=1e-9, atol=1e-9)


def test_which_objectives_have_residuals() -> None:
    having = {name for name, f in MAKERS.items() if f.residuals is not None}
    assert having == {"rosenbrock", "rosenbrock 5", "himmelblau", "two weights"}


@ALL
def test_can_be_pickled_started_shown_and_used_as_a_key(f: Objective) -> None:
    again = pickle.loads(pickle.dumps(f))
    x = points(f)[0]
    assert float(again(x)) == float(f(x))
    assert np.array_equal(again.known.gradient(x), f.known.gradient(x))
    assert repr(f) == f"Objective({f.name!r}, dim={f.dim})"
    assert f == f and {f: 1}[f] == 1 and again != f
    if f.start is not None:
        assert f.start.shape == (f.dim,) and f.start.dtype == float
        assert np.linalg.norm(f.known.gradient(f.start)) > 1e-2


@ALL
def test_a_wrong_point_is_named(f: Objective) -> None:
    for bad in (np.ones(f.dim + 1), np.ones((f.dim, 1)), 1.0, np.ones((1, f.dim)), "abc"):
        with pytest.raises(ValueError, match=rf"x must have shape \({f.dim},\) for {f.name}, got"):
            f(bad)
    with pytest.raises(TypeError, match="x must be an array of floats"):
        f([1.0, [2.0]])


def test_a_list_is_a_point() -> None:
    assert objectives.rosenbrock()([1.0, 1.0]) == 0.0
    assert objectives.three_outputs()((2.0, 5.0)).tolist() == [3.0, 10.0, -3.0]


def test_a_batch_is_passed_on() -> None:
    f = Objective("mean", lambda x, batch=0.0: x[0] + batch, 1)
    assert f(np.array([1.0])) == 1.0 and f(np.array([1.0]), 2.0) == 3.0


# ── one by one ────────────────────────────────────────────────────────────────────────────────────


def test_himmelblau_to_ten_digits() -> None:
    known = objectives.himmelblau().known
    assert len(known.minimisers) == len(known.saddles) == 4
    for x in (*known.minimisers, *known.saddles):
        newton = np.linalg.solve(known.hessian(x), known.gradient(x))
        assert np.max(np.abs(newton)) < 1e-13
    for x in known.minimisers:
        assert np.min(np.linalg.eigvalsh(known.hessian(x))) > 1


def test_rosenbrock_values() -> None:
    f = objectives.rosenbrock()
    assert float(f(f.start)) == pytest.approx(24.2)
    assert f.start.tolist() == [-1.2, 1.0]
    assert objectives.rosenbrock(np.int64(3)).dim == 3


def test_quartic_is_flat_at_its_minimum() -> None:
    f = objectives.quartic(2)
    assert not np.any(f.known.hessian(f.known.minimisers[0]))


def test_tilted_trough_never_ends() -> None:
    f = objectives.tilted_trough()
    assert f.known.gradient(np.array([1e6, 0.0])).tolist() == [-1.0, 0.0]
    assert float(f(np.array([1e9, 0.0]))) == -1e9 and not f.known.minimisers


def test_peano_has_two_mixed_partials() -> None:
    f, h = objectives.peano(), 1e-6
    g = f.known.gradient
    assert g(np.zeros(2)).tolist() == [0.0, 0.0]
    assert (g(np.array([0.0, h])) / h)[0] == pytest.approx(-1)
    assert (g(np.array([h, 0.0])) / h)[1] == pytest.approx(1)
    with pytest.raises(ValueError, match=r"not finite|nan"):
        gradient(f, np.zeros(2))


def test_two_weights_sharpness() -> None:
    known = objectives.two_weights().known
    for u in (0.5, 1.0, 4.0):
        x = np.array([u, 1 / u])
        np.testing.assert_allclose(
            np.linalg.eigvalsh(known.hessian(x)), [0, u**2 + u**-2], atol=1e-12
        )


def test_three_outputs() -> None:
    f = objectives.three_outputs()
    assert isinstance(f, VectorMap) and repr(f) == "VectorMap('three outputs', 2 → 3)"
    for x in np.random.default_rng(0).normal(size=(5, 2)):
        assert f(x).shape == (f.outputs,)
        np.testing.assert_allclose(f.known.jacobian(x), jacobian(f, x), atol=1e-14)
    assert pickle.loads(pickle.dumps(f))(np.ones(2)).tolist() == [2.0, 1.0, 0.0]
    with pytest.raises(ValueError, match=r"x must have shape \(2,\) for three outputs, got \(3,\)"):
        f(np.ones(3))
    with pytest.raises(TypeError, match="x must hold floats"):
        f.known.jacobian(np.array([1, 2]))


# ── quadratics ────────────────────────────────────────────────────────────────────────────────────


@given(
    spectrum=arrays(float, st.integers(1, 6), elements=st.floats(-100, 100).map(lambda v: v + 0.0)),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_quadratic_has_exactly_the_spectrum(spectrum: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=spectrum.size)
    f = objectives.quadratic(spectrum, minimiser=centre, rng=rng)
    H = f.known.hessian(centre)
    size = max(1.0, float(np.max(np.abs(spectrum))))
    np.testing.assert_allclose(np.linalg.eigvalsh(H), np.sort(spectrum), atol=1e-12 * size)
    assert np.array_equal(f.known.spectrum, np.sort(spectrum)) and np.array_equal(H, H.T)
    assert bool(f.known.minimisers) == bool(np.all(spectrum >= 0))
    assert bool(f.known.saddles) == bool(np.any(spectrum < 0) and np.any(spectrum > 0))
    assert float(f(centre)) == 0.0 and not np.any(f.known.gradient(centre))
    d = rng.normal(size=spectrum.size)
    assert float(f(centre + d)) == pytest.approx(float(d @ H @ d / 2), abs=1e-9 * size)


def test_quadratic_without_rng_is_diagonal_and_rng_turns_it() -> None:
    H = objectives.quadratic([3.0, 1.0]).known.hessian(np.zeros(2))
    assert H.tolist() == [[3.0, 0.0], [0.0, 1.0]]
    turned = [objectives.quadratic([3.0, 1.0], rng=np.random.default_rng(s)) for s in (0, 0, 1)]
    a, b, c = (f.known.hessian(np.zeros(2)) for f in turned)
    assert np.array_equal(a, b) and not np.allclose(a, c) and abs(a[0, 1]) > 1e-3


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: objectives.rosenbrock(1), ValueError, "n must be a whole number from 2 on, got 1"),
        (lambda: objectives.rosenbrock(2.0), ValueError, "n must be a whole .* 2 on, got 2.0"),
        (lambda: objectives.rosenbrock("3"), ValueError, "n must be .* got '3'"),
        (lambda: objectives.quartic(0), ValueError, "n must be a whole number from 1 on, got 0"),
        (lambda: objectives.quartic(True), ValueError, "n must be .* got True"),
        (lambda: objectives.quadratic(2.0), ValueError, "spectrum must be one flat array"),
        (lambda: objectives.quadratic([]), ValueError, "spectrum is empty"),
        (lambda: objectives.quadratic([1, 2]), TypeError, "spectrum must hold floats"),
        (lambda: objectives.quadratic([1.0, np.nan]), ValueError, "spectrum must be finite"),
        (lambda: objectives.quadratic("ab"), TypeError, "spectrum must hold real floats"),
        (
            lambda: objectives.quadratic([1.0, 2.0], minimiser=[0.0]),
            ValueError,
            r"minimiser must have shape \(2,\)",
        ),
    ],
)
def test_bad_makers_are_named(make, error, words) -> None:
    with pytest.raises(error, match=words):
        make()


def test_autograd_passes_through_a_list_of_boxes() -> None:
    f = objectives.rosenbrock()
    by_parts = gradient(lambda x: f(anp.array([x[0], x[1]])), np.array([0.5, 2.0]))
    np.testing.assert_allclose(by_parts, f.known.gradient(np.array([0.5, 2.0])))
