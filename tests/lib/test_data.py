"""The files as they were made, the makers, scaling, splitting, and mini-batches without state."""

import hashlib
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import pytest

from secondorder.data import (
    Dataset,
    Minibatches,
    chebyshev,
    digits,
    small_digits,
    split,
    standardise,
    two_moons,
    wine,
)

FOLDER = files("secondorder") / "datasets"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
RNG = np.random.default_rng


# ── files ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["digits.npz", "wine.csv"])
def test_the_files_are_those_described(name):
    content = (FOLDER / name).read_bytes()
    assert f"| `{name}` | `{hashlib.sha256(content).hexdigest()}` |" in README
    assert len(content) < 60_000


def test_every_file_is_described():
    names = {entry.name for entry in FOLDER.iterdir()} - {"README.md"}
    assert names == set(re.findall(r"^## (\S+)$", README, re.M)) == {"digits.npz", "wine.csv"}
    assert README.count("**Cite.**") == README.count("**Changes.**") == 2 and "CC BY 4.0" in README


def test_digits():
    found = digits()
    assert found.X.shape == (1797, 64) and found.X.dtype == np.float64
    assert found.X.min() == 0 and found.X.max() == 1
    np.testing.assert_array_equal(found.X * 16, np.round(found.X * 16))
    # as the documentation of the repository counts its test set
    counts = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.bincount(found.y).tolist() == counts
    assert np.sum(~found.X.any(axis=0)) == 3
    assert found.classes == tuple("0123456789") and len(found.features) == 64
    assert found.licence == "CC BY 4.0" and "archive.ics.uci.edu" in found.source


def test_a_digit_looks_like_itself():
    """Row 0 is a zero: dark on a ring, light in the middle."""
    image = digits().X[0].reshape(8, 8)
    assert digits().y[0] == 0
    assert image[3:5, 3:5].max() < 0.1 < 0.4 < image[3:5, [2, 5]].min()


def test_small_digits_are_the_first_of_each_class_in_less_detail():
    whole, small = digits(), small_digits(3, 20)
    assert [np.sum(small.y == c) for c in range(3)] == [20, 20, 20]
    assert small.classes == ("0", "1", "2")
    first = whole.X[whole.y == 1][0].reshape(8, 8)
    np.testing.assert_allclose(small.X[small.y == 1][0].reshape(4, 4)[3, 1], first[6:, 2:4].mean())
    assert small_digits().X.shape == (1000, 16)
    assert np.min(np.bincount(whole.y)) == 174


def test_wine():
    found = wine()
    assert found.X.shape == (178, 13) and found.X.dtype == np.float64
    assert np.bincount(found.y).tolist() == [59, 71, 48]
    assert found.features[0] == "alcohol" and found.features[-1] == "proline"
    np.testing.assert_array_equal(found.X[0, :3], [14.23, 1.71, 2.43])
    assert found.X[0, -1] == 1065 and len(found.classes) == 3
    assert np.all(np.isfinite(found.X)) and found.X.min() > 0


def test_every_call_returns_arrays_of_its_own():
    for make in (digits, wine):
        make().X[...] = -1
        assert make().X.min() >= 0


# ── made on the spot ──────────────────────────────────────────────────────────────────────────────


def test_two_moons_without_noise_lie_on_half_circles():
    found = two_moons(101, 0.0, RNG(0))
    assert np.bincount(found.y).tolist() == [51, 50]
    centres = np.array([[0.0, 0.0], [1.0, 0.5]])[found.y]
    np.testing.assert_allclose(np.linalg.norm(found.X - centres, axis=1), 1)
    assert found.X[found.y == 0, 1].min() > -1e-15 and found.X[found.y == 1, 1].max() < 0.5 + 1e-15


