"""Networks against the same thing written out: outputs, layers, objectives, starting points."""

import pickle

import autograd
import autograd.numpy as np
import numpy as onp
import pytest

from secondorder import gradient, hessian
from secondorder.data import split, two_moons, wine
from secondorder.losses import CrossEntropy, cross_entropy, mean_squared_error
from secondorder.networks import Network, mlp

RNG = onp.random.default_rng(0)
N = 9
INPUTS = RNG.normal(size=(N, 4))
LABELS = RNG.integers(3, size=N)
TARGETS = RNG.normal(size=(N, 3))
ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "softplus": lambda a: np.logaddexp(a, 0.0),
    "identity": lambda a: a,
}
NAMES = pytest.mark.parametrize("name", ACTIVATIONS)
SIZES = [(4, 3), (4, 5, 3), (4, 5, 2, 3)]
EACH = pytest.mark.parametrize("sizes", SIZES)
RULES = {"cross_entropy": (cross_entropy, LABELS), "squares": (mean_squared_error, TARGETS)}


def by_hand(network, x, X):
    """Outputs and preactivations, written out with the layout."""
    parts, h, found = network.layout.split(x), X, []
    for i in range(1, len(network.sizes)):
        a = h @ parts[f"W{i}"] + parts[f"b{i}"]
        found.append((h, a))
        h = ACTIVATIONS[network.activation](a)
    return found[-1][1], found


def start(network):
    return 0.7 * onp.random.default_rng(1).normal(size=network.dim)


# ── outputs ───────────────────────────────────────────────────────────────────────────────────────


@NAMES
@EACH
def test_outputs_are_those_written_out(sizes, name):
    network = mlp(sizes, name)
    x = start(network)
    expected, layers = by_hand(network, x, INPUTS)
    onp.testing.assert_allclose(network(x, INPUTS), expected, rtol=1e-13)
    for found, (h, a) in zip(network.layers(x, INPUTS), layers, strict=True):
        onp.testing.assert_allclose(found.inputs, h, rtol=1e-13)
        onp.testing.assert_allclose(found.preactivations, a, rtol=1e-13)


def test_dimension_and_layout():
    network = mlp([4, 5, 3])
    assert network.dim == 4 * 5 + 5 + 5 * 3 + 3 == network.layout.size
    assert network.layout.names == ("W1", "b1", "W2", "b2")
    assert network.layout.shapes == ((4, 5), (5,), (5, 3), (3,))


@NAMES
def test_outputs_can_be_traced_in_parameters_and_inputs(name):
    network = mlp([4, 5, 3], name)
    x = start(network)
    J = autograd.jacobian(network)(x, INPUTS)
    expected = autograd.jacobian(lambda x: by_hand(network, x, INPUTS)[0])(x)
    onp.testing.assert_allclose(J, expected, atol=1e-13)
    J = autograd.jacobian(network, 1)(x, INPUTS)
    expected = autograd.jacobian(lambda X: by_hand(network, x, X)[0])(INPUTS)
    onp.testing.assert_allclose(J, expected, atol=1e-13)


def test_a_linear_network_is_one_matrix():
    network = mlp([4, 5, 3], "identity")
    x = network.start(onp.random.default_rng(0))
    parts = network.layout.split(x)
    onp.testing.assert_allclose(network(x, INPUTS), INPUTS @ parts["W1"] @ parts["W2"])


def test_at_800_all_is_finite():
    for name in ACTIVATIONS:
        f = mlp([4, 5, 3], name).objective(cross_entropy, INPUTS, LABELS)
        x = 800 * onp.sign(start(mlp([4, 5, 3])))
        with onp.errstate(over="raise", invalid="raise", divide="raise"):
            assert onp.all(onp.isfinite(gradient(f, x)))
            assert onp.all(onp.isfinite(hessian(f, x)))


# ── backwards ─────────────────────────────────────────────────────────────────────────────────────


