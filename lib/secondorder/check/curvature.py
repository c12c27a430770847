"""Part IV: exercises H7.x (curvature)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import asarray as _asarray
from numpy import cos as _cos
from numpy import cumsum as _cumsum
from numpy import diag as _diag
from numpy import eye as _eye
from numpy import ndarray
from numpy import outer as _outer
from numpy import prod as _prod
from numpy import sum as _sum
from numpy import tril as _tril
from numpy import triu as _triu
from numpy.linalg import inv as _inv
from numpy.linalg import norm as _norm
from numpy.random import Generator

from .._i18n import _
from ..derivatives import gradient, hessian
from ._exercise import Asked, Wrong, at, biggest, exercise, same
from ._matrices import turned

Landscape = Callable[[Any], Any]


@exercise(
    "H7.1",
    _("The Jacobian of the gradient"),
    hints=(
        _("Column j answers one question: how does the gradient change when only x[j] moves?"),
        _(
            "Take grad a little to the right and a little to the left of x along axis j. How "
            "far apart are they?"
        ),
        _(
            "np.eye(x.size)[j] is the step's direction. Column j: difference of the two "
            "gradients, over 2h."
        ),
    ),
)
def hessian_from_gradient(ask: Asked, rng: Generator) -> None:
    """H is the Jacobian of ∇f, and symmetric."""
    for n in (2, 3, 4, 5):
        f, x = _Landscape(rng, n), rng.uniform(-1, 1, n)
        grad = f.grad
        H = hessian(f, x)
        got = ask(grad, x, shape=(n, n))
        gap = 1e-4 * (1 + biggest(H))
        if biggest(got - H) <= gap:
            continue
        _hessian_slip(got, H, grad(x), gap)
        if biggest(got - got.T) > gap:
            text = _(
                "It is not symmetric (tried at {}). Entry [i, j] and entry [j, i] are the same "
                "partial."
            )
            raise Wrong(text.format(at((x,))))
        same(got, H, _("The Hessian"), (x,), rtol=1e-4, atol=gap / 2)


def _hessian_slip(got: Any, H: Any, g: Any, gap: float) -> None:
    """Name the mistakes that people make with columns of a Hessian."""
    slips = (
        (
            _diag(_diag(H)),
            _("You filled the diagonal only. What happens to slope i when x[j] moves?"),
        ),
        (
            _cumsum(H, axis=1),
            _("Column 1 still holds the step of column 0. Start each column from x itself."),
        ),
        (
            _cumsum(H, axis=1).T,
            _("Row 1 still holds the step of row 0. Start each one from x itself."),
        ),
        (_triu(H), _("You filled one half of the matrix only.")),
        (_tril(H), _("You filled one half of the matrix only.")),
        (
            _outer(g, g),
            _("That is g gᵀ, built from one gradient. A Hessian compares gradients at two points."),
        ),
    )
    for slip, why in slips:
        if biggest(got - slip) <= 10 * gap:
            raise Wrong(why)
    if biggest(got - H) <= 0.1 * biggest(H):
        text = _(
            "You are close, not close enough. Is your step h too long, or too short? Try 1e-5."
        )
        raise Wrong(text)
    factor = float(_sum(got * H) / _sum(H * H))
    if biggest(got - factor * H) <= 0.05 * biggest(got):
        if abs(factor) < 0.02:
            raise Wrong(
                _("Your entries are far too small. Divide the change of the gradient by the step.")
            )
        if abs(factor) > 50:
            raise Wrong(_("Your entries are far too big. By what length do you divide the change?"))


@exercise(
    "H7.2",
    _("The bend in any direction"),
    hints=(
        _(
            "Walk from x along v: t ↦ f(x + t·v) is a curve. Chapter 02 measured the bend of a "
            "curve."
        ),
        _(
            "You need three heights: at x, a step h ahead and a step h back. What is their "
            "second difference?"
        ),
        _(
            "Ahead plus back minus twice the middle, divided by h². The step is h·v, and v "
            "keeps its length."
        ),
    ),
)
def bend_along(ask: Asked, rng: Generator) -> None:
    """The second difference along v equals vᵀHv, whatever the length of v."""
    for n in (2, 3, 4):
        f: Landscape = _Landscape(rng, n)
        x = rng.uniform(-1, 1, n)
        v, H = rng.normal(size=n), hessian(f, x)
        v *= rng.choice([rng.uniform(0.5, 0.7), rng.uniform(1.4, 1.8)]) / _norm(v)
        if abs(v @ H @ v) < 0.3:
            v, H, f = v, H + _eye(n), _lifted(f)
        plain = _named(_values_only(f), "f")
        got, want = ask(plain, x, v), float(v @ H @ v)
        if abs(got - want) <= 2e-3 * (1 + abs(want)):
            continue
        _bend_slip(got, want, f, x, v, H)
        if abs(ask(_named(lambda z, p=plain: p(z) + 1e3, "f + 1000"), x, v) - got) > 0.01 * (
            1 + abs(got)
        ):
            raise Wrong(
                _("Rounding drowns your difference: the step h is too short. Try 1e-3 or 1e-4.")
            )
        same(got, want, _("The bend along v"), (x, v), rtol=2e-3, atol=2e-3)


def _bend_slip(got: float, want: float, f: Landscape, x: Any, v: Any, H: Any) -> None:
    g = gradient(f, x)
    slips = (
        (
            want / (v @ v),
            _("You rescaled v to length 1. Keep it: twice the v gives four times the bend."),
        ),
        (
            want / _norm(v),
            _(
                "You divided by the length of v. Keep v as it is: twice the v gives four times "
                "the bend."
            ),
        ),
        (float(g @ v), _("That is the slope along v. The bend is how fast this slope changes.")),
        (
            float(_sum(_diag(H) * v**2)),
            _("You left out the mixed entries: that is the diagonal's part of the bend."),
        ),
    )
    for slip, why in slips:
        if abs(got - slip) <= 1e-3 * (1 + abs(slip)):
            raise Wrong(why)
    for factor, why in (
        (2, _("It is half of what it should be.")),
        (0.5, _("It is twice what it should be.")),
        (-1, _("The sign is flipped.")),
    ):
        if abs(factor * got - want) <= 5e-3 * (1 + abs(want)):
            raise Wrong(why)
    if abs(got) < 1e-3 * abs(want):
        raise Wrong(_("It is far too small. A second difference is divided by h twice: by h²."))
    if abs(got) > 200 * (1 + abs(want)):
        raise Wrong(_("It is far too big. Do the three heights cancel on a flat place: 1, −2, 1?"))


@exercise(
    "H7.3",
    _("New coordinates"),
    hints=(
        _(
            "The bend of x ↦ f(Ax) along v is the bend of f along the image of v. What is that "
            "image?"
        ),
        _(
            "The image of v is Av. Write the bend of f along Av, and read off what stands "
            "between vᵀ and v."
        ),
        _(
            "(Av)ᵀ H (Av): move the transpose inside. One A stands on the right of H, one Aᵀ on "
            "the left."
        ),
    ),
)
def new_coordinates(ask: Asked, rng: Generator) -> None:
    """The Hessian of x ↦ f(Ax) is AᵀHA, for square A and others."""
    for m, n in ((2, 2), (3, 3), (3, 2), (2, 4)):
        A, x = rng.normal(size=(m, n)), rng.uniform(-1, 1, n)
        f = _Landscape(rng, m)
        H = hessian(f, A @ x)
        wide = m != n
        got = ask(H, A, shape=None)
        if got.shape != (n, n):
            if wide:
                text = _(
                    "With {} new coordinates the answer is {} × {}, yours has shape {}. On "
                    "which side of H does Aᵀ stand?"
                )
                raise Wrong(text.format(n, n, n, got.shape))
            raise Wrong(_("The answer has shape {}, wanted {}.").format(got.shape, (n, n)))
        want = hessian(lambda z, f=f, A=A: f(anp.dot(A, z)), x)
        if not wide and not _allclose(got, want, rtol=1e-6, atol=1e-8):
            _coordinate_slip(got, H, A)
        same(got, want, _("The Hessian in the new coordinates"), (H, A))


def _coordinate_slip(got: Any, H: Any, A: Any) -> None:
    slips = (
        (
            H,
            _(
                "That is H unchanged. A step v in the new coordinates moves the old ones by Av, "
                "not by v."
            ),
        ),
        (
            A @ H @ A.T,
            _("The two factors stand on the wrong sides: look at which vector meets A first."),
        ),
        (H @ A, _("One A is missing: a bend is measured along the same direction twice.")),
        (A.T @ H, _("One A is missing: a bend is measured along the same direction twice.")),
        (A @ H @ A, _("One of the two factors must be transposed.")),
        (
            _inv(A) @ H @ A,
            _("That is how a linear map changes its basis. A bend vᵀHv changes by another rule."),
        ),
        (A.T * H * A, _("* multiplies entry by entry. A product of matrices is @.")),
    )
    for slip, why in slips:
        if _allclose(got, slip):
            raise Wrong(why)


@exercise(
    "H7.4",
    _("The total bend"),
    hints=(
        _("The total bend is the sum of the bends along the n axes. Which entries of H are those?"),
        _("hv of the axis e_j gives column j of H. You need one entry of that column."),
        _("np.eye(n)[j] is the axis e_j. Add up e_j · hv(e_j) for j = 0 … n − 1."),
    ),
)
def total_bend(ask: Asked, rng: Generator) -> None:
    """The trace from products: the sum of the eigenvalues, the same after a rotation."""
    for n in (2, 3, 5, 8):
        values = _spectrum(rng, n)
        first, second = (turned(rng, values) for _turn in range(2))
        got, again = (ask(_product(H), n) for H in (first, second))
        total = float(_sum(values))
        if abs(got - total) > 1e-8 * n:
            _trace_slip(got, first, values)
            same(
                got, total, _("The total bend of a quadratic in {} variables").format(n), rtol=1e-9
            )
        if abs(got - again) > 1e-8 * n:
            raise Wrong(
                _("It changes when the landscape is turned. The sum of the bends must not.")
            )


def _trace_slip(got: float, H: Any, values: Any) -> None:
    slips = (
        (
            float(_sum(H)),
            _("You added all entries of H. Along axis j only one entry of H·e_j counts."),
        ),
        (float(_sum(_abs(values))), _("You dropped signs: a downward bend counts as negative.")),
        (float(_sum(_abs(_diag(H)))), _("You dropped signs: a downward bend counts as negative.")),
        (float(_prod(values)), _("That is the product of the eigenvalues. Wanted is their sum.")),
        (
            float(_sum(values) / values.size),
            _("That is the mean of the bends. Wanted is their sum."),
        ),
        (float(values.max()), _("That is the largest bend. Wanted is the sum of the bends.")),
        (
            float(H[0, 0]),
            _(
                "That is the bend along the first axis only: does your return stand inside the "
                "loop?"
            ),
        ),
        (float(_sum(_diag(H)[:-1])), _("One axis is missing. They are 0 … n − 1.")),
        (float(_sum(_diag(H)[1:])), _("One axis is missing. They are 0 … n − 1.")),
        (float(_sum(H**2)), _("You added squares. The bend along e_j is e_j · H e_j.")),
        (float(_norm(H)), _("You took a norm. The bend along e_j is e_j · H e_j.")),
    )
    for slip, why in slips:
        if abs(got - slip) <= 1e-8 * (1 + abs(slip)):
            raise Wrong(why)


# ── landscapes to try an answer on ────────────────────────────────────────────────────────────────


def _named(function: Any, name: str) -> Any:
    """Return a function that a sentence can name."""
    function.__name__ = name
    return function


class _Landscape:
    """A smooth function of n variables that curves everywhere, no two directions alike."""

    __name__ = "f"

    def __init__(self, rng: Generator, n: int) -> None:
        self.A, self.b = rng.uniform(-1.5, 1.5, (n, n)), rng.uniform(-1, 1, n)
        self.w = rng.uniform(0.3, 0.8, n) * rng.choice([-1.0, 1.0], n)

    def __call__(self, x: Any) -> Any:
        wave = anp.sin(anp.dot(self.w, x))
        return anp.dot(x, anp.dot(self.A, x)) + anp.dot(self.b, x) + wave + 0.1 * anp.sum(x**3)

    def grad(self, x: Any) -> Any:
        """Return the gradient."""
        return (self.A + self.A.T) @ x + self.b + _cos(self.w @ x) * self.w + 0.3 * x**2


def _lifted(f: Landscape) -> Landscape:
    return lambda x: f(x) + 0.5 * anp.dot(x, x)


def _values_only(f: Landscape) -> Landscape:
    """Return f for plain arrays only: what autograd passes in is refused."""

    def values(x: Any) -> float:
        if not isinstance(x, (ndarray, list, tuple)):
            raise TypeError("this f gives values only, so autograd cannot trace it")
        return float(f(_asarray(x, dtype=float)))

    return values


def _spectrum(rng: Generator, n: int) -> Any:
    """Return n eigenvalues of both signs whose sum is not near zero, nor like another total."""
    values = rng.uniform(0.5, 3, n)
    values[0] = -rng.uniform(0.2, 0.4)
    return values * rng.choice([-1.0, 1.0])


def _product(H: Any) -> Any:
    """Return v ↦ Hv; it refuses anything but a flat vector of the right length."""

    def hv(v: Any) -> Any:
        v = _asarray(v, dtype=float)
        if v.shape != (H.shape[0],):
            raise ValueError(f"hv takes one vector of shape ({H.shape[0]},), got shape {v.shape}")
        return H @ v

    return _named(hv, "hv")
