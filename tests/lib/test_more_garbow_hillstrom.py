"""The Moré–Garbow–Hillstrom problems: formulas, starts and minima against printed figures."""

import pickle
from typing import Any

import more_garbow_hillstrom as mgh
import numpy as np
import pytest
from more_garbow_hillstrom import PROBLEMS, ROWS, TRAPS, problem
from scipy.optimize import least_squares, minimize

from secondorder import check_derivatives, gradient, hessian, jacobian
from secondorder.objectives import Objective

ALL = pytest.mark.parametrize("f", list(PROBLEMS.values()), ids=list(PROBLEMS))

# The paper prints its minima cut off, not rounded: by number and n.
PAPER = {
    (6, None): "124.362",
    (8, None): "8.21487e-3",
    (9, None): "1.12793e-8",
    (10, None): "87.9458",
    (15, None): "3.07505e-4",
    (16, None): "85822.2",
    (17, None): "5.46489e-5",
    (19, None): "4.01377e-2",
    (20, 6): "2.28767e-3",
    (20, 9): "1.39976e-6",
    (20, 12): "4.72238e-10",
    (23, 4): "2.24997e-5",
    (23, 10): "7.08765e-5",
    (24, 4): "9.37629e-6",
    (24, 10): "2.93660e-4",
    (35, 8): "3.51687e-3",
    (35, 10): "6.50395e-3",
}
PAPER_TRAPS = {2: "48.9842", 8: "17.4286", 15: "1.02734e-3", 18: "5.65565e-3", 27: "1"}

# ‖r(x₀)‖ to seven digits, as the test drivers of MINPACK print it.
MINPACK_NORMS = {
    (1, None): 4.919350,
    (2, None): 20.01250,
    (3, None): 1.065487,
    (6, None): 64.58565,
    (7, None): 50.00000,
    (8, None): 6.456136,
    (10, None): 41153.47,
    (12, None): 32.11158,
    (13, None): 14.66288,
    (15, None): 0.07289151,
    (16, None): 2815.438,
    (17, None): 0.9375640,
    (19, None): 1.446865,
    (20, 6): 5.477226,
    (20, 9): 5.477226,
    (20, 12): 5.477226,
    (26, 10): 0.08411753,
    (27, 10): 16.53022,
    (27, 30): 83.47604,
    (27, 40): 128.0264,
    (28, 10): 0.02808058,
    (29, 1): 0.1279297,
    (29, 10): 0.2518270,
    (30, 10): 4.582576,
    (31, 10): 18.97367,
    (35, 5): 0.2257066,
    (35, 6): 0.2154720,
    (35, 7): 0.1837679,
    (35, 8): 0.1965139,
    (35, 9): 0.1699499,
    (35, 10): 0.1837478,
}

# f(x₀) and the first entries of ∇f(x₀), as the tests of the Go library Gonum have them.
GONUM = {
    (3, None): (1.13526171734838, [-2.00007355588823e4, -0.270596990584991]),
    (4, None): (999998000003.0, [-2e6, -4e-6]),
    (5, None): (14.203125, [0.0, 27.75]),
    (7, None): (2500.0, [0.0, -1.59154943091895e3, -1e3]),
    (9, None): (3.88810699116688e-6, [7.41428466839991e-3, -7.44126392165149e-4, 0.0]),
    (11, None): (12.11070582556949, [2.0879783574289799, 0.0345792619697154, -39.67668010293864]),
    (12, None): (1031.1538106093985, [98.22343149849218, -2.11937420675874, 112.3881736222035]),
    (14, None): (19192.0, [-12008.0, -2080.0, -10808.0, -1880.0]),
    (16, None): (
        7926693.33699744,
        [1149322.836365895, 1779291.674339785, -254579.585463521, -173400.429253115],
    ),
    (18, None): (
        0.77907007565597,
        [-0.149371887533426, -0.183163468182936, -1.483958013575642, 1.428277503849742],
    ),
    (20, 6): (30.0, [0.0, -60.0, -60.0, -61.034482758620697, -62.068965517241381]),
    (23, 4): (885.06264, [119.0, 238.00002, 357.00004, 476.00006]),
    (23, 10): (148032.56535, [1539.0, 3078.00002, 4617.00004]),
    (24, 4): (
        2.34000880546302,
        [12.59999952896435, 8.99999885134508, 5.99999776830493, 2.99999875380719],
    ),
    (24, 10): (162.65277656596712, [255.5999995289644, 229.4999988513451, 203.9999977683049]),
    (25, 2): (46.5625, [-68.5, -137.0]),
    (25, 4): (3222.1875, [-1703.0, -3406.0, -5109.0, -6812.0]),
    (26, 2): (0.0126877761614045, [-0.00840962732040673, -0.0960696773623254]),
    (26, 5): (0.0116573789904718, [0.04568602319608119, -0.00896259022885634]),
}

