"""Part IV: exercises H8.x (saddles)."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import all as _all
from numpy import allclose as _allclose
from numpy import array as _array
from numpy import asarray as _asarray
from numpy import concatenate as _concatenate
from numpy import diag as _diag
from numpy import exp as _exp
from numpy import isfinite as _isfinite
from numpy import max as _max
from numpy import repeat as _repeat
from numpy import sign as _sign
from numpy import sum as _sum
from numpy import zeros as _zeros
from numpy.linalg import det as _det
from numpy.linalg import eigh as _eigh
from numpy.linalg import eigvalsh as _eigvalsh
from numpy.linalg import norm as _norm
from numpy.linalg import solve as _solve
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, at, exercise
from ._matrices import rotation, turned


def _bends(rng: Generator, down: int, zero: int, up: int) -> Any:
    """Eigenvalues with these signs, in random order: sizes 0.4 to 3, and exact zeros."""
    signs = _concatenate([_repeat(-1.0, down), _repeat(0.0, zero), _repeat(1.0, up)])
    return rng.permutation(signs * _exp(rng.uniform(-0.9, 1.1, signs.size)))


@exercise(
    "H8.1",
    _("How many ways down?"),
    hints=(
        _("The signs belong to the eigenvalues, not to the entries and not to the diagonal."),
        _(
            "np.linalg.eigvalsh gives the eigenvalues of a symmetric matrix. An exact zero comes "
            "out as something like 1e-17, with either sign."
        ),
        _(
            "First mark the zeros, by comparing each size with 1e-8 times the largest size. Then "
            "count the marked ones, and among the others those below and above 0."
        ),
    ),
)
def signs(ask: Asked, rng: Generator) -> None:
    """Sylvester's law: a turn of the axes keeps the three counts, whatever the scale."""
    for down, zero, up in ((1, 0, 1), (2, 0, 1), (1, 1, 3), (0, 2, 3), (3, 1, 0), (0, 0, 3)):
        scale = 10.0 ** rng.integers(-5, 6)
        H = scale * turned(rng, _bends(rng, down, zero, up))
        while (down, zero, up) == (2, 0, 1) and 0 < _sum(_diag(H) < 0) < 3:
            H = scale * turned(rng, _bends(rng, down, zero, up))  # the diagonal must not tell
        _three_counts(ask, H, (down, zero, up))
    _three_counts(ask, _zeros((3, 3)), (0, 3, 0))


def _three_counts(ask: Asked, H: Any, want: tuple[int, int, int]) -> None:
    got = ask(H, shape=(3,))
    if _allclose(got, want):
        return
    n, (down, zero, up) = len(H), want
    d = _diag(H)
    if got.sum() != n:
        text = _("A matrix of size {} has {} eigenvalues: your three counts must add up to that.")
        if _allclose(got, [_sum(H < 0), _sum(H == 0), _sum(H > 0)]):
            raise Wrong(_("You count entries of H. The bends are its eigenvalues."))
        raise Wrong(text.format(n, n))
    if _allclose(got, [up, zero, down]):
        raise Wrong(_("The order is negative, zero, positive."))
    if not zero and _allclose(got, [_sum(d < 0), _sum(d == 0), _sum(d > 0)]):
        raise Wrong(_("You read the diagonal. Off the axes the bends are other: use eigenvalues."))
    if zero and got[1] < zero:
        text = _("You missed a zero: rounding turned it into about 1e-17 (largest size {:.1g}).")
        raise Wrong(text.format(float(_max(_abs(H)))))
    if got[1] > zero:
        text = _("You count too many zeros. Compare with the largest size, which is about {:.1g}.")
        raise Wrong(text.format(float(_max(_abs(H)))))
    raise Wrong(_("The counts of signs are off (n = {}).").format(n))


