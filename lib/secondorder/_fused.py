"""The primitives of networks: layers, activations and losses, each one step of a trace.

Every primitive has a reverse rule, a forward rule and a block rule (see `_replay`), and the rules
are made of primitives again, so that derivatives of any order work. Few steps with few temporaries
are the point: a step of a trace costs some microseconds, and large arrays cost more to touch than
to compute. The type of the arrays is kept: float32 stays float32.

A layer reads its weights W and biases b straight from the flat vector x, at a `Slot`. Its three
primitives are the derivatives of one trilinear form, ⟨g, a W + b⟩: by g it is `affine`, by a
`affine_back`, by (W, b) `affine_weights`. So the rules of each are the other two. All take blocks,
arrays with an axis of length k in front, in place of one argument.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from autograd.extend import SparseObject, defjvp, defvjp, primitive, vspace

from ._inputs import Function
from ._memory import new
from ._replay import Apply, Block, _Sparse, _weighted, block_rule, matmul
from ._rules import _KINKS, _zeros
from ._tape import Step


def _like(a: Any) -> Any:
    return new(a.shape, a.dtype)


def _ones(n: int, like: Any) -> Any:
    """Ones to sum with: a product with them is several times faster than numpy's sum of rows."""
    return np.ones(n, like.dtype)


# ── layers ────────────────────────────────────────────────────────────────────────────────────────


class Slot(NamedTuple):
    """Where a layer lies in x: W (inputs, outputs) from `start` on, then b (outputs,)."""

    start: int
    inputs: int
    outputs: int
    bias: bool = True

    @property
    def middle(self) -> int:
        """Where W ends and b begins."""
        return self.start + self.inputs * self.outputs

    @property
    def stop(self) -> int:
        """Where the layer ends."""
        return self.middle + self.outputs

    @property
    def linear(self) -> Slot:
        """The same place, with b taken to be zero."""
        return self._replace(bias=False)

    def weights(self, x: Any) -> Any:
        """Return W as a view of x, or of every row of a block."""
        shape = (*x.shape[:-1], self.inputs, self.outputs)
        return x[..., self.start : self.middle].reshape(shape)

    def biases(self, x: Any) -> Any:
        """Return b in the same way."""
        return x[..., self.middle : self.stop]


@primitive
def affine(x: Any, a: Any, at: Slot) -> Any:
    """Return a W + b."""
    out = matmul(a, at.weights(x))
    if at.bias:
        out += at.biases(x)[..., None, :]
    return out


@primitive
def affine_back(x: Any, g: Any, at: Slot) -> Any:
    """Return g Wᵀ."""
    return matmul(g, at.weights(x).swapaxes(-1, -2))


@primitive
def affine_weights(a: Any, g: Any, at: Slot, space: Any) -> SparseObject:
    """Return the vector that is aᵀg at W, 1ᵀg at b and zero elsewhere."""
    part = _products(a, g, at)

    def add_to(whole: Any) -> Any:
        whole[at.start : at.stop] += part
        return whole

    return SparseObject(space, add_to)


def _products(a: Any, g: Any, at: Slot) -> Any:
    """Return aᵀg and 1ᵀg, one after the other."""
    here, lead = at._replace(start=0), a.shape[:-2] or g.shape[:-2]
    out = new((*lead, here.stop), np.result_type(a, g))
    np.matmul(a.swapaxes(-1, -2), g, out=here.weights(out))
    here.biases(out)[...] = _ones(g.shape[-2], g) @ g if at.bias else 0
    return out


defvjp(
    affine,
    lambda ans, x, a, at: lambda g: affine_weights(a, g, at, vspace(x)),
    lambda ans, x, a, at: lambda g: affine_back(x, g, at),
)
defjvp(
    affine,
    lambda t, ans, x, a, at: affine(t, a, at),
    lambda t, ans, x, a, at: affine(x, t, at.linear),
)
defvjp(
    affine_back,
    lambda ans, x, g, at: lambda u: affine_weights(u, g, at.linear, vspace(x)),
    lambda ans, x, g, at: lambda u: affine(x, u, at.linear),
)
defjvp(
    affine_back,
    lambda t, ans, x, g, at: affine_back(t, g, at),
    lambda t, ans, x, g, at: affine_back(x, t, at),
)
defvjp(
    affine_weights,
    lambda ans, a, g, at, space: lambda u: affine_back(u, g, at),
    lambda ans, a, g, at, space: lambda u: affine(u, a, at),
)
defjvp(
    affine_weights,
    lambda t, ans, a, g, at, space: affine_weights(t, g, at.linear, space),
    lambda t, ans, a, g, at, space: affine_weights(a, t, at, space),
)


