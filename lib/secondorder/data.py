"""Small datasets that ship with the package or are made on the spot, and mini-batches of them.

`datasets/README.md` says where the files come from and under which licence they are passed on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import as_count, as_floats, as_rng, describe

Matrix = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs and targets, one row for each case, and where they come from.

    Attributes
    ----------
    name : str
    X : float64 array of shape (N, d)
    y : array
        Labels of shape (N,), or float targets of shape (N, C).
    source, licence : str
    features, classes : tuples of str
        Names of the columns of X and of the labels; empty where there are none.

    Examples
    --------
    >>> chebyshev(points=3)
    Dataset('chebyshev', X (3, 1), y (3, 1))
    """

    name: str
    X: Matrix
    y: NDArray[Any]
    source: str
    licence: str
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, X {self.X.shape}, y {self.y.shape})"


def digits() -> Dataset:
    """Return 1,797 handwritten digits of 8 × 8 pixels, grey values from 0 to 1.

    Notes
    -----
    A pixel of the file counts 0 to 16 dark points; X is that count over 16. Three of the 64 columns
    are zero in all rows.
    Source: Alpaydin & Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
    Repository (1998), the test set of 13 writers.

    Examples
    --------
    >>> digits()
    Dataset('digits', X (1797, 64), y (1797,))
    """
    with _file("digits.npz") as path, np.load(path) as file:
        pixels, labels = file["pixels"], file["labels"]
    return Dataset(
        "digits",
        pixels / 16.0,
        labels.astype(np.intp),
        "https://archive.ics.uci.edu/dataset/80",
        "CC BY 4.0",
        tuple(f"pixel {row},{column}" for row in range(8) for column in range(8)),
        tuple("0123456789"),
    )


def small_digits(classes: int = 10, rows: int = 100) -> Dataset:
    """Return the first digits of each class, averaged down to 4 × 4 pixels.

    A network for them has a few hundred parameters: small enough for whole Hessians.

    Parameters
    ----------
    classes : int
        The digits 0 to classes − 1, from 2 to 10 of them.
    rows : int
        How many of each, at most 174.

    Raises
    ------
    ValueError
        A number out of its range.

    Notes
    -----
    As `digits`. A pixel is the mean of 2 × 2 pixels there. Grey values are from 0 to 1, so the mean
    of a column is not 0: subtract it where that matters.

    Examples
    --------
    >>> small_digits(3, 20)
    Dataset('small digits', X (60, 16), y (60,))
    """
    if as_count("classes", classes, 2) > 10:
        raise ValueError(f"classes must be at most 10, got {classes}")
    if as_count("rows", rows) > 174:
        raise ValueError(f"rows must be at most 174, the fewest of a digit, got {rows}")
    whole = digits()
    kept = np.sort(np.concatenate([np.flatnonzero(whole.y == c)[:rows] for c in range(classes)]))
    X = whole.X[kept].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    features = tuple(f"pixel {row},{column}" for row in range(4) for column in range(4))
    return replace(
        whole,
        name="small digits",
        X=X,
        y=whole.y[kept],
        features=features,
        classes=whole.classes[:classes],
    )


def wine() -> Dataset:
    """Return 13 measurements on 178 wines of three cultivars, in their own units.

    Notes
    -----
    The columns differ in scale by a factor of a thousand: as they are, a badly conditioned problem.
    `standardise` mends that.
    Source: Aeberhard & Forina, *Wine*, UCI Machine Learning Repository (1991).

    Examples
    --------
    >>> wine().features[0], wine().X[0, 0].item()
    ('alcohol', 14.23)
    """
    with _file("wine.csv") as path:
        header = path.read_text(encoding="utf-8").split("\n", 1)[0].split(",")
        table = np.loadtxt(path, delimiter=",", skiprows=1)
    return Dataset(
        "wine",
        np.ascontiguousarray(table[:, 1:]),
        table[:, 0].astype(np.intp),
        "https://archive.ics.uci.edu/dataset/109",
        "CC BY 4.0",
        tuple(header[1:]),
        ("cultivar 1", "cultivar 2", "cultivar 3"),
    )


