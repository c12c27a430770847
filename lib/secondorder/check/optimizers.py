"""Part V: exercises P14.x (optimizers)."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import all as _all
from numpy import allclose as _allclose
from numpy import asarray as _asarray
from numpy import diag as _diag
from numpy import errstate as _errstate
from numpy import exp as _exp
from numpy import kron as _kron
from numpy import maximum as _maximum
from numpy import outer as _outer
from numpy import sign as _sign
from numpy.linalg import inv as _inv
from numpy.linalg import norm as _norm
from numpy.linalg import qr as _qr
from numpy.linalg import solve as _solve
from numpy.linalg import svd as _svd
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, biggest, exercise, numbers
from ._matrices import turned

# ── P14.1 ─────────────────────────────────────────────────────────────────────────────────────────


@exercise(
    "P14.1",
    _("The same outputs"),
    hints=(
        _(
            "Take one hidden unit. Its input weights and its bias are multiplied by a positive "
            "number. What happens to what comes out of the relu? Who must undo it?"
        ),
        _(
            "relu(c z) = c relu(z) for c > 0. Column j of W1 and entry j of b1 belong to unit j, "
            "and so does row j of W2. b2 belongs to no hidden unit."
        ),
        _(
            "W1 times the factors scales its columns. For the rows of W2 the factors must stand in "
            "a column: factors[:, None]. Raise a ValueError where a factor is not positive."
        ),
    ),
)
def rescale_units(ask: Asked, rng: Generator) -> None:
    """Outputs stay, the first layer is scaled unit by unit; factors ≤ 0 are refused."""
    for inputs, hidden, outputs in ((1, 2, 1), (3, 4, 2), (4, 4, 4), (2, 5, 3)):
        W1, b1 = rng.normal(size=(inputs, hidden)), rng.normal(size=hidden)
        W2, b2 = rng.normal(size=(hidden, outputs)), rng.normal(size=outputs)
        factors = _exp(rng.uniform(0.3, 2, hidden) * rng.choice([-1.0, 1.0], hidden))
        new = _four(ask.raw(W1, b1, W2, b2, factors), (W1, b1, W2, b2))
        X = rng.normal(size=(40, inputs))
        before, after = _outputs(X, W1, b1, W2, b2), _outputs(X, *new)
        _rescaling_slip(new, (W1, b1, W2, b2), factors)
        gap = biggest(after - before)
        if gap > 1e-8 * (1 + biggest(before)):
            text = _("The outputs change, by up to {:.2g}: they must stay as they are.")
            raise Wrong(text.format(gap))
        if not (_allclose(new[0], W1 * factors) and _allclose(new[1], b1 * factors)):
            raise Wrong(
                _(
                    "The outputs stay, but hidden unit j does not come out factors[j] times as "
                    "large: its input weights and its bias take that factor."
                )
            )
    for wrong in (-2.0, 0.0):
        shapes = ((2, 3), (3,), (3, 2), (2,))
        W1, b1, W2, b2 = (rng.normal(size=shape) for shape in shapes)
        factors = rng.uniform(0.5, 2, 3)
        factors[rng.integers(3)] = wrong
        if not _declines(ask, W1, b1, W2, b2, factors):
            text = _(
                "One factor is {:g}. relu(c z) = c relu(z) needs c > 0: refuse it with a "
                "ValueError."
            )
            raise Wrong(text.format(wrong))


def _declines(ask: Asked, *args: Any) -> bool:
    """As `refuses`, for a function that returns four arrays: it has to raise, or return None."""
    try:
        return ask.function(*(a.copy() for a in args)) is None
    except ValueError:
        return True
    except (Exception, SystemExit) as error:
        text = _("It should refuse this with a ValueError, but it raised {}: {}.")
        raise Wrong(text.format(type(error).__name__, error)) from error


def _outputs(X: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    return _maximum(X @ W1 + b1, 0) @ W2 + b2


def _four(value: Any, old: tuple[Any, ...]) -> tuple[Any, ...]:
    """The four arrays of the answer, each of its old shape."""
    if value is None:
        raise Wrong(_("Your function returned None. Is there a return?"))
    if not isinstance(value, tuple | list) or len(value) != 4:
        raise Wrong(_("Return four arrays: W1, b1, W2, b2, in this order."))
    return tuple(numbers(new, before.shape) for new, before in zip(value, old, strict=True))


def _rescaling_slip(new: tuple[Any, ...], old: tuple[Any, ...], factors: Any) -> None:
    W1, b1, W2, b2 = old
    if all(_allclose(a, b) for a, b in zip(new, old, strict=True)):
        raise Wrong(_("Nothing has changed."))
    if _allclose(new[0], W1 * factors) and _allclose(new[1], b1):
        raise Wrong(_("The bias b1 goes into the same relu: it needs the factors too."))
    if _allclose(new[0], W1 / factors) and _allclose(new[1], b1 / factors):
        raise Wrong(_("The factors multiply the first layer, they do not divide it."))
    if W1.shape[0] == factors.size and _allclose(new[0], W1 * factors[:, None]):
        raise Wrong(_("You scale the rows of W1. Hidden unit j has column j."))
    if not _allclose(new[3], b2):
        raise Wrong(_("b2 is added after the hidden layer: it must stay."))
    if _allclose(new[0], W1 * factors):
        if _allclose(new[2], W2):
            raise Wrong(_("The hidden units are scaled, and W2 does not undo it."))
        if _allclose(new[2], W2 * factors[:, None]):
            raise Wrong(_("W2 scales once more. It must undo what the first layer did."))
        if W2.shape[1] == factors.size and _allclose(new[2], W2 / factors):
            raise Wrong(_("You divide the columns of W2. Hidden unit j has row j there."))


# ── P14.2 ─────────────────────────────────────────────────────────────────────────────────────────


def _bowl(rng: Generator, n: int) -> Any:
    """Return a symmetric positive definite matrix with random eigenvectors."""
    return turned(rng, _exp(rng.uniform(-1, 1.5, n)))


@exercise(
    "P14.2",
    _("Divide by a Kronecker product"),
    hints=(
        _(
            "Try 1 × 1 first: what do A and S do to one number? Then let A be diagonal: it divides "
            "row i of G by its entry i."
        ),
        _(
            "np.kron(A, S) @ X.ravel() is (A X Sᵀ).ravel(). So which X has A X Sᵀ = G? S is "
            "symmetric here."
        ),
        _(
            "np.linalg.solve(A, G) takes A away on the left. Solving acts on the left only, so for "
            "the right side turn the matrix over, solve with S, and turn it back."
        ),
    ),
)
def kronecker_solve(ask: Asked, rng: Generator) -> None:
    """(A ⊗ S) vec(X) = vec(G) for symmetric positive definite A and S."""
    for m, n in ((1, 1), (2, 3), (3, 2), (4, 4), (1, 4)):
        A, S, G = _bowl(rng, m), _bowl(rng, n), rng.normal(size=(m, n))
        X = ask(A, S, G, shape=(m, n))
        left = _kron(A, S) @ X.ravel() - G.ravel()
        if biggest(left) > 1e-7 * (1 + biggest(G)):
            _kronecker_slip(X, A, S, G)
            text = _("(A ⊗ S) times your matrix misses G by up to {:.2g} (A {}, S {}).")
            raise Wrong(text.format(biggest(left), A.shape, S.shape))


def _kronecker_slip(X: Any, A: Any, S: Any, G: Any) -> None:
    m, n = G.shape
    slips = [
        (A @ G @ S, _("You multiply by A and S. Divide by them: solve.")),
        (_solve(A, G), _("A is taken away, S is not: it works on the right side of G.")),
        (_solve(S, G.T).T, _("S is taken away, A is not: it works on the left side of G.")),
        (_solve(A, G) @ S, _("You divide by A, and multiply by S.")),
        (A @ G @ _inv(S), _("You divide by S, and multiply by A.")),
        (G / _outer(_diag(A), _diag(S)), _("You divide by the diagonals of A and S only.")),
        (-_solve(A, _solve(S, G.T).T), _("The sign is flipped. Here you solve, you do not step.")),
        (
            (_inv(_kron(S, A)) @ G.ravel()).reshape(m, n),
            _("A and S have each other's place: A belongs to the rows of G, S to its columns."),
        ),
        (
            (_inv(_kron(A, S)) @ G.T.ravel()).reshape(m, n),
            _("The entries of G are read in another order than row by row."),
        ),
    ]
    if m == n:
        slips.append(
            (
                _solve(S, _solve(A, G.T).T),
                _("A and S have each other's place: A belongs to the rows of G, S to its columns."),
            )
        )
    for slip, why in slips:
        if _allclose(X, slip):
            raise Wrong(why)


# ── P14.3 ─────────────────────────────────────────────────────────────────────────────────────────


class _Landscape:
    """A quadratic plus a cubic: the gradient shows at which point it was taken."""

    def __init__(self, rng: Generator, n: int) -> None:
        self.H, self.c = _bowl(rng, n), rng.normal(size=n)
        self.asked: list[Any] = []

    def gradient(self, w: Any) -> Any:
        return self.H @ (w - self.c) + 0.3 * (w - self.c) ** 2

    def grad(self, w: Any) -> Any:
        w = numbers(w, self.c.shape)
        self.asked.append(w)
        return self.gradient(w)


@exercise(
    "P14.3",
    _("The gradient that SAM uses"),
    hints=(
        _("First climb: from w, a distance rho in the direction of the gradient."),
        _("A direction has length 1: divide the gradient by its norm. Then go uphill, so plus."),
        _(
            "Return grad at the point you climbed to, not that point. Where the gradient at w is "
            "0, there is no direction: pass it on as it is, and do not divide by 0."
        ),
    ),
)
def sam_gradient(ask: Asked, rng: Generator) -> None:
    """grad(w + ρ g/‖g‖), two gradients; where g = 0, no division."""
    for n in (1, 2, 3, 5):
        land, w, rho = _Landscape(rng, n), rng.normal(size=n), float(rng.uniform(0.2, 1))
        got = ask(_named(land), w, rho, shape=(n,))
        g = land.gradient(w)
        up = w + rho * g / _norm(g)
        if not _allclose(got, land.gradient(up), rtol=1e-6, atol=1e-9):
            _sam_slip(got, land, w, rho)
            raise Wrong(
                _(
                    "It should be the gradient at a point exactly rho away from w, straight uphill "
                    "(tried with n = {}, rho = {:.3g})."
                ).format(n, rho)
            )
        if len(land.asked) > 2:
            text = _("Right, but you take {} gradients. SAM needs two.")
            raise Wrong(text.format(len(land.asked)))
    land = _Landscape(rng, 3)
    with _errstate(all="ignore"):
        flat = ask.raw(_forgiving(land), land.c.copy(), 0.5)
    if not _all(_abs(numbers_or_nan(flat)) <= 1e-12):
        raise Wrong(
            _("Where the gradient is 0 there is no uphill direction: return 0, not nan or more.")
        )


def numbers_or_nan(value: Any) -> Any:
    """Return finite floats, or one nan for whatever else it is."""
    try:
        return numbers(value, None)
    except Wrong:
        return _asarray([float("nan")])


def _forgiving(land: _Landscape) -> Any:
    """Return the gradient that also takes a point that is nan: the verdict comes later."""

    def grad(w: Any) -> Any:
        return land.gradient(_asarray(w, dtype=float))

    return grad


def _named(land: _Landscape) -> Any:
    """Return the gradient under a name that a reader's error message can show."""

    def grad(w: Any) -> Any:
        return land.grad(w)

    return grad


