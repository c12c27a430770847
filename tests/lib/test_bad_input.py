"""Bad input: the error names the argument, what it got and what to do."""

import math
import re

import autograd.numpy as np
import numpy as onp
import pytest

from secondorder import derivatives as d
from secondorder import differences as q

X = [1.0, 2.0]


def f(x):
    return x[0] ** 2 * x[1]


def mutates(x):
    x[0] = 5.0
    return 1.0 * x[1]


OVER_VECTORS = {
    "gradient": d.gradient,
    "directional_derivative": lambda f, x: d.directional_derivative(f, x, X),
    "jacobian": d.jacobian,
    "jvp": lambda f, x: d.jvp(f, x, X),
    "vjp": lambda f, x: d.vjp(f, x, 1.0),
    "hessian": d.hessian,
    "hvp": lambda f, x: d.hvp(f, x, X),
    "forward_difference": lambda f, x: q.forward_difference(f, x, v=X),
    "central_difference": lambda f, x: q.central_difference(f, x, v=X),
    "second_difference": lambda f, x: q.second_difference(f, x, v=X),
    "complex_step": lambda f, x: q.complex_step(f, x, v=X),
    "check_derivatives": q.check_derivatives,
}
EXACT = ["gradient", "directional_derivative", "jacobian", "jvp", "vjp", "hessian", "hvp"]

POINTS = [
    (onp.array([1, 2]), TypeError, "x must hold floats, got int64 array"),
    (onp.array([True, False]), TypeError, "x must hold floats"),
    (onp.array([1j, 2]), TypeError, "x must hold real floats"),
    ("abc", TypeError, "x must hold real floats"),
    ([[1.0], [1.0, 2.0]], TypeError, "x must be an array of floats"),
    (onp.ones((2, 1)), ValueError, "use x.ravel()"),
    ([1.0, onp.nan], ValueError, "x must be finite, got nan at x[1]"),
    ([onp.inf, 1.0], ValueError, "x must be finite, got inf at x[0]"),
    ([], ValueError, "x is empty"),
]


@pytest.mark.parametrize("name", OVER_VECTORS)
@pytest.mark.parametrize(("x", "error", "says"), POINTS)
def test_points(name, x, error, says):
    with pytest.raises((TypeError, ValueError)) as caught:
        OVER_VECTORS[name](f, x)
    assert caught.type is error or issubclass(caught.type, error)
    assert says in str(caught.value)


FUNCTIONS = [
    (f(onp.array(X)), TypeError, "f must be a function, got float"),
    (mutates, ValueError, "f changed its argument in place"),
    (lambda x: None, TypeError, "f(x) is None"),
    (lambda x: "one", TypeError, "must be a number"),
    (lambda x: [[1.0], [1.0, 2.0]], TypeError, "must be an array of numbers"),  # ragged
    (None, TypeError, "f must be a function, got None"),
    (lambda x: x[0] * onp.nan, ValueError, "nan"),
]


@pytest.mark.parametrize("name", OVER_VECTORS)
@pytest.mark.parametrize(("g", "error", "says"), FUNCTIONS)
def test_functions(name, g, error, says):
    with pytest.raises(error, match=re.escape(says)):
        OVER_VECTORS[name](g, X)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize(
    ("g", "says"),
    [
        (lambda x: math.sin(x[0]), "autograd.numpy"),
        (lambda x: float(x[0]) ** 2, "autograd.numpy"),
        (lambda x: d.gradient(f, x)[0], "do not nest|function of this library"),
        (lambda x: 1j * x[0], "must return real numbers"),
    ],
)
def test_what_autograd_cannot_follow(name, g, says):
    with pytest.raises(TypeError, match=says):
        OVER_VECTORS[name](g, X)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: d.gradient(lambda x: x, X), ValueError, "f must return one number"),
        (lambda: d.gradient(lambda x: x[:1], X), ValueError, "return f(x)[0]"),
        (lambda: d.hessian(lambda x: x, X), ValueError, "use jacobian(f, x)"),
        (lambda: d.hvp(lambda x: x, X, X), ValueError, "f must return one number"),
        (lambda: d.gradient(f, 1.0), ValueError, "use np.array([x])"),
        (lambda: d.jvp(f, X, [1.0]), ValueError, "v must have shape (2,)"),
        (lambda: d.hvp(f, X, [1.0]), ValueError, "v must have shape (2,)"),
        (lambda: d.directional_derivative(f, X, [1.0]), ValueError, "u must have shape (2,)"),
        (lambda: d.vjp(f, X, [1.0]), ValueError, "u must have the shape of f(x), ()"),
        (lambda: d.jacobian(lambda x: np.outer(x, x), X), ValueError, "return ravel() of it"),
        (lambda: d.jacobian(lambda x: x[:0], X), ValueError, "empty"),
        (lambda: d.derivative(np.sin, 1.0, order=0), ValueError, "order must be a whole number"),
        (lambda: d.derivative(np.sin, 1.0, order=1.5), ValueError, "got float 1.5"),
        (lambda: d.derivative(np.sin, 1.0, order=True), ValueError, "order must be"),
        (lambda: d.derivative(np.sin, onp.array([1])), TypeError, "x.astype(float)"),
        (lambda: d.derivative(lambda t: np.array([t, t]), 1.0), ValueError, "one number"),
        (lambda: q.forward_difference(f, X), ValueError, "v is missing"),
        (lambda: q.central_difference(f, X, v=[1.0]), ValueError, "v must have shape (2,)"),
        (lambda: q.central_difference(onp.sin, 1.0, 0.0), ValueError, "h must be a positive step"),
        (lambda: q.second_difference(onp.sin, 1.0, -1.0), ValueError, "h must be a positive step"),
        (lambda: q.second_difference(onp.sin, 1.0, 1e-200), ValueError, "at least 1e-150"),
        (lambda: q.complex_step(onp.sin, 1.0, onp.nan), ValueError, "h must be finite"),
        (lambda: q.forward_difference(onp.sin, 1.0, [0.1]), ValueError, "h must be one positive"),
        (lambda: q.complex_step(math.sin, 1.0), TypeError, "dropped the imaginary part"),
        (lambda: q.complex_step(onp.floor, 1.5), TypeError, "does not take complex numbers"),
        (lambda: q.check_derivatives(f, X, directions=0), ValueError, "directions must be"),
        (lambda: q.check_derivatives(f, X, tolerance=0.0), ValueError, "tolerance must be"),
        (lambda: q.check_derivatives(f, X, rng=3), TypeError, "rng must be a numpy Generator"),
        (lambda: q.check_derivatives(f, X, gradient=X), TypeError, "gradient must be a function"),
        (lambda: q.check_derivatives(f, X, gradient=lambda x: [1.0]), ValueError, "gradient(x)"),
        (lambda: q.check_derivatives(f, X, hessian=lambda x: X), ValueError, "hessian(x)"),
        (lambda: q.check_derivatives(lambda x: x, X), ValueError, "f must return one number"),
        (
            lambda: q.complex_step(lambda t: [t] if t.imag else [t, t], 1.0),
            ValueError,
            "shape (1,)",
        ),
        (lambda: q.central_difference(_grows, 1.0), ValueError, "different shapes"),
    ],
)
def test_everything_else(call, error, says):
    with pytest.raises(error, match=re.escape(says)):
        call()


def _grows(t):
    return onp.ones(2 if t > 1 else 3)
