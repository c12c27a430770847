"""Part IV: exercises H10.x (Newton's method)."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import array as _array
from numpy import array_equal as _array_equal
from numpy import asarray as _asarray
from numpy import diag as _diag
from numpy import exp as _exp
from numpy import eye as _eye
from numpy import outer as _outer
from numpy.linalg import det as _det
from numpy.linalg import eigh as _eigh
from numpy.linalg import eigvalsh as _eigvalsh
from numpy.linalg import norm as _norm
from numpy.linalg import qr as _qr
from numpy.linalg import solve as _solve
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, biggest, exercise
from ._matrices import turned


class _Bowl:
    """A bowl whose bend changes: ½ zᵀHz + Σ (aᵀz)³/6 around its minimiser, z = x − minimiser."""

    def __init__(self, rng: Generator, n: int) -> None:
        self.H = turned(rng, rng.uniform(1, 4, n))
        a = rng.normal(size=(n, n))
        self.a = a / _norm(a, axis=1)[:, None] * rng.uniform(0.7, 1, (n, 1))
        self.minimiser = rng.uniform(-2, 2, n)

    def grad(self, x: Any) -> Any:
        z = self._z(x)
        return self.H @ z + self.twist(z)

    def hess(self, x: Any) -> Any:
        return self.H + (self.a.T * (self.a @ self._z(x))) @ self.a

    def twist(self, z: Any) -> Any:
        """Half the third derivative, twice along z."""
        return self.a.T @ (self.a @ z) ** 2 / 2

    def _z(self, x: Any) -> Any:
        x = _asarray(x, dtype=float)
        if x.shape != self.minimiser.shape:
            shape = self.minimiser.shape
            raise ValueError(f"grad and hess take one point of shape {shape}, got {x.shape}")
        return x - self.minimiser


@exercise(
    "H10.1",
    _("Digits double"),
    hints=(
        _("One step: solve H p = −g with both taken at the same point, then go to x + p."),
        _("g and H belong to the point you stand on. Which lines must be inside the loop?"),
        _(
            "Start a list with x. In each round append the last entry plus p, where p comes from "
            "np.linalg.solve(hess(x), …). Make one array of the list at the end."
        ),
    ),
)
def newton_run(ask: Asked, rng: Generator) -> None:
    """e₊ tends to H⁻¹ T[e, e]/2: the error is squared, with the right constant."""
    for n in (1, 2, 3, 4):
        bowl, steps = _Bowl(rng, n), 4
        away = rng.normal(size=n)
        start = bowl.minimiser + 0.08 * away / _norm(away)
        grad, hess = _named(bowl.grad, "grad"), _named(bowl.hess, "hess")
        points = ask(grad, hess, start, steps, shape=(steps + 1, n))
        if not _array_equal(points[0], start):
            raise Wrong(_("Row 0 must be the start x itself, row k the point after k steps."))
        errors = points - bowl.minimiser
        sizes = [float(_norm(e)) for e in errors]
        for k in range(steps):
            want = _solve(bowl.H, bowl.twist(errors[k]))  # the limit of e₊ for small e
            if sizes[k] < 1e-6:
                break
            slack = 40 * sizes[k] * sizes[k] ** 2 + 1e-13
            if sizes[k] < 0.01 and _norm(errors[k + 1] - want) > slack:
                _doubling_slip(points, bowl)
                text = _("e₊/e² should settle at a constant: your errors are {}.")
                raise Wrong(text.format(_list(sizes)))
        if sizes[-1] > 1e-6:
            _doubling_slip(points, bowl)
            text = _("The digits do not double: your errors are {}.")
            raise Wrong(text.format(_list(sizes)))


def _doubling_slip(points: Any, bowl: _Bowl) -> None:
    """Name the usual slips: each is a rule that the points follow."""
    x = points[0]
    g, H = bowl.grad(x), bowl.hess(x)
    first = points[1] - x
    if _allclose(first, 0):
        raise Wrong(_("Your point does not move. Do you store the new x?"))
    if _allclose(first, _solve(H, g)):
        raise Wrong(_("Your step goes the wrong way: mind the sign of g."))
    if _allclose(first, -H @ g) and x.size > 1:
        raise Wrong(_("You multiply by H. Newton divides by it: solve H p = −g."))
    if _allclose(first, -g / _diag(H)) and x.size > 1:
        raise Wrong(_("You divide by the diagonal of H only. Solve with the whole matrix."))
    if _allclose(first, -_solve(H, g)):
        second = points[2] - points[1]
        if _allclose(second, -_solve(H, bowl.grad(points[1])), atol=1e-12):
            raise Wrong(
                _("Your second step still uses the H of the start. Take H afresh at each point.")
            )
        if _allclose(second, first):
            raise Wrong(_("You repeat the first step. Take g and H afresh at each point."))


def _list(sizes: list[float]) -> str:
    return ", ".join(f"{size:.1g}" for size in sizes)


def _named(function: Any, name: str) -> Any:
    """Return the function under a name that a reader's error message can show."""

    def call(x: Any) -> Any:
        return function(x)

    call.__name__ = name
    return call


