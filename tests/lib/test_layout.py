"""One flat vector and its named arrays: there and back, as views, and through autograd."""

import pickle

import autograd
import autograd.numpy as np
import numpy as onp
import pytest

from secondorder.layout import Layout

LAYOUT = Layout(("W", "b", "scale"), ((2, 3), (3,), ()))
X = onp.arange(10.0)


def test_split_and_join_are_inverse():
    parts = LAYOUT.split(X)
    assert {name: part.shape for name, part in parts.items()} == dict(
        zip(LAYOUT.names, LAYOUT.shapes, strict=True)
    )
    onp.testing.assert_array_equal(parts["W"], [[0, 1, 2], [3, 4, 5]])
    onp.testing.assert_array_equal(LAYOUT.join(parts), X)
    onp.testing.assert_array_equal(LAYOUT.join(dict(reversed(parts.items()))), X)
    assert float(parts["scale"]) == 9.0


def test_size_and_slices():
    assert LAYOUT.size == 10
    assert LAYOUT.slices == {"W": slice(0, 6), "b": slice(6, 9), "scale": slice(9, 10)}


def test_the_parts_are_views_and_keep_the_type():
    x = X.astype(onp.float32)
    parts = LAYOUT.split(x)
    parts["b"][1] = 70.0
    assert x[7] == 70.0
    assert all(part.dtype == onp.float32 for part in parts.values())
    assert LAYOUT.join(parts).dtype == onp.float32


def test_autograd_goes_through_both():
    def f(x):
        parts = LAYOUT.split(x)
        return np.sum(parts["W"] ** 2 @ parts["b"]) * parts["scale"]

    def g(x):
        return np.sum(LAYOUT.join(LAYOUT.split(x)) ** 3)

    W, b = X[:6].reshape(2, 3), X[6:9]
    expected = onp.concatenate([(9 * 2 * W * b).ravel(), 9 * (W**2).sum(0), [(W**2 @ b).sum()]])
    onp.testing.assert_allclose(autograd.grad(f)(X), expected)
    onp.testing.assert_allclose(autograd.hessian(g)(X), onp.diag(6 * X))


def test_it_is_data():
    other = pickle.loads(pickle.dumps(LAYOUT))
    assert other == LAYOUT and hash(other) == hash(LAYOUT)
    assert Layout(["W"], [[2, 3]]) == Layout(("W",), ((2, 3),))


@pytest.mark.parametrize(
    ("names", "shapes", "error", "says"),
    [
        ("W", ((1,),), TypeError, "names must be a tuple, got str 'W'"),
        (("W",), 3, TypeError, "shapes must be a tuple, got int 3"),
        (("W",), (3,), TypeError, r"shapes\[0\] must be a tuple"),
        ((), (), ValueError, "got 0 names and 0 shapes"),
        (("W", "b"), ((1,),), ValueError, "got 2 names and 1 shapes"),
        (("W", "W"), ((1,), (2,)), ValueError, "names must be strings that differ"),
        ((1,), ((1,),), ValueError, "names must be strings"),
        (("W",), ((2, 0),), ValueError, r"shapes\[0\] must be a whole number from 1"),
        (("W",), ((2, 1.5),), ValueError, r"shapes\[0\] must be a whole number from 1"),
    ],
)
def test_a_bad_layout_is_refused(names, shapes, error, says):
    with pytest.raises(error, match=says):
        Layout(names, shapes)


def test_bad_input_is_named():
    parts = LAYOUT.split(X)
    for x in (X[:9], X[None], 3.0):
        with pytest.raises(ValueError, match=r"x must have shape \(10,\)"):
            LAYOUT.split(x)
    with pytest.raises(ValueError, match="must have the names W, b, scale, got W, b"):
        LAYOUT.join({name: parts[name] for name in ("W", "b")})
    with pytest.raises(ValueError, match="names W, b, scale, got"):
        LAYOUT.join({**parts, "c": X})
    with pytest.raises(ValueError, match=r"arrays\['W'\] must have shape \(2, 3\), got \(3, 2\)"):
        LAYOUT.join({**parts, "W": parts["W"].T})
