"""Part I: exercises D1.x (slope) and D2.x (bend)."""

from __future__ import annotations

import autograd.numpy as anp
from numpy.random import Generator

from .._i18n import _
from ..derivatives import derivative
from ._exercise import Asked, Wrong, exercise, same


@exercise(
    "D1.1",
    _("Central difference"),
    hints=(
        _("A chord has a height and a width. Which two points on the curve does it join?"),
        _("Take one point h to the left of x and one h to the right. How wide is that chord?"),
        _("The height is f(x + h) − f(x − h). Divide it by the width, which is 2h, not h."),
    ),
)
def central_difference(ask: Asked, rng: Generator) -> None:
    """Exact on quadratics; on x³ the error is exactly h²."""
    for _round in range(5):
        a, b, c = rng.uniform(-3, 3, 3)
        x, h = rng.uniform(-2, 2), rng.uniform(0.05, 0.5)
        got = ask(lambda t, a=a, b=b, c=c: a * t**2 + b * t + c, x, h)
        same(got, 2 * a * x + b, _("The slope of a parabola a·t² + b·t + c"), (x, h))
    x, h = rng.uniform(0.5, 2), rng.uniform(0.1, 0.5)
    error = ask(lambda t: t**3, x, h) - float(derivative(lambda t: t**3, x))
    if abs(error - h**2) > 1e-8:
        raise Wrong(_("On t³ the error of a central difference is h². Yours differs from that."))
    x = rng.uniform(-2, 2)
    same(ask(anp.sin, x, 1e-5), derivative(anp.sin, x), _("The slope of sin"), (x, 1e-5))
