"""Part I: exercises D1.x (slope) and D2.x (bend)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
from autograd.numpy import abs as _abs
from autograd.numpy import cos as _cos
from autograd.numpy import exp as _exp
from autograd.numpy import sin as _sin
from autograd.numpy import sqrt as _sqrt
from autograd.numpy import where as _where
from numpy import isclose as _isclose
from numpy import linspace as _linspace
from numpy import median as _median
from numpy.random import Generator

from .._i18n import _
from ..derivatives import derivative
from ._exercise import Asked, Wrong, exercise, same

Curve = Callable[[Any], Any]


# ── D1: slope ─────────────────────────────────────────────────────────────────────────────────────


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
        a, b, c = _away(rng, 0.5, 3), rng.uniform(-3, 3), rng.uniform(-3, 3)
        x, h = rng.uniform(-2, 2), rng.uniform(0.05, 0.5)
        f = _named(_polynomial(c, b, a), f"{a:.2f}·t² + {b:.2f}·t + {c:.2f}")
        got = ask(f, x, h)
        _one_sided(got, f, x, h)
        same(got, 2 * a * x + b, _("The slope of a parabola"), (f, x, h))
    x, h = rng.uniform(0.5, 2), rng.uniform(0.1, 0.5)
    cube = _named(lambda t: t**3, "t³")
    error = ask(cube, x, h) - float(derivative(cube, x))
    if abs(error) < 0.01 * h**2:
        raise Wrong(
            _(
                "On t³ a chord of half-width h misses the slope by exactly h². Yours misses by "
                "less: "
                "do you use the h that you are given, and only values of f?"
            )
        )
    if abs(error - h**2) > 1e-8:
        raise Wrong(_("On t³ the error of a central difference is h². Yours differs from that."))
    x = rng.uniform(-1, 1)
    same(ask(anp.sin, x, 1e-5), derivative(anp.sin, x), _("The slope of sin"), (anp.sin, x, 1e-5))


def _one_sided(got: float, f: Curve, x: float, h: float) -> None:
    right, left = (f(x + h) - f(x)) / h, (f(x) - f(x - h)) / h
    for chord, side in ((right, _("right")), (left, _("left"))):
        if _isclose(got, chord, rtol=1e-9):
            text = _(
                "That is the chord from x to the {} only. Let the chord reach as far left as right."
            )
            raise Wrong(text.format(side))


@exercise(
    "D1.2",
    _("The best step"),
    hints=(
        _("For k = 1 the figure of the experiment shows the best step of a central difference."),
        _(
            "sin(kt) is sin with its t axis squeezed by k. What happens to a good step when "
            "you squeeze?"
        ),
        _(
            "Start from ε^⅓ = np.finfo(float).eps ** (1 / 3) and squeeze it by the same "
            "factor as t."
        ),
    ),
)
def best_step(ask: Asked, rng: Generator) -> None:
    """The error of the chosen step is at most 10 times the best error that any step reaches."""
    for low, high in ((-0.1, 0.1), (2, 3), (-3, -2), (-1, 1)):
        k = float(10 ** rng.uniform(low, high))
        h = ask(k)
        if h <= 0:
            raise Wrong(
                _("A step is a length: h must be positive. For k = {:.3g} it is not.").format(k)
            )
        x = rng.uniform(0.4, 1.2, 101) / k
        steps = 10 ** _linspace(-9, 0, 91) / k
        errors = [_sine_error(k, x, step) for step in steps]
        best = min(errors)
        error = _sine_error(k, x, h)
        if error <= 10 * best:
            continue
        why = (
            _("too long: the curve bends away inside the step")
            if h > steps[errors.index(best)]
            else _("too short: rounding drowns the difference")
        )
        text = _("For sin({:.3g}·t) your h = {:.1e} is {}. Its error is {:.0e} times the best one.")
        raise Wrong(text.format(k, h, why, error / best))


def _sine_error(k: float, x: Any, h: float) -> float:
    """Return the typical error of a central difference of sin(kt), in units of its slope k."""
    slope = (_sin(k * (x + h)) - _sin(k * (x - h))) / (2 * h)
    return float(_median(_abs(slope / k - _cos(k * x))))


@exercise(
    "D1.3",
    _("The tangent line"),
    hints=(
        _("A line is fixed by one point on it and its slope. You know both at x0."),
        _(
            "Start at height f(x0). How far to the side is x from x0, and how much does the "
            "line rise there?"
        ),
        _(
            "Height at the contact, plus slope at x0 times the run x − x0. derivative(f, x0) "
            "is the slope."
        ),
    ),
)
def tangent_line(ask: Asked, rng: Generator) -> None:
    """The gap between curve and line falls to a quarter when the distance is halved."""
    for _round in range(5):
        f, x0 = _bent(rng), _away(rng, 0.3, 1)
        height, slope = float(f(x0)), float(derivative(f, x0))
        _touches(ask(f, x0, x0), height, slope, x0, _("line"))
        d = rng.uniform(0.2, 0.4)
        left, right = ask(f, x0, x0 - d), ask(f, x0, x0 + d)
        if _isclose(left, f(x0 - d)) and _isclose(right, f(x0 + d)):
            raise Wrong(_("That is the curve itself. A line may know f at x0 only."))
        if abs(left + right - 2 * height) > 1e-4:
            raise Wrong(_("It is not straight. Take the slope at x0, not at x, and keep it."))
        for side in (0.1, -0.1):
            far, near = (f(x0 + h) - ask(f, x0, x0 + h) for h in (side, side / 2))
            ratio = far / near if near else 0.0
            if not 3.5 < ratio < 4.5:
                same(
                    (right - left) / (2 * d), slope, _("The slope of your line"), (f, x0), rtol=1e-3
                )
                raise Wrong(_falls(ratio, 4))


@exercise(
    "D1.4",
    _("A kink"),
    hints=(
        _(
            "Stand at x and measure the slope twice: to the right and to the left. What is "
            "different at a kink?"
        ),
        _(
            "On a smooth curve the two slopes differ a little, and less when h is smaller. "
            "At a kink the gap stays."
        ),
        _(
            "Take h = 1e-6, compute (f(x + h) − f(x)) / h and (f(x) − f(x − h)) / h. Is "
            "their gap still big?"
        ),
    ),
)
def kink(ask: Asked, rng: Generator) -> None:
    """The gap of the one-sided slopes persists as h → 0 at a kink, and only there."""
    for _round in range(6):
        c, a = rng.uniform(-2, 2), _away(rng, 0.5, 3)
        cases = _kinks(rng, c, a) + _smooth(rng, c, a)
        for f, here, why in cases:
            verdict = ask(f, c)
            if verdict not in (0.0, 1.0):
                text = _("Answer True or False. You return {:.4g}: decide whether that is a kink.")
                raise Wrong(text.format(verdict))
            if bool(verdict) != here:
                raise Wrong(why)


def _kinks(rng: Generator, c: float, a: float) -> list[tuple[Curve, bool, str]]:
    gap = rng.uniform(0.3, 0.6)
    missed = _("You miss a kink: {}. The slopes on the two sides differ there, however small h is.")
    corner = _named(lambda t: 5 + a * _abs(t - c), "5 + a·|t − c|")
    same_sign = _named(
        lambda t: (t - c) * _where(t > c, 2 + gap, 2.0), "a line that turns steeper at c"
    )
    wave = _named(
        lambda t: _sin(t) + _where(t < c, 0.0, gap * (t - c)), "sin with a ramp added from c on"
    )
    return [
        (corner, True, missed.format(_("a·|t − c| at c"))),
        (same_sign, True, missed.format(_("a climbing line that climbs more steeply from c on"))),
        (
            wave,
            True,
            missed.format(_("sin with a ramp added by np.where, which autograd does not see")),
        ),
    ]


def _smooth(rng: Generator, c: float, a: float) -> list[tuple[Curve, bool, str]]:
    width, height = 0.02, rng.uniform(2.2, 3)
    false = _("You see a kink where there is none: {}. {}")
    shrink = _("Its gap shrinks with h: try a smaller h, or compare the gaps of two steps.")
    either = _(
        "Its gap shrinks with h, until rounding takes over: is your h too long, or too short?"
    )
    noise = _("Its gap is nothing but rounding: is your h too short, or your bound too strict?")
    elsewhere = _("Its kink is a quarter away from the point you were asked about.")
    bowl = _named(lambda t: height * _sqrt((t - c) ** 2 + width**2), "a sharp but round bend")
    lift = rng.uniform(500, 1000)
    steep = _named(lambda t: 12 * a * t + lift, "a steep straight line")
    away = _named(lambda t: _abs(t - c - 0.25), "|t − c − ¼|")
    return [
        (bowl, False, false.format(_("a sharp, round bend"), shrink)),
        (steep, False, false.format(_("a steep straight line"), noise)),
        (away, False, false.format(_("|t − c − ¼| at c"), elsewhere)),
        (anp.exp, False, false.format(_("the exponential function"), either)),
    ]


# ── D2: bend ──────────────────────────────────────────────────────────────────────────────────────


@exercise(
    "D2.1",
    _("The parabola that hugs"),
    hints=(
        _(
            "Begin with the tangent line. Which term makes it bend, and is zero at x0 "
            "together with its slope?"
        ),
        _("Add a multiple of (x − x0)². Differentiate it twice: what must the multiple be?"),
        _(
            "Height + slope · (x − x0) + half the bend · (x − x0)². derivative(f, x0, "
            "order=2) is the bend."
        ),
    ),
)
def hugging_parabola(ask: Asked, rng: Generator) -> None:
    """The gap falls to an eighth when the distance is halved."""
    for _round in range(5):
        f, x0 = _twisted(rng), _away(rng, 0.3, 1)
        height, slope = float(f(x0)), float(derivative(f, x0))
        bend = float(derivative(f, x0, order=2))
        _touches(ask(f, x0, x0), height, slope, x0, _("parabola"))
        d = rng.uniform(0.2, 0.4)
        left, right = ask(f, x0, x0 - d), ask(f, x0, x0 + d)
        if _isclose(left, f(x0 - d)) and _isclose(right, f(x0 + d)):
            raise Wrong(_("That is the curve itself. The parabola may know f at x0 only."))
        for side in (0.2, -0.2):
            far, near = (f(x0 + h) - ask(f, x0, x0 + h) for h in (side, side / 2))
            ratio = far / near if near else 0.0
            if 7 < ratio < 9.3:
                continue
            at = (f, x0)
            same(
                (right - left) / (2 * d),
                slope,
                _("The slope of your parabola at x0"),
                at,
                1e-3,
                1e-3,
            )
            same((right + left - 2 * height) / d**2, bend, _("Its bend"), at, 1e-2, 1e-2)
            raise Wrong(_falls(ratio, 8))


@exercise(
    "D2.2",
    _("Classify"),
    hints=(
        _(
            "What makes a point a minimum? Say it without derivatives, with the words "
            "“neighbour” and “higher”."
        ),
        _(
            "The sign of f″ decides only where f″ is not 0. Comparing heights with the "
            "neighbours always decides."
        ),
        _(
            "Compare f(x − h) and f(x + h) with f(x), for h = 0.01. Both higher? Both lower? "
            "One of each?"
        ),
    ),
)
def classify(ask: Asked, rng: Generator) -> None:
    """The word agrees with what the neighbours say."""
    for power, sign, _round in [(p, s, r) for r in range(2) for p in (2, 3, 4) for s in (1, -1)]:
        c, a = rng.uniform(-2, 2), sign * rng.uniform(0.5, 2)
        lift = rng.uniform(-1, 1) if power == 2 else 0.0
        f = _named(
            _polynomial(lift, *[0.0] * (power - 1), a, around=c),
            f"{a:.2f}·(t − c)^{power} + {lift:.2f}",
        )
        got = ask.raw(f, c)
        if got is None:
            raise Wrong(
                _("Your function returned None. Is there a return on every way through it?")
            )
        if not isinstance(got, str) or got.strip().lower() not in ("minimum", "maximum", "neither"):
            raise Wrong(_("Answer with one of the words 'minimum', 'maximum', 'neither'."))
        got, want = got.strip().lower(), _neighbours_say(f, c)
        if got == want:
            continue
        text = (
            _("You call the flat point of {} a {}. ")
            if got != "neither"
            else _("You call {} neither. ")
        )
        silent = _("There f″ = 0, so its sign says nothing. Look at the heights next to it.")
        short = _("Compare its height with the heights on both sides, not too close by.")
        raise Wrong(text.format(f.__name__, got) + (short if power == 2 else silent))


def _neighbours_say(f: Curve, x: float) -> str:
    rises = {float(f(x + h)) > float(f(x)) for h in (-0.1, -0.05, 0.05, 0.1)}
    return "neither" if len(rises) == 2 else "minimum" if rises == {True} else "maximum"


@exercise(
    "D2.3",
    _("The bottom in one step"),
    hints=(
        _(
            "Walk from x to where the slope is 0. Each unit of distance changes the slope by "
            "the bend."
        ),
        _(
            "How many units until slope + bend · distance = 0? And for which bends is that a "
            "lowest point?"
        ),
        _(
            "Distance −slope / bend, added to x. First: if bend <= 0, raise ValueError with "
            "a sentence why."
        ),
    ),
)
def bottom(ask: Asked, rng: Generator) -> None:
    """At the answer the slope of the quadratic is 0; a bend that is not positive is refused."""
    for _round in range(6):
        bend, m, x = float(10 ** rng.uniform(-2, 1)), _away(rng, 0.5, 2), _away(rng, 2.5, 4)
        bend = bend if abs(bend - 1) > 0.1 else 0.5
        slope = bend * (x - m)
        got = ask(x, slope, bend)
        if abs(bend * (got - m)) <= 1e-8 * abs(slope):
            continue
        slips = (
            (x + slope / bend, _("You walk uphill: mind the sign of the step.")),
            (-slope / bend, _("That is the step. Say where it ends: start from x.")),
            (
                slope / bend,
                _("That is the length of the step. Say where it ends, downhill from x."),
            ),
            (
                x - slope / (2 * bend),
                _("You go half the way: bend is f″, already twice the factor of x²."),
            ),
            (x - 2 * slope / bend, _("You go twice as far as the bottom.")),
            (x - bend / slope, _("Upside down: a stronger bend means a shorter step.")),
            (x - slope, _("Your step ignores the bend.")),
            (
                x - slope * bend,
                _("You multiply by the bend: a stronger bend means a shorter step."),
            ),
        )
        for value, text in slips:
            if _isclose(got, value):
                raise Wrong(text)
        text = _("The slope at your answer is not 0 (called with {:.4g}, {:.4g}, {:.4g}).")
        raise Wrong(text.format(x, slope, bend))
    for bend in (-rng.uniform(0.5, 2), -0.01, 0.0):
        if not ask.refuses(rng.uniform(-1, 1), rng.uniform(0.5, 1), float(bend)):
            shape = (
                _("a line, which has no bottom") if bend == 0 else _("a hill: you found its top")
            )
            text = _("With bend = {:.3g} it is {}. Raise a ValueError there.")
            raise Wrong(text.format(bend, shape))


@exercise(
    "D2.4",
    _("Newton in one dimension"),
    hints=(
        _("Replace the curve by its parabola at x. Where is the bottom of the parabola?"),
        _("It is D2.3 again, with slope and bend taken from f at x. Return the new x."),
        _(
            "derivative(f, x) is the slope, derivative(f, x, order=2) the bend. New x = x − "
            "slope / bend."
        ),
    ),
)
def newton_step(ask: Asked, rng: Generator) -> None:
    """New error / old error² tends to |f‴ / 2f″| at the minimum."""
    for _round in range(5):
        a, b, c = rng.uniform(1.5, 3), _away(rng, 1, 2), rng.uniform(0.2, 1)
        m, k = _away(rng, 0.5, 2), _away(rng, 1, 2)
        f = _named(
            _polynomial(k, 0.0, a / 2, b / 6, c / 24, around=m),
            f"a curve with its minimum at {m:.2f}",
        )
        limit = abs(b / (2 * a))
        for e in (0.02, -0.02, 0.01, -0.01):
            x = m + e
            got = ask(f, x)
            if abs(abs(got - m) / e**2 / limit - 1) < 0.15:
                continue
            slope, bend = float(derivative(f, x)), float(derivative(f, x, order=2))
            slips = (
                (x + slope / bend, _("You walk uphill: mind the sign of the step.")),
                (-slope / bend, _("That is the step. Return the new x.")),
                (slope / bend, _("That is the length of the step. Return the new x.")),
                (x - float(f(x)) / slope, _("That is Newton for f = 0. Here f′ = 0 is wanted.")),
                (
                    x - slope,
                    _("A step of one slope is gradient descent. How far does the bend say?"),
                ),
                (x - slope / (2 * bend), _("You go half the way.")),
                (x - bend / slope, _("Upside down: a stronger bend means a shorter step.")),
                (x, _("You stay where you are.")),
            )
            for value, text in slips:
                if _isclose(got, value, rtol=1e-6, atol=1e-9):
                    raise Wrong(text)
            if abs(got - m) < 1e-3 * abs(e**2 * limit):
                raise Wrong(
                    _("You return the minimum itself. Take one step, from slope and bend at x.")
                )
            text = _(
                "From {:.2g} away your step ends {:.1g} away. One Newton step leaves about the "
                "square of the error, times a constant. Are slope and bend both taken at x?"
            )
            raise Wrong(text.format(abs(e), abs(got - m)))


# ── what the exercises share ──────────────────────────────────────────────────────────────────────


def _named(f: Curve, name: str) -> Curve:
    """Give a curve the name that messages show."""
    f.__name__ = name
    return f


def _polynomial(*factors: float, around: float = 0.0) -> Curve:
    """Return the curve Σ factorᵢ (t − around)ⁱ."""
    return lambda t: sum(factor * (t - around) ** i for i, factor in enumerate(factors))


def _away(rng: Generator, low: float, high: float) -> float:
    """Draw a number of size between `low` and `high`, of either sign."""
    return float(rng.choice([-1, 1]) * rng.uniform(low, high))


def _bent(rng: Generator) -> Curve:
    """Draw a curve with f″ well away from 0 between −2 and 2."""
    a, b = _away(rng, 0.6, 2), rng.uniform(-2, 2)
    if rng.random() < 0.5:
        return _named(lambda t: a * _exp(t) + b, f"{a:.2f}·exp(t) + {b:.2f}")
    return _named(
        lambda t: a * t**2 + b * t + 0.3 * _sin(t), f"{a:.2f}·t² + {b:.2f}·t + 0.3·sin(t)"
    )


def _twisted(rng: Generator) -> Curve:
    """Draw a curve with f‴ well away from 0 between −2 and 2."""
    a, b = _away(rng, 0.6, 2), _away(rng, 1, 2)
    if rng.random() < 0.5:
        return _named(lambda t: a * _exp(t) + b * t**2, f"{a:.2f}·exp(t) + {b:.2f}·t²")
    return _named(lambda t: a * t**3 + b * t**2 + _sin(t), f"{a:.2f}·t³ + {b:.2f}·t² + sin(t)")


def _touches(got: float, height: float, slope: float, x0: float, what: str) -> None:
    """Raise unless the model has the height of the curve at the point of contact."""
    if _isclose(got, height, rtol=1e-6, atol=1e-6):
        return
    if _isclose(got, slope, rtol=1e-4):
        raise Wrong(_("At x0 you return the slope. Return the height of the {} at x.").format(what))
    if _isclose(got, height + slope * x0, rtol=1e-4):
        raise Wrong(_("At x0 the rise must be 0: multiply the slope by x − x0, not by x."))
    if _isclose(got, 0, atol=1e-9):
        raise Wrong(_("At x0 you return 0: the height f(x0) is missing."))
    text = _("At the point of contact x0 your {} does not have the height f(x0).")
    raise Wrong(text.format(what))


def _falls(ratio: float, want: int) -> str:
    text = _(
        "Halve the distance and the gap to the curve falls by a factor {:.2g}; it should "
        "be near {}."
    )
    return text.format(ratio, want)