def test_the_noise_of_two_moons():
    clean, noisy = two_moons(4000, 0.0, RNG(0)), two_moons(4000, 0.2, RNG(0))
    assert np.isclose((noisy.X - clean.X).std(), 0.2, rtol=0.05)
    np.testing.assert_array_equal(noisy.X, two_moons(4000, 0.2, RNG(0)).X)
    assert noisy.X.dtype == np.float64


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 9])
def test_chebyshev_is_the_cosine_of_a_multiple(degree):
    found = chebyshev(degree, 33)
    assert found.X.shape == found.y.shape == (33, 1)
    np.testing.assert_allclose(found.y, np.cos(degree * np.arccos(found.X)), atol=1e-14)
    np.testing.assert_allclose(np.diff(found.X[:, 0]), 2 / 32)
    assert found.X[0] == -1 and found.X[-1] == 1


# ── scaling and splitting ─────────────────────────────────────────────────────────────────────────


def test_standardised_columns_have_mean_0_and_deviation_1():
    X = standardise(wine().X)
    np.testing.assert_allclose(X.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(X.std(axis=0), 1)


def test_a_constant_column_is_only_shifted():
    X = np.column_stack([np.full(7, 0.1), np.zeros(7), np.full(7, 1e9), np.arange(7.0)])
    out = standardise(X)
    np.testing.assert_allclose(out[:, :3], 0, atol=1e-6)
    assert np.isclose(out[:, 3].std(), 1)
    assert np.all(np.isfinite(standardise(digits().X)))


def test_a_test_set_is_scaled_like_the_training_set():
    X, other = RNG(0).normal(3, 2, (50, 3)), RNG(1).normal(size=(5, 3))
    np.testing.assert_allclose(standardise(other, X), (other - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(standardise(X, X), standardise(X))


def test_scaling_keeps_float32():
    X = RNG(0).normal(size=(50, 3)).astype(np.float32)
    assert standardise(X).dtype == standardise(X, X.astype(float)).dtype == np.float32


def test_a_split_keeps_every_row_once():
    found = wine()
    one, two = split(found, 0.8, RNG(0))
    assert (len(one.X), len(two.X)) == (142, 36) and one.name == "wine"
    rows = np.column_stack([np.vstack([one.X, two.X]), np.concatenate([one.y, two.y])])
    expected = np.column_stack([found.X, found.y])
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], expected[np.lexsort(expected.T)])
    again, _ = split(found, 0.8, RNG(0))
    np.testing.assert_array_equal(one.X, again.X)
    assert not np.array_equal(one.X, found.X[:142])


def test_a_dataset_describes_itself():
    assert repr(two_moons(6, 0.1, RNG(0))) == "Dataset('two moons', X (6, 2), y (6,))"
    assert pickle.loads(pickle.dumps(chebyshev())).name == "chebyshev"


# ── mini-batches ──────────────────────────────────────────────────────────────────────────────────

DATA = (np.arange(23.0), np.arange(23) * 10)


@pytest.mark.parametrize("size", [1, 4, 22, 23])
def test_every_row_comes_once_an_epoch(size):
    batches = Minibatches(DATA, size)
    assert batches.epoch == -(-23 // size)
    for epoch in range(3):
        steps = range(epoch * batches.epoch, (epoch + 1) * batches.epoch)
        parts = [batches.batch(step, 5) for step in steps]
        assert [len(x) for x, _ in parts[:-1]] == [size] * (batches.epoch - 1)
        x = np.concatenate([x for x, _ in parts])
        np.testing.assert_array_equal(np.sort(x), DATA[0])
        np.testing.assert_array_equal(np.concatenate([y for _, y in parts]), 10 * x)


def test_step_and_key_are_all_there_is_to_know():
    forwards, fresh = Minibatches(DATA, 4), Minibatches(DATA, 4)
    seen = [forwards.batch(step, 7)[0] for step in range(30)]
    for step in RNG(0).permutation(30):
        np.testing.assert_array_equal(fresh.batch(int(step), 7)[0], seen[step])
    resumed = pickle.loads(pickle.dumps(forwards))
    np.testing.assert_array_equal(resumed.batch(17, 7)[0], seen[17])


def test_epochs_and_keys_differ():
    batches = Minibatches(DATA, 23)
    orders = [tuple(batches.batch(step, key)[0]) for step in (0, 1) for key in (0, 1, 2**62)]
    assert len(set(orders)) == 6


def test_an_epoch_is_shuffled_once(monkeypatch):
    batches, shuffles = Minibatches(DATA, 4), []
    make = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda s: shuffles.append(s) or make(s))
    for step in range(12):
        batches.batch(step, 3)
    assert shuffles == [[3, 0], [3, 1]]


def test_threads_may_draw_at_the_same_time():
    batches = Minibatches(DATA, 4)
    expected = [batches.batch(step, 0)[0] for step in range(48)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda step: batches.batch(step, 0)[0], list(range(48)) * 5))
    for a, b in zip(found, expected * 5, strict=True):
        np.testing.assert_array_equal(a, b)


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: small_digits(11), ValueError, "classes must be at most 10, got 11"),
        (lambda: small_digits(1), ValueError, "classes must be a whole number from 2 on"),
        (lambda: small_digits(3, 175), ValueError, "rows must be at most 174"),
        (lambda: two_moons(1, 0.1, RNG(0)), ValueError, "n must be a whole number from 2 on"),
        (lambda: two_moons(9, -0.1, RNG(0)), ValueError, "noise must be a number from 0 on"),
        (lambda: two_moons(9, [0.1], RNG(0)), ValueError, "noise must be a number from 0 on"),
        (lambda: two_moons(9, np.nan, RNG(0)), ValueError, "noise must be finite"),
        (lambda: chebyshev(-1), ValueError, "degree must be a whole number from 0 on"),
        (lambda: chebyshev(5, 1), ValueError, "points must be a whole number from 2 on"),
        (lambda: standardise([1.0, 2.0]), ValueError, r"X must have shape \(N, d\)"),
        (lambda: standardise(np.zeros((0, 2))), ValueError, r"X must have shape \(N, d\)"),
        (lambda: standardise(np.ones((2, 2), int)), TypeError, "X must hold floats"),
        (lambda: standardise(np.eye(2), np.eye(3)), ValueError, "like must have 2 columns"),
        (lambda: standardise(np.eye(2), [1.0]), ValueError, "like must have shape"),
        (lambda: split(np.eye(2), 0.5, RNG(0)), TypeError, "dataset must be a Dataset"),
        (lambda: split(wine(), 1.0, RNG(0)), ValueError, "fraction must be between 0 and 1"),
        (lambda: split(wine(), [0.5], RNG(0)), ValueError, "fraction must be between 0 and 1"),
        (lambda: split(wine(), 0.001, RNG(0)), ValueError, "leaves a part without rows"),
        (lambda: Minibatches([1.0], 1), TypeError, "data must be a tuple of arrays"),
        (lambda: Minibatches((), 1), TypeError, "data must be a tuple of arrays"),
        (lambda: Minibatches((1.0,), 1), TypeError, "one row for each case"),
        (lambda: Minibatches((np.ones(3), np.ones(4)), 1), ValueError, r"rows.*\[3, 4\]"),
        (lambda: Minibatches(DATA, 0), ValueError, "size must be a whole number from 1 on"),
        (lambda: Minibatches(DATA, 24), ValueError, "size must be at most 23"),
        (lambda: Minibatches(DATA, 4).batch(-1, 0), ValueError, "step must be a whole number"),
        (lambda: Minibatches(DATA, 4).batch(0, -1), ValueError, "key must be a whole number"),
        (lambda: Minibatches(DATA, 4).batch(0, 0.5), ValueError, "key must be a whole number"),
    ],
)
def test_bad_input_is_named(call, error, says):
    with pytest.raises(error, match=says):
        call()


def test_a_dataset_holds_what_it_is_given():
    made = Dataset("mine", np.eye(2), np.array([0, 1]), "here", "none")
    assert made.features == made.classes == ()
