"""Local geometry: models by products, curvature along directions, sharpness, slices."""

import autograd.numpy as np
import numpy as onp
import pytest
from numpy.testing import assert_allclose

from secondorder.curvature import hessian_operator
from secondorder.geometry import (
    loss_along,
    loss_plane,
    quadratic_model,
    rayleigh_quotient,
    sam_sharpness,
    sharpness,
)
from secondorder.local_models import quadric
from secondorder.objectives import himmelblau, quadratic, rosenbrock, two_weights

X = onp.array([0.5, -0.3])


def test_the_model_is_the_quadric():
    f = himmelblau()
    model, dense = quadratic_model(f, X), quadric(f, X)
    for p in onp.random.default_rng(0).normal(size=(10, 2)):
        assert onp.isclose(model(p), dense(X + p))
        assert_allclose(
            model.along(p, [0.0, 0.5, 2.0]), [dense(X + a * p) for a in (0.0, 0.5, 2.0)]
        )


def test_the_model_matches_to_second_order():
    f, p = rosenbrock(), onp.array([1.0, 0.7])
    model = quadratic_model(f, X)
    errors = [abs(f(X + h * p) - model(h * p)) for h in (1e-2, 5e-3)]
    assert 7.5 < errors[0] / errors[1] < 8.5


def test_a_rayleigh_quotient_lies_between_the_eigenvalues():
    f = quadratic([1.0, 4.0, 9.0], rng=onp.random.default_rng(0))
    H = hessian_operator(f, onp.zeros(3))
    values, vectors = onp.linalg.eigh(f.known.hessian(onp.zeros(3)))
    for value, v in zip(values, vectors.T, strict=True):
        assert onp.isclose(rayleigh_quotient(H, 3 * v), value)
    for v in onp.random.default_rng(1).normal(size=(20, 3)):
        assert 1 <= rayleigh_quotient(H, v) <= 9


@pytest.mark.parametrize("f", [himmelblau(), rosenbrock(7), two_weights()], ids=lambda f: f.name)
def test_sharpness_is_the_largest_eigenvalue(f):
    x = onp.linspace(-1, 1.2, f.dim)
    assert onp.isclose(sharpness(f, x), onp.linalg.eigvalsh(f.known.hessian(x))[-1], rtol=1e-6)


def test_sharpness_of_the_two_weights_in_their_valley():
    for u in (1.0, 2.0, 5.0):
        assert onp.isclose(sharpness(two_weights(), [u, 1 / u]), u**2 + 1 / u**2)


def test_sam_sharpness_is_first_order_and_more_steps_find_more():
    f = himmelblau()
    slope = onp.linalg.norm(f.known.gradient(X))
    for radius in (1e-3, 1e-4):
        assert onp.isclose(sam_sharpness(f, X, radius=radius), radius * slope, rtol=20 * radius)
    assert sam_sharpness(f, X, radius=1.0, steps=30) >= sam_sharpness(f, X, radius=1.0)


def test_many_steps_of_sam_find_the_sharpest_direction_of_a_bowl():
    f = quadratic([1.0, 9.0])
    rise = sam_sharpness(f, [1e-3, 1e-3], radius=1.0, steps=50)
    assert onp.isclose(rise, 4.5, rtol=1e-2)


def test_sam_sharpness_at_a_minimum_is_zero():
    assert sam_sharpness(quadratic([1.0, 9.0]), [0.0, 0.0]) == 0.0


def test_slices_are_values():
    f = himmelblau()
    a, b = onp.linspace(-1, 1, 5), onp.linspace(0, 2, 3)
    u, v = onp.array([1.0, 0.5]), onp.array([-0.2, 1.0])
    assert_allclose(loss_along(f, X, u, a), [f(X + t * u) for t in a])
    assert loss_along(f, X, u, a.reshape(5, 1)).shape == (5, 1)
    plane = loss_plane(f, X, u, v, a, b)
    assert plane.shape == (3, 5)
    assert onp.isclose(plane[2, 1], f(X + a[1] * u + b[2] * v))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: rayleigh_quotient(onp.eye(2), [0.0, 0.0]), "v is zero"),
        (lambda: rayleigh_quotient(onp.eye(2), [1.0]), "v must have shape"),
        (lambda: rayleigh_quotient("abc", [1.0]), "A must hold real floats"),
        (lambda: quadratic_model(himmelblau(), X)([1.0]), "p must have shape"),
        (lambda: loss_along(himmelblau(), X, [1.0], [1.0]), "v must have shape"),
        (lambda: loss_along(lambda x: x, X, X, [1.0]), "one number"),
        (lambda: loss_plane(himmelblau(), X, X, X, [1.0], 1.0), "b must be one flat array"),
        (lambda: sam_sharpness(himmelblau(), X, radius=0.0), "radius must be a positive step"),
        (lambda: sam_sharpness(himmelblau(), X, steps=0), "steps must be a whole number"),
        (lambda: sharpness(lambda x: np.sum(x), [1]), "x must hold floats"),
    ],
)
def test_bad_input(call, says):
    with pytest.raises((TypeError, ValueError), match=says):
        call()
