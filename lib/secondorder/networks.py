"""Multilayer perceptrons as plain functions of one flat vector of parameters.

`network(x, X)` are the outputs for the rows of X. A network without hidden layers is linear or
logistic regression. `network.objective(loss, X, y)` is what optimizers and operators take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import autograd.numpy as np
from numpy.typing import ArrayLike, NDArray

from ._fused import ACTIVATIONS, Slot, affine, affine_back
from ._inputs import Vector, as_count, as_floats, as_rng, as_step, describe
from .layout import Layout
from .objectives import Objective

Array = NDArray[np.floating]
_SCHEMES = ("glorot", "he", "lecun")


class Layer(NamedTuple):
    """What goes into a layer, and what comes out before the activation.

    Examples
    --------
    >>> (layer,) = mlp([1, 1]).layers(np.array([2.0, 1.0]), np.array([[3.0]]))
    >>> layer.inputs.item(), layer.preactivations.item()
    (3.0, 7.0)
    """

    inputs: Array
    preactivations: Array


@dataclass(frozen=True)
class Network:
    r"""A multilayer perceptron; made by `mlp`.

    .. math:: h_0 = X, \qquad a_l = h_{l-1} W_l + 1 b_l^T, \qquad h_l = \sigma(a_l)

    The outputs are those of the last layer before the activation.

    Attributes
    ----------
    sizes : tuple of int
        Inputs, hidden layers, outputs.
    activation : str
        The name of σ.

    Examples
    --------
    >>> network = mlp([2, 3, 1])
    >>> network.dim, network.layout.names
    (13, ('W1', 'b1', 'W2', 'b2'))
    """

    sizes: tuple[int, ...]
    activation: str = "tanh"

    @cached_property
    def layout(self) -> Layout:
        """How x is cut into W1, b1, W2, b2 …; a matrix is (inputs, outputs) of its layer."""
        named = [
            pair
            for i, (d, c) in enumerate(pairwise(self.sizes), start=1)
            for pair in ((f"W{i}", (d, c)), (f"b{i}", (c,)))
        ]
        names, shapes = zip(*named, strict=True)
        return Layout(names, shapes)

    @cached_property
    def dim(self) -> int:
        """The length n of x."""
        return self.layout.size

    @cached_property
    def _slots(self) -> tuple[Slot, ...]:
        starts = [self.layout.slices[name].start for name in self.layout.names[::2]]
        return tuple(
            Slot(start, d, c) for start, (d, c) in zip(starts, pairwise(self.sizes), strict=True)
        )

    def __call__(self, x: Any, X: Array) -> Any:
        """Return the outputs, of shape (N, C); autograd can trace them in x and in X.

        Parameters
        ----------
        x : array of shape (n,)
        X : array of shape (N, d)

        Raises
        ------
        TypeError, ValueError
            x or X has another shape, or is a list of what are not floats.

        Notes
        -----
        Cost: N times n multiplications.
        """
        *_, last = self._forward(*self._checked(x, X))
        return last.preactivations

    def _forward(self, x: Any, X: Any) -> Iterator[Layer]:
        activation, a = ACTIVATIONS[self.activation].function, None
        for slot in self._slots:
            h = X if a is None else activation(a)
            a = affine(x, h, slot)
            yield Layer(h, a)

    def start(
        self, rng: np.random.Generator, scheme: str | float = "glorot", dtype: Any = float
    ) -> Vector:
        """Return parameters to start from: random weights, biases 0.

        Parameters
        ----------
        rng : numpy Generator
        scheme : str or float
            "glorot": uniform in ±√(6/(inputs + outputs)). "he": normal with variance 2/inputs, for
            relu. "lecun": normal with variance 1/inputs. A number: normal with that deviation.
        dtype : dtype

        Raises
        ------
        TypeError, ValueError
            A scheme that is none of these, or a dtype that is not float.

        Notes
        -----
        Source: Glorot & Bengio, *Understanding the difficulty of training deep feedforward neural
        networks*, AISTATS (2010); He, Zhang, Ren & Sun, *Delving Deep into Rectifiers*, ICCV
        (2015); LeCun, Bottou, Orr & Müller, *Efficient BackProp* (1998).

        Examples
        --------
        >>> x = mlp([4, 2]).start(np.random.default_rng(0))
        >>> bool(np.all(np.abs(x[:8]) <= 1)), x[8:]
        (True, array([0., 0.]))
        """
        if isinstance(scheme, str) and scheme not in _SCHEMES:
            known = ", ".join(map(repr, _SCHEMES))
            raise ValueError(f"scheme must be {known} or a number, got {scheme!r}")
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"dtype must be a float type, got {np.dtype(dtype)}")
        spread = None if isinstance(scheme, str) else as_step(scheme, "scheme")
        x, rng = np.zeros(self.dim, dtype), as_rng(rng)
        for slot in self._slots:
            shape = d, c = slot.inputs, slot.outputs
            if scheme == "glorot":
                limit = np.sqrt(6 / (d + c))
                W = rng.uniform(-limit, limit, shape)
            else:
                W = rng.normal(0, spread or np.sqrt((2 if scheme == "he" else 1) / d), shape)
            slot.weights(x)[...] = W
        return x

    def layers(self, x: Vector, X: Array) -> list[Layer]:
        """Return the inputs (N, d) and preactivations (N, c) of every layer, in plain numbers.

        Raises
        ------
        TypeError, ValueError
            x or X is not an array of finite floats of its shape.

        Notes
        -----
        Cost: one evaluation. The last preactivations are the outputs of the network.
        """
        return list(self._forward(*self._checked(as_floats("x", x), as_floats("X", X))))

    def backward(
        self, x: Vector, X: Array, G: Array, *, layers: Sequence[Layer] | None = None
    ) -> list[Array]:
        """Return each row's gradients by the preactivations of every layer.

        Parameters
        ----------
        x : array of shape (n,)
        X : array of shape (N, d)
        G : array of shape (N, C)
            The gradient of each row's loss by its outputs, as `losses` give it.
        layers : list of Layer, optional
            What `layers(x, X)` returned, to save one evaluation.

        Returns
        -------
        list of arrays, (N, c) for a layer of c outputs

        Raises
        ------
        TypeError, ValueError
            As `layers`; also when G does not have the shape of the outputs.

        Notes
        -----
        g_l = (g_{l+1} W_{l+1}ᵀ) σ′(a_l). The gradient of the mean loss by W_l is h_{l-1}ᵀ g_l / N.
        Cost: one evaluation, and one more without `layers`.

        Examples
        --------
        >>> network, x = mlp([1, 1, 1], "identity"), np.array([2.0, 0.0, 3.0, 0.0])
        >>> network.backward(x, np.array([[1.0]]), np.array([[1.0]]))
        [array([[3.]]), array([[1.]])]
        """
        layers = self.layers(x, X) if layers is None else layers
        shape = layers[-1].preactivations.shape
        if np.shape(G) != shape:
            raise ValueError(f"G must have the shape {shape} of the outputs, got {np.shape(G)}")
        found, slope = [G], ACTIVATIONS[self.activation].slope
        for slot, layer in zip(self._slots[:0:-1], layers[:0:-1], strict=True):
            found.append(affine_back(x, found[-1], slot) * slope(layer.inputs))
        return found[::-1]

    def objective(
        self, loss: Any, X: ArrayLike, y: ArrayLike, *, weight_decay: float = 0.0, name: str = ""
    ) -> Objective:
        r"""Return the training loss of the network on the rows of X and y.

        .. math:: f(x) = L(\mathrm{network}(x, X), y) + \tfrac{\lambda}{2} \lVert x \rVert^2

        Parameters
        ----------
        loss : CrossEntropy or MeanSquaredError
            As `losses.cross_entropy`, or an object with the same methods.
        X : array of shape (N, d)
        y : array
            The targets, as the loss wants them. Floats are brought to the dtype of X.
        weight_decay : float
            λ, which is the `ridge` of the objective. Biases are not spared.
        name : str

        Returns
        -------
        Objective
            With `model`, `loss`, `likelihood`, `data` and `layout`. A batch is (X, y), rows of the
            data. It can be pickled.

        Raises
        ------
        TypeError, ValueError
            A loss that is none, inputs or targets that do not fit, or a negative weight decay.

        Examples
        --------
        >>> from secondorder.losses import cross_entropy
        >>> f = mlp([2, 2]).objective(cross_entropy, np.eye(2), [0, 1])
        >>> round(float(f(np.zeros(6))), 4)
        0.6931
        """
        for part in ("loss", "gradients", "information", "sample", "checked"):
            if isinstance(loss, type) or not callable(getattr(loss, part, None)):
                raise TypeError(
                    f"loss must be losses.cross_entropy or mean_squared_error, got {describe(loss)}"
                )
        _, inputs = self._checked(np.zeros(self.dim), as_floats("X", X))
        targets = loss.checked(y, (len(inputs), self.sizes[-1]), "y")
        if targets.dtype.kind == "f":
            targets = targets.astype(inputs.dtype, copy=False)
        decay = as_floats("weight_decay", weight_decay)
        if decay.ndim or decay < 0:
            raise ValueError(f"weight_decay must be a number from 0 on, got {weight_decay!r}")
        task = _Task(self, loss, (inputs, targets), float(decay))
        return Objective(
            name or f"{type(loss).__name__} of {self}",
            task.value,
            self.dim,
            model=task.outputs,
            loss=task.loss,
            likelihood=loss,
            ridge=task.decay,
            data=task.data,
            layout=self.layout,
        )

    def __str__(self) -> str:
        return f"{'-'.join(map(str, self.sizes))} {self.activation}"

    def _checked(self, x: Any, X: Any) -> tuple[Any, Any]:
        x, X = (
            value if hasattr(value, "shape") else as_floats(name, value)
            for name, value in (("x", x), ("X", X))
        )
        if x.shape != (self.dim,):
            raise ValueError(f"x must have shape ({self.dim},), got {x.shape}")
        if len(X.shape) != 2 or X.shape[1] != self.sizes[0] or not len(X):
            one = ": one row is X[None, :]" if X.shape == self.sizes[:1] else ""
            raise ValueError(f"X must have shape (N, {self.sizes[0]}), got {X.shape}{one}")
        return x, X


@dataclass(frozen=True, eq=False)
class _Task:
    """A network, its loss and its data: the functions of an objective, which can be pickled."""

    network: Network
    likelihood: Any
    data: tuple[Array, Any]
    decay: float

    def outputs(self, x: Any, batch: Any = None) -> Any:
        return self.network(x, (self.data if batch is None else batch)[0])

    def loss(self, z: Any, batch: Any = None) -> Any:
        return self.likelihood.loss(z, (self.data if batch is None else batch)[1])

    def value(self, x: Any, batch: Any = None) -> Any:
        fit = self.loss(self.outputs(x, batch), batch)
        return fit + 0.5 * self.decay * np.dot(x, x) if self.decay else fit


def mlp(sizes: Iterable[int], activation: str = "tanh") -> Network:
    """Return a multilayer perceptron.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers, outputs; two of them make a linear model.
    activation : str
        "tanh", "relu" (slope 0 at 0), "softplus", or "identity" for a linear network.

    Raises
    ------
    TypeError, ValueError
        Sizes that are not at least two whole numbers from 1 on, or an unknown activation.

    Examples
    --------
    >>> network = mlp([2, 1])
    >>> network(np.array([1.0, 2.0, 3.0]), np.array([[10.0, 100.0]]))
    array([[213.]])
    """
    if isinstance(sizes, str) or not isinstance(sizes, Iterable):
        raise TypeError(f"sizes must be a list such as [64, 32, 10], got {describe(sizes)}")
    counts = tuple(as_count(f"sizes[{i}]", size) for i, size in enumerate(sizes))
    if len(counts) < 2:
        raise ValueError(f"sizes must hold inputs and outputs at least, got {list(counts)}")
    if activation not in ACTIVATIONS:
        known = ", ".join(map(repr, ACTIVATIONS))
        raise ValueError(f"activation must be one of {known}, got {activation!r}")
    return Network(counts, activation)