# Solutions to seven digits, as the test drivers of MINPACK print them.
MINPACK_SOLUTIONS = {
    (3, None): "1.098159e-5 9.106147",
    (8, None): ".08241058 1.133037 2.343695",
    (10, None): ".005609636 6181.346 345.2236",
    (20, 6): "-.01572509 1.012435 -.2329916 1.260430 -1.513729 .9929964",
    (20, 9): "-1.530704e-5 .9997897 .01476396 .1463423 1.000821 -2.617731 4.104403 -3.143612 "
    "1.052626",
    (28, 10): "-.04316498 -.08157716 -.1144857 -.1409736 -.1599087 -.1698772 -.1690900 -.1552495 "
    "-.1253559 -.07541653",
    (29, 10): "-.04316498 -.08157716 -.1144857 -.1409736 -.1599087 -.1698772 -.1690900 -.1552495 "
    "-.1253559 -.07541653",
    (30, 10): "-.5707221 -.6818069 -.7022101 -.7055106 -.7049062 -.7014966 -.6918893 -.6657965 "
    "-.5960351 -.4164123",
    (31, 10): "-.4283029 -.4765964 -.5196525 -.5580993 -.5925062 -.6245037 -.6232395 -.6213938 "
    "-.6204536 -.5864693",
    (35, 5): ".08375126 .3127293 .5 .6872707 .9162487",
    (35, 9): ".04420535 .1994907 .2356191 .4160469 .5 .5839531 .7643809 .8005093 .9557947",
}


def of(table: Any) -> Any:
    """Run a test once for every (number, n) of a table."""
    return pytest.mark.parametrize(
        ("number", "n"), list(table), ids=[f"{ROWS[i].name} {n or ''}".strip() for i, n in table]
    )


def points(f: Objective, count: int = 3) -> Any:
    """The start, and random points around it and around the minimiser."""
    rng, centres = np.random.default_rng(f.dim), [f.start, *f.known.minimisers[:1]]
    yield f.start
    for x in centres:
        for _ in range(count):
            yield x + 0.05 * rng.normal(size=f.dim) * np.maximum(np.abs(x), 0.5)


def scale(x: Any) -> Any:
    """The size of every entry, so that a badly scaled problem can be judged like the others."""
    return np.where(x == 0.0, 1.0, np.abs(x))


def levenberg_marquardt(f: Objective, x: Any = None) -> Any:
    """Run SciPy's MINPACK with our Jacobian; return f and x at the end."""
    run = least_squares(
        f.residuals,
        f.start if x is None else x,
        jac=lambda x: jacobian(f.residuals, x),
        method="lm",
        max_nfev=1000,
        **dict.fromkeys(("xtol", "ftol", "gtol"), 1e-15),
    )
    return run.cost, run.x