def _file(name: str) -> Any:
    return as_file(files(__package__) / "datasets" / name)


def two_moons(n: int, noise: float, rng: np.random.Generator) -> Dataset:
    """Return two half circles in the plane that reach into each other, blurred by normal noise.

    Parameters
    ----------
    n : int
        Rows, half of them for each moon; the first moon gets the odd one.
    noise : float
        Standard deviation of the noise, from 0 on.
    rng : numpy Generator

    Raises
    ------
    TypeError, ValueError
        n is not a whole number from 2 on, or the noise is negative.

    Examples
    --------
    >>> two_moons(4, 0.0, np.random.default_rng(0)).X.round(6) + 0.0
    array([[ 1. ,  0. ],
           [-1. ,  0. ],
           [ 0. ,  0.5],
           [ 2. ,  0.5]])
    """
    n, deviation = as_count("n", n, 2), as_floats("noise", noise)
    if deviation.ndim or deviation < 0:
        raise ValueError(f"noise must be a number from 0 on, got {describe(noise)}")
    y = np.repeat([0, 1], [n - n // 2, n // 2])
    t = np.concatenate([np.linspace(0, np.pi, size) for size in np.bincount(y)])
    upper, lower = np.stack([np.cos(t), np.sin(t)]), np.stack([1 - np.cos(t), 0.5 - np.sin(t)])
    X = np.where(y == 0, upper, lower).T + as_rng(rng).normal(0, float(deviation), (n, 2))
    return Dataset(
        "two moons", X, y, "computed", "none", ("across", "up"), ("upper moon", "lower moon")
    )


def chebyshev(degree: int = 5, points: int = 20) -> Dataset:
    """Return the Chebyshev polynomial of a degree on an even grid of [−1, 1]: a toy to fit.

    Raises
    ------
    ValueError
        A degree that is not a whole number from 0 on, or fewer than 2 points.

    Notes
    -----
    T_k(cos t) = cos(k t); all values lie in [−1, 1].
    Source: Cohen, Kaur, Li, Kolter & Talwalkar, *Gradient Descent on Neural Networks Typically
    Occurs at the Edge of Stability*, ICLR (2021).

    Examples
    --------
    >>> chebyshev(2, 5).y[:, 0]
    array([ 1. , -0.5, -1. , -0.5,  1. ])
    """
    degree, points = as_count("degree", degree, 0), as_count("points", points, 2)
    X = np.linspace(-1, 1, points)[:, None]
    y = np.polynomial.Chebyshev.basis(degree)(X)
    return Dataset("chebyshev", X, y, "computed", "none", ("x",))


def standardise(X: ArrayLike, like: ArrayLike | None = None) -> Matrix:
    """Return X with every column shifted to mean 0 and scaled to standard deviation 1.

    Parameters
    ----------
    X : array of shape (N, d)
    like : array of shape (M, d), optional
        Take the means and deviations of these rows instead: those of the training set for a test
        set.

    Returns
    -------
    array of shape (N, d), dtype of X
        A column that is constant is only shifted.

    Raises
    ------
    TypeError, ValueError
        X or `like` is not a matrix of finite floats, or they differ in columns.

    Examples
    --------
    >>> standardise([[1.0, 5.0], [3.0, 5.0]])
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    X = _matrix("X", X)
    given = X if like is None else _matrix("like", like)
    if given.shape[1] != X.shape[1]:
        raise ValueError(f"like must have {X.shape[1]} columns as X has, got {describe(given)}")
    mean, deviation = given.mean(axis=0), given.std(axis=0)
    rounding = 10 * np.finfo(given.dtype).eps * np.abs(mean)
    scale = np.where(deviation > rounding, deviation, 1)
    return ((X - mean) / scale).astype(X.dtype, copy=False)


def _matrix(name: str, value: ArrayLike) -> Matrix:
    array = as_floats(name, value)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must have shape (N, d), got {describe(array)}")
    return array


def split(dataset: Dataset, fraction: float, rng: np.random.Generator) -> tuple[Dataset, Dataset]:
    """Return two datasets: a random part of the rows, and the rest.

    Parameters
    ----------
    dataset : Dataset
    fraction : float
        Share of the rows in the first one, between 0 and 1.
    rng : numpy Generator

    Raises
    ------
    TypeError, ValueError
        The dataset is none, or a part would be empty.

    Examples
    --------
    >>> split(wine(), 0.5, np.random.default_rng(0))
    (Dataset('wine', X (89, 13), y (89,)), Dataset('wine', X (89, 13), y (89,)))
    """
    if not isinstance(dataset, Dataset):
        raise TypeError(f"dataset must be a Dataset, got {describe(dataset)}")
    share, rows = as_floats("fraction", fraction), len(dataset.X)
    if share.ndim or not 0 < share < 1:
        raise ValueError(f"fraction must be between 0 and 1, got {describe(fraction)}")
    first = round(float(share) * rows)
    if not 0 < first < rows:
        raise ValueError(f"fraction {float(share)} of {rows} rows leaves a part without rows")
    order = as_rng(rng).permutation(rows)
    one, two = (
        replace(dataset, X=dataset.X[part], y=dataset.y[part])
        for part in (order[:first], order[first:])
    )
    return one, two


@dataclass(frozen=True, eq=False)
class Minibatches:
    """Mini-batches as a pure function of the step and a key, so that a run can be taken up again.

    Step after step goes through all rows in random order, every row once an epoch; then they are
    shuffled anew. The last batch of an epoch holds what is left.

    Attributes
    ----------
    data : tuple of arrays
        With a common first axis, as `Objective.data`.
    size : int
        Rows of a batch, at most all.

    Raises
    ------
    TypeError, ValueError
        Data that are not such a tuple, or a size out of range.

    Examples
    --------
    >>> batches = Minibatches((np.arange(5.0),), 2)
    >>> rows = [batches.batch(step, key=0)[0] for step in range(3)]
    >>> [len(part) for part in rows], np.sort(np.concatenate(rows))
    ([2, 2, 1], array([0., 1., 2., 3., 4.]))
    """

    data: tuple[Any, ...]
    size: int
    _recent: list[Any] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.data, tuple) or not self.data:
            raise TypeError(f"data must be a tuple of arrays, got {describe(self.data)}")
        if any(np.ndim(array) == 0 for array in self.data):
            raise TypeError("data must hold arrays with one row for each case")
        lengths = [len(array) for array in self.data]
        if len(set(lengths)) > 1:
            raise ValueError(f"data must have as many rows in every array, got {lengths}")
        if as_count("size", self.size) > lengths[0]:
            raise ValueError(f"size must be at most {lengths[0]}, the rows there are")

    @property
    def epoch(self) -> int:
        """Steps in an epoch, ⌈N / size⌉."""
        return -(-len(self.data[0]) // self.size)

    def batch(self, step: int, key: int) -> tuple[Any, ...]:
        """Return the rows of one step, of each array of the data.

        Parameters
        ----------
        step : int
            Counted from 0.
        key : int
            Another key is another order of the rows.

        Raises
        ------
        ValueError
            The step or the key is not a whole number from 0 on.

        Notes
        -----
        Epoch e is shuffled by ``default_rng([key, e])``. Cost: one shuffle an epoch.
        """
        epoch, number = divmod(as_count("step", step, 0), self.epoch)
        order = self._order(as_count("key", key, 0), epoch)
        rows = order[number * self.size : (number + 1) * self.size]
        return tuple(array[rows] for array in self.data)

    def _order(self, key: int, epoch: int) -> NDArray[np.intp]:
        """Shuffle, unless this is the epoch of the last call."""
        for *known, order in self._recent:
            if known == [key, epoch]:
                return order
        order = np.random.default_rng([key, epoch]).permutation(len(self.data[0]))
        self._recent[:] = [(key, epoch, order)]
        return order
