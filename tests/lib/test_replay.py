"""Blocks of tangents through a recorded trace: every rule against reverse mode."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import autograd
import autograd.numpy as np
import numpy as onp
import pytest

from secondorder import _replay
from secondorder._linear import Bend, Linear
from secondorder._replay import NoForwardRule, Pushforward
from secondorder._tape import UntraceableError, trace, trace_gradient
from secondorder.objectives import himmelblau, rosenbrock, two_weights

RNG = onp.random.default_rng(0)
A = RNG.normal(size=(3, 3))
X = RNG.normal(size=6)


def mat(x, *shape):
    return np.reshape(x, shape)


SCALAR = {
    "Rosenbrock": rosenbrock(6),
    "powers": lambda x: np.sum(x**3 / (2 + x**2) - x),
    "a sum": np.sum,
    "one entry": lambda x: x[1] ** 2,
    "A x": lambda x: np.sum(np.sin(np.dot(A, x[:3])) ** 2),
    "x A": lambda x: np.sum(np.sin(np.dot(x[:3], A)) ** 2),
    "X A": lambda x: np.sum(np.tanh(np.dot(mat(x, 2, 3), A)) ** 3),
    "A X": lambda x: np.sum(np.dot(A, mat(x, 3, 2)) ** 3),
    "X Y": lambda x: np.sum(np.dot(mat(x, 2, 3), mat(x, 3, 2)) ** 2),
    "X y": lambda x: np.sum(np.dot(mat(x, 2, 3), x[:3]) ** 3),
    "y X": lambda x: np.sum(np.dot(x[:2], mat(x, 2, 3)) ** 3),
    "x y": lambda x: np.dot(x[:3], x[3:]) ** 2,
    "X @ Y": lambda x: np.sum((mat(x, 2, 3) @ mat(x, 3, 2)) ** 3),
    "X @ y": lambda x: np.sum((mat(x, 2, 3) @ x[:3]) ** 3),
    "mean": lambda x: np.mean(x**2) * np.mean(mat(x, 2, 3), axis=0)[1],
    "keepdims": lambda x: np.sum(np.sum(mat(x, 2, 3), axis=1, keepdims=True) * mat(x, 2, 3) ** 2),
    "negative axis": lambda x: np.sum(np.sum(mat(x, 2, 3), axis=-1) ** 3),
    "outer": lambda x: np.sum(np.sin(np.outer(x[:3], x[3:]))),
    "where": lambda x: np.sum(np.where(x > 0, x**2, x**3)),
    "transpose": lambda x: np.sum(mat(x, 2, 3).T ** 2 * np.swapaxes(mat(x, 2, 3), 0, 1)[:, :1]),
    "moveaxis": lambda x: np.sum(np.moveaxis(mat(x, 1, 2, 3), 1, 2)[0, :, 1] ** 3),
    "one axis transposed": lambda x: np.sum(x.T**3),
    "concatenate": lambda x: np.sum(np.concatenate([x**2, A[0], x**3]) ** 2),
    "stack": lambda x: np.sum(np.stack([x**2, x**3], axis=1) @ np.array([x[0], x[1]])),
    "array": lambda x: np.sum(np.array([[x[0], 1.0], [x[3], x[4] ** 2]]) ** 3),
    "an index of slices": lambda x: np.sum(mat(x, 2, 3)[:, ::2] ** 3) * x[-1],
    "an index that repeats": lambda x: np.sum(x[[0, 1, 1, 3]] ** 3 * x[2]),
    "a mask": lambda x: np.sum(x[onp.array([True, False] * 3)] ** 3),
    "broadcast": lambda x: np.sum(np.broadcast_to(mat(x[:3], 3, 1), (3, 2)) ** 3),
    "log-sum-exp": lambda x: np.log(np.sum(np.exp(x))),
    "einsum": lambda x: np.einsum("ij,jk->", mat(x, 2, 3) ** 2, mat(x, 3, 2)),
    "einsum with an output": lambda x: np.sum(np.einsum("ij,jk->ik", mat(x, 2, 3), A) ** 3),
    "a path and an entry": lambda x: np.sum(x) * np.sum(x**2) + x[0] ** 3 * x[1] + np.dot(x, x),
    "an entry of a copy": lambda x: np.sum((x + 0.0) ** 2) + (x * 1.0)[2] ** 3 + x[2] * x[3],
    "a linear path": lambda x: np.sum(x) ** 2 + x[0] * x[1] + np.sum(x[1:] * x[:-1]),
    "max": lambda x: np.max(x) * x[0] ** 2,
    "std": lambda x: np.std(x) * x[0],
    "prod": np.prod,
    "norm": lambda x: np.linalg.norm(x) ** 3,
    "smooth functions": lambda x: np.sum(np.exp(np.sin(x)) * np.arctan(x) + np.log1p(x**2)),
    "two arguments": lambda x: np.sum(
        np.logaddexp(x[:3], x[3:]) * np.arctan2(x[:3], 2 + x[3:] ** 2)
    ),
    "a mixed index": lambda x: np.sum(mat(x, 2, 3)[[0, 1, 1], 1] ** 3),
    "an inverse": lambda x: np.sum(np.linalg.inv(mat(x[:4], 2, 2) + 3 * np.eye(2)) ** 2),
    "Fortran order": lambda x: np.sum(np.reshape(x, (2, 3), order="F")[0] ** 3),
    "a solve": lambda x: np.sum(np.linalg.solve(mat(x[:4], 2, 2) + 3 * np.eye(2), x[4:]) ** 2),
}
VECTOR = {
    "A x": lambda x: np.dot(A, x[:3]),
    "squares": lambda x: x**2,
    "softmax": lambda x: np.exp(x) / np.sum(np.exp(x)),
    "a matrix": lambda x: np.outer(x[:2], np.sin(x)),
    "a number": lambda x: np.sum(x**3),
    "partly constant": lambda x: np.array([x[0], 1.0]),
    "a solve": lambda x: np.linalg.solve(mat(x[:4], 2, 2) + 3 * np.eye(2), x[4:]),
    "a mixed index": lambda x: mat(x, 2, 3)[[0, 1, 1], 1] ** 3,
    "a maximum": lambda x: np.max(mat(x, 2, 3), axis=1),
}


@pytest.mark.parametrize("name", SCALAR)
def test_products_with_the_hessian(name):
    f = SCALAR[name]
    bend = Bend(f, X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sum has no bend
        H = autograd.hessian(f)(X)
    onp.testing.assert_allclose(bend.products(onp.eye(6)), H, rtol=1e-11, atol=1e-11)
    V = RNG.normal(size=(37, 6))  # more than one block
    onp.testing.assert_allclose(bend.products(V), V @ H, rtol=1e-10, atol=1e-10)
    onp.testing.assert_allclose(bend.gradient, autograd.grad(f)(X), rtol=1e-12, atol=1e-12)
    assert onp.isclose(float(bend.value), float(f(X)))


@pytest.mark.parametrize("name", VECTOR)
def test_products_with_the_jacobian_and_its_transpose(name):
    f = VECTOR[name]
    J = autograd.jacobian(f)(X).reshape(-1, 6)
    linear = Linear(f, X)
    V, U = RNG.normal(size=(19, 6)), RNG.normal(size=(19, len(J)))
    shape = linear.value.shape
    out = linear.push(V)
    assert out.shape == (19, *shape)
    onp.testing.assert_allclose(out.reshape(19, -1), V @ J.T, rtol=1e-11, atol=1e-11)
    back = linear.pull(U.reshape(19, *shape))
    onp.testing.assert_allclose(back, U @ J, rtol=1e-11, atol=1e-11)


def test_the_rules_of_ours_need_no_comparison():
    for name in ("Rosenbrock", "X A", "X Y", "log-sum-exp", "transpose", "stack", "mean"):
        assert Pushforward.of_gradient(SCALAR[name], X).trusted, name
    for name in ("prod", "std", "max"):
        assert not Pushforward.of_gradient(SCALAR[name], X).trusted, name


def test_a_wrong_forward_rule_is_found_out():
    """autograd's forward rule of max over two axes is wrong; reverse mode is right."""

    def f(x):
        return np.sum(np.max(np.reshape(x, (2, 2, 2)), axis=(-1, -2)) ** 3) * x[0]

    x = onp.array([0.3, 0.7, -0.5, 1.2, 0.9, -1.1, 0.4, 0.2])
    H = autograd.hessian(f)(x)
    assert not onp.allclose(Pushforward.of_gradient(f, x).push(onp.eye(8)), H)
    onp.testing.assert_allclose(Bend(f, x).products(onp.eye(8)), H, atol=1e-12)