@exercise(
    "H10.2",
    _("The same jump in other coordinates"),
    hints=(
        _("With x = A y, f becomes a function of y. What are its gradient and its Hessian?"),
        _("Exercise H7.3 found the Hessian, AᵀHA. The chain rule gives the gradient, Aᵀg."),
        _("Solve with those two. Or take Newton's step p in x, and ask which q has A q = p."),
    ),
)
def step_in_y(ask: Asked, rng: Generator) -> None:
    """A q is Newton's step in x, so one jump solves a quadratic in any coordinates."""
    for n in (2, 3, 4):
        H = turned(rng, _exp(rng.uniform(-1, 1.5, n)))
        A = rng.normal(size=(n, n)) + 1.5 * _eye(n)
        while abs(_det(A)) < 0.3:
            A = rng.normal(size=(n, n)) + 1.5 * _eye(n)
        bottom, x = rng.uniform(-2, 2, n), rng.uniform(-2, 2, n)
        g = H @ (x - bottom)
        q = ask(g, H, A, shape=(n,))
        miss = float(_norm(x + A @ q - bottom) / _norm(x - bottom))
        if miss <= 1e-6:
            continue
        p = _solve(H, -g)
        _coordinates_slip(q, p, g, H, A)
        text = _(
            "After your jump, x + A q misses the bottom of a quadratic by {:.2g} of the way "
            "(tried with n = {})."
        )
        raise Wrong(text.format(miss, n))


def _coordinates_slip(q: Any, p: Any, g: Any, H: Any, A: Any) -> None:
    slips = (
        (_solve(A, -p), _("The sign is flipped: you climb.")),
        (p, _("That is the step in x. How long is it in y?")),
        (A @ p, _("You multiply the step by A. From x to y the way is the other one.")),
        (A.T @ p, _("You multiply the step by Aᵀ. Gradients turn that way, steps do not.")),
        (_solve(A.T, p), _("A is transposed where it should not be: A q is the step in x.")),
        (_solve(A.T @ H @ A, -g), _("Your Hessian is that of y, your gradient still that of x.")),
        (_solve(H, -A.T @ g), _("Your gradient is that of y, your Hessian still that of x.")),
        (
            _solve(A.T @ H @ A, -A @ g),
            _("The Hessian is right. The gradient in y is Aᵀg, with the transpose."),
        ),
        (-A.T @ g, _("That is the downhill gradient in y. Newton divides by the bend as well.")),
    )
    for slip, why in slips:
        if _allclose(q, slip):
            raise Wrong(why)


@exercise(
    "H10.3",
    _("Damping"),
    hints=(
        _("Add the damping to every bend, that is along the diagonal of H: H + λI."),
        _(
            "np.eye(g.size) is I. Solve with the sum, and mind the sign: the step goes down. When "
            "is the sum a bowl?"
        ),
        _(
            "np.linalg.eigvalsh(H) gives the bends, smallest first. λ moves each of them up by "
            "λ. Raise a ValueError where the smallest is then still 0 or less."
        ),
    ),
)
def damped_step(ask: Asked, rng: Generator) -> None:
    """(H + λI) p = −g where H + λI is a bowl; anything else is refused."""
    for n, low in ((2, 0.5), (3, -2.0), (4, -1.0), (3, 0.0)):
        H, g = turned(rng, [low, *rng.uniform(1, 5, n - 1)]), rng.normal(size=n)
        damping = float(max(0.0, -low) + rng.uniform(0.3, 2))
        p = ask(g, H, damping, shape=(n,))
        left = (H + damping * _eye(n)) @ p + g
        if biggest(left) > 1e-7 * (1 + biggest(g)):
            _damping_slip(p, g, H, damping)
            text = _("(H + λI) p + g should be 0, its largest entry is {:.2g} (n = {}, λ = {:.3g})")
            raise Wrong(text.format(biggest(left), n, damping) + ".")
    for values, damping in (([-2.0, 3.0], 1.0), ([-1.0, 2.0, 4.0], 0.0), ([-3.0, -2.0], 2.5)):
        H = turned(rng, values)
        if not ask.refuses(rng.normal(size=len(values)), H, damping):
            text = _("With bends {} and λ = {:g}, H + λI is no bowl: refuse it with a ValueError.")
            raise Wrong(text.format(", ".join(f"{v:g}" for v in values), damping))