def _sam_slip(got: Any, land: _Landscape, w: Any, rho: float) -> None:
    g, d = land.gradient(w), land.gradient
    unit = g / _norm(g)
    slips = (
        (g, _("That is the gradient at w itself. Climb first.")),
        (w + rho * unit, _("That is the point you climb to. Return the gradient there.")),
        (d(w - rho * unit), _("You go downhill. SAM looks at the worst point nearby: uphill.")),
        (d(w + rho * g), _("You climb rho ‖g‖ far. Divide the gradient by its norm: rho far.")),
        (d(w + rho * _sign(g)), _("You take signs. A direction has length 1: divide by the norm.")),
        (d(w + rho * g / (g @ g)), _("You divide by ‖g‖². The norm has a square root.")),
        (d(w + unit), _("You climb a distance of 1. It should be rho.")),
        (-d(w + rho * unit), _("The sign is flipped: return the gradient, not the step.")),
        (d(w + rho * unit) - g, _("That is by how much the gradient changes on the way up.")),
        ((d(w + rho * unit) + g) / 2, _("You average the two gradients. SAM takes the upper one.")),
        (g + rho * land.H @ unit, _("You use H where it bends further up: ask grad there.")),
        (w - rho * d(w + rho * unit), _("That is a new point. Return the gradient alone.")),
    )
    for slip, why in slips:
        if _allclose(got, slip, rtol=1e-6, atol=1e-9):
            raise Wrong(why)