class _Pass:
    """A flat point with given bends: ½ zᵀHz + Σ (aᵀz)³/6 around it, z = x − flat point."""

    def __init__(self, rng: Generator, down: int, up: int) -> None:
        n = down + up
        self.H = turned(rng, _sign(_bends(rng, down, 0, up)) * rng.uniform(0.8, 3, n))
        a = rng.normal(size=(n, n))
        self.a = 0.7 * a / _norm(a, axis=1)[:, None]
        self.flat, self.calls, self.lost = rng.uniform(-2, 2, n), 0, ""
        self.asked: list[Any] = []

    def slope(self, x: Any) -> Any:
        z = x - self.flat
        return self.H @ z + self.a.T @ (self.a @ z) ** 2 / 2

    def bend(self, x: Any) -> Any:
        return self.H + (self.a.T * (self.a @ (x - self.flat))) @ self.a

    def grad(self, x: Any) -> Any:
        x = self._seen(x)
        if not any(_allclose(x, y, rtol=0, atol=1e-14) for y in self.asked[:3]):
            self.asked.append(x.copy())
        return self.slope(x)

    def hess(self, x: Any) -> Any:
        return self.bend(self._seen(x))

    def _seen(self, x: Any) -> Any:
        x = _asarray(x, dtype=float)
        if x.shape != self.flat.shape:
            shape = self.flat.shape
            raise ValueError(f"grad and hess take one point of shape {shape}, got {x.shape}")
        self.calls += 1
        if not _all(_isfinite(x)) or _norm(x - self.flat) > 1e3:
            self.lost = _("Your run leaves for good")
        elif self.calls > 3000:
            self.lost = _("Your run never stops")
        if self.lost:
            raise RuntimeError("the run was stopped")
        return x


@exercise(
    "H8.2",
    _("Where does Newton end?"),
    hints=(
        _("One step goes from x to x + p, where H p = −g, both taken at x."),
        _("Repeat while the norm of grad(x) is above 1e-10. Take g and H afresh each time."),
        _(
            "Do not look at the signs of the bends. A while loop around one call of "
            "np.linalg.solve is enough."
        ),
    ),
)
def newton_end(ask: Asked, rng: Generator) -> None:
    """From nearby, Newton converges to a flat point of any index."""
    for down, up in ((1, 1), (0, 2), (1, 2), (2, 1), (3, 0), (2, 2)):
        place = _Pass(rng, down, up)
        away = rng.normal(size=down + up)
        start = place.flat + 0.05 * away / _norm(away)
        grad, hess = _named(place.grad, "grad"), _named(place.hess, "hess")
        try:
            end = ask(grad, hess, start, shape=start.shape)
        except Wrong:
            if place.lost:
                _newton_slip(place, start)
                raise Wrong(_("{}: {}.").format(place.lost, _kind(down, up))) from None
            raise
        if _norm(place.slope(end)) <= 2e-10 and _norm(end - place.flat) < 1e-8:
            _frozen(place)
            continue
        _newton_slip(place, start, end)
        if _norm(place.slope(end)) <= 2e-10:
            text = _("You end on a flat point, but not on the near one: {}.")
            raise Wrong(text.format(_kind(down, up)))
        text = _("You stop where ‖∇f‖ is still {:.1g}: {}.")
        raise Wrong(text.format(float(_norm(place.slope(end))), _kind(down, up)))


def _kind(down: int, up: int) -> str:
    text = _("the flat point has {} bends down and {} up, and the start is 0.05 away")
    return text.format(down, up)


def _newton_slip(place: _Pass, start: Any, end: Any = None) -> None:
    """Name the usual slips: each is a first step that can be recognised."""
    _frozen(place)
    if end is not None and _allclose(end, start, rtol=0, atol=1e-12):
        raise Wrong(_("Your point does not move. Do you store the new x?"))
    g, H = place.slope(start), place.bend(start)
    p = -_solve(H, g)
    values, Q = _eigh(H)
    free = -Q @ (Q.T @ g / _abs(values))
    visited = [*place.asked, *([] if end is None else [end])]
    steps = [x - start for x in visited if _norm(x - start) > 1e-12][:1]
    for step in steps:
        if _allclose(step, -p):
            raise Wrong(_("Your step goes the wrong way: mind the sign of g."))
        if _allclose(step, free) and not _allclose(free, p):
            raise Wrong(_("That is the saddle-free step. Newton keeps the signs of the bends."))
        if step @ g < -0.999999 * _norm(step) * _norm(g):
            raise Wrong(_("That is gradient descent: it runs away from a saddle. Divide by H."))
        if _allclose(step, p) and end is not None and _allclose(end, start + p, atol=1e-12):
            raise Wrong(_("You take one step only. Repeat until ‖∇f‖ is at most 1e-10."))