def cut_off(printed: str, value: float) -> bool:
    """Whether a number starts with the digits printed; rounded up in the last one will do too."""
    digits = len(printed.partition("e")[0].partition(".")[2])
    unit = 10.0 ** (int(printed.partition("e")[2] or 0) - digits)
    return -0.5 * unit < value - float(printed) < unit


# ── the set as a whole ────────────────────────────────────────────────────────────────────────────


def test_there_are_35_in_the_order_of_the_paper() -> None:
    assert sorted(ROWS) == list(range(1, 36))
    assert len(PROBLEMS) == 35
    assert [*PROBLEMS][::17] == ["Rosenbrock", "Biggs EXP6", "Chebyquad"]
    dims = [2] * 6 + [3] * 6 + [4] * 4 + [5, 6, 11, 6, 10, 12, 10, 4] + [10] * 10 + [8]
    assert [f.dim for f in PROBLEMS.values()] == dims


@ALL
def test_an_objective_is_complete_and_can_be_pickled(f: Objective) -> None:
    assert f.start.shape == (f.dim,) and f.start.dtype == float
    assert all(x.shape == (f.dim,) and x.dtype == float for x in f.known.minimisers)
    assert isinstance(f.known.minimum, float) and f.known.minimum >= 0.0
    again = pickle.loads(pickle.dumps(f))
    assert again(f.start) == f(f.start) > f.known.minimum


def test_a_problem_is_found_by_number_and_by_name_and_starts_afresh() -> None:
    f = problem(20, 9)
    assert repr(f) == repr(problem("Watson", n=9)) == "Objective('Watson', dim=9)"
    f.start[0] = 7.0
    assert problem(20, 9).start[0] == 0.0
    problem(1).start[0] = 7.0
    assert problem(1).start[0] == -1.2
    assert problem("Watson", 5).known.minimum is None
    assert problem("Watson", 5).known.minimisers == ()


@pytest.mark.parametrize("which", [0, 36, "watson", "", None, 1.5])
def test_an_unknown_problem_is_refused(which: Any) -> None:
    with pytest.raises(LookupError, match=r"no problem .*from 1 to 35, or one of \['Rosenbrock'"):
        problem(which)


@pytest.mark.parametrize(
    ("which", "n"),
    [
        *((1, 4), (8, 2), (20, 1), (20, 32), (21, 5), (22, 6), (24, 1), (27, 1), (32, 21)),
        *((34, 2), (25, 0), (25, -3), (25, 2.5), (25, "4")),
    ],
)
def test_a_size_that_does_not_exist_is_refused(which: int, n: Any) -> None:
    with pytest.raises(ValueError, match=f"has no size n = {n!r}: choose n in range"):
        problem(which, n)


# ── the formulas ──────────────────────────────────────────────────────────────────────────────────


@ALL
def test_the_value_is_the_sum_of_the_papers_squares_and_half_that_of_ours(f: Objective) -> None:
    for x in points(f):
        r = f.fun.args[0](x)
        assert r.ndim == 1 and r.size >= f.dim
        assert f(x) == pytest.approx(np.sum(r**2), rel=1e-14)
        assert f(x) == pytest.approx(0.5 * np.sum(f.residuals(x) ** 2), rel=1e-14)


@ALL
def test_the_derivatives_are_those_of_differences(f: Objective) -> None:
    for x in points(f):
        D = scale(x)
        check = check_derivatives(
            lambda z, D=D: f(D * z),
            x / D,
            gradient=lambda z, D=D: D * gradient(f, D * z),
            hessian=lambda z, D=D: D[:, None] * hessian(f, D * z) * D,
            directions=3,
        )
        assert check.gradient_error < 1e-5 and check.hessian_error < 1e-5


@of(MINPACK_NORMS)
def test_the_value_at_the_start_is_that_of_minpack(number: int, n: int | None) -> None:
    f = problem(number, n)
    assert f(f.start) ** 0.5 == pytest.approx(MINPACK_NORMS[number, n], rel=5.1e-7)


