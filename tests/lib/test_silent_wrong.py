"""Where autograd 1.9 returns a wrong value, or a mere convention, without a word: the whole list.

Each row: a function, a point, what autograd does, what we do.

autograd   "wrong"        a finite gradient that is not the derivative
           "wrong jvp"    the same in forward mode only
           "wrong bend"   the same for the Hessian only
           "convention"   a finite value where no derivative exists
           "nan"          nan or inf
           "right"        right, or an error: the row guards against refusing too much
ours       KinkWarning, ConstantWarning, or an error class; None: the value is right
"""

import warnings
from typing import NamedTuple

import autograd
import autograd.numpy as np
import autograd.scipy.linalg as slinalg
import autograd.scipy.stats as stats
import numpy as onp
import pytest

from secondorder.derivatives import ConstantWarning, KinkWarning, gradient, hessian, hvp, jvp, vjp
from secondorder.differences import central_difference, check_derivatives

Refused = (TypeError, ValueError)
X4 = [0.3, 0.7, -0.5, 1.2]
X8 = [0.3, 0.7, -0.5, 1.2, 0.9, -1.1, 0.4, 0.2]
X9 = [0.3, 0.7, -0.5, 1.2, 0.9, -1.1, 0.4, 0.2, 0.6]
UNIT = onp.diag([1.0, 2.0, 3.0]).ravel()
SAME = onp.eye(3).ravel()
SINGULAR = onp.diag([3.0, 2.0, 0.0]).ravel()  # its singular values are exact on any LAPACK
MASK = onp.array([True, False, True, True])
WEIGHT = onp.cos(onp.arange(1.0, 65.0)) + 0.3
EIGH0 = onp.linalg.eigh(onp.reshape(X9, (3, 3)) + onp.reshape(X9, (3, 3)).T)[1] ** 2
L = np.linalg


class Row(NamedTuple):
    f: object
    x: object
    autograd: str
    ours: object


def S(y):
    """Make one number of any array, unevenly, so that a permuted slope shows."""
    y = np.ravel(y)
    return np.sum(WEIGHT[: len(y)] * (y + 0.3 * y**2))


def mat(x, *shape):
    return np.reshape(x, shape or (3, 3))


def sym(x):
    return mat(x) + mat(x).T


def cube(x):
    return np.reshape(x, (2, 2, 2))


def in_place(x):
    x *= 2
    return x[0]


def draws(x):
    return x[0] * onp.random.default_rng().normal()


def reduction(name, **options):
    return lambda x: S(getattr(np, name)(x**2 + x, **options))


