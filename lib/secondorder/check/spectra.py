"""Part V: exercises P12.x (spectra, Gauss–Newton and Fisher)."""

from __future__ import annotations

from typing import Any

# Bound here, at import: a reader's cell that replaces numpy's functions cannot change a verdict.
from numpy import abs as _abs
from numpy import allclose as _allclose
from numpy import array as _array
from numpy import diag as _diag
from numpy import einsum as _einsum
from numpy import exp as _exp
from numpy import eye as _eye
from numpy import log as _log
from numpy import max as _max
from numpy import mean as _mean
from numpy import ones as _ones
from numpy import outer as _outer
from numpy import sum as _sum
from numpy import tensordot as _tensordot
from numpy import trace as _trace
from numpy import zeros as _zeros
from numpy.linalg import eigvalsh as _eigvalsh
from numpy.random import Generator

from .._i18n import _
from ._exercise import Asked, Wrong, biggest, exercise
from ._matrices import turned


def _symmetric(A: Any) -> Any:
    return (A + A.T) / 2


# ── P12.1 ─────────────────────────────────────────────────────────────────────────────────────────


@exercise(
    "P12.1",
    _("Build G from its rows"),
    hints=(
        _(
            "One row first: J[0] takes a change of the weights to a change of the C outputs, M[0] "
            "bends the loss there. How does the bend come back to the weights?"
        ),
        _(
            "Exercise H7.3 met the same sandwich, AᵀHA: a change of variables on both sides of a "
            "bend. The result has one row and one column for every weight."
        ),
        _("Add the sandwiches of all rows in a loop, then divide by how many there are: len(J)."),
    ),
)
def gauss_newton(ask: Asked, rng: Generator) -> None:
    """Symmetric, PSD, blind where no output moves, rank ≤ N·C, and the mean over rows."""
    for N, C, n in ((1, 2, 5), (2, 3, 9), (3, 2, 8), (4, 3, 5)):
        J = rng.normal(size=(N, C, n))
        M = _array([turned(rng, rng.uniform(0.3, 2, C)) for _row in range(N)])
        where = _(" (N = {}, C = {}, n = {})").format(N, C, n)
        G = ask(J, M, shape=(n, n))
        size = 1 + biggest(G)
        _gauss_newton_slip(G, J, M, where)
        if biggest(G - G.T) > 1e-8 * size:
            raise Wrong(_("Your G is not symmetric{}.").format(where))
        values = _eigvalsh(_symmetric(G))
        if values[0] < -1e-8 * size:
            text = _("Your G bends down somewhere: an eigenvalue is {:.2g}{}.")
            raise Wrong(text.format(values[0], where))
        rank = int(_sum(values > 1e-9 * values[-1]))
        if rank > N * C:
            text = _("Your G has rank {}{}: more than N·C = {} outputs can carry.")
            raise Wrong(text.format(rank, where, N * C))
        v = rng.normal(size=n)
        moved = J @ v  # how each row's outputs move
        bend = _mean(_einsum("nc,ncd,nd->n", moved, M, moved))
        if abs(v @ G @ v - bend) > 1e-7 * (1 + abs(bend)):
            raise Wrong(
                _(
                    "Along a random v, vᵀGv should be the mean over the rows of (Jv)ᵀM(Jv), the "
                    "bend of the loss along the moved outputs{}."
                ).format(where)
            )
        u = rng.normal(size=n)
        cross = _mean(_einsum("nc,ncd,nd->n", J @ u, M, moved))
        if abs(u @ G @ v - cross) > 1e-7 * (1 + abs(cross)):
            raise Wrong(_("vᵀGv is right, but G pairs two directions wrongly{}.").format(where))


