"""The exact derivatives: against differences and the complex step, and by their own laws."""

import autograd.numpy as np
import numpy as onp
import pytest
from autograd.tracer import trace_stack
from hypothesis import given, settings
from hypothesis import strategies as st

from secondorder.derivatives import (
    ConstantWarning,
    KinkWarning,
    derivative,
    directional_derivative,
    gradient,
    hessian,
    hvp,
    jacobian,
    jvp,
    vjp,
)
from secondorder.differences import central_difference, complex_step, second_difference

few = settings(max_examples=12, deadline=None, derandomize=True)
number = st.floats(-2, 2).map(lambda t: round(t, 6))
vector = st.lists(number, min_size=3, max_size=3).map(onp.array)


def wave(x):
    return np.sin(x[0]) * np.exp(x[1] / 2) + x[2] ** 3 * x[0] + np.cos(x[1] * x[2])


def fields(x):
    return np.array([x[0] * x[1], np.sin(x[2]), np.exp(x[0] / 3) - x[1], x[2] ** 2 * x[0]])


@few
@given(x=vector, v=vector)
def test_gradient_agrees_with_central_differences_and_the_complex_step(x, v):
    slope = gradient(wave, x) @ v
    assert onp.isclose(slope, central_difference(wave, x, v=v), rtol=1e-6, atol=1e-6)
    assert onp.isclose(slope, complex_step(wave, x, v=v), rtol=1e-11, atol=1e-11)
    assert onp.isclose(slope, directional_derivative(wave, x, v), rtol=1e-12, atol=1e-12)


@few
@given(x=vector, u=st.lists(number, min_size=4, max_size=4).map(onp.array), v=vector)
def test_jacobian_jvp_and_vjp_agree(x, u, v):
    J = jacobian(fields, x)
    assert J.shape == (4, 3)
    onp.testing.assert_allclose(J @ v, central_difference(fields, x, v=v), atol=1e-6)
    onp.testing.assert_allclose(jvp(fields, x, v), J @ v, atol=1e-12)
    onp.testing.assert_allclose(vjp(fields, x, u), u @ J, atol=1e-12)
    assert onp.isclose(u @ jvp(fields, x, v), vjp(fields, x, u) @ v, atol=1e-12)


@few
@given(x=vector, v=vector, w=vector, a=number)
def test_hessian_is_symmetric_and_hvp_is_its_product(x, v, w, a):
    H = hessian(wave, x)
    assert onp.array_equal(H, H.T)
    onp.testing.assert_allclose(hvp(wave, x, v), H @ v, atol=1e-11)
    onp.testing.assert_allclose(
        hvp(wave, x, a * v + w), a * hvp(wave, x, v) + hvp(wave, x, w), atol=1e-10
    )
    assert onp.isclose(v @ H @ v, second_difference(wave, x, v=v), rtol=1e-4, atol=1e-4)


@few
@given(x=vector, v=vector, a=number)
def test_linearity_and_the_chain_rule(x, v, a):
    both = gradient(lambda z: a * wave(z) + z[0] ** 2, x)
    onp.testing.assert_allclose(both, a * gradient(wave, x) + [2 * x[0], 0, 0], atol=1e-12)

    def outer(y):
        return np.array([y[0] * y[3], np.sin(y[1]) + y[2]])

    chained = jacobian(lambda z: outer(fields(z)), x)
    product = jacobian(outer, onp.array(fields(x))) @ jacobian(fields, x)
    onp.testing.assert_allclose(chained, product, atol=1e-11)


@few
@given(seed=st.integers(0, 1000))
def test_exact_on_quadratics(seed):
    rng = onp.random.default_rng(seed)
    A, b, x, v = rng.normal(size=(4, 4)), rng.normal(size=4), rng.normal(size=4), rng.normal(size=4)

    def f(z):
        return z @ A @ z / 2 + b @ z

    S = (A + A.T) / 2
    onp.testing.assert_allclose(gradient(f, x), S @ x + b, atol=1e-13)
    onp.testing.assert_allclose(hessian(f, x), S, atol=1e-13)
    onp.testing.assert_allclose(hvp(f, x, v), S @ v, atol=1e-13)


@few
@given(c=st.lists(number, min_size=5, max_size=5), t=number)
def test_orders_of_a_polynomial(c, t):
    poly = onp.polynomial.Polynomial(onp.array(c) + 0.5)  # no coefficient cancels the point away

    def f(s):
        return sum(k * s**i for i, k in enumerate(poly.coef))

    for order in (1, 2, 3):
        assert onp.isclose(derivative(f, t, order=order), poly.deriv(order)(t), atol=1e-9)


def test_derivative_on_arrays_of_points():
    t = onp.linspace(-2, 2, 6).reshape(2, 3)
    onp.testing.assert_allclose(derivative(np.sin, t), onp.cos(t))
    onp.testing.assert_allclose(derivative(np.sin, t, order=2), -onp.sin(t))
    assert derivative(np.sin, onp.empty(0)).shape == (0,)
    assert type(derivative(np.sin, 0.0)) is float