KINK, FLAT = KinkWarning, ConstantWarning
ROWS = {
    # kinks: a tie, a jump or a branch cut at the point
    "abs at 0": Row(lambda x: np.abs(x[0]), [0.0], "convention", KINK),
    "the builtin abs at 0": Row(lambda x: abs(x[0]), [0.0], "convention", KINK),
    "fabs at 0": Row(lambda x: np.fabs(x[0]), [0.0], "convention", KINK),
    "complex abs at 0": Row(lambda x: np.abs(x[0] + 1j * x[1]), [0.0, 0.0], "convention", KINK),
    "maximum at a tie": Row(lambda x: np.maximum(x[0], 0.0), [0.0], "convention", KINK),
    "minimum at a tie": Row(lambda x: np.minimum(x[0], x[1]), [2.0, 2.0], "convention", KINK),
    "fmax at a tie": Row(lambda x: np.fmax(x[0], 0.0), [0.0], "convention", KINK),
    "fmin at a tie": Row(lambda x: np.fmin(x[0], 0.0), [0.0], "convention", KINK),
    "max with ties": Row(np.max, [2.0, 2.0], "convention", KINK),
    "max with ties in a row": Row(
        lambda x: S(np.max(mat(x), axis=1)), SAME * 0, "convention", KINK
    ),
    "min with ties": Row(np.min, [2.0, 2.0], "convention", KINK),
    "clip at its end": Row(lambda x: S(np.clip(x, 0, 1)), [0.0, 0.5], "convention", KINK),
    "clip from above": Row(lambda x: S(x.clip(None, 1.0)), [1.0, 0.5], "convention", KINK),
    "sort with a tie": Row(lambda x: np.sort(x)[0], [1.0, 1.0], "convention", KINK),
    "partition with a tie": Row(lambda x: np.partition(x, 1)[0], [1.0, 1.0], "convention", KINK),
    "mod at a jump": Row(lambda x: x[0] % 1.0, [2.0], "convention", KINK),
    "mod, divisor at a jump": Row(lambda x: np.mod(6.0, x[0]), [2.0], "convention", KINK),
    "remainder at a jump": Row(lambda x: np.remainder(x[0], 2.0), [4.0], "convention", KINK),
    "arctan2 on its cut": Row(lambda x: np.arctan2(x[0], x[1]), [0.0, -1.0], "convention", KINK),
    "angle on its cut": Row(lambda x: np.angle(x[0] + 1j * x[1]), [-1.0, 0.0], "convention", KINK),
    "complex log on its cut": Row(
        lambda x: np.imag(np.log(x[0] + 1j * x[1])), [-1.0, 0.0], "convention", KINK
    ),
    "complex sqrt on its cut": Row(
        lambda x: np.imag(np.sqrt(x[0] + 1j * x[1])), [-1.0, 0.0], "convention", KINK
    ),
    "0 to the power 0": Row(lambda x: x[0] ** x[1], [0.0, 0.0], "convention", KINK),
    "0 to the power 1": Row(lambda x: x[0] ** x[1], [0.0, 1.0], "wrong bend", KINK),
    "0.0 ** x at 0": Row(lambda x: 0.0 ** x[0], [0.0], "convention", KINK),
    "nan_to_num of nan": Row(lambda x: np.nan_to_num(x * onp.nan)[0], [1.0], "nan", KINK),
    "eigenvalues that cross": Row(lambda x: L.eigh(sym(x))[0][-1], SAME, "convention", KINK),
    "bend of crossing eigenvalues": Row(
        lambda x: np.sum(L.eigh(sym(x))[0] ** 3), SAME, "wrong bend", KINK
    ),
    "eig of equal eigenvalues": Row(
        lambda x: S(np.real(L.eig(mat(x))[0])), SAME, "convention", KINK
    ),
    "singular values that cross": Row(
        lambda x: S(L.svd(mat(x), compute_uv=False)), SAME, "convention", KINK
    ),
    "a singular value 0": Row(
        lambda x: S(L.svd(mat(x), full_matrices=False)[1]), SINGULAR, "convention", KINK
    ),
    "nuclear norm without full rank": Row(
        lambda x: L.norm(mat(x), "nuc"), [1.0] * 9, "convention", KINK
    ),
    "pinv without full rank": Row(lambda x: S(L.pinv(mat(x))), [1.0] * 9, "wrong", KINK),
    # functions that do not depend on x
    "a constant": Row(lambda x: 3.0, [1.0], "convention", FLAT),
    "a whole constant": Row(lambda x: 3, [1.0], "right", FLAT),
    "floor": Row(lambda x: np.floor(x[0]), [1.5], "convention", FLAT),
    "a count": Row(lambda x: np.sum(x > 0), [1.5], "right", FLAT),
    # options that a rule ignores
    "sum, where=": Row(reduction("sum", where=MASK), X4, "wrong", TypeError),
    "mean, where=": Row(reduction("mean", where=MASK), X4, "wrong", TypeError),
    "prod, where=": Row(reduction("prod", where=MASK), X4, "wrong", TypeError),
    "var, where=": Row(reduction("var", where=MASK), X4, "wrong", TypeError),
    "std, where=": Row(reduction("std", where=MASK), X4, "wrong", TypeError),
    "var, correction=": Row(reduction("var", correction=1), X4, "wrong", TypeError),
    "std, correction=": Row(reduction("std", correction=1), X4, "wrong", TypeError),
    "var, mean=": Row(reduction("var", mean=0.5), X4, "wrong", TypeError),
    "std, mean=": Row(reduction("std", mean=0.5), X4, "wrong", TypeError),
    "max, initial=": Row(reduction("max", initial=9.0), X4, "nan", TypeError),
    "sum, initial=": Row(reduction("sum", initial=9.0), X4, "wrong jvp", None),
    "solve_triangular, unit_diagonal=": Row(
        lambda x: S(slinalg.solve_triangular(mat(x), x[:3], unit_diagonal=True)),
        UNIT + 0.5,
        "wrong",
        TypeError,
    ),
    'rfft, norm="forward"': Row(
        lambda x: S(np.real(np.fft.rfft(x, norm="forward"))), X8, "wrong", TypeError
    ),
    'irfft, norm="forward"': Row(
        lambda x: S(np.fft.irfft(x[:5], norm="forward")), X8, "wrong", TypeError
    ),
    'rfft2, norm="forward"': Row(
        lambda x: S(np.real(np.fft.rfft2(mat(x, 2, 4), norm="forward"))), X8, "wrong", TypeError
    ),
    "rfft, n shorter": Row(lambda x: S(np.real(np.fft.rfft(x, n=6))), X8, "wrong", TypeError),
    "rfft, n longer": Row(lambda x: S(np.real(np.fft.rfft(x, n=12))), X8, "wrong", TypeError),
    "rfft, n by position": Row(lambda x: S(np.real(np.fft.rfft(x, 12))), X8, "right", None),
    # axes and shapes
    "repeat, axis=-1": Row(
        lambda x: S(np.repeat(mat(x, 2, 2), 2, axis=-1)), X4, "wrong", TypeError
    ),
    "tile, one number for two axes": Row(
        lambda x: S(np.tile(mat(x, 2, 2), 2)), X4, "wrong", TypeError
    ),
    "transpose, axes from the end": Row(
        lambda x: S(np.transpose(mat(x, 1, 2, 2), (-1, 0, 1))), X4, "wrong", TypeError
    ),
    "ravel, order A": Row(lambda x: S(np.ravel(mat(x, 2, 4).T, order="A")), X8, "wrong", TypeError),
    "reshape, order A": Row(
        lambda x: S(np.reshape(mat(x, 2, 4).T, (2, 4), order="A")), X8, "right", TypeError
    ),
    "norm, axes from the end": Row(
        lambda x: S(L.norm(cube(x), axis=(-1, -2))), X8, "wrong", TypeError
    ),
    "norm, keepdims": Row(
        lambda x: S(L.norm(cube(x), axis=(-3, -1), keepdims=True)), X8, "wrong", TypeError
    ),
    "norm of the largest entry": Row(lambda x: L.norm(x, onp.inf), X4, "nan", TypeError),
    "full of an array": Row(lambda x: np.sum(np.full((3, 4), x) ** 2), X4, "wrong", TypeError),
    "full_like": Row(lambda x: S(np.full_like(onp.ones(3), x[0])), X4, "wrong", TypeError),
    "solve, broadcast": Row(
        lambda x: S(L.solve(cube(x)[0] + 3 * np.eye(2), cube(x))), X8, "wrong", TypeError
    ),
    "max over two axes": Row(lambda x: S(np.max(cube(x), axis=(-1, -2))), X8, "wrong jvp", None),
    "norm of a complex array": Row(lambda x: L.norm(x[:2] + 1j * x[2:]), X4, "wrong jvp", None),
    # casts and lost boxes
    "cast to int": Row(lambda x: S(x.astype(int)), X4, "wrong", TypeError),
    "cast to int, times x": Row(lambda x: S(x * x.astype(int)), [1.2, 2.5], "wrong", TypeError),
    "array(x, dtype=int)": Row(lambda x: S(np.array(x, dtype=int)), X4, "wrong", TypeError),
    "array(list, dtype=int)": Row(
        lambda x: S(np.array([x[0], x[1]], dtype=int)), X4, "wrong", TypeError
    ),
    "array(x, dtype=bool)": Row(lambda x: S(np.array(x, dtype=bool)), X4, "wrong", TypeError),
    "full(x, dtype=int)": Row(lambda x: S(np.full(3, x[0], dtype=int)), X4, "wrong", TypeError),
    "where between lists": Row(
        lambda x: S(np.where(onp.array([True, False]), [x[0], x[1]], x[:2] ** 2)),
        X4,
        "wrong",
        TypeError,
    ),
    "list output": Row(lambda x: [x[0], x[1]], X4, "right", Refused),
    "plain numpy array returned": Row(lambda x: onp.array([x[0], x[1]]), X4, "right", Refused),
    "plain numpy array inside": Row(lambda x: onp.array([x[0] * x[1]]).sum(), X4, "right", None),
    "plain numpy full": Row(lambda x: onp.full(2, x[0]).sum(), X4, "right", None),
    "complex output": Row(lambda x: x[0] * (1 + 1j), X4, "right", TypeError),
    # matrices
    "cholesky of a matrix that is not symmetric": Row(
        lambda x: S(L.cholesky(mat(x) + 9 * np.eye(3))), X9, "wrong", None
    ),
    "cholesky of one that is symmetric only here": Row(
        lambda x: S(L.cholesky(mat(x))), UNIT, "wrong", None
    ),
    "normal density, covariance not symmetric": Row(
        lambda x: stats.multivariate_normal.logpdf(
            x[:2], onp.zeros(2), mat(x[:4], 2, 2) + 4 * np.eye(2)
        ),
        X4,
        "wrong",
        TypeError,
    ),
    "bend through eigenvectors": Row(
        lambda x: np.sum((L.eigh(sym(x))[1] ** 2 - EIGH0) ** 2), X9, "wrong bend", TypeError
    ),
    "slope through eigenvectors": Row(lambda x: S(L.eigh(sym(x))[1] ** 2), X9, "wrong jvp", None),
    "solve_triangular": Row(
        lambda x: S(slinalg.solve_triangular(mat(x), x[:3])), UNIT + 0.5, "right", None
    ),
    "normal density": Row(
        lambda x: stats.multivariate_normal.logpdf(x[:2], onp.zeros(2), np.diag(x[2:] ** 2 + 1)),
        X4,
        "right",
        None,
    ),
    "normal density, covariance by name": Row(
        lambda x: stats.multivariate_normal.logpdf(
            x[:2], mean=onp.zeros(2), cov=onp.array([[2.0, 0.4], [0.1, 1.0]])
        ),
        X4,
        "right",
        TypeError,
    ),
    "eig": Row(lambda x: S(np.real(L.eig(mat(x))[0] ** 2)), X9, "right", None),
    "transpose": Row(lambda x: S(np.transpose(mat(x, 1, 2, 2), (2, 0, 1))), X4, "right", None),
    "norm over two axes": Row(lambda x: S(L.norm(cube(x), axis=(0, 2))), X8, "right", None),
    "norm, keepdims and one axis": Row(
        lambda x: S(L.norm(mat(x), axis=0, keepdims=True) * mat(x)), X9, "right", TypeError
    ),
    "irfft": Row(lambda x: S(np.fft.irfft(x[:5], n=6)), X8, "right", None),
    "sinc": Row(lambda x: np.sinc(x[0]), [0.4], "right", None),
    "eigenvalues apart": Row(lambda x: S(L.eigh(sym(x))[0]), X9, "right", None),
    # lost digits, nan, inf
    "sinc near 0": Row(lambda x: np.sinc(x[0]), [1e-9], "wrong bend", TypeError),
    "sinc at 0": Row(lambda x: np.sinc(x[0]), [0.0], "nan", ValueError),
    "sqrt at 0": Row(lambda x: np.sqrt(x[0]), [0.0], "nan", ValueError),
    "x ** 0.5 at 0": Row(lambda x: x[0] ** 0.5, [0.0], "nan", ValueError),
    "norm at 0": Row(L.norm, [0.0, 0.0], "nan", ValueError),
    "hypot at 0": Row(lambda x: np.hypot(x[0], x[1]), [0.0, 0.0], "nan", ValueError),
    "arctan2 at 0": Row(lambda x: np.arctan2(x[0], x[1]), [0.0, 0.0], "nan", ValueError),
    "arcsin at 1": Row(lambda x: np.arcsin(x[0]), [1.0], "nan", ValueError),
    "log at 0": Row(lambda x: np.log(x[0]), [0.0], "nan", ValueError),
    "prod with a zero": Row(np.prod, [0.0, 2.0, 3.0], "nan", ValueError),
    "prod with two zeros": Row(np.prod, [0.0, 0.0, 3.0], "nan", ValueError),
    "std of equal numbers": Row(np.std, [2.0, 2.0], "nan", ValueError),
    "var of equal numbers": Row(np.var, [2.0, 2.0], "right", None),
    "nan of the branch not taken": Row(
        lambda x: np.sum(np.where(x > 0, np.sqrt(np.abs(x)), 0.0)), [0.0, 1.0], "nan", ValueError
    ),
    "log(1 + exp(x)) at 800": Row(lambda x: np.log(1 + np.exp(x[0])), [800.0], "nan", ValueError),
    "logaddexp at 800": Row(lambda x: np.logaddexp(0.0, x[0]), [800.0], "right", None),
    "det of a singular matrix": Row(lambda x: L.det(mat(x)), [0.0] * 9, "right", ValueError),
    "bend of tanh at 800": Row(lambda x: np.tanh(x[0]), [800.0], "wrong bend", ValueError),
    "bend of x ** 1.5 at 0": Row(lambda x: x[0] ** 1.5, [0.0], "wrong bend", ValueError),
    "relu² at 0": Row(lambda x: np.maximum(x[0], 0.0) ** 2, [0.0], "wrong bend", KINK),
    "abs(x)² at 0": Row(lambda x: np.abs(x[0]) ** 2, [0.0], "wrong bend", KINK),
    "x·abs(x) at 0": Row(lambda x: x[0] * np.abs(x[0]), [0.0], "wrong bend", KINK),
    # the function itself
    "changes x in place": Row(in_place, X4, "right", ValueError),
    "draws random numbers": Row(draws, X4, "wrong", ValueError),
    "whole-number point": Row(lambda x: x[0] ** 2, onp.array([1, 2]), "right", TypeError),
}