def _gauss_newton_slip(G: Any, J: Any, M: Any, where: str) -> None:
    N = len(J)
    right = _einsum("nci,ncd,ndj->ij", J, M, J) / N
    if _allclose(G, right, rtol=1e-7, atol=1e-9):
        return
    j, m = J.mean(axis=0), M.mean(axis=0)
    plain = _einsum("nci,ncj->ij", J, J)
    stacked = J.reshape(-1, J.shape[2])
    slips = (
        (N * right, _("You sum over the rows where the loss takes their mean.")),
        (N * right / stacked.shape[0], _("You divide by N·C. A row has C outputs, but one loss.")),
        (-right, _("The sign is flipped: your G bends down.")),
        (plain / N, _("That is the mean of JᵀJ. Where is M, the bend of the loss?")),
        (plain, _("That is JᵀJ summed. Where is M, the bend of the loss, and where the mean?")),
        (
            j.T @ m @ j,
            _("You take the mean of J and of M first. The mean belongs to the whole sandwich."),
        ),
        (
            _einsum("nci,cd,ndj->ij", J, m, J) / N,
            _("You use one mean M for all rows. Every row has its own."),
        ),
        (
            _einsum("nci,nc,ncj->ij", J, _einsum("ncc->nc", M), J) / N,
            _("You use the diagonal of M only. The outputs of a row bend together."),
        ),
        (
            _einsum("nci,ncd,nde,nej->ij", J, M, M, J) / N,
            _("M stands in your sandwich twice. Once is enough."),
        ),
    )
    for slip, why in slips:
        if _allclose(G, slip, rtol=1e-7, atol=1e-9):
            raise Wrong(why + where)


# ── P12.2 ─────────────────────────────────────────────────────────────────────────────────────────


@exercise(
    "P12.2",
    _("H, G and |H|"),
    hints=(
        _(
            "The gradient of ½‖r‖² is Jᵀr. Differentiate again with the product rule: one part "
            "bends J, the other does not."
        ),
        _(
            "G is the part without second derivatives. H adds r[0] times bends[0], r[1] times "
            "bends[1], and so on. |H| shares the eigenvectors of H."
        ),
        _(
            "values, Q = np.linalg.eigh(H); put np.abs(values) where the eigenvalues stood. Stack "
            "the three in the order H, G, |H| with np.array."
        ),
    ),
)
def three_curvatures(ask: Asked, rng: Generator) -> None:
    """H by differences of the loss; G = JᵀJ and equal to H if linear; |H| ⪰ 0 with |H|² = H²."""
    for m, n, linear in ((2, 3, False), (3, 2, False), (4, 4, True), (1, 3, False), (2, 4, True)):
        J, r = rng.normal(size=(m, n)), rng.uniform(0.5, 2, m) * rng.choice([-1.0, 1.0], m)
        bends = _zeros((m, n, n))
        while not linear and _eigvalsh(J.T @ J + _tensordot(r, bends, 1))[0] > -0.3:
            bends = _array([_symmetric(rng.normal(size=(n, n))) for _row in range(m)])
        kind = _("linear") if linear else _("curved")
        where = _(" (m = {}, n = {}, {} residuals)").format(m, n, kind)
        H, G, size_of_H = ask(J, r, bends, shape=(3, n, n))
        _check_H(H, J, r, bends, where)
        _check_G(G, J, H, where)
        _check_sizes(size_of_H, H, G, where)


def _check_H(H: Any, J: Any, r: Any, bends: Any, where: str) -> None:
    wrong_sign = J.T @ J - _tensordot(r, bends, 1)
    without_r = J.T @ J + bends.sum(axis=0)
    size = 1 + biggest(J.T @ J) + biggest(bends)
    n = J.shape[1]
    h = 1e-3

    def loss(d: Any) -> Any:  # ½‖r‖² at a distance d, with r exactly quadratic
        return 0.5 * _sum((r + J @ d + 0.5 * _einsum("i,mij,j->m", d, bends, d)) ** 2)

    for i in range(n):
        for j in range(i + 1):
            a, b = h * _eye(n)[i], h * _eye(n)[j]
            bend = (loss(a + b) - loss(a - b) - loss(b - a) + loss(-a - b)) / (4 * h * h)
            if abs(H[i, j] - bend) < 1e-3 * size and abs(H[j, i] - bend) < 1e-3 * size:
                continue
            if _allclose(H, J.T @ J) and biggest(bends) > 0:
                raise Wrong(_("The first of the three is G: it leaves out the bends of r.") + where)
            if _allclose(H, wrong_sign):
                raise Wrong(_("The part with the bends of r has the wrong sign in your H.") + where)
            if _allclose(H, without_r):
                raise Wrong(_("In your H each bend must be weighted by its own residual.") + where)
            text = _("Your H is not the second difference of ½‖r‖²{}: see entry [{}, {}].")
            raise Wrong(text.format(where, i, j))


