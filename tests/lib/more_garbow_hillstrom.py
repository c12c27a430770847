"""The 35 test problems of Moré, Garbow & Hillstrom, all sums of squares f(x) = Σ rᵢ(x)².

`PROBLEMS` maps each name to its `Objective` in the standard size, in the order of the paper, with
the standard start and the lowest known minimum. `problem` makes one by number or name, in another
size too. `TRAPS` lists where else a descent may end: local minima, limits at infinity, saddles.

>>> problem("Watson", n=9)
Objective('Watson', dim=9)
>>> float(problem(8).known.minimum)
0.008214877306579

Source: "Testing Unconstrained Optimization Software", ACM Transactions on Mathematical Software 7
(1981). Its problem 11 has a misprint, "mi" where a minus sign is meant. The minima are those of the
paper, here with more digits. Where it leaves the number of residuals open, the usual one is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import autograd.numpy as np

from secondorder.objectives import Known, Objective

Residuals = Callable[[Any], Any]
OfSize = Callable[[int], Any]


class Row(NamedTuple):
    """One problem: what is known of it as functions of the size n, and which n there are."""

    name: str
    residuals: Residuals
    start: OfSize
    at: OfSize
    minimum: OfSize
    size: int
    sizes: range


class Trap(NamedTuple):
    """A value above the minimum and where it is: with inf in it where it is a limit."""

    value: float
    at: Any


ROWS: dict[int, Row] = {}
TRAPS: dict[str, Trap] = {}


def numbers(figures: str) -> Any:
    """The array written in a string."""
    return np.array(figures.split(), float)


def count(first: int, last: int) -> Any:
    """The floats first, …, last, both ends in."""
    return np.arange(first, last + 1.0)


def fixed(
    number: int, name: str, start: str, *at: str, minimum: float = 0.0, trap: Any = None
) -> Callable[[Residuals], Residuals]:
    """Enter the function below as a problem of one size, with the minimisers `at`."""
    x, minimisers = numbers(start), tuple(numbers(figures) for figures in at)
    return sized(
        number,
        name,
        lambda n: x,
        lambda n: minimisers,
        lambda n: minimum,
        size=len(x),
        sizes=range(len(x), len(x) + 1),
        trap=trap,
    )


def sized(
    number: int,
    name: str,
    start: OfSize,
    at: OfSize = lambda n: (),
    minimum: OfSize = lambda n: 0.0,
    *,
    size: int = 10,
    sizes: range = range(1, 10_000),
    trap: Any = None,
) -> Callable[[Residuals], Residuals]:
    """Enter the function below as a problem of every size in `sizes`, `size` being the standard."""

    def enter(residuals: Residuals) -> Residuals:
        ROWS[number] = Row(name, residuals, start, at, minimum, size, sizes)
        if trap:
            TRAPS[name] = Trap(trap[0], numbers(trap[1]))
        return residuals

    return enter


def tiled(*values: float) -> OfSize:
    """n ↦ the values over and over, n entries in all."""
    return lambda n: np.resize(np.array(values), n)


def all_equal(value: float) -> OfSize:
    """n ↦ the one minimiser with all entries equal to the value."""
    return lambda n: (np.full(n, value),)


# ── one size ──────────────────────────────────────────────────────────────────────────────────────


@sized(21, "Extended Rosenbrock", tiled(-1.2, 1.0), all_equal(1.0), sizes=range(2, 10_000, 2))
@fixed(1, "Rosenbrock", "-1.2 1", "1 1")
def rosenbrock(x: Any) -> Any:
    a, b = x[::2], x[1::2]
    return np.concatenate([10.0 * (b - a**2), 1.0 - a])


LOCAL_2 = 48.98425367924, "11.4127789869 -.8968052532745"


@fixed(2, "Freudenstein and Roth", ".5 -2", "5 4", trap=LOCAL_2)
def freudenstein_roth(x: Any) -> Any:
    a, b = x
    return np.array([a - 13.0 + ((5.0 - b) * b - 2.0) * b, a - 29.0 + ((b + 1.0) * b - 14.0) * b])


@fixed(3, "Powell badly scaled", "0 1", "1.0981593296998175e-5 9.106146739866524")
def powell_badly_scaled(x: Any) -> Any:
    return np.array([1e4 * x[0] * x[1] - 1.0, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001])


@fixed(4, "Brown badly scaled", "1 1", "1e6 2e-6")
def brown_badly_scaled(x: Any) -> Any:
    return np.array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0])


@fixed(5, "Beale", "1 1", "3 .5")
def beale(x: Any) -> Any:
    return numbers("1.5 2.25 2.625") - x[0] * (1.0 - x[1] ** count(1, 3))


AT_6 = ".2578252136704 .2578252136704"


@fixed(6, "Jennrich and Sampson", ".3 .4", AT_6, minimum=124.3621823556)
def jennrich_sampson(x: Any) -> Any:
    i = count(1, 10)
    return 2.0 + 2.0 * i - (np.exp(i * x[0]) + np.exp(i * x[1]))


@fixed(7, "Helical valley", "-1 0 0", "1 0 0")
def helical_valley(x: Any) -> Any:
    # The paper's θ, arctan(x₂/x₁)/2π and ½ more for x₁ < 0, jumps only where x₁ = 0 and x₂ < 0.
    turns = np.arctan2(-x[0], x[1]) / (2.0 * np.pi) + 0.25
    radius = np.sqrt(x[0] ** 2 + x[1] ** 2)
    return np.array([10.0 * (x[2] - 10.0 * turns), 10.0 * (radius - 1.0), x[2]])


AT_8 = ".08241055974979 1.13303609203 2.343695178643"
LIMIT_8 = 17.42869333333, ".8406666666667 -inf -inf"
BARD = numbers(".14 .18 .22 .25 .29 .32 .35 .39 .37 .58 .73 .96 1.34 2.10 4.39")


@fixed(8, "Bard", "1 1 1", AT_8, minimum=8.214877306579e-3, trap=LIMIT_8)
def bard(x: Any) -> Any:
    u = count(1, 15)
    v = 16.0 - u
    return BARD - (x[0] + u / (v * x[1] + np.minimum(u, v) * x[2]))


AT_9 = ".3989561378388 1.000019084488 0"
GAUSSIAN = numbers(
    ".0009 .0044 .0175 .0540 .1295 .2420 .3521 .3989 .3521 .2420 .1295 .0540 .0175 .0044 .0009"
)


@fixed(9, "Gaussian", ".4 1 0", AT_9, minimum=1.127932769619e-8)
def gaussian(x: Any) -> Any:
    t = (8.0 - count(1, 15)) / 2.0
    return x[0] * np.exp(-x[1] * (t - x[2]) ** 2 / 2.0) - GAUSSIAN


AT_10 = ".005609636471028053 6181.346346286272 345.22363462413650"
MEYER = numbers(
    "34780 28610 23650 19630 16370 13720 11540 9744 8261 7030 6005 5147 4427 3820 3307 2872"
)


@fixed(10, "Meyer", ".02 4000 250", AT_10, minimum=87.94585517085)
def meyer(x: Any) -> Any:
    t = 45.0 + 5.0 * count(1, 16)
    return x[0] * np.exp(x[1] / (t + x[2])) - MEYER


@fixed(11, "Gulf research and development", "5 2.5 .15", "50 25 1.5")
def gulf(x: Any) -> Any:
    t = count(1, 99) / 100.0
    y = 25.0 + (-50.0 * np.log(t)) ** (2.0 / 3.0)
    return np.exp(-(np.abs(y - x[1]) ** x[2]) / x[0]) - t


# Every x₁ = x₂ with x₃ = 0 is a minimiser too.
@fixed(12, "Box three-dimensional", "0 10 20", "1 10 1", "10 1 -1", "2 2 0")
def box(x: Any) -> Any:
    t = count(1, 10) / 10.0
    return np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10.0 * t))


POWELL = tiled(3.0, -1.0, 0.0, 1.0)


@sized(22, "Extended Powell singular", POWELL, all_equal(0.0), size=12, sizes=range(4, 10_000, 4))
@fixed(13, "Powell singular", "3 -1 0 1", "0 0 0 0")
def powell_singular(x: Any) -> Any:
    a, b, c, d = (x[i::4] for i in range(4))
    rows = [a + 10.0 * b, 5.0**0.5 * (c - d), (b - 2.0 * c) ** 2, 10.0**0.5 * (a - d) ** 2]
    return np.concatenate(rows)


@fixed(14, "Wood", "-3 -1 -3 -1", "1 1 1 1")
def wood(x: Any) -> Any:
    a, b, c, d = x
    valleys = [10.0 * (b - a**2), 1.0 - a, 90.0**0.5 * (d - c**2), 1.0 - c]
    return np.array([*valleys, 10.0**0.5 * (b + d - 2.0), (b - d) / 10.0**0.5])


AT_15 = ".192806934579 .1912823287344 .1230565069263 .1360623306838"
LIMIT_15 = 1.027343048695e-3, "inf -14.07588 -inf -inf"
KOWALIK_OSBORNE = numbers(".1957 .1947 .1735 .1600 .0844 .0627 .0456 .0342 .0323 .0235 .0246")
KOWALIK_OSBORNE_U = numbers("4 2 1 .5 .25 .167 .125 .1 .0833 .0714 .0625")


@fixed(
    *(15, "Kowalik and Osborne", ".25 .39 .415 .39", AT_15),
    minimum=3.075056038492e-4,
    trap=LIMIT_15,
)
def kowalik_osborne(x: Any) -> Any:
    u = KOWALIK_OSBORNE_U
    return KOWALIK_OSBORNE - x[0] * (u**2 + u * x[1]) / (u**2 + u * x[2] + x[3])


AT_16 = "-11.59443990476 13.20363005121 -.4034394881769 .2367787744557"


@fixed(16, "Brown and Dennis", "25 5 -5 -1", AT_16, minimum=85822.20162636)
def brown_dennis(x: Any) -> Any:
    t = count(1, 20) / 5.0
    return (x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


AT_17 = ".375410052107 1.935846912712 -1.464687136613 .01286753464006 .02212269966167"
OSBORNE_1 = numbers(
    ".844 .908 .932 .936 .925 .908 .881 .850 .818 .784 .751 .718 .685 .658 .628 .603 .580 "
    ".558 .538 .522 .506 .490 .478 .467 .457 .448 .438 .431 .424 .420 .414 .411 .406"
)


@fixed(17, "Osborne 1", ".5 1.5 -1 .01 .02", AT_17, minimum=5.464894697483e-5)
def osborne_1(x: Any) -> Any:
    t = 10.0 * count(0, 32)
    return OSBORNE_1 - (x[0] + x[1] * np.exp(-t * x[3]) + x[2] * np.exp(-t * x[4]))


# The lowest point with x₁ = x₅ and x₃ = x₆, as at the start: without rounding no descent leaves it.
SADDLE_18 = (
    5.6556499255e-3,
    "1.71141599472 17.68319818095 1.163143660919 5.186561551993 1.71141599472 1.163143660919",
)


@fixed(18, "Biggs EXP6", "1 2 1 1 1 1", "1 10 1 5 4 3", "4 10 3 5 1 1", trap=SADDLE_18)
def biggs(x: Any) -> Any:
    t = count(1, 13) / 10.0
    y = np.exp(-t) - 5.0 * np.exp(-10.0 * t) + 3.0 * np.exp(-4.0 * t)
    return x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y


START_19 = "1.3 .65 .65 .7 .6 3 5 7 2 4.5 5.5"
AT_19 = (
    "1.309977154627 .431553794603 .6336616989607 .5994305347859 .754183226328 .9042885798596 "
    "1.365811835237 4.823698817227 2.398684866132 4.568874597668 5.675341470581"
)
OSBORNE_2 = numbers(
    "1.366 1.191 1.112 1.013 .991 .885 .831 .847 .786 .725 .746 .679 .608 .655 .616 .606 .602 "
    ".626 .651 .724 .649 .649 .694 .644 .624 .661 .612 .558 .533 .495 .500 .423 .395 .375 .372 "
    ".391 .396 .405 .428 .429 .523 .562 .607 .653 .672 .708 .633 .668 .645 .632 .591 .559 .597 "
    ".625 .739 .710 .729 .720 .636 .581 .428 .292 .162 .098 .054"
)


@fixed(19, "Osborne 2", START_19, AT_19, minimum=4.013773629355e-2)
def osborne_2(x: Any) -> Any:
    t = count(0, 64)[:, None] / 10.0
    peaks = x[1:4] * np.exp(-((t - x[8:11]) ** 2) * x[5:8])
    return OSBORNE_2 - x[0] * np.exp(-t[:, 0] * x[4]) - np.sum(peaks, axis=1)


# ── many sizes ────────────────────────────────────────────────────────────────────────────────────

WATSON = {6: 2.287670053552e-3, 9: 1.399760138096e-6, 12: 4.722381105892e-10}
AT_20 = numbers(
    "-.01572508640146 1.012434869369 -.2329916259567 1.2604300878 -1.513728922722 .9929964324311"
)


@sized(20, "Watson", tiled(0.0), {6: (AT_20,)}.get, WATSON.get, size=6, sizes=range(2, 32))
def watson(x: Any) -> Any:
    t, j = count(1, 29)[:, None] / 29.0, count(0, len(x) - 1)  # j counts from 0
    fit = np.dot(j * t ** (j - 1.0), x) - np.dot(t**j, x) ** 2 - 1.0
    return np.concatenate([fit, x[:1], x[1:2] - x[:1] ** 2 - 1.0])


def at_23(n: int) -> Any:
    # The gradient vanishes only where all xᵢ are one root of 2n z³ + (a − ½) z − a, a = 1e-5.
    return (np.full(n, np.max(np.roots([2.0 * n, 0.0, 1e-5 - 0.5, -1e-5]).real)),)


def minimum_23(n: int) -> float:
    return float(np.sum(penalty_1(at_23(n)[0]) ** 2))


@sized(23, "Penalty I", partial(count, 1), at_23, minimum_23)
def penalty_1(x: Any) -> Any:
    return np.append(1e-5**0.5 * (x - 1.0), np.sum(x**2) - 0.25)


PENALTY_2 = {4: 9.376293007355e-6, 10: 2.936605374567e-4}
AT_24 = numbers(".1999993333504 .1913167009928 .4801014853326 .5188454043902")


@sized(
    *(24, "Penalty II", tiled(0.5), {4: (AT_24,)}.get, PENALTY_2.get),
    size=4,
    sizes=range(2, 10_000),
)
def penalty_2(x: Any) -> Any:
    i, e = count(1, len(x)), np.exp(x / 10.0)
    y = np.exp(i / 10.0)
    small = np.concatenate([e[1:] + e[:-1] - (y[1:] + y[:-1]), e[1:] - np.exp(-0.1)])
    ball = np.sum(i[::-1] * x**2) - 1.0
    return np.append(np.concatenate([x[:1] - 0.2, 1e-5**0.5 * small]), ball)


@sized(25, "Variably dimensioned", lambda n: 1.0 - count(1, n) / n, all_equal(1.0))
def variably_dimensioned(x: Any) -> Any:
    tilt = np.sum(count(1, len(x)) * (x - 1.0))
    return np.concatenate([x - 1.0, np.array([tilt, tilt**2])])


# Not in the paper: where Levenberg–Marquardt ends from the standard start, for n = 10.
LOCAL_26 = (
    2.79505612188e-5,
    ".05515090398069 .05684061679474 .0587640017627 .06099060865676 .06362621369586 "
    ".06684317945276 .2081615185699 .1643630958856 .08500689568851 .09143145071471",
)


@sized(26, "Trigonometric", lambda n: np.full(n, 1.0 / n), all_equal(0.0), trap=LOCAL_26)
def trigonometric(x: Any) -> Any:
    n = len(x)
    return n - np.sum(np.cos(x)) + count(1, n) * (1.0 - np.cos(x)) - np.sin(x)


def at_27(n: int) -> Any:
    # (α, …, α, α¹⁻ⁿ) for the roots α of n αⁿ − (n + 1) αⁿ⁻¹ + 1 in (0, 1]; one of them is 1.
    roots = np.roots([n, -(n + 1.0), *np.zeros(n - 2), 1.0])
    real = [z.real for z in roots if abs(z.imag) < 1e-9 and 0.0 < z.real < 1.0 - 1e-6]
    return tuple(np.append(np.full(n - 1, a), a ** (1.0 - n)) for a in [1.0, *real])


# The paper's other minimum, for n = 10: no minimum in truth, but a very flat critical point.
FLAT_27 = 1.0, "0 0 0 0 0 0 0 0 0 11"


@sized(27, "Brown almost-linear", tiled(0.5), at_27, sizes=range(2, 10_000), trap=FLAT_27)
def brown_almost_linear(x: Any) -> Any:
    product = x[0]
    for entry in x[1:]:  # autograd's rule for np.prod divides by the entries: nan where one is 0
        product = product * entry
    return np.append(x[:-1] + np.sum(x) - (len(x) + 1.0), product - 1.0)


def sagging(n: int) -> Any:
    t = count(1, n) / (n + 1)
    return t * (t - 1.0)


@sized(28, "Discrete boundary value", sagging)
def discrete_boundary_value(x: Any) -> Any:
    h, padded = 1.0 / (len(x) + 1), np.concatenate([[0.0], x, [0.0]])
    cubes = (x + h * count(1, len(x)) + 1.0) ** 3
    return 2.0 * x - padded[:-2] - padded[2:] + h**2 * cubes / 2.0


@sized(29, "Discrete integral equation", sagging)
def discrete_integral_equation(x: Any) -> Any:
    h = 1.0 / (len(x) + 1)
    t = h * count(1, len(x))
    kernel = np.minimum(t[:, None], t) * (1.0 - np.maximum(t[:, None], t))
    return x + h * np.dot(kernel, (x + t + 1.0) ** 3) / 2.0


@sized(30, "Broyden tridiagonal", tiled(-1.0))
def broyden_tridiagonal(x: Any) -> Any:
    padded = np.concatenate([[0.0], x, [0.0]])
    return (3.0 - 2.0 * x) * x - padded[:-2] - 2.0 * padded[2:] + 1.0


@sized(31, "Broyden banded", tiled(-1.0))
def broyden_banded(x: Any) -> Any:
    n = len(x)
    band = np.tri(n, n, 1) - np.tri(n, n, -6) - np.eye(n)  # j from i − 5 to i + 1, but not i
    return x * (2.0 + 5.0 * x**2) + 1.0 - np.dot(band, x * (1.0 + x))


M = 20  # residuals of the three linear problems, left open in the paper
MINIMUM_33 = M * (M - 1) / (2.0 * (2 * M + 1))
MINIMUM_34 = (M**2 + 3 * M - 6) / (2.0 * (2 * M - 3))


def at_33(n: int) -> Any:
    return (np.eye(n)[0] * 3.0 / (2 * M + 1),)  # one of all x with Σ j xⱼ = 3 / (2m + 1)


def at_34(n: int) -> Any:
    return (np.eye(n)[1] * 1.5 / (2 * M - 3),)  # of all with 3 / (2m − 3), the two ends left out


@sized(
    32,
    "Linear, full rank",
    tiled(1.0),
    all_equal(-1.0),
    lambda n: float(M - n),
    sizes=range(1, M + 1),
)
def linear_full_rank(x: Any) -> Any:
    return np.concatenate([x, np.zeros(M - len(x))]) - 2.0 / M * np.sum(x) - 1.0


@sized(33, "Linear, rank 1", tiled(1.0), at_33, lambda n: MINIMUM_33, sizes=range(1, M + 1))
def linear_rank_1(x: Any) -> Any:
    return count(1, M) * np.sum(count(1, len(x)) * x) - 1.0


@sized(
    *(34, "Linear, rank 1 with zero columns and rows", tiled(1.0), at_34, lambda n: MINIMUM_34),
    sizes=range(3, M + 1),
)
def linear_rank_1_with_zeros(x: Any) -> Any:
    rows = np.append(count(0, M - 2), 0.0)
    return rows * np.sum(count(2, len(x) - 1) * x[1:-1]) - 1.0


CHEBYQUAD = dict.fromkeys(range(1, 10), 0.0) | {8: 3.516873725678e-3, 10: 6.503954800882e-3}
AT_35 = numbers(
    ".04315276015102 .1930908403842 .2663287068903 .5 .5 .7336712931097 .8069091596158 "
    ".956847239849"
)


@sized(
    *(35, "Chebyquad", lambda n: count(1, n) / (n + 1), {8: (AT_35,)}.get, CHEBYQUAD.get),
    size=8,
)
def chebyquad(x: Any) -> Any:
    y, means = 2.0 * x - 1.0, []
    before, T = 1.0, y
    for i in range(1, len(x) + 1):
        means.append(np.mean(T) + (1.0 / (i**2 - 1.0) if i % 2 == 0 else 0.0))
        before, T = T, 2.0 * y * T - before
    return np.array(means)


# ── as objectives ─────────────────────────────────────────────────────────────────────────────────


def sum_of_squares(r: Residuals, x: Any) -> Any:
    """The paper's f(x) = Σ rᵢ(x)²."""
    return np.sum(r(x) ** 2)