def _damping_slip(p: Any, g: Any, H: Any, damping: float) -> None:
    identity, ones = _eye(g.size), 1 + 0 * H
    slips = (
        (-g, damping * identity + H, _("The sign is flipped: you climb.")),
        (g, H, _("That is Newton's step without the damping.")),
        (g, H + damping * ones, _("You added λ to every entry. It belongs on the diagonal only.")),
        (g, H - damping * identity, _("You subtract λ. Damping adds to the bends.")),
        (
            g,
            H + damping * _diag(_diag(H)),
            _("You scale the diagonal of H by 1 + λ. Here λ itself is added."),
        ),
        (
            g,
            (1 + damping) * H,
            _("You shorten Newton's step. λ on the diagonal only also turns it."),
        ),
        (g, damping * identity, _("That is −g/λ. Where is H?")),
    )
    for right, matrix, why in slips:
        if biggest(matrix @ p + right) <= 1e-7 * (1 + biggest(g)):
            raise Wrong(why)
    if _allclose(p, -(H + damping * identity) @ g):
        raise Wrong(_("You multiply by H + λI. Solve with it instead."))


@exercise(
    "H10.4",
    _("Learn the parabola"),
    hints=(
        _(
            "The new matrix must send s to y. The old one sends it to Bs. First take out what B "
            "says about s, then put in what you measured."
        ),
        _(
            "Take out: np.outer(Bs, Bs) over sᵀBs. Check that what is left sends s to 0. Put in a "
            "matrix built from y alone that sends s to y."
        ),
        _(
            "What you put in is np.outer(y, y) over the one number that makes it send s to y. "
            "Refuse where that number is 0 or less."
        ),
    ),
)
def bfgs_update(ask: Asked, rng: Generator) -> None:
    """B₊s = y, symmetric, positive definite, det ratio sᵀy/sᵀBs, B kept where nothing was seen."""
    for n in (2, 3, 4, 5):
        B, H = (turned(rng, _exp(rng.uniform(-1, 1.5, n))) for _two in range(2))
        s = rng.normal(size=n)
        y = H @ s
        new = ask(B, s, y, shape=(n, n))
        size = biggest(B) + biggest(H)
        _update_slip(new, B, s, y)
        if biggest(new - new.T) > 1e-7 * size:
            raise Wrong(_("Your matrix is not symmetric: a Hessian is."))
        if biggest(new @ s - y) > 1e-6 * (1 + biggest(y)):
            raise Wrong(_("B₊s should be y: it does not explain the change of the gradient."))
        if _eigvalsh(new)[0] <= 0:
            raise Wrong(
                _("Your matrix is no bowl (an eigenvalue is not positive), though sᵀy > 0.")
            )
        ratio, want = _det(new) / _det(B), (s @ y) / (s @ B @ s)
        if abs(ratio - want) > 1e-5 * want:
            if abs(ratio * (s @ y) - y @ _solve(B, y)) < 1e-5 * (y @ _solve(B, y)):
                raise Wrong(
                    _("B₊s = y holds, but this is DFP, the update with y and s in other roles.")
                )
            text = _("B₊s = y holds, but det B₊ / det B is {:.4g}: it should be sᵀy / sᵀBs.")
            raise Wrong(text.format(ratio))
        if n > 2:
            unseen = _unseen(B @ s, y, rng)
            if biggest((new - B) @ unseen) > 1e-6 * size:
                raise Wrong(_("You change B in directions that s and y say nothing about."))
    B, s = turned(rng, [1.0, 2.0, 3.0]), rng.normal(size=3)
    if not ask.refuses(B, s, -B @ s):
        raise Wrong(_("Where sᵀy ≤ 0 no bowl sends s to y: refuse it with a ValueError."))


def _unseen(u: Any, v: Any, rng: Generator) -> Any:
    """A random direction at right angles to both."""
    Q, _R = _qr(_array([u, v]).T)
    w = rng.normal(size=u.size)
    return w - Q @ (Q.T @ w)