@block_rule(affine)
def _affine_block(step: Step) -> Apply:
    x, a, at = step.args
    W = at.weights(x)
    return _in_place([lambda T: affine.fun(T, a, at), lambda T: matmul(T, W)], step.traced)


@block_rule(affine_back)
def _affine_back_block(step: Step) -> Apply:
    x, g, at = step.args
    W = at.weights(x).T
    return _in_place([lambda T: affine_back.fun(T, g, at), lambda T: matmul(T, W)], step.traced)


@block_rule(affine_weights)
def _affine_weights_block(step: Step) -> Apply:
    a, g, at, _ = step.args
    here, index = at._replace(start=0), (slice(None), slice(at.start, at.stop))

    def apply(*tangents: Block) -> _Sparse:
        by = dict(zip(step.traced, tangents, strict=True))
        out = _products(a, by[1], here) if 1 in by else _products(by[0], g, here.linear)
        if len(by) == 2:
            W = here.weights(out)
            W += matmul(by[0].swapaxes(-1, -2), g)
        return _Sparse(index, out, False)

    return apply


def _in_place(rules: list[Apply], traced: tuple[int, ...]) -> Apply:
    """Sum the rules of the traced arguments, each of which makes an array of its own."""
    if len(traced) == 1:
        return rules[traced[0]]
    first, second = rules

    def apply(T: Block, S: Block) -> Block:
        out = first(T)
        out += second(S)
        return out

    return apply


# ── activations ───────────────────────────────────────────────────────────────────────────────────


class Activation(NamedTuple):
    """A function of each entry, and its slope σ′ as a function of the *answer* y = σ(a)."""

    function: Function
    slope: Function


def _activation(function: Function, slope: Function, bend: Function | None) -> Activation:
    """Make a primitive of a function, of its slope(y), and of bend(y), the slope's slope in y."""
    apply = primitive(function)

    @primitive
    def back(g: Any, y: Any) -> Any:
        return np.multiply(g, slope(y), out=_like(y))

    def bent(t: Any, g: Any, y: Any) -> Any:
        return anp.zeros_like(y) if bend is None else t * g * bend(y)

    defvjp(apply, lambda y, a: lambda g: back(g, y))
    defjvp(apply, lambda t, y, a: back(t, y))
    defvjp(
        back,
        lambda ans, g, y: lambda u: back(u, y),
        lambda ans, g, y: lambda u: bent(u, g, y),
    )
    defjvp(back, lambda t, ans, g, y: back(t, y), lambda t, ans, g, y: bent(t, g, y))

    @block_rule(apply)
    def _(step: Step) -> Apply:
        return _weighted([slope(step.value)], step.value.shape)

    @block_rule(back)
    def _(step: Step) -> Apply:
        (g, y), shape = step.args, step.value.shape
        if bend is not None:
            coefficients = [slope(y), g * bend(y)]
            return _weighted([coefficients[position] for position in step.traced], shape)
        if 0 not in step.traced:
            return np.zeros_like
        by_g = _weighted([slope(y)], shape)
        return lambda *tangents: by_g(tangents[0])

    return Activation(apply, slope)


def _tanh(a: Any) -> Any:
    return np.tanh(a, out=_like(a))


def _tanh_slope(y: Any) -> Any:
    out = np.multiply(y, y, out=_like(y))
    return np.subtract(1, out, out=out)


def _relu(a: Any) -> Any:
    return np.maximum(a, 0, out=_like(a))