def _frozen(place: _Pass) -> None:
    """Refuse a run whose second step is made with the H of the first."""
    if len(place.asked) > 2:
        start, first, second = place.asked[:3]
        g, step = place.slope(first), second - first
        if _norm(step + _solve(place.bend(start), g)) < 1e-6 * _norm(step):
            raise Wrong(_("Your second step still uses the H of the start. Take it afresh."))


def _named(function: Any, name: str) -> Any:
    """Return the function under a name that a reader's error message can show."""

    def call(x: Any) -> Any:
        return function(x)

    call.__name__ = name
    return call


@exercise(
    "H8.3",
    _("The size of a matrix"),
    hints=(
        _("Look at the step along one eigenvector: there H is a number. What becomes of it?"),
        _(
            "np.linalg.eigh returns the eigenvalues, and the eigenvectors as columns of Q. The "
            "parts of g along them are Q.T @ g."
        ),
        _(
            "Divide each part by the size of its eigenvalue. Then put the parts together again "
            "with Q, and mind the sign: the step goes down."
        ),
    ),
)
def saddle_free_step(ask: Asked, rng: Generator) -> None:
    """On a turned saddle the stable part goes to 0 and the unstable part doubles."""
    for down, up in ((1, 2), (2, 1), (1, 1), (0, 3), (2, 2)):
        n = down + up
        values, Q, parts = _turned_pass(rng, down, up)
        H = (Q * values) @ Q.T
        H = (H + H.T) / 2
        g = H @ (Q @ parts)
        p = ask(g, H, shape=(n,))
        after = parts + Q.T @ p
        if _allclose(after, _array(2 * parts * (values < 0)), atol=1e-7):
            continue
        _free_slip(p, g, H, values, Q)
        stable = float(_max(_abs(after[values > 0])) if up else 0.0)
        if stable > 1e-7:
            text = _("The part along an upward bend should go to 0, but {:.2g} is left (n = {}).")
            raise Wrong(text.format(stable, n))
        ratio = after[values < 0] / parts[values < 0]
        text = _("The part along a downward bend should double, but it is multiplied by {:.3g}.")
        raise Wrong(text.format(float(ratio[int(_abs(ratio - 2).argmax())])))


def _turned_pass(rng: Generator, down: int, up: int) -> tuple[Any, Any, Any]:
    """Return bends, frame and parts of a point along it; the usual slips give different steps."""
    while True:
        values, Q = _bends(rng, down, 0, up), rotation(rng, down + up)
        parts = rng.choice([-1.0, 1.0], down + up) * rng.uniform(0.5, 2, down + up)
        H = (Q * values) @ Q.T
        computed, vectors = _eigh(H)
        signs = _sign(vectors.T @ (Q @ parts))
        alike = {abs(int(signs.sum())), abs(int((signs * _sign(computed)).sum()))}
        if down + up == 2 or (not alike & {down + up} and not _all(H > 0)):
            return values, Q, parts


