"""The primitives of networks against the same functions composed of stock autograd."""

from itertools import chain, combinations
from types import SimpleNamespace

import autograd
import autograd.numpy as np
import numpy as onp
import pytest
from autograd.extend import vspace

from secondorder import _fused as fused
from secondorder._fused import ACTIVATIONS, Slot
from secondorder._linear import Bend, Linear
from secondorder._replay import _RULES, Pushforward, _Sparse
from secondorder.derivatives import KinkWarning, gradient

RNG = onp.random.default_rng(0)
ROWS, SLOT, LAST = 6, Slot(2, 3, 4), Slot(18, 4, 3)
SIZE = LAST.stop + 1
A, G = RNG.normal(size=(ROWS, 3)), RNG.normal(size=(ROWS, 4))
X = RNG.normal(size=SIZE)
Z = RNG.normal(size=(ROWS, 3))
LABELS = RNG.integers(3, size=ROWS)
SOFT = RNG.dirichlet(onp.ones(3), size=ROWS)
HARD = onp.eye(3)[LABELS]

STOCK = {
    "tanh": np.tanh,
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "softplus": lambda a: np.logaddexp(a, 0.0),
    "identity": lambda a: a,
}


def stock_affine(x, a, at):
    W = np.reshape(x[at.start : at.middle], (at.inputs, at.outputs))
    return np.dot(a, W) + x[at.middle : at.stop]


def stock_cross_entropy(z, targets):
    targets = HARD if targets.ndim == 1 else targets
    top = np.max(z)
    return np.mean(np.log(np.sum(np.exp(z - top), axis=1)) + top - np.sum(targets * z, axis=1))


def stock_squares(z, y):
    return 0.5 * np.sum((z - y) ** 2) / len(z)


LOSSES = {
    "labels": (fused.cross_entropy, stock_cross_entropy, LABELS),
    "probabilities": (fused.cross_entropy, stock_cross_entropy, SOFT),
    "squares": (fused.half_squared_error, stock_squares, Z[::-1]),
}


def network(affine, activation, loss, targets):
    return lambda x: loss(affine(x, activation(affine(x, A, SLOT)), LAST), targets)


PAIRS = {
    f"{name}, {title}": (
        network(fused.affine, ACTIVATIONS[name].function, loss, targets),
        network(stock_affine, STOCK[name], stock, targets),
    )
    for name in ACTIVATIONS
    for title, (loss, stock, targets) in LOSSES.items()
}
EACH = pytest.mark.parametrize(("ours", "stock"), PAIRS.values(), ids=PAIRS)


# ── derivatives ───────────────────────────────────────────────────────────────────────────────────


@EACH
def test_value_and_gradient_are_those_of_stock_autograd(ours, stock):
    onp.testing.assert_allclose(ours(X), stock(X), rtol=1e-14)
    onp.testing.assert_allclose(autograd.grad(ours)(X), autograd.grad(stock)(X), atol=1e-14)


@EACH
def test_second_derivatives_both_ways_and_in_blocks(ours, stock):
    H, v = autograd.hessian(stock)(X), RNG.normal(size=SIZE)
    onp.testing.assert_allclose(autograd.hessian(ours)(X), H, atol=1e-13)
    forward = autograd.make_jvp(autograd.grad(ours))(X)(v)[1]
    onp.testing.assert_allclose(forward, H @ v, atol=1e-13)
    onp.testing.assert_allclose(Bend(ours, X).products(onp.eye(SIZE)), H, atol=1e-13)
    assert Pushforward.of_gradient(ours, X).trusted


@EACH
def test_third_derivatives(ours, stock):
    v = RNG.normal(size=SIZE)

    def bend(f):
        return lambda x: np.dot(v, autograd.hessian_vector_product(f)(x, v))

    expected = autograd.grad(bend(stock))(X)
    onp.testing.assert_allclose(autograd.grad(bend(ours))(X), expected, atol=1e-13)


@EACH
def test_differences_agree(ours, stock):
    v, h = RNG.normal(size=SIZE), 1e-5
    slope = (ours(X + h * v) - ours(X - h * v)) / (2 * h)
    assert onp.isclose(autograd.grad(ours)(X) @ v, slope, rtol=1e-7)
    g = autograd.grad(ours)
    difference = (g(X + h * v) - g(X - h * v)) / (2 * h)
    onp.testing.assert_allclose(Bend(ours, X).products(v[None])[0], difference, atol=1e-7)


def test_a_loss_inside_other_functions():
    def both(loss, affine):
        return lambda x: np.sin(loss(affine(x, A, Slot(2, 3, 3)), LABELS)) ** 2 + x[0] * x[1]

    ours = both(fused.cross_entropy, fused.affine)
    H = autograd.hessian(both(stock_cross_entropy, stock_affine))(X)
    onp.testing.assert_allclose(autograd.hessian(ours)(X), H, atol=1e-13)
    onp.testing.assert_allclose(Bend(ours, X).products(onp.eye(SIZE)), H, atol=1e-13)


