"""Part II: exercises G4.x (step size)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import array as _array
from numpy import diag as _diag
from numpy import dot as _dot
from numpy import errstate as _errstate
from numpy import exp as _exp
from numpy import isclose as _isclose
from numpy import max as _max
from numpy import ndarray
from numpy import ones as _ones
from numpy import sort as _sort
from numpy import sqrt as _sqrt
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from ..derivatives import derivative, gradient
from ._exercise import Asked, Wrong, at, exercise, same
from ._matrices import rotation

Landscape = Callable[[Any], Any]


@exercise(
    "G4.1",
    _("The error factor"),
    hints=(
        _("Take one axis with its bottom at 0. What is the slope at x, and where do you land?"),
        _("You land at x minus η times λx. Take x out as a factor: what is left?"),
        _("Distances have no sign: keep the size of one minus η times the bend, entry by entry."),
    ),
)
def error_factor(ask: Asked, rng: Generator) -> None:
    """The ratio of two distances from the bottom, before and after a step, along every axis."""
    for n in (4, 3, 2, 1):
        eta = rng.uniform(0.2, 0.9)
        products = _array([2.6, 1.4, 0.35, 0.75])[:n] + rng.uniform(-0.2, 0.2, n)
        bends, c = rng.permutation(products) / eta, rng.uniform(-1, 1, n)
        x = c + rng.uniform(0.5, 2, n) * rng.choice([-1.0, 1.0], n)
        for _step in range(3):
            after = x - eta * bends * (x - c)
            want = _abs(after - c) / _abs(x - c)
            got = ask(eta, bends, shape=None)
            if got.shape == () and n > 1:
                text = _("You return one number. Each of the {} axes has a factor of its own.")
                raise Wrong(text.format(n))
            got = ask(eta, bends, shape=(n,))
            if not _allclose(got, want, rtol=1e-6, atol=1e-8):
                _factor_slip(got, eta, bends)
                same(got, want, _("The factor of a step"), (eta, bends))
            x = after


def _factor_slip(got: Any, eta: float, bends: Any) -> None:
    product = eta * bends
    slips = (
        (1 - product, _("You keep the sign. Which side you land on does not change the distance.")),
        ((1 - product) ** 2, _("That is how f shrinks. The distance shrinks less: no square.")),
        (product, _("That is the part of the distance you walk. Which part is left?")),
        (_abs(1 - eta / bends), _("You divide by the bend. A stronger bend makes a longer step.")),
        (_abs(1 - product / 2), _("Half the step: the slope of ½λx² is λx, without the ½.")),
        (_abs(1 - 2 * product), _("Twice the step: the slope of ½λx² is λx.")),
        (1 + product, _("You walk uphill: mind the sign of the step.")),
        (_abs(1 + product), _("You walk uphill: mind the sign of the step.")),
        (_exp(-product), _("That holds for tiny steps only. Take one step, and compare.")),
        (
            (1 - product) * (product < 1),
            _("Beyond ηλ = 1 you land on the other side, at a distance that is not 0."),
        ),
        (_abs(1 - eta * _ones(bends.size)), _("Your factor ignores the bends.")),
        (
            _ones(bends.size) * _max(_abs(1 - product)),
            _("You give the worst factor to all. Each axis has a factor of its own."),
        ),
    )
    for slip, why in slips:
        if _allclose(got, slip, rtol=1e-6, atol=1e-8):
            raise Wrong(why)


@exercise(
    "G4.2",
    _("The longest step"),
    hints=(
        _("For one η, run many steps. Does the slope still shrink at the very end, or grow?"),
        _("Find one η that settles and one that explodes. Try the middle, keep the half with it."),
        _("Judge by the last two gradients of a few hundred steps, not by the first ones."),
    ),
)
def longest_step(ask: Asked, rng: Generator) -> None:
    """Within 1 % of 2/λmax, also where the start hardly touches the sharpest direction."""
    for n in (2, 3):
        top = float(10 ** rng.uniform(-0.7, 1.3))
        bends = _array([0.15, rng.uniform(0.3, 0.6), 1.0])[3 - n :] * top
        Q, c = rotation(rng, n), rng.uniform(-2, 2, n)
        start = rng.uniform(1, 2, n) * rng.choice([-1.0, 1.0], n)
        start[-1] *= 0.03
        grad, x = _bowl_gradient(Q, bends, c), c + Q @ start
        with _errstate(all="ignore"):
            got = ask(grad, x)
        if abs(got * top / 2 - 1) > 0.01:
            _longest_slip(got, bends)


def _bowl_gradient(Q: Any, bends: Any, c: Any) -> Landscape:
    A = (Q * bends) @ Q.T

    def grad(x: Any) -> Any:
        return _dot(A, x - c)

    return grad


def _longest_slip(got: float, bends: Any) -> None:
    low, top = float(bends[0]), float(bends[-1])
    if got <= 0:
        raise Wrong(_("A step must be positive: with η = {:.4g} nothing settles.").format(got))
    slips = (
        (1 / top, _("You can go twice as far: there it still settles, from side to side.")),
        (2 / low, _("The flattest direction could take that. The sharpest one explodes.")),
        (1 / low, _("The flattest direction could take that. The sharpest one explodes.")),
        (2 / (low + top), _("That is the best step. The longest one that settles is longer.")),
        (top, _("That is a bend. The stronger the bend, the shorter the step.")),
    )
    for slip, why in slips:
        if _isclose(got, slip, rtol=0.01):
            raise Wrong(why)
    growth = abs(1 - got * top)
    if growth > 1.5:
        text = _("With your η = {:.4g} the run explodes, {:.3g} times farther with every step. ")
        raise Wrong(
            text.format(got, growth)
            + _("Judge after more steps, and take an overflow, nan, for exploding.")
        )
    if got * top > 2:
        text = _("With your η = {:.4g} the run explodes, if slowly: {:.3g} times farther a step, ")
        raise Wrong(
            text.format(got, growth)
            + _("along a direction in which it hardly starts. Judge after more steps.")
        )
    text = _("With an η {:.3g} times as long as your {:.4g} every run still settles. ")
    raise Wrong(
        text.format(0.5 + 1 / (got * top), got)
        + _("Do you stop halving too soon, or compare gradients that are 0 up to rounding?")
    )


@exercise(
    "G4.3",
    _("Exact line search"),
    hints=(
        _("Look at φ(α) = f(x − αg), a curve. At its bottom its slope is zero."),
        _("At α = 0 the slope of φ is negative. Double α until it is positive: now halve."),
        _("The slope of φ at α is −g · gradient(f, x − αg). Keep the half where it changes sign."),
    ),
)
def exact_search(ask: Asked, rng: Generator) -> None:
    """The new gradient is square to the old one, φ″ > 0 there, and α > 0."""
    for landscape in (_curved_bowl, _flank):
        f, x = landscape(rng)
        g = gradient(f, x)
        with _errstate(all="ignore"):
            alpha = ask(f, x)
        _search_slip(alpha, f, x, g)
        after = gradient(f, x - alpha * g)
        if abs(after @ g) > 1e-4 * (g @ g):
            text = _("The new gradient is not square to the old one (tried at {}): along the ray ")
            way = _("f still falls there.") if after @ g > 0 else _("f rises again there.")
            raise Wrong(text.format(at((x,))) + way)
        if float(derivative(_along(f, x, -g), alpha, order=2)) <= 0:
            raise Wrong(_("There the slope along the ray is 0, but it is a top, not a bottom."))


def _search_slip(alpha: float, f: Landscape, x: Any, g: Any) -> None:
    phi = _along(f, x, -g)
    bend = float(derivative(phi, 0.0, order=2))
    jump = float(g @ g) / bend
    if _isclose(alpha, jump, rtol=1e-5):
        if bend < 0:
            raise Wrong(
                _("You walk backwards, to a top: at x the ray bends down, so its parabola has ")
                + _("no bottom. Look further along the ray.")
            )
        raise Wrong(
            _("That is the bottom of the parabola at x. The curve goes on: look again there.")
        )
    if alpha < 0:
        raise Wrong(_("α is negative: that is uphill. Downhill is x − αg with α > 0."))
    if alpha < 1e-12:
        raise Wrong(_("With α = 0 you stay where you are."))
    if abs(gradient(f, x - alpha / _norm(g) * g) @ g) < 1e-6 * (g @ g):
        raise Wrong(_("That is how many units you walk. Wanted is α, the factor of g."))


@exercise(
    "G4.4",
    _("How far along −g"),
    hints=(
        _("Write φ(α) = f(x − αg). Chapter 02 found the bottom of such a curve's parabola."),
        _("Slope over bend, with a minus. Both are those of φ at α = 0. For which bends is it no?"),
        _("derivative(phi, 0.0, order=2) is the bend. Where it is not positive: ValueError."),
    ),
)
def how_far(ask: Asked, rng: Generator) -> None:
    """The lowest point along the ray; a bend that is not positive is refused."""
    for n, signs in ((2, (1, 1)), (3, (1, 1, 1)), (2, (1, -1)), (3, (1, 1, -1))):
        f, x, g, bend, diagonal = _quadratic(rng, n, signs, up=True)
        if ask.refuses(f, x):
            text = _("You refuse at {}, but along −g f bends up there. Only that bend counts.")
            raise Wrong(text.format(at((x,))))
        alpha = ask(f, x)
        if abs(gradient(f, x - alpha * g) @ g) <= 1e-4 * (g @ g):
            continue
        _far_slip(alpha, g, bend, diagonal)
        text = _("Along the ray f is not lowest at your α = {:.4g} (tried at {}).")
        raise Wrong(text.format(alpha, at((x,))))
    for n, signs in ((2, (-1, -1)), (2, (1, -1)), (3, (1, -1, -1))):
        f, x, g, bend, diagonal = _quadratic(rng, n, signs, up=False)
        if not ask.refuses(f, x):
            text = _("At {} f bends down along −g: your α leads to a top, not a bottom. ")
            raise Wrong(text.format(at((x,))) + _("Raise a ValueError there."))
    a, c, y = rng.uniform(0.5, 2, 3)
    trough = _named(lambda z: -a * z[0] + c * (z[1] - y) ** 2, "a tilted trough")
    x = _array([rng.uniform(-1, 1), y])
    with _errstate(all="ignore"):
        refused = ask.refuses(trough, x)
    if not refused:
        text = _("On the floor of a tilted trough −g leads down a straight line, bend 0, for ever.")
        raise Wrong(text + _(" Raise a ValueError there; take the bend exactly, not from heights."))


def _far_slip(alpha: float, g: Any, bend: float, diagonal: Any) -> None:
    gg = float(g @ g)
    slips = (
        (-gg / bend, _("You walk uphill: mind the sign of the step.")),
        (gg / (2 * bend), _("You go half the way.")),
        (2 * gg / bend, _("You go twice as far as the bottom.")),
        (bend / gg, _("Upside down: a stronger bend means a shorter step.")),
        (
            gg**1.5 / bend,
            _("That is how many units you walk. Wanted is α, the factor of g."),
        ),
        (
            float(_sqrt(gg)) / bend,
            _("The slope of φ at 0 is −g·g, the squared length. You took the length."),
        ),
        (
            gg / float(g @ (diagonal * g)),
            _("The bends along the axes are not all: the mixed terms bend the ray too."),
        ),
        (gg, _("Your step ignores the bend.")),
        (1.0, _("Your step ignores slope and bend.")),
    )
    for slip, why in slips:
        if _isclose(alpha, slip, rtol=1e-4):
            raise Wrong(why)


# ── landscapes to try an answer on ────────────────────────────────────────────────────────────────


def _named(function: Any, name: str) -> Any:
    """Return a function that a sentence can name."""
    function.__name__ = name
    return function


def _along(f: Landscape, x: Any, p: Any) -> Landscape:
    return lambda alpha: f(x + alpha * p)


def _curved_bowl(rng: Generator) -> tuple[Landscape, ndarray]:
    """A convex function that is no parabola, and a start whose parabola ends elsewhere."""
    n = int(rng.integers(2, 5))
    W, c = rotation(rng, n) * rng.uniform(0.6, 1.4, n), rng.uniform(-1, 1, n)

    def f(x: Any) -> Any:
        z = anp.dot(W, x - c)
        return anp.sum(0.2 * z**2 + 0.1 * z**4)

    x = c + rng.choice([-1.0, 1.0], n) * rng.uniform(0.8, 1.6, n)
    return f, x


def _flank(rng: Generator) -> tuple[Landscape, ndarray]:
    """A dip with a flat rim: at the start the ray bends down, further on it has its bottom."""
    n = int(rng.integers(2, 4))
    W, c = rotation(rng, n), rng.uniform(-1, 1, n)

    def f(x: Any) -> Any:
        z = anp.dot(W, x - c)
        return anp.log(1 + anp.sum(z**2 * anp.arange(1, n + 1))) + 0.005 * anp.sum(z**2)

    while True:
        x = c + rng.choice([-1.0, 1.0], n) * rng.uniform(1.5, 2.5, n)
        if float(derivative(_along(f, x, -gradient(f, x)), 0.0, order=2)) < -0.01:
            return f, x


def _quadratic(
    rng: Generator, n: int, signs: tuple[int, ...], up: bool
) -> tuple[Landscape, ndarray, ndarray, float, ndarray]:
    """A turned quadratic and a point where f bends up (or down) along −g, told apart from slips."""
    while True:
        bends = rng.uniform(0.5, 3, n) * _array(signs)
        Q, c, x = rotation(rng, n), rng.uniform(-1, 1, n), rng.uniform(-2, 2, n)
        A = (Q * bends) @ Q.T
        g = A @ (x - c)
        gg, bend = float(g @ g), float(g @ A @ g)
        slips = _sort(_abs(_array([bend, gg, gg**1.5, g @ (_diag(A) * g)])))
        clear = 0.5 < gg < 30 and abs(bend) > 0.2 * gg and abs(bend) < 2.8 * gg
        apart = bool(_abs(slips[1:] / slips[:-1] - 1).min() > 0.05) and abs(gg - 1) > 0.1
        if clear and apart and abs(bend - gg**2 / bend) > 0.05 and (bend > 0) == up:
            return _named(_form(A, c), "a quadratic"), x, g, bend, _diag(A).copy()


def _form(A: Any, c: Any) -> Landscape:
    return lambda x: 0.5 * anp.dot(x - c, anp.dot(A, x - c))