# ── P14.4 ─────────────────────────────────────────────────────────────────────────────────────────

CUBIC = (1.5, -0.5, 0.0)
MUON = (3.4445, -4.7750, 2.0315)
BAND = (0.68, 1.14)  # of Muon's polynomial in the long run


@exercise(
    "P14.4",
    _("Newton–Schulz"),
    hints=(
        _(
            "Write M = U Σ Vᵀ. Which power of the singular values has X Xᵀ X? All three terms keep "
            "U and V, so the loop acts on each singular value alone."
        ),
        _(
            "A singular value s becomes a s + b s³ + c s⁵. It must start between 0 and 1: divide M "
            "by a number that is never below its largest singular value."
        ),
        _(
            "np.linalg.norm(M) will do. In the loop let B = X @ X.T, then add a X, b B X and "
            "c B B X. After zero steps the answer is the divided M."
        ),
    ),
)
def newton_schulz(ask: Asked, rng: Generator) -> None:
    """Singular vectors stay; each s/‖M‖ goes through the polynomial; the cubic ends at 1."""
    for shape in ((3, 3), (4, 2), (2, 5), (1, 3)):
        M, values = _spread(rng, shape)
        start = values / _norm(values)
        for coefficients, steps in ((CUBIC, 0), (CUBIC, 1), (CUBIC, 40), (MUON, 1), (MUON, 12)):
            X = ask(M, coefficients, steps, shape=shape)
            _same_vectors(X, M, coefficients, steps, start)
            got, want = _svd(X, compute_uv=False), start
            for _step in range(steps):
                want = _polynomial(want, coefficients)
            if coefficients == CUBIC and steps == 40 and biggest(got - 1) > 1e-6:
                text = _("After 40 cubic steps the singular values should be 1, yours are {}.")
                raise Wrong(text.format(_list(got)))
            if steps == 12 and not _all((BAND[0] < got) & (got < BAND[1])):
                text = _(
                    "Muon's polynomial ends with singular values between 0.68 and 1.13, yours are "
                    "{}."
                )
                raise Wrong(text.format(_list(got)))
            if steps <= 1 and not _allclose(sorted(got), sorted(_abs(want)), rtol=1e-6):
                text = _("After {} steps each singular value s should be a s + b s³ + c s⁵{}.")
                begun = _(" for one step from s/‖M‖") if steps else _(", here s/‖M‖ itself")
                raise Wrong(text.format(steps, begun))


