"""Every operator against one contract: dense truth, adjoint, linearity, blocks, batches, map."""

from __future__ import annotations

import gc
import os
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import autograd
import autograd.numpy as np
import numpy as onp
import pytest
from numpy.testing import assert_allclose
from scipy.sparse.linalg import LinearOperator, cg, eigsh

from secondorder import hessian, jacobian
from secondorder.curvature import (
    CurvatureOperator,
    _operator,
    empirical_fisher_operator,
    fisher_operator,
    ggn_operator,
    hessian_operator,
    jacobian_operator,
)
from secondorder.derivatives import ConstantWarning, KinkWarning
from secondorder.losses import cross_entropy, mean_squared_error
from secondorder.networks import mlp
from secondorder.objectives import Objective, quadratic, rosenbrock, three_outputs, two_weights

RNG = onp.random.default_rng(0)
INPUTS = RNG.normal(size=(30, 4))
LABELS = RNG.integers(3, size=30)
TARGETS = RNG.normal(size=(30, 3))
SHARDS = [slice(0, 7), slice(7, 8), slice(8, 30)]  # of unequal size


def network(loss: Any, activation: str = "tanh", **options: Any) -> Objective:
    y = LABELS if loss is cross_entropy else TARGETS
    return mlp([4, 5, 3], activation).objective(loss, INPUTS, y, **options)


SOFTMAX, SQUARES = network(cross_entropy), network(mean_squared_error)
DECAYED = network(cross_entropy, weight_decay=0.3)
START = 0.5 * RNG.normal(size=SOFTMAX.dim)


def shards(objective: Objective) -> list[tuple]:
    X, y = objective.data
    return [(X[rows], y[rows]) for rows in SHARDS]


# ── what each operator should be, by other means ──────────────────────────────────────────────────


def dense_hessian(objective: Objective, x: Any) -> Any:
    return autograd.hessian(objective)(x)


def outputs_jacobian(objective: Objective, x: Any) -> Any:
    return autograd.jacobian(objective.model)(x)  # (N, C, n)


def probabilities(objective: Objective, x: Any) -> Any:
    z = onp.asarray(objective.model(x))
    e = onp.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def middle(objective: Objective, x: Any) -> Any:
    """The Hessian of each row's loss by its outputs, (N, C, C)."""
    if objective.likelihood is mean_squared_error:
        return onp.stack([onp.eye(3)] * 30)
    p = probabilities(objective, x)
    return p[:, :, None] * onp.eye(3) - p[:, :, None] * p[:, None, :]


def dense_ggn(objective: Objective, x: Any) -> Any:
    J = outputs_jacobian(objective, x)
    G = onp.einsum("nci,ncd,ndj->ij", J, middle(objective, x), J) / 30
    return G + objective.ridge * onp.eye(objective.dim)


def dense_fisher(objective: Objective, x: Any) -> Any:
    return dense_ggn(objective, x) - objective.ridge * onp.eye(objective.dim)


def dense_empirical(objective: Objective, x: Any) -> Any:
    rows = [
        autograd.grad(
            lambda z, i=i: objective.fun(z, (INPUTS[i : i + 1], objective.data[1][i : i + 1]))
        )(x)
        for i in range(30)
    ]
    g = onp.array(rows) - objective.ridge * x
    return g.T @ g / 30


class Row(NamedTuple):
    make: Any
    objective: Any
    x: Any
    truth: Any
    positive: bool