def test_float32_stays_float32():
    x, v = onp.array([1, 2, 3], "f4"), onp.ones(3, "f4")

    def mean(z):
        return np.mean(np.where(z > 0, z**2, z))

    for out in (
        gradient(mean, x), hessian(mean, x), hvp(mean, x, v), jacobian(fields, x),
        jvp(fields, x, v), vjp(fields, x, onp.ones(4, "f4")), derivative(np.sin, x),
    ):  # fmt: skip
        assert out.dtype == onp.float32


def test_scalar_output_of_jacobian_jvp_and_vjp():
    x = onp.array([1.0, 2.0, 3.0])
    assert jacobian(wave, x).shape == (1, 3)
    assert type(jvp(wave, x, x)) is float
    onp.testing.assert_allclose(vjp(wave, x, 2.0), 2 * gradient(wave, x))


@pytest.mark.parametrize("name", ["solve", "cholesky"])
def test_jvp_without_a_forward_rule(name):
    base = onp.array([[4.0, 1.0], [1.0, 3.0]])

    def f(x):
        A = base + np.outer(x, x)
        return np.linalg.solve(A, x) if name == "solve" else np.ravel(np.linalg.cholesky(A))

    x, v = onp.array([0.3, -0.4]), onp.array([1.0, 2.0])
    onp.testing.assert_allclose(jvp(f, x, v), central_difference(f, x, v=v), atol=1e-8)
    onp.testing.assert_allclose(jvp(f, x, v), jacobian(f, x) @ v, atol=1e-12)


def test_an_exception_inside_f_leaves_the_trace_stack_as_it_was():
    def f(x):
        raise RuntimeError("stop")

    before = trace_stack.top
    for call in (gradient, hessian, jacobian):
        with pytest.raises(RuntimeError, match="stop"):
            call(f, [1.0])
    assert trace_stack.top == before
    assert gradient(lambda x: x[0] ** 2, [3.0]) == 6


def test_hessian_of_a_linear_function_is_zero_without_a_warning(recwarn):
    assert not onp.any(hessian(lambda x: 2 * x[0] - x[1], [1.0, 2.0]))
    assert not onp.any(hvp(lambda x: 2 * x[0] - x[1], [1.0, 2.0], [1.0, 1.0]))
    assert derivative(lambda t: 3 * t, 1.0, order=2) == 0
    assert not recwarn.list


@pytest.mark.parametrize(
    "call",
    [
        lambda f: derivative(f, 0.0),
        lambda f: derivative(f, 0.0, order=2),
        lambda f: gradient(lambda x: f(x[0]), [0.0]),
        lambda f: directional_derivative(lambda x: f(x[0]), [0.0], [1.0]),
        lambda f: jacobian(lambda x: f(x[0]), [0.0]),
        lambda f: jvp(lambda x: f(x[0]), [0.0], [1.0]),
        lambda f: vjp(lambda x: f(x[0]), [0.0], 1.0),
        lambda f: hvp(lambda x: f(x[0]), [0.0], [1.0]),
        lambda f: hessian(lambda x: f(x[0]), [0.0]),
    ],
)
def test_warnings_point_at_the_line_of_the_caller(call):
    for f, category in ((np.abs, KinkWarning), (lambda t: 1.0, ConstantWarning)):
        with pytest.warns(category) as seen:
            call(f)
        assert {w.filename for w in seen} == {__file__}


def test_a_rule_that_breaks_down_or_is_missing_is_named():
    with pytest.raises(TypeError, match="cannot trace"):
        gradient(lambda x: np.sum(np.pad(x, 1, mode="edge")), [1.0, 2.0])
    with pytest.raises(TypeError, match="assigns into an array"):
        gradient(_assigns, [1.0, 2.0])


def _assigns(x):
    out = onp.zeros(2)
    out[0] = x[0]
    return out[0]


def test_a_constant_map_has_zero_derivatives():
    with pytest.warns(ConstantWarning):
        assert not onp.any(jacobian(lambda x: onp.ones(2), [1.0]))
    with pytest.warns(ConstantWarning):
        assert jvp(lambda x: onp.ones(2), [1.0], [1.0]).shape == (2,)
    with pytest.warns(ConstantWarning):
        assert not onp.any(hessian(lambda x: 1.0, [1.0]))


def test_whole_python_numbers_are_points_and_arrays_of_them_are_not():
    assert derivative(lambda t: t**2, 3) == 6
    with pytest.raises(TypeError, match="x must hold floats"):
        derivative(lambda t: t**2, onp.array([3]))


def test_jvp_where_only_the_forward_rule_exists():
    assert jvp(lambda x: np.sum(np.repeat(x, [1, 2])), [1.0, 5.0], [1.0, 1.0]) == 3