def test_without_any_forward_rule_reverse_mode_steps_in():
    with pytest.raises(NoForwardRule, match="no forward rule"):
        Pushforward.of_gradient(SCALAR["a solve"], X)
    assert Bend(SCALAR["a solve"], X).products(X[None]).shape == (1, 6)


@pytest.mark.parametrize(
    "name", ["Rosenbrock", "X A", "X @ Y", "where", "concatenate", "mean", "array"]
)
def test_float32_stays_float32(name):
    x = X.astype(onp.float32)
    out = Pushforward.of_gradient(SCALAR[name], x).push(onp.eye(6, dtype=onp.float32))
    expected = autograd.hessian(SCALAR[name])(X)
    onp.testing.assert_allclose(out, expected, rtol=2e-4, atol=2e-4 * abs(expected).max())
    if name in ("Rosenbrock", "X @ Y"):  # the others meet constants in float64
        assert out.dtype == onp.float32


def test_a_constant_has_no_steps():
    for f in (lambda x: 3.0, lambda x: np.sum(np.floor(x))):
        forward = Pushforward.of_gradient(f, X)
        onp.testing.assert_array_equal(forward.push(onp.ones((2, 6))), onp.zeros((2, 6)))
    forward = Pushforward.of(lambda x: onp.ones(3), X)
    onp.testing.assert_array_equal(forward.push(onp.ones((2, 6))), onp.zeros((2, 3)))
    onp.testing.assert_array_equal(Pushforward.of(lambda x: x, X).push(onp.eye(6)), onp.eye(6))