@NAMES
@EACH
@pytest.mark.parametrize("rule", RULES)
def test_the_gradients_of_layers_make_up_the_gradient(sizes, name, rule):
    loss, y = RULES[rule]
    network = mlp(sizes, name)
    f, x = network.objective(loss, INPUTS, y), start(network)
    layers = network.layers(x, INPUTS)
    G = loss.gradients(layers[-1].preactivations, y)
    back = network.backward(x, INPUTS, G)
    again = network.backward(x, INPUTS, G, layers=layers)
    parts = {}
    for i, (layer, g, same) in enumerate(zip(layers, back, again, strict=True), start=1):
        onp.testing.assert_array_equal(g, same)
        parts[f"W{i}"] = layer.inputs.T @ g / N
        parts[f"b{i}"] = g.mean(axis=0)
    onp.testing.assert_allclose(network.layout.join(parts), gradient(f, x), atol=1e-14)


def test_backward_leaves_its_input_alone():
    network, G = mlp([4, 5, 3]), onp.ones((N, 3))
    network.backward(start(network), INPUTS, G)
    onp.testing.assert_array_equal(G, 1)


# ── starting points ───────────────────────────────────────────────────────────────────────────────

WIDE = mlp([200, 300])
DEVIATIONS = {
    "glorot": onp.sqrt(2 / 500),
    "he": onp.sqrt(2 / 200),
    "lecun": onp.sqrt(1 / 200),
    0.01: 0.01,
}


@pytest.mark.parametrize("scheme", DEVIATIONS)
def test_a_start_has_the_spread_of_its_scheme(scheme):
    x = WIDE.start(onp.random.default_rng(0), scheme)
    parts = WIDE.layout.split(x)
    W = parts["W1"]
    onp.testing.assert_array_equal(parts["b1"], 0)
    assert onp.isclose(W.std(), DEVIATIONS[scheme], rtol=0.02)  # 60,000 draws
    assert abs(W.mean()) < 5 * W.std() / onp.sqrt(W.size)
    if scheme == "glorot":
        assert abs(W).max() <= onp.sqrt(6 / 500)
    onp.testing.assert_array_equal(x, WIDE.start(onp.random.default_rng(0), scheme))


def test_a_start_in_float32():
    x = WIDE.start(onp.random.default_rng(0), "he", onp.float32)
    assert x.dtype == onp.float32
    same = WIDE.start(onp.random.default_rng(0), "he")
    onp.testing.assert_array_equal(x, same.astype(onp.float32))


# ── objectives ────────────────────────────────────────────────────────────────────────────────────


@NAMES
@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("rule", RULES)
def test_an_objective_is_its_loss_of_its_model(name, decay, rule):
    loss, y = RULES[rule]
    network = mlp([4, 5, 3], name)
    f, x = network.objective(loss, INPUTS, y, weight_decay=decay), start(network)
    batch = (INPUTS[2:5], f.data[1][2:5])
    for given in (None, batch):
        value = f.loss(f.model(x, given), given) + f.ridge / 2 * x @ x
        assert onp.isclose(f(x, given), value)
    z, _ = by_hand(network, x, INPUTS)
    onp.testing.assert_allclose(f.model(x), z)
    assert onp.isclose(f(x), loss.loss(z, y) + decay / 2 * x @ x)
    assert f.ridge == decay and f.likelihood is loss and f.dim == network.dim
    assert f.layout == network.layout
    onp.testing.assert_array_equal(f.data[0], INPUTS)
    onp.testing.assert_array_equal(f.data[1], y)


@NAMES
def test_gradient_and_hessian_of_an_objective(name):
    network = mlp([4, 5, 3], name)
    f, x = network.objective(cross_entropy, INPUTS, LABELS, weight_decay=0.1), start(network)

    def composed(x):
        z, _ = by_hand(network, x, INPUTS)
        fit = np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * np.eye(3)[LABELS], axis=1))
        return fit + 0.05 * np.sum(x**2)

    onp.testing.assert_allclose(gradient(f, x), autograd.grad(composed)(x), atol=1e-14)
    onp.testing.assert_allclose(hessian(f, x), autograd.hessian(composed)(x), atol=1e-13)