def _polynomial(s: Any, coefficients: tuple[float, float, float]) -> Any:
    a, b, c = coefficients
    return a * s + b * s**3 + c * s**5


def _list(values: Any) -> str:
    return ", ".join(f"{float(v):.3g}" for v in values)


def _spread(rng: Generator, shape: tuple[int, int]) -> tuple[Any, Any]:
    """Return a matrix whose singular values differ, and those."""
    k = min(shape)
    U, V = (_qr(rng.normal(size=(n, n)))[0][:, :k] for n in shape)
    values = _exp(rng.uniform(0.2, 0.6, k).cumsum())[::-1] * rng.uniform(0.5, 4)
    return (U * values) @ V.T, values


def _same_vectors(
    X: Any, M: Any, coefficients: tuple[float, float, float], steps: int, start: Any
) -> None:
    """XᵀM symmetric, with no negative eigenvalue: X and M share their singular vectors."""
    U, _s, Vt = _svd(M, full_matrices=False)
    inner = U.T @ X @ Vt.T
    size = biggest(inner)
    if size == 0:
        raise Wrong(_("Your matrix is 0."))
    off = biggest(inner - _diag(_diag(inner)))
    rest = biggest(X - U @ inner @ Vt)
    if steps == 0 and _allclose(X, M):
        raise Wrong(_("With zero steps, M should come back divided by its norm."))
    if max(off, rest) > 1e-7 * size:
        raise Wrong(
            _(
                "The singular vectors have turned: XᵀM is not symmetric. Matrix products, not "
                "powers entry by entry?"
            )
        )
    if _diag(inner).min() < 0:
        raise Wrong(_("XᵀM has a negative eigenvalue: a direction was flipped. Mind the signs."))
    spectral = start / start.max()
    if steps == 0 and _allclose(_diag(inner), spectral) and start.size > 1:
        raise Wrong(
            _(
                "You divide by the largest singular value. Here divide by the Frobenius norm: it "
                "needs no decomposition."
            )
        )
