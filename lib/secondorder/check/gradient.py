"""Part II: exercises G3.x (direction)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
from numpy import abs as _abs
from numpy import allclose, array, cos, count_nonzero, errstate, exp, eye, sqrt
from numpy import sign as _sign
from numpy import sum as _sum
from numpy.linalg import norm
from numpy.random import Generator

from .._i18n import _
from .._inputs import Vector
from ..derivatives import gradient
from ._exercise import Asked, Wrong, at, exercise, same


@exercise(
    "G3.1",
    _("The slope along a direction"),
    hints=(
        _("Walk from x along u. Then t ↦ f(x + t·u) is a curve: you want its slope at t = 0."),
        _("Chapter 01 took a curve's slope from two values. Take one at t = h, one at t = −h."),
        _("The points are x + h·u and x − h·u. Divide by how far t moved, however long u is."),
    ),
)
def slope_along(ask: Asked, rng: Generator) -> None:
    """∇f·u = the difference along u, for random u of length 1 and of other lengths."""
    for length in (1.0, 1.0, 2.0, 0.4, 1.7):
        f, x = _place(rng)
        u, want = _step_with_slope(rng, gradient(f, x), length)
        got = ask(f, x, u)
        if abs(got - want) <= 2e-3 * max(1.0, abs(want)):
            continue
        _explain_slope(got, want, gradient(f, x), u)
        same(got, want, _("The slope along u"), (f, x, u), rtol=2e-3)


def _step_with_slope(rng: Generator, g: Vector, length: float) -> tuple[Vector, float]:
    """A random step of this length; its slope differs clearly from those of the usual mistakes."""
    while True:
        u = rng.normal(size=g.size)
        u *= length / norm(u)
        slope, total = abs(g @ u), abs(_sum(g))
        clear = min(abs(slope - total), abs(slope - norm(g))) > 0.1
        if clear and 0.3 < slope / norm(g) / length < 0.9:
            return u, float(g @ u)


def _explain_slope(got: float, want: float, g: Vector, u: Vector) -> None:
    def is_(value: float) -> bool:
        return abs(got - value) <= 2e-3 * max(1.0, abs(value))

    size = float(norm(u))
    if abs(size - 1) > 0.1 and is_(want / size):
        raise Wrong(
            _("You rescale u to length 1. Here u keeps its length: doubling u doubles the slope.")
        )
    if abs(size - 1) > 0.1 and is_(want * size):
        raise Wrong(_("The length of u enters twice. Divide by how far t moved, not by |u|."))
    if abs(got) < 1e-3 * abs(want):
        raise Wrong(_("That is a rise, tiny as the step was. Was it divided by the step?"))
    if is_(float(norm(g))):
        raise Wrong(_("That is the slope along the gradient. Along u it is another one: use u."))
    if is_(float(_sum(g))):
        raise Wrong(_("That is the slope when all inputs grow alike. Does your answer use u?"))


@exercise(
    "G3.2",
    _("The steepest direction"),
    hints=(
        _("Slope against direction is a cosine. Where is its top?"),
        _("The top is at angle 0: the step points along the gradient. Which length must it have?"),
        _("Divide the gradient by its length, and say no where that length is zero."),
    ),
)
def steepest_direction(ask: Asked, rng: Generator) -> None:
    """No other direction rises faster; the length is 1; a zero gradient is refused."""
    for _round in range(5):
        f, x = _place(rng)
        g, got = gradient(f, x), ask(f, x, shape=x.shape)
        size = float(norm(got))
        if size < 1e-9:
            text = _("You return a step of length 0 at {}: it points nowhere.")
            raise Wrong(text.format(at((x,))))
        _explain_direction(float(g @ got) / size / float(norm(g)), got / size, g, x)
        if abs(size - 1) > 1e-6:
            text = _("The direction is right, but the step has length {:.4g}, not 1.")
            raise Wrong(text.format(size))
    centre = rng.normal(size=3)
    with errstate(all="ignore"):
        refused = ask.refuses(lambda z: anp.sum((z - centre) ** 2), centre)
    if not refused:
        text = _(
            "At the bottom of a bowl, {}, the gradient is zero: no direction is the steepest. "
        )
        raise Wrong(text.format(at((centre,))) + _("Raise a ValueError there."))


def _explain_direction(cosine: float, unit: Vector, g: Vector, x: Vector) -> None:
    """`cosine` is the slope along the reader's step as a share of the largest slope."""
    if cosine > 1 - 1e-6:
        return
    if cosine < -1 + 1e-6:
        raise Wrong(_("The sign is flipped: that is the steepest way down."))
    where = _(" (tried at {})").format(at((x,)))
    if count_nonzero(_abs(unit) > 1e-9) == 1:
        text = _("You choose among the axes only. A direction between them is steeper{}.")
        raise Wrong(text.format(where))
    if allclose(unit, _sign(g) / sqrt(g.size)):
        text = _("You keep the signs of the partial slopes only; their sizes count too{}.")
        raise Wrong(text.format(where))
    if cosine < 0:
        raise Wrong(_("Along your step the ground falls{}.").format(where))
    text = _("There is a steeper direction{}: along yours the slope is {:.0%} of the largest.")
    raise Wrong(text.format(where, min(cosine, 0.99)))