ROWS = {
    "H, softmax": Row(hessian_operator, SOFTMAX, START, dense_hessian, False),
    "H, squares": Row(hessian_operator, SQUARES, START, dense_hessian, False),
    "H, weight decay": Row(hessian_operator, DECAYED, START, dense_hessian, False),
    "H, relu": Row(hessian_operator, network(cross_entropy, "relu"), START, dense_hessian, False),
    "H, softplus": Row(
        hessian_operator, network(cross_entropy, "softplus"), START, dense_hessian, False
    ),
    "H, Rosenbrock": Row(
        hessian_operator, rosenbrock(6), onp.linspace(-1, 1, 6), dense_hessian, False
    ),
    "G, softmax": Row(ggn_operator, SOFTMAX, START, dense_ggn, True),
    "G, squares": Row(ggn_operator, SQUARES, START, dense_ggn, True),
    "G, weight decay": Row(ggn_operator, DECAYED, START, dense_ggn, True),
    "F, softmax": Row(fisher_operator, SOFTMAX, START, dense_fisher, True),
    "F, squares": Row(fisher_operator, SQUARES, START, dense_fisher, True),
    "F, weight decay": Row(fisher_operator, DECAYED, START, dense_fisher, True),
    "empirical F, softmax": Row(empirical_fisher_operator, SOFTMAX, START, dense_empirical, True),
    "empirical F, squares": Row(empirical_fisher_operator, SQUARES, START, dense_empirical, True),
    "empirical F, weight decay": Row(
        empirical_fisher_operator, DECAYED, START, dense_empirical, True
    ),
}
EACH = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
WITH_DATA = pytest.mark.parametrize(
    "row",
    [row for name, row in ROWS.items() if "Rosenbrock" not in name],
    ids=[name for name in ROWS if "Rosenbrock" not in name],
)


# ── the contract ──────────────────────────────────────────────────────────────────────────────────


@EACH
def test_it_is_the_dense_matrix(row: Row) -> None:
    A = row.make(row.objective, row.x)
    assert isinstance(A, LinearOperator) and isinstance(A, CurvatureOperator)
    assert A.dtype == onp.float64 and A.shape == (row.objective.dim,) * 2
    assert_allclose(A @ onp.eye(row.objective.dim), row.truth(row.objective, row.x), atol=1e-11)


@EACH
def test_a_block_is_a_loop(row: Row) -> None:
    A, n = row.make(row.objective, row.x), row.objective.dim
    V = onp.random.default_rng(1).normal(size=(n, 33))
    assert_allclose(A @ V, onp.stack([A @ v for v in V.T], axis=1), rtol=1e-10, atol=1e-12)
    assert_allclose(A @ V[:, :1], (A @ V[:, 0])[:, None], rtol=1e-12)
    assert (A @ V[:, 0]).shape == (n,)


@EACH
def test_it_is_linear_and_its_own_adjoint(row: Row) -> None:
    A, n = row.make(row.objective, row.x), row.objective.dim
    u, v = onp.random.default_rng(2).normal(size=(2, n))
    assert_allclose(A @ (2 * u - 3 * v), 2 * (A @ u) - 3 * (A @ v), atol=1e-11)
    assert onp.isclose(u @ (A @ v), v @ (A @ u), rtol=1e-10)
    assert A.T is A and A.H is A
    assert_allclose(A.rmatvec(u), A @ u)


@EACH
def test_it_has_no_negative_eigenvalue_where_that_is_promised(row: Row) -> None:
    values = onp.linalg.eigvalsh(row.make(row.objective, row.x) @ onp.eye(row.objective.dim))
    if row.positive:
        assert values[0] > -1e-12 * values[-1]


@WITH_DATA
def test_batches_of_unequal_size_add_up_to_the_whole(row: Row) -> None:
    whole = row.make(row.objective, row.x)
    parts = row.make(row.objective, row.x, batches=shards(row.objective))
    V = onp.random.default_rng(3).normal(size=(row.objective.dim, 5))
    assert_allclose(parts @ V, whole @ V, rtol=1e-11, atol=1e-13)


@WITH_DATA
def test_a_pool_of_threads_gives_what_one_thread_gives(row: Row) -> None:
    V = onp.random.default_rng(4).normal(size=(row.objective.dim, 5))
    serial = row.make(row.objective, row.x, batches=shards(row.objective)) @ V
    with ThreadPoolExecutor(2) as pool:
        A = row.make(row.objective, row.x, batches=shards(row.objective), map=pool.map)
        for _ in range(2):
            onp.testing.assert_array_equal(A @ V, serial)