def test_batches_of_equal_size_average_to_the_whole():
    f = mlp([4, 5, 3]).objective(cross_entropy, INPUTS, LABELS, weight_decay=0.2)
    x = start(mlp([4, 5, 3]))
    parts = [f(x, (INPUTS[i : i + 3], LABELS[i : i + 3])) for i in (0, 3, 6)]
    assert onp.isclose(onp.mean(parts), f(x))


def test_linear_regression_has_the_solution_of_least_squares():
    f = mlp([4, 3]).objective(mean_squared_error, INPUTS, TARGETS)
    A = onp.column_stack([INPUTS, onp.ones(N)])
    solution = onp.linalg.lstsq(A, TARGETS, rcond=None)[0].ravel()
    onp.testing.assert_allclose(gradient(f, solution), 0, atol=1e-13)
    H = onp.kron(A.T @ A / N, onp.eye(3))
    onp.testing.assert_allclose(hessian(f, start(mlp([4, 3]))), H, atol=1e-13)


def test_logistic_regression_is_convex():
    f = mlp([4, 3]).objective(cross_entropy, INPUTS, LABELS)
    for seed in range(3):
        x = onp.random.default_rng(seed).normal(size=f.dim)
        assert onp.linalg.eigvalsh(hessian(f, x))[0] > -1e-14


@NAMES
@pytest.mark.parametrize("rule", RULES)
def test_float32_stays_float32(name, rule):
    loss, y = RULES[rule]
    network = mlp([4, 5, 3], name)
    f = network.objective(loss, INPUTS.astype(onp.float32), y, weight_decay=0.1)
    x = start(network).astype(onp.float32)
    assert f.data[1].dtype in (onp.float32, LABELS.dtype)
    values = [f(x), f.model(x), gradient(f, x), hessian(f, x)]
    G = loss.gradients(f.model(x), f.data[1])
    values += [*network.layers(x, f.data[0])[1], *network.backward(x, f.data[0], G)]
    assert {value.dtype for value in values} == {onp.dtype(onp.float32)}
    full = network.objective(loss, INPUTS, y, weight_decay=0.1)
    onp.testing.assert_allclose(hessian(f, x), hessian(full, start(network)), atol=1e-5)


def test_networks_and_objectives_can_be_pickled():
    network = mlp([4, 5, 3], "softplus")
    f = network.objective(cross_entropy, INPUTS, LABELS, weight_decay=0.1, name="wine")
    x = start(network)
    assert f(x) == pickle.loads(pickle.dumps(f))(x)  # with what it keeps filled
    other = pickle.loads(pickle.dumps(f))
    assert other.name == "wine" and other.likelihood == cross_entropy
    assert other.model(x).tolist() == f.model(x).tolist()
    assert len(pickle.dumps(f)) < 2 * INPUTS.nbytes + 4000  # the data once
    same = pickle.loads(pickle.dumps(network))
    assert same == network and hash(same) == hash(network)
    assert network != mlp([4, 5, 3]) and network == Network((4, 5, 3), "softplus")


def test_an_objective_has_a_name():
    f = mlp([4, 5, 3]).objective(cross_entropy, INPUTS, LABELS)
    assert f.name == "CrossEntropy of 4-5-3 tanh"
    assert mlp([4, 3]).objective(cross_entropy, INPUTS, LABELS, name="mine").name == "mine"


def test_lists_are_welcome():
    network = mlp([2, 1])
    assert network([1.0, 2.0, 3.0], [[10.0, 100.0]]).tolist() == [[213.0]]
    f = network.objective(mean_squared_error, [[1.0, 2.0]], [[3.0]])
    assert f([1.0, 1.0, 0.0]) == 0.0


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sizes", "activation", "error", "says"),
    [
        (5, "tanh", TypeError, r"sizes must be a list such as \[64, 32, 10\], got int 5"),
        ("4,3", "tanh", TypeError, "sizes must be a list"),
        ([4], "tanh", ValueError, r"inputs and outputs at least, got \[4\]"),
        ([], "tanh", ValueError, "inputs and outputs at least"),
        ([4, 0, 3], "tanh", ValueError, r"sizes\[1\] must be a whole number from 1 on"),
        ([4, 2.5], "tanh", ValueError, r"sizes\[1\] must be a whole number"),
        ([4, 3], "sigmoid", ValueError, "activation must be one of 'tanh', 'relu'"),
    ],
)
def test_a_bad_network_is_refused(sizes, activation, error, says):
    with pytest.raises(error, match=says):
        mlp(sizes, activation)