@of(GONUM)
def test_value_and_gradient_at_the_start_are_those_of_gonum(number: int, n: int | None) -> None:
    f, (value, slopes) = problem(number, n), GONUM[number, n]
    assert f(f.start) == pytest.approx(value, rel=1e-13)
    g = gradient(f, f.start)[: len(slopes)]
    np.testing.assert_allclose(g, slopes, rtol=1e-12, atol=1e-12)


def by_loops(number: int, x: Any, m: int = mgh.M) -> list[float]:
    """The residuals of the vectorised problems, entry by entry as the paper writes them."""
    n, X = len(x), dict(enumerate(x, 1))
    if number == 20:
        r = []
        for t in [i / 29 for i in range(1, 30)]:
            slope = sum((j - 1) * X[j] * t ** (j - 2) for j in range(2, n + 1))
            r.append(slope - sum(X[j] * t ** (j - 1) for j in range(1, n + 1)) ** 2 - 1)
        return [*r, X[1], X[2] - X[1] ** 2 - 1]
    if number == 24:
        e, a = np.exp, 1e-5**0.5
        r = [X[1] - 0.2]
        for i in range(2, n + 1):
            r.append(a * (e(X[i] / 10) + e(X[i - 1] / 10) - e(i / 10) - e((i - 1) / 10)))
        r += [a * (e(X[i - n + 1] / 10) - e(-1 / 10)) for i in range(n + 1, 2 * n)]
        return [*r, sum((n - j + 1) * X[j] ** 2 for j in X) - 1]
    if number == 26:
        c = sum(np.cos(X[j]) for j in X)
        return [n - c + i * (1 - np.cos(X[i])) - np.sin(X[i]) for i in X]
    if number == 28:
        h, X = 1 / (n + 1), X | {0: 0.0, n + 1: 0.0}
        return [
            2 * X[i] - X[i - 1] - X[i + 1] + h**2 * (X[i] + i * h + 1) ** 3 / 2
            for i in range(1, n + 1)
        ]
    if number == 29:
        h, r = 1 / (n + 1), []
        for i in X:
            low = sum(j * h * (X[j] + j * h + 1) ** 3 for j in range(1, i + 1))
            high = sum((1 - j * h) * (X[j] + j * h + 1) ** 3 for j in range(i + 1, n + 1))
            r.append(X[i] + h * ((1 - i * h) * low + i * h * high) / 2)
        return r
    if number == 30:
        X = X | {0: 0.0, n + 1: 0.0}
        return [(3 - 2 * X[i]) * X[i] - X[i - 1] - 2 * X[i + 1] + 1 for i in range(1, n + 1)]
    if number == 31:
        r = []
        for i in X:
            J = [j for j in range(max(1, i - 5), min(n, i + 1) + 1) if j != i]
            r.append(X[i] * (2 + 5 * X[i] ** 2) + 1 - sum(X[j] * (1 + X[j]) for j in J))
        return r
    if number == 32:
        s = 2 / m * sum(x)
        return [X[i] - s - 1 for i in X] + [-s - 1 for _ in range(n, m)]
    if number == 33:
        return [i * sum(j * X[j] for j in X) - 1 for i in range(1, m + 1)]
    if number == 34:
        s = sum(j * X[j] for j in range(2, n))
        return [-1, *((i - 1) * s - 1 for i in range(2, m)), -1]
    assert number == 35
    T = [np.polynomial.Chebyshev.basis(i, domain=[0, 1]) for i in range(n + 1)]
    return [np.mean(T[i](x)) - T[i].integ(lbnd=0)(1.0) for i in range(1, n + 1)]


@pytest.mark.parametrize("n", [4, 9])
@pytest.mark.parametrize("number", [20, 24, 26, *range(28, 36)])
def test_the_vectorised_residuals_are_those_written_out(number: int, n: int) -> None:
    f = problem(number, n)
    for x in (f.start, np.random.default_rng(n).uniform(-1.0, 1.0, n)):
        np.testing.assert_allclose(f.fun.args[0](x), by_loops(number, x), rtol=1e-12, atol=1e-13)