def test_jacobians_of_outputs():
    def outputs(affine, activation):
        return lambda x: affine(x, activation(affine(x, A, SLOT)), LAST)

    ours = outputs(fused.affine, fused.softplus)
    J = autograd.jacobian(outputs(stock_affine, STOCK["softplus"]))(X).reshape(-1, SIZE)
    linear = Linear(ours, X)
    onp.testing.assert_allclose(linear.push(onp.eye(SIZE)).reshape(SIZE, -1).T, J, atol=1e-13)
    U = onp.eye(len(J)).reshape(-1, ROWS, 3)
    onp.testing.assert_allclose(linear.pull(U), J, atol=1e-13)


def test_inputs_can_be_differentiated_too():
    def f(affine, loss):
        return lambda a: loss(np.tanh(affine(X, np.reshape(a, (ROWS, 3)), Slot(2, 3, 3))), LABELS)

    ours, stock = f(fused.affine, fused.cross_entropy), f(stock_affine, stock_cross_entropy)
    H = autograd.hessian(stock)(A.ravel())
    onp.testing.assert_allclose(autograd.hessian(ours)(A.ravel()), H, atol=1e-13)
    onp.testing.assert_allclose(Bend(ours, A.ravel()).products(onp.eye(A.size)), H, atol=1e-13)


# ── block rules, one by one ───────────────────────────────────────────────────────────────────────

BACK = {}
for name in ("tanh", "relu", "softplus"):
    step = Pushforward.of_gradient(
        lambda a, f=ACTIVATIONS[name].function: np.sum(f(a) ** 2), A.ravel()
    ).trace.steps
    BACK[name] = next(s.fun for s in step[1:] if s.fun.__name__ == "back")

CALLS = {
    "affine": (fused.affine, (X, A, SLOT), (0, 1)),
    "affine without b": (fused.affine, (X, A, SLOT.linear), (0, 1)),
    "affine_back": (fused.affine_back, (X, G, SLOT), (0, 1)),
    "affine_weights": (fused.affine_weights, (A, G, SLOT, vspace(X)), (0, 1)),
    "affine_weights without b": (fused.affine_weights, (A, G, SLOT.linear, vspace(X)), (0, 1)),
    "tanh": (fused.tanh, (A,), (0,)),
    "relu": (fused.relu, (A,), (0,)),
    "softplus": (fused.softplus, (A,), (0,)),
    "tanh, back": (BACK["tanh"], (G, onp.tanh(G[::-1])), (0, 1)),
    "relu, back": (BACK["relu"], (G, onp.maximum(G[::-1], 0)), (0, 1)),
    "softplus, back": (BACK["softplus"], (G, onp.logaddexp(G[::-1], 0)), (0, 1)),
    "cross_entropy": (fused.cross_entropy, (Z, LABELS), (0,)),
    "cross_entropy, probabilities": (fused.cross_entropy, (Z, SOFT), (0,)),
    "cross_entropy_slope": (fused.cross_entropy_slope, (Z, LABELS), (0,)),
    "cross_entropy_slope, probabilities": (fused.cross_entropy_slope, (Z, SOFT), (0,)),
    "half_squared_error": (fused.half_squared_error, (Z, Z[::-1]), (0,)),
}


def subsets(positions):
    return chain.from_iterable(combinations(positions, k + 1) for k in range(len(positions)))


def dense(value):
    if isinstance(value, fused.SparseObject):
        return value.mut_add(onp.zeros(SIZE))
    if isinstance(value, _Sparse):
        out = onp.zeros((len(value.T), SIZE))
        out[value.index] = value.T
        return out
    return onp.asarray(value)


@pytest.mark.parametrize(("primitive", "args", "positions"), CALLS.values(), ids=CALLS)
def test_a_block_rule_is_the_forward_rule_row_by_row(primitive, args, positions):
    for traced in subsets(positions):
        step = SimpleNamespace(
            args=args, kwargs={}, value=primitive(*args), traced=traced, fun=primitive
        )
        apply = _RULES[primitive](step)
        tangents = [RNG.normal(size=(5, *onp.shape(args[p]))) for p in traced]
        kept = [T.copy() for T in tangents]
        first = dense(apply(*tangents)).copy()
        onp.testing.assert_array_equal(dense(apply(*tangents)), first)  # it keeps no state
        assert all(onp.array_equal(a, b) for a, b in zip(tangents, kept, strict=True))
        for i in range(5):
            parts = [
                autograd.make_jvp(primitive, p)(*args)(T[i])[1]
                for p, T in zip(traced, tangents, strict=True)
            ]
            onp.testing.assert_allclose(first[i], sum(dense(part) for part in parts), atol=1e-13)


@pytest.mark.parametrize(("primitive", "args", "positions"), CALLS.values(), ids=CALLS)
def test_forward_and_reverse_rules_are_adjoint(primitive, args, positions):
    for position in positions:
        t = RNG.normal(size=onp.shape(args[position]))
        out = autograd.make_jvp(primitive, position)(*args)(t)[1]
        u = RNG.normal(size=onp.shape(dense(out)))
        back = autograd.make_vjp(primitive, position)(*args)[0](u)
        assert onp.isclose(onp.sum(u * dense(out)), onp.sum(dense(back) * t))