def test_bad_points_and_inputs_are_named():
    network = mlp([4, 3])
    x = start(network)
    for call in (network, network.layers):
        with pytest.raises(ValueError, match=r"x must have shape \(15,\), got \(14,\)"):
            call(x[1:], INPUTS)
        with pytest.raises(ValueError, match=r"X must have shape \(N, 4\), got \(9, 3\)"):
            call(x, INPUTS[:, 1:])
        with pytest.raises(ValueError, match=r"one row is X\[None, :\]"):
            call(x, INPUTS[0])
        with pytest.raises(ValueError, match=r"X must have shape \(N, 4\), got \(0, 4\)"):
            call(x, INPUTS[:0])
        with pytest.raises(TypeError, match="X must"):
            call(x, [["a"] * 4])
    with pytest.raises(ValueError, match="x must be finite"):
        network.layers(x * onp.nan, INPUTS)
    with pytest.raises(ValueError, match=r"G must have the shape \(9, 3\) of the outputs"):
        network.backward(x, INPUTS, INPUTS)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"scheme": "xavier"}, ValueError, "scheme must be 'glorot', 'he', 'lecun' or a number"),
        ({"scheme": -1.0}, ValueError, "scheme must be a positive"),
        ({"dtype": int}, TypeError, "dtype must be a float type, got int64"),
    ],
)
def test_a_bad_start_is_refused(options, error, says):
    with pytest.raises(error, match=says):
        mlp([4, 3]).start(onp.random.default_rng(0), **options)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"loss": CrossEntropy}, TypeError, "loss must be losses.cross_entropy or"),
        ({"loss": "mse"}, TypeError, "loss must be losses.cross_entropy or"),
        ({"X": INPUTS[:, :2]}, ValueError, r"X must have shape \(N, 4\)"),
        ({"X": INPUTS * onp.nan}, ValueError, "X must be finite"),
        ({"X": onp.ones((N, 4), int)}, TypeError, "X must hold floats"),
        ({"y": LABELS[1:]}, ValueError, r"y must have shape \(9,\)"),
        ({"y": LABELS + 1}, ValueError, "y must be labels from 0 to 2"),
        ({"y": LABELS * 1.0}, TypeError, r"y.astype\(int\)"),
        ({"loss": mean_squared_error}, TypeError, "y must hold floats"),
        ({"loss": mean_squared_error, "y": TARGETS[:, 0]}, ValueError, r"y must have shape"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be a number from 0 on"),
        ({"weight_decay": onp.ones(2)}, ValueError, "weight_decay must be a number"),
        ({"weight_decay": "0.1"}, TypeError, "weight_decay"),
    ],
)
def test_a_bad_objective_is_refused(change, error, says):
    given = {"loss": cross_entropy, "X": INPUTS, "y": LABELS, **change}
    with pytest.raises(error, match=says):
        mlp([4, 3]).objective(**given)


def test_a_bad_batch_is_named():
    f = mlp([4, 3]).objective(cross_entropy, INPUTS, LABELS)
    x = start(mlp([4, 3]))
    with pytest.raises(ValueError, match=r"targets must have shape \(2,\)"):
        f(x, (INPUTS[:2], LABELS[:3]))
    with pytest.raises(ValueError, match=r"X must have shape \(N, 4\)"):
        f(x, (INPUTS[:2, :2], LABELS[:2]))


@pytest.mark.parametrize("rng", [3, "a", np.random.RandomState(0)])
def test_randomness_comes_from_a_generator(rng):
    for call in (
        lambda: mlp([2, 1]).start(rng),
        lambda: two_moons(4, 0.1, rng),
        lambda: split(wine(), 0.5, rng),
        lambda: cross_entropy.sample(np.ones((2, 2)), rng),
        lambda: mean_squared_error.sample(np.ones((2, 2)), rng),
    ):
        with pytest.raises(TypeError, match="rng must be a numpy Generator"):
            call()