@EACH
def test_float32_stays_float32(row: Row) -> None:
    if row.objective.data is None:
        objective = row.objective
    else:
        X, y = row.objective.data
        small = [a.astype(onp.float32) if a.dtype.kind == "f" else a for a in (X, y)]
        activation = {"H, relu": "relu", "H, softplus": "softplus"}
        name = next(name for name, other in ROWS.items() if other is row)
        net = mlp([4, 5, 3], activation.get(name, "tanh"))
        decay = row.objective.ridge
        objective = net.objective(row.objective.likelihood, *small, weight_decay=decay)
    A = row.make(objective, row.x.astype(onp.float32))
    out = A @ onp.eye(row.objective.dim, dtype=onp.float32)
    assert A.dtype == out.dtype == onp.float32
    truth = row.truth(row.objective, row.x)
    assert_allclose(out, truth, rtol=1e-3, atol=1e-4 * abs(truth).max())


def test_processes_give_what_one_process_gives() -> None:
    v = onp.random.default_rng(5).normal(size=SOFTMAX.dim)
    with ProcessPoolExecutor(2) as pool:
        for row in (ROWS["H, softmax"], ROWS["G, softmax"], ROWS["empirical F, softmax"]):
            A = row.make(SOFTMAX, START, batches=shards(SOFTMAX), map=pool.map)
            assert_allclose(A @ v, row.make(SOFTMAX, START) @ v, rtol=1e-12)


def test_scipy_takes_it() -> None:
    f = quadratic(onp.arange(1.0, 21.0), rng=onp.random.default_rng(0))
    H = hessian_operator(f, onp.ones(20))
    assert_allclose(eigsh(H, 2, return_eigenvectors=False), [19.0, 20.0])
    b = onp.ones(20)
    solved, code = cg(H, b, rtol=1e-12)
    assert code == 0
    assert_allclose(f.known.hessian(b) @ solved, b, atol=1e-9)
    assert_allclose((2 * H + H) @ b, 3 * (H @ b))


# ── identities ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("loss", [cross_entropy, mean_squared_error])
def test_gauss_newton_is_the_hessian_for_a_linear_model(loss: Any) -> None:
    y = LABELS if loss is cross_entropy else TARGETS
    f = mlp([4, 3]).objective(loss, INPUTS, y)
    x = RNG.normal(size=f.dim)
    n = onp.eye(f.dim)
    assert_allclose(ggn_operator(f, x) @ n, hessian_operator(f, x) @ n, atol=1e-12)


def test_gauss_newton_is_not_the_hessian_of_a_network() -> None:
    n = onp.eye(SOFTMAX.dim)
    gap = ggn_operator(SOFTMAX, START) @ n - hessian_operator(SOFTMAX, START) @ n
    assert abs(gap).max() > 1e-3


@pytest.mark.parametrize("objective", [SOFTMAX, SQUARES])
def test_fisher_is_gauss_newton(objective: Objective) -> None:
    n = onp.eye(objective.dim)
    assert_allclose(
        fisher_operator(objective, START) @ n, ggn_operator(objective, START) @ n, atol=1e-13
    )


@pytest.mark.parametrize("objective", [SOFTMAX, SQUARES])
def test_sampled_fisher_is_right_on_average(objective: Objective) -> None:
    exact = onp.trace(dense_fisher(objective, START))
    n = onp.eye(objective.dim)
    traces = [
        onp.trace(fisher_operator(objective, START, samples=20, rng=onp.random.default_rng(s)) @ n)
        for s in range(30)
    ]
    assert abs(onp.mean(traces) - exact) < 4 * onp.std(traces) / onp.sqrt(30)


