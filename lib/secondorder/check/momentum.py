"""Part IV: exercises H9.x (momentum)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import array as _array
from numpy import corrcoef as _corrcoef
from numpy import exp as _exp
from numpy import log as _log
from numpy import max as _max
from numpy import mean as _mean
from numpy import repeat as _repeat
from numpy import sqrt as _sqrt
from numpy import std as _std
from numpy.linalg import cond as _cond
from numpy.linalg import eigvals as _eigvals
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, at, exercise
from ._matrices import Products, turned

Step = Callable[[float, float, float], Any]


def _heavy_ball(eta: float, beta: float, lam: float) -> Any:
    """The map (x, x before) ↦ (next x, x) of heavy ball on ½λx²."""
    return _array([[1 + beta - eta * lam, -beta], [1.0, 0.0]])


def _averaged(eta: float, beta: float, lam: float) -> Any:
    """The same with an averaged gradient: v ↦ βv + (1 − β)g."""
    return _heavy_ball((1 - beta) * eta, beta, lam)


def _nesterov(eta: float, beta: float, lam: float) -> Any:
    """The same for Nesterov's method, which takes the gradient where the momentum leads to."""
    kept = 1 - eta * lam
    return _array([[(1 + beta) * kept, -beta * kept], [1.0, 0.0]])


def _factor(step: Step, eta: float, beta: float, lam: float) -> float:
    """By how much a step multiplies the error along an eigenvector in the long run."""
    return float(_max(_abs(_eigvals(step(eta, beta, lam)))))


@exercise(
    "H9.1",
    _("The best heavy ball"),
    hints=(
        _(
            "Look at one eigenvalue. Below which β do the roots of z² − (1 + β − ηλ)z + β turn "
            "real? Where they turn, the factor is √β and no smaller β does as well."
        ),
        _(
            "The roots meet where 1 + β − ηλ is plus or minus 2√β. At the low end take plus, at "
            "the high end minus."
        ),
        _(
            "Both equations are squares: √(ηλ) is 1 − √β at the low end and 1 + √β at the high "
            "end. Add them for η, divide them for β."
        ),
    ),
)
def best_heavy_ball(ask: Asked, rng: Generator) -> None:
    """Both ends of the spectrum contract alike, and no nearby setting contracts faster."""
    for _round in range(4):
        low = float(_exp(rng.uniform(-2, 2)))
        high = low * float(_exp(rng.uniform(_log(4), _log(1000))))
        eta, beta = ask(low, high, shape=(2,))
        problem = _not_best(eta, beta, low, high)
        if problem:
            _best_slip(eta, beta, low, high)
            raise Wrong(_("{} (tried at {}).").format(problem, at((low, high))))


def _not_best(eta: float, beta: float, low: float, high: float) -> str:
    """Say what keeps this setting from being the best one for eigenvalues low to high."""
    if not (eta > 0 and 0 <= beta < 1):
        return _("η must be positive and β at least 0 and below 1")
    slow, fast = (_factor(_heavy_ball, eta, beta, lam) for lam in (low, high))
    worst = max(slow, fast)
    if worst >= 1:
        return _("This ball does not settle: an error grows at one end of the spectrum")
    if abs(slow - fast) > 1e-3 * (1 - worst):
        end = _("low") if slow > fast else _("high")
        return _("The {} end contracts more slowly than the other: they should be equal").format(
            end
        )
    for near_eta, near_beta, what in _nearby(eta, beta):
        factors = (_factor(_heavy_ball, near_eta, near_beta, lam) for lam in (low, high))
        if max(factors) < worst - 1e-3 * (1 - worst):
            return _("It settles, but {} would be faster").format(what)
    return ""


def _nearby(eta: float, beta: float) -> Iterator[tuple[float, float, str]]:
    """Settings a little off, β measured by its distance from 1: first one is moved, then both."""
    for size in (0.2, 0.05, 0.01):
        less, more = 1 - (1 - beta) * (1 + size), 1 - (1 - beta) * (1 - size)
        yield eta, max(less, 0.0), _("a slightly smaller β")
        yield eta, more, _("a slightly larger β")
        yield eta * (1 - size), beta, _("a slightly smaller η")
        yield eta * (1 + size), beta, _("a slightly larger η")
        for stretch in (1 - size, 1 + size, 1 - 3 * size, 1 + 3 * size):
            yield eta * stretch, max(less, 0.0), _("a smaller β with another η")
            yield eta * stretch, more, _("a larger β with another η")