def scaled(r: Residuals, x: Any) -> Any:
    """√2 r(x), because an `Objective` has fun = ½‖residuals‖²."""
    return 2.0**0.5 * r(x)


def problem(which: int | str, n: int | None = None) -> Objective:
    """Return a problem by its number in the paper or its name, in its standard size or with n.

    `known.minimum` is None for a size of which no minimum is known here.

    Raises
    ------
    LookupError
        No problem has that number or name.
    ValueError
        The problem does not exist for that n.
    """
    found = [row for number, row in ROWS.items() if which in (number, row.name)]
    if not found:
        raise LookupError(
            f"no problem {which!r}: give a number from 1 to 35, or one of {[*TITLES]}"
        )
    row = found[0]
    n = row.size if n is None else n
    if n not in row.sizes:
        raise ValueError(f"{row.name} has no size n = {n!r}: choose n in {row.sizes}")
    return Objective(
        row.name,
        partial(sum_of_squares, row.residuals),
        n,
        residuals=partial(scaled, row.residuals),
        start=np.array(row.start(n)),
        known=Known(minimisers=row.at(n) or (), minimum=row.minimum(n)),
    )


TITLES = [ROWS[number].name for number in sorted(ROWS)]
PROBLEMS = {name: problem(name) for name in TITLES}