def test_sampled_fisher_is_one_fixed_matrix_and_follows_its_seed() -> None:
    v = onp.ones(SOFTMAX.dim)
    A = fisher_operator(SOFTMAX, START, samples=2, rng=onp.random.default_rng(7))
    B = fisher_operator(SOFTMAX, START, samples=2, rng=onp.random.default_rng(7))
    C = fisher_operator(SOFTMAX, START, samples=2, rng=onp.random.default_rng(8))
    onp.testing.assert_array_equal(A @ v, A @ v)
    onp.testing.assert_array_equal(A @ v, B @ v)
    assert not onp.allclose(A @ v, C @ v)
    parts = fisher_operator(SOFTMAX, START, samples=3, batches=shards(SOFTMAX))
    matrix = parts @ onp.eye(SOFTMAX.dim)
    assert_allclose(matrix, matrix.T, atol=1e-14)


def test_batches_may_come_from_a_generator() -> None:
    whole = fisher_operator(SOFTMAX, START, samples=2, batches=shards(SOFTMAX))
    once = fisher_operator(SOFTMAX, START, samples=2, batches=(b for b in shards(SOFTMAX)))
    onp.testing.assert_array_equal(once @ START, whole @ START)


def test_gauss_newton_of_residuals() -> None:
    for f, x in ((two_weights(), [2.0, 1.0]), (rosenbrock(5), onp.linspace(-1, 1, 5))):
        J = jacobian(f.residuals, x)
        assert_allclose(ggn_operator(f, x) @ onp.eye(f.dim), J.T @ J, atol=1e-12)


# ── Jacobian ──────────────────────────────────────────────────────────────────────────────────────


def test_the_jacobian_goes_both_ways() -> None:
    J = jacobian_operator(three_outputs(), [2.0, 5.0])
    truth = three_outputs().known.jacobian(onp.array([2.0, 5.0]))
    assert J.shape == (3, 2)
    assert_allclose(J @ onp.eye(2), truth)
    assert_allclose(J.T @ onp.eye(3), truth.T)
    assert_allclose(J.H @ onp.ones(3), truth.sum(axis=0))
    assert_allclose(J @ onp.ones(2), truth.sum(axis=1))


def test_the_jacobian_of_a_network_passes_the_dot_test() -> None:
    J = jacobian_operator(SOFTMAX.model, START)
    assert J.shape == (90, SOFTMAX.dim)
    assert_allclose(
        J @ onp.eye(SOFTMAX.dim), outputs_jacobian(SOFTMAX, START).reshape(90, -1), atol=1e-12
    )
    u, v = RNG.normal(size=90), RNG.normal(size=SOFTMAX.dim)
    assert onp.isclose(u @ (J @ v), (J.T @ u) @ v)


def test_batches_of_a_jacobian_stand_below_one_another() -> None:
    whole = jacobian_operator(SOFTMAX.model, START)
    with ThreadPoolExecutor(2) as pool:
        for options in ({}, {"map": pool.map}):
            J = jacobian_operator(SOFTMAX.model, START, batches=shards(SOFTMAX), **options)
            V, U = RNG.normal(size=(SOFTMAX.dim, 3)), RNG.normal(size=(90, 3))
            assert J.shape == whole.shape
            assert_allclose(J @ V, whole @ V, rtol=1e-12)
            assert_allclose(J.T @ U, whole.T @ U, rtol=1e-11, atol=1e-13)


def test_a_jacobian_in_float32() -> None:
    J = jacobian_operator(lambda x: x**2, onp.ones(3, onp.float32))
    assert (J @ onp.ones(3, onp.float32)).dtype == onp.float32
    assert (J.T @ onp.ones(3, onp.float32)).dtype == onp.float32


# ── recorded once, kept while needed ──────────────────────────────────────────────────────────────


def test_a_point_is_recorded_once() -> None:
    calls = []

    def f(x: Any) -> Any:
        calls.append(1)
        return np.sum(x**4)

    H = hessian_operator(f, onp.ones(3))
    made = len(calls)
    for _ in range(5):
        H @ onp.ones(3)
    assert len(calls) == made == 1


def test_batches_are_recorded_once_each() -> None:
    calls = []

    def f(x: Any, batch: Any) -> Any:
        calls.append(len(batch))
        return np.mean(np.dot(batch, x) ** 4)

    batches = [onp.ones((2, 3)), onp.ones((5, 3))]
    H = hessian_operator(f, onp.ones(3), batches=batches)
    for _ in range(3):
        H @ onp.ones(3)
    assert calls == [2, 5]


