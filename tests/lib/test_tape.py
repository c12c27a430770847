"""The tape: autograd's private parts are where we expect them, and recording is safe."""

from concurrent.futures import ThreadPoolExecutor

import autograd
import autograd.numpy as np
import numpy as onp
import pytest
from autograd.core import VJPNode
from autograd.tracer import trace_stack

from secondorder import _tape
from secondorder.derivatives import gradient, hessian, hvp, jvp
from secondorder.objectives import rosenbrock


def test_canary_the_private_parts_of_autograd():
    """When this fails, a new autograd has moved something that only `_tape` uses."""
    root = VJPNode.new_root()
    assert list(root.parents) == [] and tuple(root.vjp(1.0)) == ()
    tape = _tape.record(lambda x: np.sin(x) * x, 2.0)
    assert next(tape.steps).fun.fun is onp.multiply
    assert onp.isclose(tape.value, onp.sin(2.0) * 2.0)
    assert onp.isclose(tape.pullback(1.0), onp.cos(2.0) * 2.0 + onp.sin(2.0))
    first = next(tape.steps)
    assert first.traced == (0, 1) and len(first.args) == 2 and first.kwargs == {}


def test_a_tape_can_be_replayed():
    tape = _tape.record(lambda x: x**2, onp.array([1.0, 2.0]))
    for u in ([1.0, 0.0], [0.0, 3.0]):
        onp.testing.assert_allclose(tape.pullback(onp.array(u)), 2 * onp.array(u) * [1.0, 2.0])


def test_it_agrees_with_autograd_to_the_last_bit():
    f, x = rosenbrock(6), onp.linspace(-1, 1.5, 6)
    onp.testing.assert_array_equal(gradient(f, x), autograd.grad(f)(x))
    onp.testing.assert_allclose(hessian(f, x), autograd.hessian(f)(x), rtol=1e-14)


def test_a_constant_has_an_empty_tape():
    tape = _tape.record(lambda x: 3.0, onp.ones(2))
    assert tape.constant and not list(tape.steps)
    onp.testing.assert_array_equal(tape.pullback(1.0), [0.0, 0.0])


def test_full_like_of_a_plain_number_is_still_a_constant():
    tape = _tape.record(lambda x: np.sum(np.full_like(x, 2.0)), onp.ones(2))
    assert tape.constant
    g = gradient(lambda x: np.sum(np.full_like(x, 2.0) * x), [1.0, 3.0])
    onp.testing.assert_array_equal(g, [2.0, 2.0])


@pytest.mark.parametrize(
    ("f", "error"),
    [
        (lambda x: 1 / 0, ZeroDivisionError),
        (lambda x: x.no_such_thing, AttributeError),
        (lambda x: np.linalg.inv(np.outer(x, x)), ValueError),
        (lambda x: np.flip(x)[0], TypeError),
    ],
)
def test_the_trace_stack_is_restored_when_f_raises(f, error):
    before = trace_stack.top
    for call in (gradient, hessian, lambda f, x: jvp(f, x, x)):
        with pytest.raises(error):
            call(f, onp.array([0.5, 0.25]))
    assert trace_stack.top == before


def test_a_value_kept_from_an_earlier_call_is_refused():
    kept = []
    x = onp.array([1.0, 2.0])
    gradient(lambda z: np.sum(kept.append(z * 2.0) or z), x)
    with pytest.raises(TypeError, match="kept from an earlier call"):
        _tape.record(lambda z: np.sum(kept[-1] * z), x)
    with pytest.raises(TypeError, match="kept from an earlier call"):
        _tape.record(lambda z: kept[-1], x)


def test_eight_threads_get_the_right_hessians():
    f = rosenbrock(4)
    points = onp.random.default_rng(0).normal(size=(48, 4))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda x: (hessian(f, x), hvp(f, x, x), jvp(f, x, x)), points))
    for x, (H, Hx, slope) in zip(points, found, strict=True):
        onp.testing.assert_allclose(H, f.known.hessian(x), rtol=1e-10, atol=1e-9)
        onp.testing.assert_allclose(Hx, H @ x, rtol=1e-10, atol=1e-9)
        assert onp.isclose(slope, f.known.gradient(x) @ x)


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda x: _fill(x), "build the result with np.array"),
        (lambda x: float(x[0]), "import autograd.numpy as np"),
        (lambda x: np.flip(x)[0], "no derivative rule"),
        (lambda x: np.sum(np.roll(x, (1, 1), axis=(0, 0))), "no rule for this kind of call"),
        (lambda x: {"value": x[0]}, "dict of 1 items"),
        (lambda x: np.sum(np.where(True, [x[0], 1.0], x)), "an array of objects"),
        (lambda x: onp.array([x[0], 1.0]), "object array of shape"),
    ],
)
def test_what_cannot_be_followed_is_explained(f, says):
    x = onp.array([1.0, 2.0])
    with pytest.raises(TypeError, match=says):
        _tape.record(f, x).pullback(1.0)


def _fill(x):
    out = onp.zeros(2)
    out[0] = x[0]
    return out