def test_tangents_are_never_changed_and_pushing_keeps_no_state():
    forward = Pushforward.of_gradient(rosenbrock(6), X)
    V = RNG.normal(size=(8, 6))
    kept = V.copy()
    first, second = forward.push(V), forward.push(V)
    onp.testing.assert_array_equal(V, kept)
    onp.testing.assert_array_equal(first, second)


def test_eight_threads_push_at_the_same_time():
    f = SCALAR["X Y"]
    forward, H = Pushforward.of_gradient(f, X), autograd.hessian(f)(X)
    blocks = list(RNG.normal(size=(64, 5, 6)))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(forward.push, blocks))
    for V, HV in zip(blocks, found, strict=True):
        onp.testing.assert_allclose(HV, V @ H, rtol=1e-11, atol=1e-11)


def test_a_large_trace_takes_smaller_blocks():
    x = onp.ones(4)
    small = Pushforward.of_gradient(himmelblau(), onp.zeros(2))
    large = Pushforward.of_gradient(lambda x: np.sum(np.outer(x, np.ones(2**17)) ** 2), x)
    assert small.block == 32 and large.block == 1


def test_the_forward_steps_are_those_of_f_alone():
    f = two_weights()
    both = trace_gradient(f, onp.array([1.0, 2.0]))
    assert len(both.forward) < len(both.steps)
    assert {step.fun.__name__ for step in both.forward[1:]} >= {"multiply", "subtract", "power"}
    assert both.forward_value == f(onp.array([1.0, 2.0]))


@pytest.mark.parametrize(
    ("f", "error", "says"),
    [
        (lambda x: x, ValueError, "must return one number"),
        (lambda x: onp.array([x[0], 1.0]), UntraceableError, "autograd.numpy"),
        (lambda x: float(x[0]), UntraceableError, "autograd.numpy"),
        (lambda x: np.sum(np.full_like(x, x[0])), UntraceableError, "full_like"),
    ],
)
def test_what_cannot_be_traced_is_explained(f, error, says):
    with pytest.raises(error, match=says):
        trace_gradient(f, X)


def test_a_value_from_an_earlier_trace_is_refused():
    kept = []
    trace(lambda z: np.sum(kept.append(z * 2.0) or z), X)
    with pytest.raises(UntraceableError, match="kept from an earlier call"):
        trace(lambda z: np.sum(kept[-1] * z), X)


def test_a_plain_list_or_dict_is_refused():
    with pytest.raises(UntraceableError, match="not an array"):
        trace(lambda x: [x[0], 1.0], X)


def test_every_rule_belongs_to_a_primitive_of_autograd():
    for primitive in _replay._RULES:
        assert callable(primitive) and hasattr(primitive, "fun"), primitive
    assert len(_replay._RULES) > 50
    assert pickle.loads(pickle.dumps(NoForwardRule("x"))).args == ("x",)