def test_what_was_recorded_goes_with_the_operator() -> None:
    H = hessian_operator(rosenbrock(), [1.0, 1.0])
    key = H.parts[0].key
    assert key in _operator._kept
    del H
    gc.collect()
    assert key not in _operator._kept


def test_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_operator, "KEPT", 2)
    H = hessian_operator(SOFTMAX, START, batches=shards(SOFTMAX))
    v = onp.ones(SOFTMAX.dim)
    assert_allclose(H @ v, hessian_operator(SOFTMAX, START) @ v, rtol=1e-11)
    assert len(_operator._kept) <= 2


def test_a_part_travels() -> None:
    H = hessian_operator(SOFTMAX, START, batches=shards(SOFTMAX))
    part = pickle.loads(pickle.dumps(H.parts[0]))
    assert part.key == H.parts[0].key and part.weight == 7 / 30


def test_a_held_part_travels_light() -> None:
    sizes = []

    def elsewhere(task: Any, parts: Any) -> Any:  # what a worker gets, and what it holds
        for part in parts:
            sent = pickle.dumps((task, part))
            sizes[-1].append(len(sent))
            there, its = pickle.loads(sent)
            yield there(its)

    data = network(cross_entropy)
    H = hessian_operator(data, START, batches=shards(data), map=elsewhere)
    truth = hessian_operator(data, START) @ START
    for _ in range(2):
        sizes.append([])
        assert_allclose(H @ START, truth, rtol=1e-11)
    first, second = sizes
    assert len(first) == 6 and len(second) == 3  # asked for the rest once
    assert max(second) < START.nbytes + 1000 < min(first[3:])
    _operator._kept.pop(H.parts[1].key)  # a worker died, or made room
    sizes.append([])
    assert_allclose(H @ START, truth, rtol=1e-11)
    assert len(sizes[-1]) == 4


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


def explode(x: Any, batch: Any) -> Any:
    if len(batch) == 3:
        raise MemoryError("no room")
    return np.mean(np.dot(batch, x) ** 4)


def die(x: Any, batch: Any) -> Any:
    if len(batch) == 3:
        os._exit(1)
    return np.mean(np.dot(batch, x) ** 4)


UNEVEN = [onp.ones((2, 2)), onp.ones((3, 2))]


def test_a_failing_batch_is_named() -> None:
    H = hessian_operator(explode, onp.ones(2), batches=UNEVEN)
    with pytest.raises(RuntimeError, match=r"batch 1 of 2 \(3 rows\) failed in map.*no room"):
        H @ onp.ones(2)


def test_a_dying_worker_is_named_by_its_batch() -> None:
    with ProcessPoolExecutor(1) as pool:
        H = hessian_operator(die, onp.ones(2), batches=UNEVEN, map=pool.map)
        with pytest.raises(
            RuntimeError, match=r"batch 1 of 2 \(3 rows\) failed in map, or its worker died"
        ):
            H @ onp.ones(2)