def _best_slip(eta: float, beta: float, low: float, high: float) -> None:
    """Name the usual slips: each is a setting that one small change makes the best."""
    slips = (
        (beta, eta, _("The order is η first, then β.")),
        (eta, abs(beta) ** 2, _("η is right. β is the factor squared: you return the factor.")),
        (eta, abs(beta) ** 0.5, _("η is right. Your β is squared once too often.")),
        (abs(eta) ** 2, beta, _("β is right. η is still to be squared.")),
        (eta / 2, beta, _("β is right. Your η is twice what it should be.")),
        (2 * eta, beta, _("β is right. Your η is half of what it should be.")),
        (
            eta / (1 - beta) if beta != 1 else 0.0,
            beta,
            _("β is right. Here the gradient is not averaged: leave 1 − β out of η."),
        ),
        (
            eta * (1 - beta),
            beta,
            _("β is right. Here the gradient is not averaged: leave 1 − β out of η."),
        ),
    )
    for other_eta, other_beta, why in slips:
        if not _not_best(other_eta, other_beta, low, high):
            raise Wrong(why)
    if abs(eta * (low + high) - 2) < 1e-6:
        raise Wrong(_("That η is the best one without momentum. With β the step may be longer."))
    root = abs(beta) ** 0.5
    if 0 < root < 1:
        ratio = (1 + root) / (1 - root)
        if abs(ratio - high / low) < 1e-6 * ratio:
            raise Wrong(_("Your β uses κ where √κ belongs."))


@exercise(
    "H9.2",
    _("The longest step"),
    hints=(
        _(
            "Write down one step on ½λx². The next x depends on x and on the x before: a 2 × 2 "
            "matrix. When do both its eigenvalues stay inside the unit circle?"
        ),
        _(
            "At the limit the fastest error flips its sign and keeps its size. Put x, −x, x into "
            "the rule and solve for η."
        ),
        _(
            "An averaged gradient is 1 − β times smaller, so its step may be longer by that "
            "factor. For Nesterov the point where g is taken flips too: its size is 1 + 2β."
        ),
    ),
)
def longest_step(ask: Asked, rng: Generator) -> None:
    """Just below each limit the step contracts, just above it grows."""
    names = (_("heavy ball"), _("the averaged gradient"), _("Nesterov"))
    steps: tuple[Step, ...] = (_heavy_ball, _averaged, _nesterov)
    for _round in range(4):
        lam = float(_exp(rng.uniform(-2, 3)))
        beta = float(rng.uniform(0.15, 0.45) + rng.choice([0.0, 0.5]))
        etas = ask(lam, beta, shape=(3,))
        for k, (name, step) in enumerate(zip(names, steps, strict=True)):
            below, above = (_factor(step, etas[k] * near, beta, lam) for near in (0.999, 1.001))
            if etas[k] > 0 and below < 1 < above:
                continue
            _limit_slip(etas, k, steps, names, lam, beta)
            what = _("is too long: just below it the error grows already")
            if etas[k] <= 0:
                what = _("must be positive")
            elif above <= 1:
                what = _("is not the longest: a longer one still settles")
            text = _("The step for {} {} (tried at {}).")
            raise Wrong(text.format(name, what, at((lam, beta))))


def _limit_slip(etas: Any, k: int, steps: Any, names: Any, lam: float, beta: float) -> None:
    """Name the usual slips: each is a limit that one small change makes right."""

    def right(eta: float, step: Step) -> bool:
        low, high = (_factor(step, eta * near, beta, lam) for near in (0.999, 1.001))
        return bool(eta > 0 and low < 1 < high)

    eta = float(etas[k])
    if right(eta / lam, steps[k]):
        raise Wrong(_("For {} that is the limit of ηλ. Divide it by λ.").format(names[k]))
    if abs(eta * lam - 2) < 1e-6:
        text = _("For {} that is 2/λ, the limit without momentum. What does β change?")
        raise Wrong(text.format(names[k]))
    for other, name in ((0, names[0]), (1, names[1]), (2, names[2])):
        if other != k and right(eta, steps[other]):
            text = _("In the place of {} stands the limit of {}.")
            raise Wrong(text.format(names[k], name))
    if k == 1 and right(eta / (1 - beta) ** 2, steps[1]):
        raise Wrong(_("An averaged gradient is shorter, so its step may be longer: divide."))