def _softplus(a: Any) -> Any:
    """Return log(1 + eᵃ), which for a large a is a; its slope is 1 − e⁻ʸ."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


ACTIVATIONS = {
    "tanh": _activation(_tanh, _tanh_slope, lambda y: -2 * y),
    "relu": _activation(_relu, lambda y: (y > 0).astype(y.dtype), None),
    "softplus": _activation(_softplus, lambda y: -np.expm1(-y), lambda y: anp.exp(-y)),
    "identity": Activation(lambda a: a, np.ones_like),
}
tanh, relu, softplus = (ACTIVATIONS[name].function for name in ("tanh", "relu", "softplus"))
_KINKS[_relu] = _zeros  # the slope at 0 is taken to be 0


# ── losses ────────────────────────────────────────────────────────────────────────────────────────
# z has one row of outputs for each row of data. Nothing is differentiated by the targets.


def _exponentials(z: Any) -> tuple[Any, Any, Any]:
    """Return exp(z − m), its sum over each row, and m, the largest entry of each row."""
    m = np.ascontiguousarray(z.T).max(axis=0)  # numpy is slow along short rows
    e = np.subtract(z, m[:, None], out=_like(z))
    np.exp(e, out=e)
    return e, e @ _ones(z.shape[1], z), m


def probabilities(z: Any) -> Any:
    """Return the softmax of every row of z: eᶻ / Σ eᶻ."""
    e, total, _ = _exponentials(z)
    e /= total[:, None]
    return e


def minus_targets(p: Any, targets: Any) -> Any:
    """Return p − targets, written over p; labels stand for the rows of the identity."""
    if targets.ndim == 2:
        p -= targets
    else:
        p[np.arange(len(p)), targets] -= 1
    return p


def spread(T: Any, q: Any, p: Any) -> Any:
    """Return q T − p Σ q T, row by row: with q = p this is (diag(p) − ppᵀ) T."""
    out = np.multiply(T, q, out=new(T.shape, np.result_type(T, q)))
    out -= (out @ _ones(p.shape[1], p))[..., None] * p
    return out


softmax = primitive(probabilities)


def _along(t: Any, p: Any) -> Any:
    """Return `spread(t, p, p)`, traceable."""
    return p * (t - anp.sum(p * t, axis=1, keepdims=True))


defvjp(softmax, lambda p, z: lambda g: _along(g, p))
defjvp(softmax, lambda t, p, z: _along(t, p))


@primitive
def cross_entropy(z: Any, targets: Any) -> Any:
    """Return the mean over rows of log Σ eᶻ − z[target], or − Σ target z for probabilities."""
    _, total, m = _exponentials(z)
    if targets.ndim == 2:
        at_target = np.einsum("nc,nc->n", z, targets)
    else:
        at_target = z[np.arange(len(z)), targets]
    return np.sum(np.log(total) + (m - at_target)) / len(z)


@primitive
def cross_entropy_slope(z: Any, targets: Any) -> Any:
    """Return (softmax(z) − targets) / N."""
    out = minus_targets(probabilities(z), targets)
    out /= len(z)
    return out


defvjp(cross_entropy, lambda ans, z, t: lambda g: g * cross_entropy_slope(z, t), argnums=[0])
defjvp(cross_entropy, lambda v, ans, z, t: anp.sum(v * cross_entropy_slope(z, t)), argnums=[0])
defvjp(cross_entropy_slope, lambda ans, z, t: lambda g: _along(g, softmax(z)) / len(z), argnums=[0])
defjvp(cross_entropy_slope, lambda v, ans, z, t: _along(v, softmax(z)) / len(z), argnums=[0])


@block_rule(cross_entropy)
def _cross_entropy_block(step: Step) -> Apply:
    return _dot_with(cross_entropy_slope(*step.args))


@block_rule(cross_entropy_slope)
def _cross_entropy_slope_block(step: Step) -> Apply:
    p = probabilities(step.args[0])
    q = p / len(p)
    return lambda T: spread(T, q, p)


@primitive
def half_squared_error(z: Any, y: Any) -> Any:
    """Return the mean over rows of ½‖z − y‖²."""
    r = z - y
    return np.vdot(r, r) / (2 * len(r))


defvjp(half_squared_error, lambda ans, z, y: lambda g: (z - y) * (g / len(z)), argnums=[0])
defjvp(half_squared_error, lambda v, ans, z, y: anp.sum(v * (z - y)) / len(z), argnums=[0])


@block_rule(half_squared_error)
def _half_squared_error_block(step: Step) -> Apply:
    z, y = step.args
    return _dot_with((z - y) / len(z))


def _dot_with(c: Any) -> Apply:
    """Return T ↦ Σ c T over all axes but the first."""
    flat = c.ravel()
    return lambda T: T.reshape(len(T), -1) @ flat