def test_a_map_that_gives_too_little() -> None:
    H = hessian_operator(
        SOFTMAX, START, batches=shards(SOFTMAX), map=lambda f, parts: [f(parts[0])]
    )
    with pytest.raises(RuntimeError, match="map gave no result for batch 1 of 3"):
        H @ START


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: hessian_operator(SOFTMAX, START, batches=[]), ValueError, "batches is empty"),
        (lambda: hessian_operator(SOFTMAX, START, batches=[1.0]), TypeError, "tuples of arrays"),
        (
            lambda: hessian_operator(SOFTMAX, START, batches=[(INPUTS[:0],)]),
            ValueError,
            "without rows",
        ),
        (lambda: hessian_operator(SOFTMAX, START[1:]), ValueError, "x must have shape"),
        (
            lambda: hessian_operator(SOFTMAX, START, batches=shards(SOFTMAX), map=3),
            TypeError,
            "map must",
        ),
        (
            lambda: hessian_operator(SOFTMAX, START, map=ThreadPoolExecutor(1)),
            TypeError,
            "its map method",
        ),
        (lambda: hessian_operator(3.0, START), TypeError, "objective must be a function"),
        (lambda: hessian_operator(lambda x: x, START), ValueError, "one number"),
        (lambda: hessian_operator(lambda x: np.sum(np.log(x)), [-1.0]), ValueError, "nan"),
        (lambda: ggn_operator(lambda x: x[0], [1.0]), TypeError, "must be an Objective"),
        (lambda: ggn_operator(quadratic([1.0]), [1.0]), TypeError, r"needs objective\.model"),
        (
            lambda: ggn_operator(two_weights(), [1.0, 1.0], batches=[INPUTS]),
            TypeError,
            "residuals alone",
        ),
        (lambda: ggn_operator(three_outputs(), [1.0, 1.0]), TypeError, "a VectorMap"),
        (lambda: fisher_operator(two_weights(), [1.0, 1.0]), TypeError, r"objective\.model"),
        (
            lambda: hessian_operator(SOFTMAX, START, batches=5),
            TypeError,
            "batches must be a sequence",
        ),
        (
            lambda: fisher_operator(SOFTMAX, START, samples=2, rng=3),
            TypeError,
            "rng must be a numpy",
        ),
        (lambda: jacobian_operator(lambda x: "a", [1.0]), TypeError, "must be floats"),
        (lambda: fisher_operator(SOFTMAX, START, samples=0), ValueError, "samples"),
        (lambda: empirical_fisher_operator(quadratic([1.0]), [1.0]), TypeError, "objective.model"),
        (lambda: jacobian_operator(3.0, [1.0]), TypeError, "must be a function"),
        (lambda: jacobian_operator(lambda x: np.log(x), [-1.0]), ValueError, "is nan"),
        (lambda: jacobian_operator(three_outputs(), [1.0]), ValueError, "x must have shape"),
    ],
)
def test_bad_input(make: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        make()


def test_a_product_that_is_not_finite_is_refused() -> None:
    H = hessian_operator(lambda x: np.sum(x**1.5), [0.0, 1.0])
    with pytest.raises(ValueError, match="nan or inf"):
        H @ onp.ones(2)


def test_kinks_and_constants_are_warned_about() -> None:
    with pytest.warns(KinkWarning, match="absolute"):
        hessian_operator(lambda x: np.sum(np.abs(x)), [0.0, 1.0])
    with pytest.warns(ConstantWarning):
        H = hessian_operator(lambda x: 3.0, [0.0, 1.0])
    assert_allclose(H @ onp.ones(2), 0.0)


def test_a_wrong_rule_of_autograd_is_refused() -> None:
    with pytest.raises(TypeError, match="is not right"):
        hessian_operator(
            lambda x: np.sum(np.repeat(np.reshape(x, (2, 1)), 2, axis=-1) ** 2), onp.ones(2)
        )


# ── dense matrices, guarded ───────────────────────────────────────────────────────────────────────


def test_a_dense_matrix_that_cannot_fit_is_refused_with_its_size() -> None:
    n = 3_000_000
    with pytest.raises(MemoryError, match=r"3000000 × 3000000 needs 144 TB.*hessian_operator"):
        hessian(lambda x: np.sum(x**2), onp.ones(n))
    with pytest.raises(MemoryError, match=r"needs 72 TB.*jacobian_operator"):
        jacobian(lambda x: x**2, onp.ones(n))


@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (1, 4), (4, 1)])
def test_a_dense_jacobian_is_right_whether_wide_or_tall(shape: tuple[int, int]) -> None:
    A = onp.random.default_rng(0).normal(size=shape)
    x = onp.linspace(-1, 1, shape[1])
    J = jacobian(partial(_tanh, A), x)
    assert_allclose(J, (1 - onp.tanh(A @ x) ** 2)[:, None] * A, rtol=1e-12)


def _tanh(A: Any, x: Any) -> Any:
    return np.tanh(np.dot(A, x))