def test_softmax_is_differentiable_on_its_own():
    expected = [onp.diag(p) - onp.outer(p, p) for p in fused.softmax(Z)]
    J = autograd.jacobian(fused.softmax)(Z)
    t = RNG.normal(size=Z.shape)
    for i, M in enumerate(expected):
        onp.testing.assert_allclose(J[i, :, i], M, atol=1e-15)
    out = autograd.make_jvp(fused.softmax)(Z)(t)[1]
    onp.testing.assert_allclose(out, onp.einsum("icd,id->ic", expected, t), atol=1e-15)


# ── far out, at kinks, in float32 ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["tanh", "relu", "softplus"])
def test_at_800_all_is_finite(name):
    far = onp.array([-800.0, -40.0, 40.0, 800.0])
    f = ACTIVATIONS[name].function
    slopes = {"tanh": [0, 0, 0, 0], "relu": [0, 0, 1, 1], "softplus": [0, 0, 1, 1]}
    with onp.errstate(over="raise", invalid="raise", divide="raise"):
        onp.testing.assert_allclose(autograd.elementwise_grad(f)(far), slopes[name], atol=1e-15)
        bend = Bend(lambda a: np.sum(f(a)), far)
        onp.testing.assert_allclose(bend.products(onp.eye(4)), onp.zeros((4, 4)), atol=1e-15)
    if name == "softplus":
        expected = onp.logaddexp(far, 0)
        onp.testing.assert_allclose(f(far), expected)
        small = autograd.elementwise_grad(f)(onp.array([-40.0]))
        onp.testing.assert_allclose(small, onp.exp(-40.0), rtol=1e-14)  # its small slope is exact


def test_a_loss_of_outputs_at_800_is_finite():
    z = onp.array([[800.0, 0.0, -800.0], [-800.0, 800.0, 800.0]])
    y = onp.array([2, 0])
    with onp.errstate(over="raise", invalid="raise", divide="raise"):
        value = fused.cross_entropy(z, y)
        g = autograd.grad(fused.cross_entropy)(z, y)
    assert onp.isclose(value, (1600 + 1600 + onp.log(2)) / 2)
    onp.testing.assert_allclose(2 * g, [[1, 0, -1], [-1, 0.5, 0.5]], atol=1e-15)


def test_relu_at_zero_takes_the_slope_zero_and_says_so():
    x = onp.array([0.0, -0.0, 1.0])
    f = lambda a: np.sum(fused.relu(a) * np.array([1.0, 2.0, 3.0]))
    onp.testing.assert_array_equal(autograd.grad(f)(x), [0, 0, 3])
    with pytest.warns(KinkWarning):
        onp.testing.assert_array_equal(gradient(f, x), [0, 0, 3])


def test_relu_has_no_bend_and_no_warning(recwarn):
    f = lambda a: np.sum(fused.relu(a) ** 2) + np.sum(fused.relu(a))
    x = onp.array([-1.0, 2.0])
    onp.testing.assert_array_equal(autograd.hessian(f)(x), onp.diag([0.0, 2.0]))
    onp.testing.assert_array_equal(Bend(f, x).products(onp.eye(2)), onp.diag([0.0, 2.0]))
    g = lambda a: np.sum(fused.relu(a))
    onp.testing.assert_array_equal(autograd.hessian(g)(x), onp.zeros((2, 2)))
    onp.testing.assert_array_equal(Bend(g, x).products(onp.eye(2)), onp.zeros((2, 2)))
    assert not recwarn.list


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("title", LOSSES)
def test_float32_stays_float32(name, title):
    loss, _, targets = LOSSES[title]
    a, x = A.astype(onp.float32), X.astype(onp.float32)
    targets = targets if targets.ndim == 1 else targets.astype(onp.float32)
    activation = ACTIVATIONS[name].function

    def f(x):
        return loss(fused.affine(x, activation(fused.affine(x, a, SLOT)), LAST), targets)

    bend = Bend(f, x)
    H = autograd.hessian(PAIRS[f"{name}, {title}"][0])(X)
    V = onp.eye(SIZE, dtype=onp.float32)
    products, back = bend.products(V), autograd.hessian_vector_product(f)(x, V[5])
    for value in (f(x), bend.value, bend.gradient, products, autograd.grad(f)(x), back):
        assert value.dtype == onp.float32
    onp.testing.assert_allclose(products, H, atol=1e-5 * abs(H).max())
    onp.testing.assert_allclose(back, H[5], atol=1e-5 * abs(H).max())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_comes_from_the_answer(name):
    function, slope = ACTIVATIONS[name]
    expected = autograd.elementwise_grad(STOCK[name])(A)
    onp.testing.assert_allclose(slope(function(A)), expected, rtol=1e-14)