def _update_slip(new: Any, B: Any, s: Any, y: Any) -> None:
    Bs = B @ s
    out, put = _outer(Bs, Bs) / (s @ Bs), _outer(y, y) / (s @ y)
    short = y - Bs
    inverse = _eye(s.size) - _outer(s, y) / (s @ y)
    slips = (
        (B, _("B is unchanged: it still sends s to Bs.")),
        (B + put, _("You put in what you measured, but did not take out what B said about s.")),
        (B - out, _("You took out what B said about s, but put nothing in.")),
        (B + out - put, _("The two parts have each other's sign.")),
        (
            B - out + _outer(y, y) / (y @ y),
            _("The part you put in sends s to a multiple of y. By what must it be divided?"),
        ),
        (
            B - out + _outer(s, s) / (s @ y),
            _("That puts in s sᵀ, which belongs to the update of the inverse."),
        ),
        (
            B - _outer(Bs, Bs) / (s @ s) + put,
            _("Divide what you take out by sᵀBs, so that s is sent to 0."),
        ),
        (
            B + _outer(short, s) / (s @ s),
            _("It sends s to y, but it is not symmetric: a Hessian is."),
        ),
        (
            B + _outer(short, short) / (short @ s),
            _(
                "That is the symmetric rank-one update. It sends s to y, but promises no bowl: see "
                "the det ratio."
            ),
        ),
        (
            inverse @ B @ inverse.T + _outer(s, s) / (s @ y),
            _("That updates the inverse: it sends y to s. Here B sends s to y."),
        ),
    )
    for slip, why in slips:
        if biggest(new - slip) <= 1e-8 * (1 + biggest(slip)):
            raise Wrong(why)


@exercise(
    "H10.5",
    _("Trust region"),
    hints=(
        _(
            "Two cases. Newton's step, if H is a bowl and the step fits. Else a damped step that "
            "is exactly as long as the radius."
        ),
        _(
            "The length of the damped step falls as λ grows, from the least λ that makes H + λI a "
            "bowl. So bisect for λ."
        ),
        _(
            "Low end: max(0, −λmin). High end: low + ‖g‖ / radius, where the step is surely short "
            "enough. About 100 halvings, then the damped step at the high end."
        ),
    ),
)
def trust_region_step(ask: Asked, rng: Generator) -> None:
    """‖p‖ ≤ Δ, (H + λI) p = −g with λ ≥ 0, λ = 0 inside the ball, H + λI ⪰ 0."""
    cases = ((2, 1.0, 0.4), (3, 1.0, 1.6), (3, -2.0, None), (2, -1.0, None), (4, 0.5, 0.7))
    for n, low, share in cases:
        values = _array([low, *rng.uniform(1.5, 5, n - 1)])
        H = turned(rng, values)
        down = _eigh(H)[1]
        g = down @ (rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2, n))
        newton = -_solve(H, g)
        radius = float(rng.uniform(0.3, 3) if share is None else share * _norm(newton))
        p = ask(g, H, radius, shape=(n,))
        _region(p, g, H, radius, newton)


def _region(p: Any, g: Any, H: Any, radius: float, newton: Any) -> None:
    """Raise `Wrong` unless p is the lowest point of the model in the ball."""
    length, low = float(_norm(p)), float(_eigvalsh(H)[0])
    bowl = low > 0
    where = _(" (n = {}, smallest bend {:.2g}, radius {:.3g})").format(g.size, low, radius)
    if length == 0:
        raise Wrong(_("Your step is 0, though g is not."))
    if length > radius * (1 + 1e-6):
        hint = _(" Newton's step does not fit.") if _allclose(p, newton) and bowl else ""
        if not bowl and _allclose(p, newton):
            hint = _(" And H is no bowl here: Newton's step leads to a saddle.")
        text = _("Your step has length {:.4g}: it leaves the ball{}.")
        raise Wrong(text.format(length, where) + hint)
    lam = -float(p @ (g + H @ p)) / length**2
    left = float(_norm((H + lam * _eye(g.size)) @ p + g) / _norm(g))
    if left > 1e-4:
        cut = newton * (radius / _norm(newton))
        if _allclose(p, cut, rtol=1e-6) or _allclose(p, -cut, rtol=1e-6):
            raise Wrong(
                _(
                    "You cut Newton's step to length. Another point of the ball is lower: turn "
                    "the step, as damping does."
                )
            )
        if _allclose(p, -g * length / _norm(g), rtol=1e-6):
            raise Wrong(
                _("You go straight along −g. The model has a lower point in the ball: use H.")
            )
        text = _("No λ gives (H + λI) p = −g{}: p is not the lowest point of the ball.")
        raise Wrong(text.format(where))
    if lam < -1e-5:
        raise Wrong(
            _("This needs a negative λ{}: from p the model still falls inwards.").format(where)
        )
    if low + lam < -1e-5:
        text = _("H + λI is no bowl{}: the model has a lower point elsewhere. Is λ large enough?")
        raise Wrong(text.format(where))
    if length < radius * (1 - 1e-4) and _abs(lam) > 1e-4:
        text = _("Your step is shorter than the ball allows{}, and the model falls further out.")
        raise Wrong(text.format(where))