def _check_G(G: Any, J: Any, H: Any, where: str) -> None:
    if _allclose(G, J.T @ J, rtol=1e-7, atol=1e-9):
        return
    if _allclose(G, H):
        raise Wrong(_("The second of the three is H. G leaves out the bends of r.") + where)
    if J.shape[0] == J.shape[1] and _allclose(G, J @ J.T):
        raise Wrong(_("Your G is J Jᵀ: it belongs to the residuals, not to the weights.") + where)
    values = _eigvalsh(_symmetric(G))
    if values[0] < -1e-8 * (1 + biggest(G)):
        raise Wrong(_("Your G bends down somewhere: Gauss–Newton never does.") + where)
    if _allclose(_symmetric(G) @ _symmetric(G), H @ H):
        raise Wrong(_("The second of the three is |H|: mind the order H, G, |H|.") + where)
    raise Wrong(_("vᵀGv should be ‖Jv‖², how fast the residuals move along v.") + where)


def _check_sizes(A: Any, H: Any, G: Any, where: str) -> None:
    size = 1 + biggest(H)
    good = (
        biggest(A - A.T) < 1e-7 * size
        and _eigvalsh(_symmetric(A))[0] > -1e-7 * size
        and biggest(A @ A - H @ H) < 1e-6 * size**2
    )
    if good:
        return
    if _allclose(A, H):
        raise Wrong(_("Your |H| still bends down where H does.") + where)
    if _allclose(A, _abs(H)):
        raise Wrong(
            _("Your |H| takes the size of every entry. It must take that of every eigenvalue.")
            + where
        )
    if _allclose(A, G):
        raise Wrong(
            _("You return G for |H|. G drops what bends the residuals; |H| flips what bends down.")
            + where
        )
    if _allclose(A, H @ H):
        raise Wrong(_("That is H²: its eigenvalues are squares. Take their roots.") + where)
    values = _eigvalsh(H)
    if _allclose(A, A.T) and _allclose(
        _eigvalsh(_symmetric(A)), sorted(max(0.0, float(value)) for value in values)
    ):
        raise Wrong(_("You cut the negative bends off. |H| turns them up.") + where)
    raise Wrong(_("|H| should have no negative bend, and |H| |H| should be H H.") + where)


# ── P12.3 ─────────────────────────────────────────────────────────────────────────────────────────


