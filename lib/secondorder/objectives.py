"""The functions of the course, each with what is known about it.

An `Objective` is a scalar function of a flat array together with its known facts. A `VectorMap` is
the same for several outputs. Both are called like the function they hold, both can be pickled.
Every maker is a function: `rosenbrock()`, `quadratic([1.0, 10.0])`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import index
from typing import Any

import autograd.numpy as np
from numpy.typing import ArrayLike

from ._inputs import Matrix, Vector, as_floats, as_vector


@dataclass(frozen=True, eq=False)
class Known:
    """Facts about a function that are known on paper; None where nothing is.

    Attributes
    ----------
    minimisers : tuple of arrays
        Every global minimiser, or examples of them where they form a curve.
    minimum : float
        The value there.
    saddles : tuple of arrays
        Critical points that are neither minima nor maxima.
    spectrum : array
        Eigenvalues of a constant Hessian, in ascending order.
    gradient, hessian, jacobian : callables
        x ↦ the derivative by hand, in closed form.
    note : str
        What to remember, in a sentence.

    Examples
    --------
    >>> quartic().known.minimisers
    (array([0.]),)
    """

    minimisers: tuple[Vector, ...] = ()
    minimum: float | None = None
    saddles: tuple[Vector, ...] = ()
    spectrum: Vector | None = None
    gradient: Callable[[Vector], Vector] | None = None
    hessian: Callable[[Vector], Matrix] | None = None
    jacobian: Callable[[Vector], Matrix] | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class Objective:
    """A scalar function of a flat array, and what a method may ask about it.

    Attributes
    ----------
    name : str
    fun : callable
        `fun(x)`, or `fun(x, batch=None)` when the value depends on data: then the mean over the
        rows of the batch, or over all data without one. Returns one number.
    dim : int
        Length n of x.
    model, loss : callables, optional
        The split fun(x, batch) = loss(model(x, batch), batch) that Gauss–Newton needs. The first
        axis of the outputs counts the rows.
    likelihood : object, optional
        The loss as a negative log-likelihood, see `losses`: what Fisher products need.
    residuals : callable, optional
        r(x) with fun(x) = ½‖r(x)‖².
    ridge : float
        λ of a term ½λ‖x‖² in fun that is not part of loss ∘ model (weight decay).
    data : tuple of arrays, optional
        All rows, inputs first and targets last; a batch is a tuple of the same kind.
    layout : Layout, optional
        How x is cut into named arrays.
    start : array of shape (n,), optional
        The customary starting point.
    known : Known

    Examples
    --------
    >>> f = rosenbrock()
    >>> float(f(f.known.minimisers[0]))
    0.0
    """

    name: str
    fun: Callable[..., Any]
    dim: int
    model: Callable[..., Any] | None = None
    loss: Callable[..., Any] | None = None
    likelihood: Any = None
    residuals: Callable[..., Any] | None = None
    ridge: float = 0.0
    data: tuple[Any, ...] | None = None
    layout: Any = None
    start: Vector | None = None
    known: Known = field(default_factory=Known)

    def __call__(self, x: Any, batch: Any = None) -> Any:
        """Return the value at x, on one batch of the data when the objective has data."""
        x = _point(x, self.dim, self.name)
        return self.fun(x) if batch is None else self.fun(x, batch)

    def __repr__(self) -> str:
        return f"Objective({self.name!r}, dim={self.dim})"


@dataclass(frozen=True, eq=False)
class VectorMap:
    """A map from R^inputs to R^outputs, and what is known about it.

    Examples
    --------
    >>> three_outputs()(np.array([2.0, 5.0]))
    array([ 3., 10., -3.])
    """

    name: str
    fun: Callable[[Any], Any]
    inputs: int
    outputs: int
    known: Known = field(default_factory=Known)

    def __call__(self, x: Any) -> Any:
        """Return the outputs at x."""
        return self.fun(_point(x, self.inputs, self.name))

    def __repr__(self) -> str:
        return f"VectorMap({self.name!r}, {self.inputs} → {self.outputs})"


def _point(x: Any, size: int, name: str) -> Any:
    """Return x, a list as an array; refuse any other shape than (size,)."""
    if isinstance(x, (list, tuple)):
        x = np.array(as_floats("x", x))
    if np.shape(x) != (size,):
        raise ValueError(f"x must have shape ({size},) for {name}, got {np.shape(x)}")
    return x


def _count(n: Any, least: int) -> int:
    """Return n as an int; refuse what is not a whole number from `least` on."""
    try:
        if isinstance(n, bool) or index(n) < least:
            raise TypeError
    except TypeError:
        raise ValueError(f"n must be a whole number from {least} on, got {n!r}") from None
    return index(n)


# ── quadratics ────────────────────────────────────────────────────────────────────────────────────


def quadratic(
    spectrum: ArrayLike,
    *,
    minimiser: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
) -> Objective:
    """Return ½ (x − c)ᵀ H (x − c), where H has exactly the eigenvalues you choose.

    Parameters
    ----------
    spectrum : array of shape (n,)
        The eigenvalues; negative ones make a dome or a saddle, zeros a trough.
    minimiser : array of shape (n,), optional
        The centre c; the origin when left out. In a trough it is one minimiser of many.
    rng : numpy Generator, optional
        Turns the eigenvectors at random. Left out: H = diag(spectrum).

    Raises
    ------
    TypeError, ValueError
        A spectrum or centre that is not a flat array of finite floats.

    Notes
    -----
    ∇f = H (x − c), and H is the same everywhere. Cost: one product with H.

    Examples
    --------
    >>> f = quadratic([1.0, 10.0])
    >>> float(f(np.array([1.0, 1.0])))
    5.5
    """
    values = as_vector("spectrum", spectrum)
    centre = (
        np.zeros(values.size)
        if minimiser is None
        else as_vector("minimiser", minimiser, values.size)
    )
    Q = np.eye(values.size) if rng is None else _random_rotation(values.size, rng)
    H = (Q * values) @ Q.T
    H = (H + H.T) / 2
    semi = bool(np.all(values >= 0))
    known = Known(
        minimisers=(centre,) if semi else (),
        minimum=0.0 if semi else None,
        saddles=(centre,) if np.min(values) < 0 < np.max(values) else (),
        spectrum=np.sort(values),
        gradient=partial(_quadratic_gradient, H, centre),
        hessian=partial(_constant, H),
        note="The parabola in n dimensions: its Hessian is the same everywhere.",
    )
    return Objective("quadratic", partial(_quadratic, H, centre), values.size, known=known)


def _quadratic(H: Matrix, c: Vector, x: Any) -> Any:
    return 0.5 * np.dot(x - c, np.dot(H, x - c))


def _quadratic_gradient(H: Matrix, c: Vector, x: Vector) -> Vector:
    return H @ (x - c)


def _constant(value: Any, _x: Any) -> Any:
    return value


def _random_rotation(n: int, rng: np.random.Generator) -> Matrix:
    """Return a rotation drawn uniformly: Q of a Gaussian matrix, signs fixed (Mezzadri 2007)."""
    Q, R = np.linalg.qr(rng.normal(size=(n, n)))
    return Q * np.sign(np.diag(R))


# ── valleys and bowls ─────────────────────────────────────────────────────────────────────────────


def rosenbrock(n: int = 2) -> Objective:
    """Return Rosenbrock's banana valley, Σ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².

    Parameters
    ----------
    n : int
        Number of variables, at least 2.

    Raises
    ------
    ValueError
        n is not a whole number from 2 on.

    Notes
    -----
    The only global minimiser is (1, …, 1), with value 0.
    Source: Rosenbrock, *The Computer Journal* 3 (1960).

    Examples
    --------
    >>> float(rosenbrock()(np.array([0.0, 0.0])))
    1.0
    """
    n = _count(n, 2)
    known = Known(
        minimisers=(np.ones(n),),
        minimum=0.0,
        gradient=_rosenbrock_gradient,
        hessian=_rosenbrock_hessian,
        note="A curved valley: easy to enter, slow to follow.",
    )
    start = np.where(np.arange(n) % 2 == 0, -1.2, 1.0)
    return Objective(
        "Rosenbrock", _rosenbrock, n, residuals=_rosenbrock_residuals, start=start, known=known
    )


def _rosenbrock(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def _rosenbrock_residuals(x: Any) -> Any:
    root2 = np.sqrt(2.0)
    return root2 * np.concatenate([10.0 * (x[1:] - x[:-1] ** 2), 1.0 - x[:-1]])


def _rosenbrock_gradient(x: Vector) -> Vector:
    g, bend = np.zeros_like(x), x[1:] - x[:-1] ** 2
    g[:-1] = -400.0 * x[:-1] * bend - 2.0 * (1.0 - x[:-1])
    g[1:] += 200.0 * bend
    return g


def _rosenbrock_hessian(x: Vector) -> Matrix:
    diagonal = np.zeros_like(x)
    diagonal[:-1] = 1200.0 * x[:-1] ** 2 - 400.0 * x[1:] + 2.0
    diagonal[1:] += 200.0
    off = -400.0 * x[:-1]
    return np.diag(diagonal) + np.diag(off, 1) + np.diag(off, -1)


def himmelblau() -> Objective:
    """Return Himmelblau's function, (x² + y − 11)² + (x + y² − 7)², with four minima at height 0.

    Notes
    -----
    Source: Himmelblau, *Applied Nonlinear Programming* (1972).

    Examples
    --------
    >>> float(himmelblau()(np.array([3.0, 2.0])))
    0.0
    """
    minimisers = (
        np.array([3.0, 2.0]),
        np.array([-2.805118086952745, 3.131312518250573]),
        np.array([-3.779310253377747, -3.283185991286170]),
        np.array([3.584428340330492, -1.848126526964404]),
    )
    saddles = (
        np.array([0.08667750455539634, 2.884254701174776]),
        np.array([-3.0730257507643897, -0.08135304428796751]),
        np.array([3.385154183607021, 0.07385187983774928]),
        np.array([-0.12796134673068005, -1.9537149802445766]),
    )
    known = Known(
        minimisers=minimisers,
        minimum=0.0,
        saddles=saddles,
        gradient=_himmelblau_gradient,
        hessian=_himmelblau_hessian,
        note="Four minima, four saddles and one maximum on one map.",
    )
    return Objective(
        "Himmelblau",
        _himmelblau,
        2,
        residuals=_himmelblau_residuals,
        start=np.zeros(2),
        known=known,
    )


def _himmelblau(x: Any) -> Any:
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def _himmelblau_residuals(x: Any) -> Any:
    return np.sqrt(2.0) * np.array([x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0])


def _himmelblau_gradient(x: Vector) -> Vector:
    r, s = x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0
    return np.array([4.0 * x[0] * r + 2.0 * s, 2.0 * r + 4.0 * x[1] * s])


def _himmelblau_hessian(x: Vector) -> Matrix:
    mixed = 4.0 * (x[0] + x[1])
    return np.array(
        [
            [12.0 * x[0] ** 2 + 4.0 * x[1] - 42.0, mixed],
            [mixed, 12.0 * x[1] ** 2 + 4.0 * x[0] - 26.0],
        ]
    )


def quartic(n: int = 1) -> Objective:
    """Return Σ xᵢ⁴: a minimum at 0 where the second derivative is 0 too.

    Parameters
    ----------
    n : int
        Number of variables.

    Raises
    ------
    ValueError
        n is not a whole number from 1 on.

    Examples
    --------
    >>> float(quartic()(np.array([2.0])))
    16.0
    """
    n = _count(n, 1)
    known = Known(
        minimisers=(np.zeros(n),),
        minimum=0.0,
        gradient=_quartic_gradient,
        hessian=_quartic_hessian,
        note="f″ = 0 at the minimum: the second-derivative test is silent.",
    )
    return Objective("quartic", _quartic, n, start=np.ones(n), known=known)


def _quartic(x: Any) -> Any:
    return np.sum(x**4)


def _quartic_gradient(x: Vector) -> Vector:
    return 4.0 * x**3


def _quartic_hessian(x: Vector) -> Matrix:
    return np.diag(12.0 * x**2)


# ── slopes without a minimum, saddles ─────────────────────────────────────────────────────────────


def tilted_trough() -> Objective:
    """Return −x + y²: no extremum anywhere, and a singular Hessian diag(0, 2) everywhere.

    Notes
    -----
    ∇f = (−1, 2y). The x part never vanishes, so f is unbounded below, and Newton's step does not
    exist because H has no inverse.

    Examples
    --------
    >>> float(tilted_trough()(np.array([1.0, 3.0])))
    8.0
    """
    known = Known(
        spectrum=np.array([0.0, 2.0]),
        gradient=_trough_gradient,
        hessian=partial(_constant, np.diag([0.0, 2.0])),
        note="Steepest ascent is (−1, 2y): it never stops pointing along −x.",
    )
    return Objective("tilted trough", _trough, 2, start=np.array([0.0, 1.0]), known=known)


def _trough(x: Any) -> Any:
    return -x[0] + x[1] ** 2


def _trough_gradient(x: Vector) -> Vector:
    return np.array([-1.0, 2.0 * x[1]])


def saddle() -> Objective:
    """Return ½ (x² − y²), the mountain pass: up along x, down along y.

    Examples
    --------
    >>> float(saddle()(np.array([2.0, 0.0])))
    2.0
    """
    base = quadratic([1.0, -1.0])
    return Objective("saddle", base.fun, 2, start=np.array([1.0, 0.1]), known=base.known)


def monkey_saddle() -> Objective:
    """Return x³ − 3xy²: three ways down from one flat point whose Hessian is all zeros.

    Examples
    --------
    >>> float(monkey_saddle()(np.array([1.0, 1.0])))
    -2.0
    """
    known = Known(
        saddles=(np.zeros(2),),
        gradient=_monkey_gradient,
        hessian=_monkey_hessian,
        note="H = 0 at the origin: the second-derivative test is silent, and it is no minimum.",
    )
    return Objective("monkey saddle", _monkey, 2, start=np.array([0.5, 0.1]), known=known)


def _monkey(x: Any) -> Any:
    return x[0] ** 3 - 3.0 * x[0] * x[1] ** 2


def _monkey_gradient(x: Vector) -> Vector:
    return np.array([3.0 * x[0] ** 2 - 3.0 * x[1] ** 2, -6.0 * x[0] * x[1]])


def _monkey_hessian(x: Vector) -> Matrix:
    return 6.0 * np.array([[x[0], -x[1]], [-x[1], -x[0]]])


def peano() -> Objective:
    """Return Peano's xy (x² − y²) / (x² + y²), 0 at the origin: its mixed partials disagree there.

    Notes
    -----
    ∂²f/∂y∂x (0, 0) = −1 when you differentiate by x first, ∂²f/∂x∂y (0, 0) = +1 by y first. Away
    from the origin everything is smooth and symmetric. At the origin autograd returns nan, since
    it differentiates the quotient 0/0; `gradient` and `hessian` refuse that with an error.
    Attributed to Peano, in Genocchi & Peano, *Calcolo differenziale* (1884).

    Examples
    --------
    >>> float(peano()(np.array([0.0, 0.0])))
    0.0
    """
    known = Known(
        saddles=(np.zeros(2),),
        gradient=_peano_gradient,
        note="Symmetry of H needs continuous second partials; here they are not.",
    )
    return Objective("Peano", _peano, 2, start=np.array([1.0, 0.5]), known=known)


def _peano(x: Any) -> Any:
    r2 = x[0] ** 2 + x[1] ** 2
    with np.errstate(invalid="ignore"):
        return np.where(r2 > 0, x[0] * x[1] * (x[0] ** 2 - x[1] ** 2) / r2, 0.0)


def _peano_gradient(x: Vector) -> Vector:
    a, b = x
    r4 = (a**2 + b**2) ** 2
    if r4 == 0:
        return np.zeros(2)
    return np.array(
        [
            b * (a**4 + 4 * a**2 * b**2 - b**4) / r4,
            a * (a**4 - 4 * a**2 * b**2 - b**4) / r4,
        ]
    )


def two_weights() -> Objective:
    """Return ½ (uv − 1)², the smallest network there is: one input, two weights, target 1.

    Notes
    -----
    The minima form the valley uv = 1, with largest curvature u² + v² on it. The origin is a saddle.
    H = J Jᵀ + r [[0, 1], [1, 0]] with r = uv − 1 and J = (v, u).

    Examples
    --------
    >>> float(two_weights()(np.array([2.0, 0.5])))
    0.0
    """
    known = Known(
        minimisers=(np.array([1.0, 1.0]), np.array([-1.0, -1.0]), np.array([2.0, 0.5])),
        minimum=0.0,
        saddles=(np.zeros(2),),
        gradient=_weights_gradient,
        hessian=_weights_hessian,
        note="A valley of minima, sharper the further the weights drift apart.",
    )
    return Objective(
        "two weights",
        _weights,
        2,
        residuals=_weights_residuals,
        start=np.array([1.5, 0.2]),
        known=known,
    )


def _weights(x: Any) -> Any:
    return 0.5 * (x[0] * x[1] - 1.0) ** 2


def _weights_residuals(x: Any) -> Any:
    return np.array([x[0] * x[1] - 1.0])


def _weights_gradient(x: Vector) -> Vector:
    return (x[0] * x[1] - 1.0) * np.array([x[1], x[0]])


def _weights_hessian(x: Vector) -> Matrix:
    mixed = 2.0 * x[0] * x[1] - 1.0
    return np.array([[x[1] ** 2, mixed], [mixed, x[0] ** 2]])


# ── several outputs ───────────────────────────────────────────────────────────────────────────────


def three_outputs() -> VectorMap:
    """Return the map (x, y) ↦ (x + 1, xy, x − y); its Jacobian has rows (1, 0), (y, x), (1, −1).

    Examples
    --------
    >>> three_outputs().known.jacobian(np.array([2.0, 5.0])).shape
    (3, 2)
    """
    known = Known(jacobian=_three_jacobian, note="Outputs are rows, inputs are columns.")
    return VectorMap("three outputs", _three, 2, 3, known)


def _three(x: Any) -> Any:
    return np.array([x[0] + 1.0, x[0] * x[1], x[0] - x[1]])


def _three_jacobian(x: Vector) -> Matrix:
    x = as_floats("x", x)
    return np.array([[1.0, 0.0], [x[1], x[0]], [1.0, -1.0]])