@exercise(
    "G3.3",
    _("Along the contour"),
    hints=(
        _("Where does the cosine of this chapter cross zero?"),
        _("You want a step square to the gradient. Which has dot product 0 with (a, b)?"),
        _("A quarter turn swaps the two entries and changes one sign. Then make the length 1."),
    ),
)
def along_contour(ask: Asked, rng: Generator) -> None:
    """∇f·t = 0 and ‖t‖ = 1; both signs are right."""
    for _round in range(6):
        f, x = _place(rng, 2)
        g, t = gradient(f, x), ask(f, x, shape=(2,))
        size = float(norm(t))
        if size < 1e-9:
            text = _("You return a step of length 0 at {}: it goes nowhere.")
            raise Wrong(text.format(at((x,))))
        share = float(g @ t) / size / float(norm(g))
        if abs(share) > 1e-5:
            _explain_tangent(share, t / size, g / norm(g), x)
        if abs(size - 1) > 1e-6:
            text = _("The direction is right, but the step has length {:.4g}, not 1.")
            raise Wrong(text.format(size))


def _explain_tangent(share: float, t: Vector, g: Vector, x: Vector) -> None:
    if abs(share) > 1 - 1e-6:
        raise Wrong(_("That step goes straight across the contour: it is the steepest one."))
    halves = ([g[1], g[0]], [-g[1], -g[0]], [g[0], -g[1]], [-g[0], g[1]])
    if any(allclose(t, half, atol=1e-6) for half in halves):
        raise Wrong(_("That is half of a quarter turn: a swap or a sign is missing. Test ∇f·t."))
    text = _("The height changes along your step (tried at {}): slope {:.0%} of the largest.")
    raise Wrong(text.format(at((x,)), share))


@exercise(
    "G3.4",
    _("New units"),
    hints=(
        _("Take one input. If its new unit is half as far, how much does one unit rise?"),
        _("Chain rule: F(X) = f(X/s). How fast does X/s move when X moves by 1?"),
        _("Take ∇f at the old x, then scale each entry by how far one new unit is in old ones."),
    ),
)
def rescaled_gradient(ask: Asked, rng: Generator) -> None:
    """The slope of any one step is the same in both units, and the result is F's own gradient."""
    for _round in range(5):
        f, x = _place(rng)
        s = exp(rng.choice([-1.0, 1.0], x.size) * rng.uniform(0.3, 1.0, x.size))
        got, g = ask(f, x, s, shape=x.shape), gradient(f, x)
        want = gradient(lambda X, f=f, s=s: f(X / s), s * x)
        if allclose(got, want, rtol=1e-3, atol=1e-4):
            continue
        for slip, text in (
            (g, _("That is the old gradient. In new units a step of 1 is another step.")),
            (g * s, _("You multiply by s. If s = 2, is one new unit longer or shorter?")),
            (g / s**2, _("You scale once too often: that is the new arrow on the old map.")),
            (g / norm(s), _("Each input has its own unit: scale entry by entry, not by |s|.")),
        ):
            if allclose(got, slip, rtol=1e-3, atol=1e-4):
                raise Wrong(text)
        for other in (s * x, x / s):
            if allclose(got, gradient(f, other) / s, rtol=1e-3, atol=1e-4):
                raise Wrong(_("The scaling is right, but ∇f is taken at another point than x."))
        d = rng.normal(size=x.size)
        old, new = float(g @ d), float(got @ (s * d))
        if abs(new - old) > 1e-4:
            text = _("A step must have one slope in both units, but {:.4g} becomes {:.4g} (at {}).")
            raise Wrong(text.format(old, new, at((x, s))))
        same(got, want, _("The gradient in new units"), (f, x, s), rtol=1e-3, atol=1e-4)


def _place(rng: Generator, n: int | None = None) -> tuple[Callable[[Any], Any], Vector]:
    """A random smooth function of n inputs, and a point where its gradient is not simple."""
    n = int(rng.integers(2, 5)) if n is None else n
    W, b, c = rng.normal(size=(n, n)) / sqrt(n), rng.uniform(-1, 1, n), rng.normal(size=n)

    def f(x: Any) -> Any:
        return anp.sum(anp.sin(anp.dot(W, x) + b)) + anp.dot(c, x) + 0.2 * anp.sum(x**2)

    while True:
        x = array(rng.uniform(-2, 2, n))
        g = cos(W @ x + b) @ W + c + 0.4 * x
        size = _abs(g)
        gaps = _abs(size[:, None] - size) + 9.0 * eye(n)
        if size.min() > 0.15 and size.max() < 5 and gaps.min() > 0.1 and abs(_sum(g)) > 0.3:
            return f, x