@exercise(
    "P12.3",
    _("The bend of cross-entropy"),
    hints=(
        _(
            "The loss is log Σ exp(z) − z[y]. The second part is linear in z: what does it add to "
            "the second derivatives?"
        ),
        _(
            "The gradient is p − e, with p the softmax and e one at y. Differentiate p once more: "
            "exercise J5.4 did."
        ),
        _(
            "Entry [i, j] is how p[i] changes with z[j]: work it out for i = j, then for i ≠ j. "
            "For p, subtract max(z) from z before you take np.exp."
        ),
    ),
)
def loss_hessian(ask: Asked, rng: Generator) -> None:
    """Null vector 1, trace 1 − Σp², PSD, one matrix for all labels, second differences."""
    for C in (2, 3, 5):
        z, y = rng.normal(size=C), int(rng.integers(C))
        p = _exp(z - _max(z))
        p = p / _sum(p)
        where = _(" (C = {}, y = {})").format(C, y)
        M = ask(z, y, shape=(C, C))
        _softmax_slip(M, p, y, where)
        if biggest(M - M.T) > 1e-8:
            raise Wrong(_("Your matrix is not symmetric: a Hessian is{}.").format(where))
        if biggest(M @ _ones(C)) > 1e-7:
            text = _("Add 1 to all outputs and the loss stays: M @ ones should be 0{}.")
            raise Wrong(text.format(where))
        if abs(_trace(M) - (1 - p @ p)) > 1e-7:
            raise Wrong(_("The trace should be 1 − Σp²{}.").format(where))
        if _eigvalsh(_symmetric(M))[0] < -1e-8:
            raise Wrong(_("Your matrix bends down somewhere: cross-entropy does not.") + where)
        v, h = rng.normal(size=C), 1e-3
        loss = _cross_entropy
        bend = (loss(z + h * v, y) - 2 * loss(z, y) + loss(z - h * v, y)) / h**2
        if abs(v @ M @ v - bend) > 1e-4 * (1 + abs(bend)):
            text = _("vᵀMv is not the second difference of the loss along a random v{}.")
            raise Wrong(text.format(where))
        for other in range(C):
            if not _allclose(ask(z, other, shape=(C, C)), M, atol=1e-9):
                raise Wrong(
                    _("Your matrix changes with the label. The label enters the loss linearly.")
                )
    far = _array([900.0, 0.0, 899.0])
    if not _allclose(ask(far, 0, shape=(3, 3)), ask(far - 899.0, 0, shape=(3, 3)), atol=1e-9):
        raise Wrong(_("Subtract 899 from all outputs, and your matrix changes. It must not."))


def _cross_entropy(z: Any, y: int) -> Any:
    top = _max(z)
    return top + _log(_sum(_exp(z - top))) - z[y]


def _softmax_slip(M: Any, p: Any, y: int, where: str) -> None:
    e = _eye(p.size)[y]
    s = p - e
    slips = (
        (
            _outer(s, s),
            _("That is the gradient times itself: the empirical Fisher. It is not the Hessian."),
        ),
        (_diag(p), _("That leaves out that all outputs share one sum: softmax couples them.")),
        (
            _diag(p * (1 - p)),
            _("The diagonal is right. How does p of one class react to another output?"),
        ),
        (-_diag(p) + _outer(p, p), _("The sign is flipped: your matrix bends down.")),
        (_diag(p) + _outer(p, p), _("The outer product has the wrong sign.")),
        (-_outer(p, p), _("Only the outer product is there. What else stands on the diagonal?")),
        (_outer(p, p), _("That is p times itself. Differentiate p by each output.")),
        (_diag(p) - p @ p, _("You subtract the number p·p from every entry, not a matrix.")),
        (
            _outer(p, 1 - p),
            _("Off the diagonal, one class gains what another loses: mind the sign."),
        ),
        (_diag(s) - _outer(s, s), _("You put the gradient where the probabilities belong.")),
    )
    for slip, why in slips:
        if _allclose(M, slip, rtol=1e-7, atol=1e-9):
            raise Wrong(why + where)


# ── P12.4 ─────────────────────────────────────────────────────────────────────────────────────────