def _free_slip(p: Any, g: Any, H: Any, values: Any, Q: Any) -> None:
    right = -Q @ (Q.T @ g / _abs(values))
    computed, vectors = _eigh(H)
    slips = [
        (-_solve(H, g), _("That is Newton's step. It goes to the saddle: take sizes of bends.")),
        (-right, _("The sign is flipped: you climb.")),
        (
            -Q @ (_abs(values) * (Q.T @ g)),
            _("You multiply by |H|. The step divides by it."),
        ),
        (-g / _abs(_diag(H)), _("You divide by the diagonal only. The bends are eigenvalues.")),
        (-g, _("That is gradient descent: no bend is used.")),
        (
            -_abs(_solve(H, g)),
            _("You take the sizes of the step's entries. The sizes belong to the eigenvalues."),
        ),
        (-vectors @ _abs(vectors.T @ g / computed), _("The parts of g lost their signs.")),
    ]
    if abs(_det(_abs(H))) > 1e-12:
        why = _("You take the sizes of the entries of H. That depends on the axes: turn them.")
        slips.insert(1, (-_solve(_abs(H), g), why))
    why = _("Q is transposed: its columns are the eigenvectors.")
    slips.append((-vectors.T @ (vectors @ g / _abs(computed)), why))
    slips.append((-(vectors.T @ g) / _abs(computed), _("Those are the parts along Q. Go back.")))
    for slip, why in slips:
        if _allclose(p, slip) and not _allclose(slip, right):
            raise Wrong(why)


@exercise(
    "H8.4",
    _("The monkey saddle"),
    hints=(
        _("The three counts of H8.1 are all you need. Which combinations are there?"),
        _(
            "Both signs present: a saddle, even with zeros beside them. Ask this first. What is "
            "left has one sign at most."
        ),
        _(
            "One sign and a zero: silent, and also when all are zero, as on the monkey saddle. "
            "Only without any zero it is a minimum or a maximum."
        ),
    ),
)
def verdict(ask: Asked, rng: Generator) -> None:
    """1, −1 and 0 where the signs decide; silent where a zero stands beside one sign only."""
    for down, zero, up in ((0, 0, 2), (2, 0, 0), (1, 0, 1), (0, 0, 3), (2, 0, 1), (3, 0, 0)):
        H = turned(rng, _bends(rng, down, zero, up))
        while down and up and (_sum(_diag(H) > 0) in (0, len(H))) != (len(H) == 2):
            H = turned(rng, _bends(rng, down, zero, up))  # the diagonal hides the smaller saddle
        _decided(ask, H, down, zero, up)
    for down, zero, up in ((1, 1, 1), (2, 1, 2), (1, 2, 1)):
        _decided(ask, turned(rng, _bends(rng, down, zero, up)), down, zero, up)
    for down, zero, up in ((0, 1, 1), (1, 1, 0), (0, 1, 3), (3, 2, 0), (0, 2, 2)):
        _silent(ask, turned(rng, _bends(rng, down, zero, up)), down, up)
    _silent(ask, _zeros((2, 2)), 0, 0)  # the monkey saddle


def _decided(ask: Asked, H: Any, down: int, zero: int, up: int) -> None:
    want = 0.0 if down and up else 1.0 if up else -1.0
    if ask.refuses(H):
        if zero:
            text = _("Not silent: {} bends go down and {} up. A zero beside them changes nothing.")
            raise Wrong(text.format(down, up))
        text = _("The test decides here: no bend is zero (tried at {}).")
        raise Wrong(text.format(at((H,))))
    got = ask(H)
    if got == want:
        return
    if got == -want and want:
        raise Wrong(_("Minimum and maximum are swapped: bends up mean a minimum."))
    if want == 0 and _all(_diag(H) * got > 0):
        raise Wrong(_("You read the diagonal: it hides the saddle. Use the eigenvalues."))
    if want == 0 and got in (1, -1):
        text = _("Here {} bends go down and {} up: a saddle, and you return {:g}.")
        raise Wrong(text.format(down, up, got))
    text = _("All bends have one sign here, and you return {:g} (tried at {}).")
    raise Wrong(text.format(got, at((H,))))


def _silent(ask: Asked, H: Any, down: int, up: int) -> None:
    if ask.refuses(H):
        return
    got = ask(H)
    if not down and not up:
        text = _("The monkey saddle has H = 0. No sign is there to read: silent, not {:g}.")
        raise Wrong(text.format(got))
    least = float(_max(_abs(_eigvalsh(H))))
    text = _(
        "One bend is zero and the others have one sign: silent, but you return {:g}. Rounding "
        "hides a zero as about 1e-17, where the largest size is {:.1g}."
    )
    raise Wrong(text.format(got, least))
