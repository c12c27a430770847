"""Differences: their order, what they are exact on, and what check_derivatives finds."""

import autograd.numpy as np
import numpy as onp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondorder.differences import (
    central_difference,
    check_derivatives,
    complex_step,
    forward_difference,
    second_difference,
)

few = settings(max_examples=15, deadline=None, derandomize=True)
number = st.floats(-2, 2).map(lambda t: round(t, 6))


@pytest.mark.parametrize(
    ("rule", "truth", "order"),
    [
        (forward_difference, onp.exp(1), 1),
        (central_difference, onp.exp(1), 2),
        (second_difference, onp.exp(1), 2),
    ],
)
def test_the_error_falls_with_the_order_of_the_rule(rule, truth, order):
    wide, narrow = (abs(rule(onp.exp, 1.0, h) - truth) for h in (1e-2, 1e-3))
    assert onp.log10(wide / narrow) == pytest.approx(order, abs=0.05)
    assert abs(rule(onp.exp, 1.0, 1e-14) - truth) > narrow  # the other side of the U


@few
@given(a=number, b=number, t=number, h=st.floats(0.01, 1))
def test_exact_on_quadratics(a, b, t, h):
    def f(s):
        return a * s**2 + b * s

    assert central_difference(f, t, h) == pytest.approx(2 * a * t + b, abs=1e-9)
    assert second_difference(f, t, h) == pytest.approx(2 * a, abs=1e-8)
    assert forward_difference(f, t, h) == pytest.approx(2 * a * t + b + a * h, abs=1e-9)


@few
@given(t=number)
def test_the_complex_step_is_exact_to_rounding(t):
    truth = onp.exp(t) * (onp.sin(t) + onp.cos(t))
    for h in (1e-20, 1e-30, 1e-100):
        got = complex_step(lambda s: onp.exp(s) * onp.sin(s), t, h)
        assert got == pytest.approx(truth, rel=1e-13, abs=1e-14)


def test_outputs_keep_their_shape_and_float32_points_are_worked_in_float64():
    def f(x):
        return onp.array([x[0] ** 2, x[1]])

    for rule in (forward_difference, central_difference, second_difference, complex_step):
        assert rule(f, [1.0, 2.0], v=[1.0, 0.0]).shape == (2,)
    x = onp.array([1, 2], "f4")
    assert central_difference(f, x, v=[1.0, 0.0])[0] == pytest.approx(2, abs=1e-8)
    with pytest.raises(ValueError, match="float32, whose rounding"):
        forward_difference(lambda t: onp.float32(t) ** 2, 1.0)
    near = forward_difference(lambda t: onp.float32(t) ** 2, 1.0, 1e-3)
    assert near == pytest.approx(2, abs=1e-2)


@pytest.mark.parametrize(
    ("f", "x"),
    [
        (onp.abs, 1.0),
        (onp.abs, 0.0),
        (lambda t: 1e-4 * abs(t), 1.0),
        (lambda t: onp.real(t) ** 2, 1.0),
        (lambda t: t if t.real > 0 else -2 * t, 0.0),
    ],
)
def test_the_complex_step_refuses_what_is_not_analytic(f, x):
    with pytest.raises(TypeError, match="imaginary part"):
        complex_step(f, x)


def test_check_derivatives_accepts_what_is_right():
    def f(x):
        return np.sin(x[0]) * x[1] + x[1] ** 4

    report = check_derivatives(f, [0.3, -0.8])
    assert report.ok and str(report).count("ok ") == 3
    assert check_derivatives(f, onp.array([0.3, -0.8], "f4"), rng=onp.random.default_rng(3)).ok


def test_check_derivatives_finds_a_wrong_gradient_a_wrong_hessian_and_kinks():
    def f(x):
        return x[0] ** 2 * x[1]

    def right(x):
        return onp.array([2 * x[0] * x[1], x[0] ** 2])

    wrong = check_derivatives(f, [1.0, 2.0], gradient=lambda x: -right(x))
    assert not wrong.ok and wrong.gradient_error > 0.1 and "BAD  gradient" in str(wrong)
    wrong = check_derivatives(f, [1.0, 2.0], gradient=right, hessian=lambda x: onp.eye(2))
    assert wrong.gradient_error < 1e-6 and wrong.hessian_error > 0.1
    for kinked in (
        lambda x: x[0] if x[0] > 0 else -2 * x[0],
        lambda x: np.where(x[0] > 0, x[0], -2 * x[0]) + x[1],
        lambda x: np.abs(x[0]),
        lambda x: np.sum(x[x > 0]) - np.sum(x[x <= 0]),
    ):
        assert check_derivatives(kinked, [0.0, 1.0]).kink > 0.1