@exercise(
    "P12.4",
    _("Sharpness of a batch"),
    hints=(
        _(
            "The Hessian of a batch is the mean of its rows' Hessians. Take its largest eigenvalue "
            "before you average over batches. The order matters."
        ),
        _(
            "range(0, len(rows), size) gives where the batches start. The last one may be shorter: "
            "how much should it count?"
        ),
        _(
            "np.linalg.eigvalsh(A)[-1] is the largest eigenvalue. Weight it with the rows of its "
            "batch, and divide the sum of all by len(rows)."
        ),
    ),
)
def batch_sharpness(ask: Asked, rng: Generator) -> None:
    """λmax at B = N, mean of rows' λmax at 1, linear where batches agree, never below the whole."""
    for N, n in ((6, 3), (8, 2), (12, 4)):
        rows = _array([turned(rng, rng.uniform(-6, 3, n)) for _row in range(N)])
        whole = float(_eigvalsh(rows.mean(axis=0))[-1])
        found = ask(rows, N)
        if abs(found - whole) > 1e-7 * (1 + abs(whole)):
            _one_batch_slip(found, rows, N)
        single = float(_mean(_eigvalsh(rows)[:, -1]))
        found = ask(rows, 1)
        if abs(found - single) > 1e-7 * (1 + abs(single)):
            if abs(found - whole) < 1e-7 * (1 + abs(whole)):
                raise Wrong(
                    _(
                        "With one row a batch you return the sharpness of the whole. First the "
                        "largest eigenvalue of each batch, then the mean."
                    )
                )
            if abs(found - float(_max(_eigvalsh(rows)[:, -1]))) < 1e-7 * (1 + abs(found)):
                raise Wrong(_("You take the sharpest batch. The mean over all is wanted."))
            text = _("With one row a batch, the mean of the rows' largest eigenvalues is wanted{}.")
            raise Wrong(text.format(_(" (N = {})").format(N)))
        last = single
        for size in (2, N // 2, N):
            found = ask(rows, size)
            if found < whole - 1e-7 * (1 + abs(whole)):
                text = _("At B = {} you fall below the sharpness of the whole: that cannot be.")
                raise Wrong(text.format(size))
            if size in (2, N) and found > last + 1e-7 * (1 + abs(last)):
                text = _("At B = {} the mean grows though batches were merged: that cannot be.")
                raise Wrong(text.format(size))
            last = found
    _check_cuts(ask, rng)


def _one_batch_slip(found: float, rows: Any, N: int) -> None:
    values = _eigvalsh(rows.mean(axis=0))
    if abs(found - values[0]) < 1e-7 * (1 + abs(found)):
        raise Wrong(_("That is the smallest eigenvalue. The sharpness is the largest."))
    if abs(found - _max(_abs(values))) < 1e-7 * (1 + abs(found)):
        raise Wrong(_("You take the size of the eigenvalues. A bend down is not sharp."))
    if abs(found - float(_eigvalsh(rows.sum(axis=0))[-1])) < 1e-7 * (1 + abs(found)):
        raise Wrong(_("You sum the rows of a batch. Its loss is their mean."))
    if abs(found - float(_mean(_eigvalsh(rows)[:, -1]))) < 1e-7 * (1 + abs(found)):
        raise Wrong(
            _("You average the rows' eigenvalues. Average the matrices of a batch, then look.")
        )
    raise Wrong(_("With one batch of all {} rows, λmax of the whole H is wanted.").format(N))


def _check_cuts(ask: Asked, rng: Generator) -> None:
    """Batches are cut in order; a short one counts by its rows; rows that agree have no bias."""
    v = rng.normal(size=3)
    shape = _outer(v, v) / (v @ v)
    a = rng.uniform(0.5, 3, 7)
    a[-1] += 4.0  # the short batch is the sharpest
    rows = a[:, None, None] * shape
    for size in (2, 3, 5):
        found = ask(rows, size)
        if abs(found - float(_mean(a))) > 1e-7 * (1 + abs(found)):
            parts = [float(_mean(a[i : i + size])) for i in range(0, 7, size)]
            full = [float(_mean(a[i : i + size])) for i in range(0, 7 // size * size, size)]
            if abs(found - float(_mean(parts))) < 1e-7 * (1 + abs(found)):
                text = _("The last batch has {} of 7 rows at B = {}: it must count by its rows.")
                raise Wrong(text.format(7 % size, size))
            if abs(found - float(_mean(full))) < 1e-7 * (1 + abs(found)):
                text = _("At B = {} you drop the last, shorter batch of 7 rows.")
                raise Wrong(text.format(size))
            raise Wrong(
                _(
                    "Where all rows bend along one direction, batches have no bias: you return "
                    "another number than for the whole (7 rows, B = {})."
                ).format(size)
            )
    A, B = (turned(rng, rng.uniform(1, 5, 3)) for _two in range(2))
    rows = _array([A, A, A, B, B, B])
    want = float((_eigvalsh(A)[-1] + _eigvalsh(B)[-1]) / 2)
    if abs(ask(rows, 3) - want) > 1e-7 * want:
        raise Wrong(_("Cut the rows in their order: batches of 3 equal rows must not be mixed."))