def quiet(call):
    """Return what `call` returns, or nan where it raises or is complex."""
    with warnings.catch_warnings(), onp.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            value = onp.asarray(call())
        except Exception:
            return onp.nan
    return value if value.dtype.kind == "f" else onp.nan


def differences(f, x):
    return onp.array([float(central_difference(f, x, v=e)) for e in onp.eye(len(x))])


def agree(a, b, tolerance=1e-5):
    return onp.shape(a) == onp.shape(b) and onp.allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ROWS)
def test_what_autograd_does(name):
    f, x, does, _ = ROWS[name]
    x = onp.array(x)
    v = onp.cos(onp.arange(1.0, x.size + 1))
    slope = quiet(lambda: autograd.grad(f)(x.copy()))
    if does == "nan":
        assert not onp.all(onp.isfinite(slope))
    if does == "convention":
        assert onp.all(onp.isfinite(slope))
    if does == "wrong":
        assert onp.all(onp.isfinite(slope)) and not agree(slope, quiet(lambda: differences(f, x)))
    if does == "wrong jvp":
        assert agree(slope, differences(f, x))
        assert not agree(quiet(lambda: autograd.make_jvp(f)(x)(v)[1]), slope @ v)
    if does == "wrong bend":
        assert onp.all(onp.isfinite(slope))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_we_do(name):
    f, x, does, ours = ROWS[name]
    v = onp.cos(onp.arange(1.0, len(x) + 1))
    bends = (lambda: hessian(f, x), lambda: hvp(f, x, v))
    slopes = (lambda: gradient(f, x), lambda: jvp(f, x, v), lambda: vjp(f, x, 1.0))
    if ours is None:
        truth = differences(f, x)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert agree(gradient(f, x), truth)
            assert agree(jvp(f, x, v), truth @ v)
            assert agree(vjp(f, x, 2.0), 2 * truth)
            if name != "slope through eigenvectors":  # no second derivative: the row above
                bend = [
                    central_difference(lambda z: gradient(f, z), x, v=e) for e in onp.eye(len(x))
                ]
                assert agree(hessian(f, x), bend, 1e-4)
        return
    for call in bends if does == "wrong bend" else slopes + bends:
        if isinstance(ours, type) and issubclass(ours, Warning):
            with pytest.warns(ours):
                quiet_of_errors(call)
        else:
            with warnings.catch_warnings(), pytest.raises(ours):
                warnings.simplefilter("ignore", KinkWarning)
                call()