@exercise(
    "H9.3",
    _("As many steps as eigenvalues"),
    hints=(
        _(
            "Keep the residual r = b − Hx: it is −∇f. The first direction is r, and the best "
            "length along p is rᵀr / pᵀHp."
        ),
        _(
            "One product a step is enough. When x moves by αp, the residual changes by −αHp, and "
            "you know Hp already."
        ),
        _(
            "The next direction is the new residual plus a share of the old direction. The share "
            "is the new rᵀr over the old one. Stop when r is tiny against b."
        ),
    ),
)
def conjugate(ask: Asked, rng: Generator) -> None:
    """Hx = b is solved with about one product for each distinct eigenvalue."""
    n = 24
    for distinct in (1, 2, 3, 5):
        values = _exp(_log(200.0) * (rng.permutation(5)[:distinct] + rng.uniform(0, 0.5)) / 5)
        H = turned(rng, _repeat(values, n // distinct + 1)[:n])
        b = rng.normal(size=n)
        seen = Products(H, most=n * 4)
        try:
            x = ask(seen, b, shape=(n,))
        except Wrong:
            if seen.over:
                raise Wrong(_too_many(seen, distinct)) from None
            raise
        miss = float(_norm(H @ x - b) / _norm(b))
        if miss > 1e-6:
            if _norm(H @ x + b) <= 1e-6 * _norm(b):
                raise Wrong(_("The sign is flipped: solve Hx = b, not Hx = −b."))
            text = _("H x misses b by {:.1g} of its length ({} products with H, n = {}).")
            raise Wrong(text.format(miss, len(seen.asked), n))
        if len(seen.asked) > 2 * distinct + 2:
            raise Wrong(_too_many(seen, distinct))


def _too_many(seen: Products, distinct: int) -> str:
    """Say what is wrong with the directions that were asked for."""
    if seen.built():
        return _("You built the whole matrix, column by column. Work with products along p only.")
    text = _("{} products with H, where H has {} distinct eigenvalues.")
    words = text.format(f"> {seen.most}" if seen.over else len(seen.asked), distinct)
    moves = [v for v in seen.asked if _norm(v) > 0]
    for first, second in pairwise(moves):
        bend = float(first @ seen.H @ second)
        size = float(_sqrt((first @ seen.H @ first) * (second @ seen.H @ second)))
        if 1e-3 < abs(bend) / size < 0.999:
            more = _(" Two directions in a row, p and q, have pᵀHq ≠ 0. Is your share of the old")
            return words + more + _(" direction the new rᵀr over the old one?")
    return words + _(" When do you stop? Look at the size of r.")


@exercise(
    "H9.4",
    _("The condition number of your data"),
    hints=(
        _(
            "Two things are done to every column: shift it to mean 0, scale it to standard "
            "deviation 1. Rows are cases."
        ),
        _("The bowl of least squares has H = ZᵀZ/N, where Z holds the new columns."),
        _(
            "κ is the largest eigenvalue of that matrix over the smallest. Its diagonal holds "
            "ones, so it has another name: which?"
        ),
    ),
)
def kappa_standardised(ask: Asked, rng: Generator) -> None:
    """κ is that of the correlation matrix: no unit and no offset changes it."""
    for d in (2, 3, 4):
        scale = 10.0 ** (rng.permutation(d) + rng.uniform(0, 0.5, d))
        offset = rng.choice([-1.0, 1.0], d) * rng.uniform(1, 4, d)
        X = scale * (rng.normal(size=(60, d)) + 1.5 * rng.normal(size=(60, 1)) + offset)
        got = ask(X)
        want = float(_cond(_corrcoef(X.T)))
        if abs(got - want) <= 1e-4 * want:
            _units_do_not_matter(ask, X, got, rng)
            continue
        _kappa_slip(got, X, want)
        moved = ask(X * _exp(rng.uniform(-2, 2, d)))
        if abs(moved - got) > 1e-3 * abs(got):
            text = _("Other units for the columns change your κ ({:.4g} to {:.4g}): scale them.")
            raise Wrong(text.format(got, moved))
        raise Wrong(_("κ is off (tried at {}): you return {:.6g}.").format(at((X,)), got))


def _units_do_not_matter(ask: Asked, X: Any, got: float, rng: Generator) -> None:
    d = X.shape[1]
    other = X * _exp(rng.uniform(-2, 2, d)) + rng.normal(size=d)
    if abs(ask(other) - got) > 1e-4 * got:
        raise Wrong(_("Other units for the columns change your κ. Do you scale every column?"))


def _kappa_slip(got: float, X: Any, want: float) -> None:
    centred = X - _mean(X, axis=0)
    slips = (
        (want**0.5, _("That is κ of the columns themselves. H is ZᵀZ/N: its κ is the square.")),
        (1 / want, _("It is upside down: the largest eigenvalue goes on top.")),
        (_cond(X) ** 2, _("That is κ of the data as they are. Shift and scale the columns first.")),
        (_cond(X), _("That is κ of X itself, as it is. Standardise, then take H = ZᵀZ/N.")),
        (_cond(centred) ** 2, _("You shifted the columns, but did not scale them.")),
        (
            _cond(X / _std(X, axis=0)) ** 2,
            _("You scaled the columns, but did not shift them: subtract the means first."),
        ),
    )
    for slip, why in slips:
        if abs(got - slip) <= 1e-3 * abs(slip):
            raise Wrong(why)
    if abs(got) < 1:
        raise Wrong(_("A condition number is at least 1: the largest eigenvalue goes on top."))
