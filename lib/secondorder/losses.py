"""Losses of networks: each a mean over rows, and the negative logarithm of a likelihood.

The outputs z of a network have one row for each row of data. A loss compares them with targets.
Read as a likelihood, z are the parameters of a distribution of the targets, row by row: that gives
the Fisher information, and targets drawn from the model.

Pass `cross_entropy` or `mean_squared_error`: the classes have no settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _fused
from ._inputs import as_floats, as_rng, describe

Outputs = NDArray[np.floating]
Targets = NDArray[Any]


@dataclass(frozen=True)
class CrossEntropy:
    r"""Cross-entropy of softmax outputs, the mean over rows of −log p(target).

    .. math:: L = \frac1N \sum_i \Bigl( \log \sum_c e^{z_{ic}} - z_{i y_i} \Bigr)

    Targets are labels, whole numbers of shape (N,) from 0 on, or rows of probabilities (N, C).
    The model behind it: the label of a row is c with probability pᶜ = softmax(z)ᶜ.

    Examples
    --------
    >>> z = np.array([[0.0, 0.0], [800.0, 0.0]])
    >>> round(float(cross_entropy.loss(z, np.array([0, 0]))), 4)
    0.3466
    """

    def loss(self, z: Any, targets: ArrayLike) -> Any:
        """Return the loss, one number; autograd can trace it.

        Parameters
        ----------
        z : array of shape (N, C)
        targets : labels of shape (N,), or probabilities of shape (N, C)

        Raises
        ------
        TypeError, ValueError
            Outputs that are not a matrix, or targets that do not fit them.
        """
        return _fused.cross_entropy(z, self.checked(targets, _shape(z)))

    def gradients(self, z: Outputs, targets: ArrayLike) -> Outputs:
        """Return the gradient of each row's loss by its outputs, softmax(z) − target.

        Not divided by N. Shape (N, C). The errors are those of `loss`.
        """
        targets = self.checked(targets, _shape(z))
        return _fused.minus_targets(_fused.probabilities(z), targets)

    def information(self, z: Outputs, V: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return M V, row by row, with M = diag(p) − ppᵀ, the Fisher information of the outputs.

        Not divided by N. M is also the Hessian of each row's loss.

        Parameters
        ----------
        z : array of shape (N, C)
        V : array of shape (N, C), or a block (k, N, C)

        Raises
        ------
        ValueError
            V does not have the shape of z.
        """
        _need_same(z, V)
        p = _fused.probabilities(z)
        return _fused.spread(V, p, p)

    def sample(self, z: Outputs, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return labels of shape (N,) drawn from the model. The errors are those of `loss`."""
        _shape(z)
        up_to = np.cumsum(_fused.probabilities(z), axis=1)
        return np.sum(as_rng(rng).random((len(z), 1)) * up_to[:, -1:] >= up_to[:, :-1], axis=1)

    def checked(self, targets: ArrayLike, shape: tuple[int, int], name: str = "targets") -> Targets:
        """Return targets that fit outputs of the given shape (N, C).

        Raises
        ------
        TypeError, ValueError
            Labels that are not whole numbers from 0 to C − 1, or rows that are not probabilities.
        """
        t = np.asarray(targets)
        rows, classes = shape
        if t.ndim == 2:
            t = as_floats(name, t)
            if t.shape != shape:
                raise ValueError(f"{name} must have shape {shape}, got {describe(t)}")
            if t.min() < 0 or np.max(np.abs(t.sum(axis=1) - 1)) > 1e-5:
                raise ValueError(f"{name} must hold rows of probabilities that sum to 1")
            return t
        if t.shape != (rows,):
            raise ValueError(
                f"{name} must have shape ({rows},) or {shape}, got {describe(t)}: one label a row"
            )
        if t.dtype.kind not in "iu":
            advice = f"{name}.astype(int)" if t.dtype.kind in "fb" else "numbers from 0 on"
            raise TypeError(f"{name} must hold whole numbers, got {describe(t)}: use {advice}")
        if t.min() < 0 or t.max() >= classes:
            wrong = t.min() if t.min() < 0 else t.max()
            raise ValueError(
                f"{name} must be labels from 0 to {classes - 1} for {classes} outputs, got {wrong}"
            )
        return t


@dataclass(frozen=True)
class MeanSquaredError:
    r"""Half the squared error of a row, summed over the outputs, as a mean over rows.

    .. math:: L = \frac1N \sum_i \tfrac12 \lVert z_i - y_i \rVert^2

    Mind the convention: other libraries leave out the ½ and divide by the number C of outputs too.
    Their mean squared error is 2/C times this. With the ½ the loss is, up to a constant, the
    negative log-likelihood of targets that are normal around z with variance 1.

    Examples
    --------
    >>> float(mean_squared_error.loss(np.array([[3.0], [0.0]]), np.array([[1.0], [0.0]])))
    1.0
    """

    def loss(self, z: Any, targets: ArrayLike) -> Any:
        """Return the loss, one number; autograd can trace it.

        Parameters
        ----------
        z, targets : arrays of shape (N, C)

        Raises
        ------
        TypeError, ValueError
            Outputs that are not a matrix, or targets that do not fit them.
        """
        return _fused.half_squared_error(z, self.checked(targets, _shape(z)))

    def gradients(self, z: Outputs, targets: ArrayLike) -> Outputs:
        """Return the gradient of each row's loss by its outputs, z − y.

        Not divided by N. Shape (N, C). The errors are those of `loss`.
        """
        return z - self.checked(targets, _shape(z))

    def information(self, z: Outputs, V: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return M V with M = I, the Fisher information of a normal distribution's mean.

        Not divided by N. Shapes and errors are those of `CrossEntropy.information`.
        """
        _need_same(z, V)
        return np.array(V)

    def sample(self, z: Outputs, rng: np.random.Generator) -> Outputs:
        """Return targets of shape (N, C) drawn from the model: z plus normal noise of variance 1.

        The errors are those of `loss`.
        """
        return z + as_rng(rng).standard_normal(_shape(z)).astype(z.dtype)

    def checked(self, targets: ArrayLike, shape: tuple[int, int], name: str = "targets") -> Targets:
        """Return targets that fit outputs of the given shape (N, C).

        Raises
        ------
        TypeError, ValueError
            Targets that are not finite floats of that shape.
        """
        y = as_floats(name, targets)
        if y.shape != shape:
            advice = f": use {name}[:, None]" if shape[1] == 1 and y.ndim == 1 else ""
            raise ValueError(f"{name} must have shape {shape}, got {describe(y)}{advice}")
        return y


cross_entropy = CrossEntropy()
mean_squared_error = MeanSquaredError()


def _shape(z: Any) -> tuple[int, int]:
    shape = np.shape(z)
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"z must have shape (N, C), one row of outputs a row, got shape {shape}")
    return shape


def _need_same(z: Outputs, V: NDArray[np.floating]) -> None:
    shape = _shape(z)
    if np.ndim(V) not in (2, 3) or np.shape(V)[-2:] != shape:
        raise ValueError(
            f"V must have shape {shape} or (k, {shape[0]}, {shape[1]}), got {np.shape(V)}"
        )