def quiet_of_errors(call):
    """A kink warns; the bend there may be nan on top of that, and then it is an error as well."""
    try:
        call()
    except ValueError as error:
        assert "breaks down" in str(error) or "disagree" in str(error)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[0] if x[0] > 0 else -x[0],
        lambda x: np.where(x[0] > 0, x[0], -x[0]),
        lambda x: np.sum(np.where(x > 0, x, 0.0)),
        lambda x: np.sum(x[x > 0]) - np.sum(x[x <= 0]),
        lambda x: np.sum(x[np.argsort(x)] * onp.array([1.0, 3.0])),
        lambda x: max(x[0], x[1]),
        lambda x: sorted([x[0], x[1]])[0],
        lambda x: np.where(x[0] > 0, x[0] ** 2, 0.0),
    ],
    ids=["if", "where", "where, summed", "mask", "argsort", "max", "sorted", "a bend that jumps"],
)
def test_what_leaves_no_trace_is_found_by_check_derivatives(f, recwarn):
    gradient(f, [0.0, 0.0])
    assert not recwarn.list
    assert not check_derivatives(f, [0.0, 0.0]).ok


def test_a_jump_that_leaves_no_trace_is_found_by_check_derivatives(recwarn):
    def fraction(x):
        return x[0] - np.floor(x[0])

    assert gradient(fraction, [1.0]) == 1
    assert not recwarn.list
    assert not check_derivatives(fraction, [1.0]).ok