def test_powell_singular_has_the_values_of_the_hand() -> None:
    f = problem("Powell singular")
    assert [f([*x]) for x in np.eye(4)] == pytest.approx([11.0, 101.0, 21.0, 15.0])
    assert f([0.0, 1.0, 1.0, 0.0]) == pytest.approx(106.0)


@pytest.mark.parametrize(("number", "part", "n"), [(21, 1, 10), (22, 13, 12)])
def test_an_extended_problem_is_so_many_small_ones(number: int, part: int, n: int) -> None:
    f, small = problem(number, n), problem(part)
    assert np.array_equal(f.start, np.tile(small.start, n // small.dim))
    for x in points(f):
        blocks = x.reshape(-1, small.dim)
        assert f(x) == pytest.approx(sum(small(block) for block in blocks))


def test_the_helical_valley_turns_once_around_from_its_cut() -> None:
    rng, r = np.random.default_rng(3), mgh.helical_valley
    for a, b in rng.normal(size=(20, 2)):
        theta = np.arctan(b / a) / (2 * np.pi) + (0.5 if a < 0 else 0.0)
        assert r(np.array([a, b, 0.0]))[0] == pytest.approx(-100.0 * theta, abs=1e-12)
    across = [r(np.array([side, -1.0, 0.0]))[0] for side in (-1e-9, 1e-9)]
    assert across == pytest.approx([-75.0, 25.0])


def test_the_data_have_the_length_and_the_sum_that_they_should() -> None:
    tables = [mgh.BARD, mgh.GAUSSIAN, mgh.MEYER, mgh.KOWALIK_OSBORNE, mgh.OSBORNE_1, mgh.OSBORNE_2]
    assert [len(y) for y in tables] == [15, 15, 16, 11, 33, 65]
    assert np.array_equal(mgh.GAUSSIAN, mgh.GAUSSIAN[::-1])


# ── the minima ────────────────────────────────────────────────────────────────────────────────────


def test_cut_off_tells_digits() -> None:
    assert cut_off("2.24", 2.2499) and cut_off("2.24", 2.2351)
    assert not cut_off("2.24", 2.251) and not cut_off("2.24", 2.234)
    assert cut_off("8.21487e-3", 8.214877e-3) and not cut_off("8.21487e-3", 8.214977e-3)
    assert cut_off("1", 1.0)


@of(PAPER)
def test_the_minimum_has_the_digits_of_the_paper(number: int, n: int | None) -> None:
    assert cut_off(PAPER[number, n], problem(number, n).known.minimum)


def test_every_other_minimum_is_zero_or_of_a_linear_problem() -> None:
    printed = {number for number, _ in PAPER}
    others = {i: problem(i).known.minimum for i in ROWS if i not in printed}
    linear = {32: 10.0, 33: 190 / 41, 34: 227 / 37}
    assert others == pytest.approx(dict.fromkeys(others, 0.0) | linear)


@ALL
def test_a_minimiser_has_the_minimum_no_slope_and_no_way_down(f: Objective) -> None:
    for x in f.known.minimisers:
        D = scale(x)
        assert f(x) == pytest.approx(f.known.minimum, rel=1e-11, abs=1e-20)
        eigenvalues = np.linalg.eigvalsh(D[:, None] * hessian(f, x) * D)
        steepest = np.sqrt(max(f.known.minimum, 1e-6) * eigenvalues[-1])  # what Jᵀr could be
        assert np.max(np.abs(D * gradient(f, x))) < 1e-8 * steepest
        assert eigenvalues[0] > -1e-11 * eigenvalues[-1]


# From the standard start Levenberg–Marquardt ends in these two traps.
TRAPPED = {"Freudenstein and Roth", "Trigonometric"}
SIZES = [(i, None) for i in ROWS] + [
    *((20, 9), (20, 12), (21, 2), (22, 4), (23, 4), (24, 10), (25, 30), (26, 5), (27, 30)),
    *((28, 30), (29, 30), (30, 30), (31, 30), (32, 20), (33, 5), (34, 3)),
    *((35, n) for n in (1, 2, 3, 4, 5, 6, 7, 9, 10)),
]


@of(SIZES)
def test_the_minimum_is_reached_from_the_standard_start(number: int, n: int | None) -> None:
    f = problem(number, n)
    value, x = levenberg_marquardt(f)
    minimum = TRAPS[f.name].value if f.name in TRAPPED and n is None else f.known.minimum
    assert value == pytest.approx(minimum, rel=1e-7, abs=1e-20)
    nearest = [np.max(np.abs(x - y) / scale(y)) for y in f.known.minimisers]
    if f.name not in {*TRAPPED, "Linear, rank 1", "Linear, rank 1 with zero columns and rows"}:
        assert not nearest or min(nearest) < 1e-5


@of(MINPACK_SOLUTIONS)
def test_the_solution_is_that_of_minpack(number: int, n: int | None) -> None:
    _, x = levenberg_marquardt(problem(number, n))
    printed = mgh.numbers(MINPACK_SOLUTIONS[number, n])
    np.testing.assert_allclose(np.sort(x), np.sort(printed), rtol=2e-6, atol=1e-9)


def test_a_general_minimiser_reaches_the_minimum_too() -> None:
    # BFGS and our gradient alone, no residuals: the smooth problems of moderate scale.
    for number in (1, 5, 7, 8, 12, 14, 15, 16, 19, 21, 25, 27, 28, 29, 30, 31, 32, 35):
        f = problem(number)
        run = minimize(f, f.start, jac=lambda x, f=f: gradient(f, x), method="BFGS")
        assert run.fun == pytest.approx(f.known.minimum, rel=1e-5, abs=1e-7), f.name


@pytest.mark.parametrize("n", [2, 7, 20])
def test_penalty_1_has_equal_entries_at_its_minimum(n: int) -> None:
    f = problem("Penalty I", n)
    value, x = levenberg_marquardt(f)
    assert value == pytest.approx(f.known.minimum, rel=1e-9)
    np.testing.assert_allclose(x, f.known.minimisers[0], rtol=1e-5)


@pytest.mark.parametrize("n", [2, 3, 5, 10, 30])
def test_brown_almost_linear_has_one_or_two_minimisers(n: int) -> None:
    f = problem("Brown almost-linear", n)
    assert len(f.known.minimisers) == 2 and np.array_equal(f.known.minimisers[0], np.ones(n))
    assert all(f(x) < 1e-24 for x in f.known.minimisers)


@pytest.mark.parametrize("number", [32, 33, 34])
@pytest.mark.parametrize("n", [3, 8, 20])
def test_the_linear_problems_have_the_minimum_of_linear_algebra(number: int, n: int) -> None:
    f = problem(number, n)
    r0, J = f.fun.args[0](np.zeros(n)), jacobian(f.fun.args[0], np.zeros(n))
    assert np.linalg.matrix_rank(J) == (n if number == 32 else 1)
    x = np.linalg.lstsq(J, -r0, rcond=1e-10)[0]
    assert f(x) == pytest.approx(f.known.minimum, rel=1e-12)


def test_two_discretisations_of_one_equation_have_one_solution() -> None:
    (_, x), (_, y) = (levenberg_marquardt(problem(number, 12)) for number in (28, 29))
    np.testing.assert_allclose(x, y, rtol=1e-12)


# ── the traps ─────────────────────────────────────────────────────────────────────────────────────


def test_the_traps_have_the_digits_of_the_paper() -> None:
    names = {ROWS[number].name: printed for number, printed in PAPER_TRAPS.items()}
    assert {*TRAPS} == {*names, "Trigonometric"}
    assert all(cut_off(printed, TRAPS[name].value) for name, printed in names.items())
    assert all(trap.value > PROBLEMS[name].known.minimum for name, trap in TRAPS.items())


@pytest.mark.parametrize("name", [name for name, (_, x) in TRAPS.items() if np.isfinite(x).all()])
def test_a_trap_is_a_critical_point_of_its_value(name: str) -> None:
    f, (value, x) = PROBLEMS[name], TRAPS[name]
    assert f(x) == pytest.approx(value, rel=1e-10)
    assert np.max(np.abs(gradient(f, x))) < 1e-9
    eigenvalues = np.linalg.eigvalsh(hessian(f, x))
    signs = {"Biggs EXP6": -1.0, "Brown almost-linear": 0.0}
    assert np.sign(np.round(eigenvalues[0], 12)) == signs.get(name, 1.0)


def test_the_other_minimum_of_freudenstein_and_roth_is_in_closed_form() -> None:
    root = 22.0**0.5
    at = np.array([53.0 - 4.0 * root, 2.0 - root]) / 3.0
    np.testing.assert_allclose(TRAPS["Freudenstein and Roth"].at, at, rtol=1e-12)


def test_descent_of_biggs_stays_at_the_saddle_and_a_push_frees_it() -> None:
    f, (value, x) = PROBLEMS["Biggs EXP6"], TRAPS["Biggs EXP6"]
    assert np.array_equal(f.start[[0, 2]], f.start[[4, 5]])
    assert np.array_equal(x[[0, 2]], x[[4, 5]])
    way_down = np.linalg.eigh(hessian(f, x))[1][:, 0]
    assert f(x + 0.1 * way_down) < value
    assert levenberg_marquardt(f, x + 0.1 * way_down)[0] < 1e-20


@pytest.mark.parametrize("n", [9, 10])
def test_brown_almost_linear_falls_from_its_flat_point(n: int) -> None:
    f, x = problem("Brown almost-linear", n), np.append(np.zeros(n - 1), n + 1.0)
    line = np.append(np.ones(n - 1), -float(n))  # all residuals but the last stay 0
    assert f(x + 0.3 * line) < 0.9999 < f(x) == 1.0
    assert f(x + 0.01 * line) == pytest.approx(1.0, abs=1e-12)
    assert not np.any(gradient(f, x))


def test_bard_falls_to_its_limit_along_a_ray() -> None:
    f, (value, x) = PROBLEMS["Bard"], TRAPS["Bard"]
    assert value == pytest.approx(np.sum((mgh.BARD - x[0]) ** 2), rel=1e-11)
    ray = [f(np.array([x[0], -t, -t])) for t in (1e2, 1e4, 1e6, 1e8)]
    assert ray == sorted(ray) or ray == sorted(ray, reverse=True)
    assert ray[-1] == pytest.approx(value, rel=1e-7)


def test_kowalik_osborne_falls_to_its_limit_along_a_ray() -> None:
    f, (value, x) = PROBLEMS["Kowalik and Osborne"], TRAPS["Kowalik and Osborne"]
    u, y = mgh.KOWALIK_OSBORNE_U, mgh.KOWALIK_OSBORNE

    def limit(p: Any) -> Any:
        """r for x = (−p₀ t, p₁, p₂ t, t) as t → −∞, where u² in the denominator is lost."""
        return y + p[0] * (u**2 + u * p[1]) / (u * p[2] + 1.0)

    run = least_squares(limit, [0.04, -14.0, 1.6], method="lm", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    p, t = run.x, -1e9
    assert 2.0 * run.cost == pytest.approx(value, rel=1e-11)
    assert p[1] == pytest.approx(x[1], rel=1e-6)
    assert f(np.array([-p[0] * t, p[1], p[2] * t, t])) == pytest.approx(value, rel=1e-7)
