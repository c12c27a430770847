"""Replay a recorded evaluation for a block of tangents at once: forward mode, k directions a pass.

`Pushforward(f, x).push(V)` is J applied to every row of `V` (k, n). f runs once, when it is
recorded; each push is one pass over its steps, on arrays with a leading axis of length k. Of a
gradient that is a block of Hessian products: `Pushforward.of_gradient(f, x)`.

Every primitive has a *block rule*: it looks at the recorded step once, prepares its coefficients,
and returns a function of the tangent blocks. A primitive without one is taken a direction at a time
through autograd's own rule. Pushing keeps no state: threads may push at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple

import autograd.numpy as anp
import numpy as np
from numpy.typing import NDArray

from ._inputs import Function
from ._memory import SMALL, new, zeros
from ._tape import INNER, Step, Trace, forward_rule, trace, trace_gradient

Block = NDArray[np.floating]
Apply = Callable[..., Any]
_RULES: dict[Any, Callable[[Step], Apply | None]] = {}
BLOCK_ENTRIES = 2**18  # a block times the largest array of the trace should not exceed this
MOST_ROWS = 32  # of a block: with more, small traces gain no time


class NoForwardRule(NotImplementedError):
    """A step has no forward rule at all: use reverse mode."""


class _Planned(NamedTuple):
    apply: Apply
    parents: tuple[int, ...]
    last_use: tuple[int, ...]  # slots that nobody reads after this step


class Pushforward:
    """The linear map v ↦ J v of f at x, ready for blocks of directions.

    Attributes
    ----------
    trace : Trace
        The recorded evaluation; `trace.value` is f(x).
    trusted : bool
        True when every step has a block rule of ours. Otherwise compare with reverse mode once.
    block : int
        How many directions go through at once.
    """

    def __init__(self, recorded: Trace) -> None:
        self.trace = recorded
        self.shape = np.shape(recorded.value)
        self.trusted = True
        slots = {step: i for i, step in enumerate(recorded.steps)}
        last = {
            slots[parent]: i for i, step in enumerate(recorded.steps) for parent in step.parents
        }
        self._plan = []
        for i, step in enumerate(recorded.steps[1:], start=1):
            parents = tuple(slots[parent] for parent in step.parents)
            ends = tuple(p for p in dict.fromkeys(parents) if last[p] == i)
            self._plan.append(_Planned(self._rule(step), parents, ends))
        sizes = [np.size(step.value) for step in recorded.steps[1:] if hasattr(step.value, "size")]
        self.block = int(np.clip(BLOCK_ENTRIES // max([1, *sizes]), 1, MOST_ROWS))

    @classmethod
    def of(cls, f: Function, x: Any, name: str = "f") -> Pushforward:
        """Record f at x. Cost: one evaluation."""
        return cls(trace(f, x, name))

    @classmethod
    def of_gradient(cls, f: Function, x: Any, name: str = "f") -> Pushforward:
        """Record ∇f at x. Cost: one gradient."""
        return cls(trace_gradient(f, x, name))

    def push(self, V: Block) -> Block:
        """Return J v for every row v of V. Cost of a row: about two evaluations of f."""
        if not self._plan:
            return V if self.trace.steps else np.zeros((len(V), *self.shape), V.dtype)
        with np.errstate(all="ignore"):  # the callers refuse results that are not finite
            if len(V) <= self.block:
                return self._push(V)
            out = new((len(V), *self.shape), V.dtype)
            for start in range(0, len(V), self.block):
                part = slice(start, start + self.block)
                out[part] = self._push(V[part])
        return out

    def _push(self, V: Block) -> Block:
        slots: list[Any] = [None] * (len(self._plan) + 1)
        slots[0] = V
        for i, (apply, parents, last_use) in enumerate(self._plan, start=1):
            slots[i] = apply(*[slots[parent] for parent in parents])
            for slot in last_use:
                slots[slot] = None
        return slots[-1]

    def _rule(self, step: Step) -> Apply:
        make = _RULES.get(step.fun)
        apply = make(step) if make else None
        if apply is None:
            self.trusted = False
            apply = _one_by_one(step)
        return apply


def block_rule(*primitives: Any) -> Callable[[Callable[[Step], Apply | None]], Any]:
    """Register `make(step) -> apply(*tangents)` as the block rule of primitives.

    `tangents` has one block (k, *shape) for every position in `step.traced`. `make` may return None
    where it does not know the case: then the directions are taken one by one.
    """

    def register(make: Callable[[Step], Apply | None]) -> Callable[[Step], Apply | None]:
        for primitive in primitives:
            _RULES[primitive] = make
        return make

    return register


def _one_by_one(step: Step) -> Apply:
    rule = forward_rule(step.fun)
    if rule is None:
        raise NoForwardRule(f"{step.fun.__name__} has no forward rule")
    traced, value, args, kwargs = step.traced, step.value, step.args, step.kwargs

    def apply(*tangents: Any) -> Any:
        outs = [rule(traced, list(row), value, args, kwargs) for row in zip(*tangents, strict=True)]
        return np.stack(outs)

    return apply


# ── elementwise ───────────────────────────────────────────────────────────────────────────────────


def _spread(T: Block, ndim: int) -> Block:
    """Insert axes after the first, so that the rest of the shape broadcasts to `ndim` axes."""
    missing = ndim - (T.ndim - 1)
    return T if missing <= 0 else T.reshape(T.shape[0], *(1,) * missing, *T.shape[1:])


def _weighted(coefficients: list[Any], shape: tuple[int, ...]) -> Apply:
    """Return Σ cᵢ Tᵢ; a coefficient None stands for 1."""
    ndim = len(shape)

    def apply(*tangents: Block) -> Block:
        out = None
        for c, T in zip(coefficients, tangents, strict=True):
            T = _spread(T, ndim)
            part = T if c is None else _times(T, c)
            if out is None:
                out, ours = part, c is not None
            elif ours and out.shape[1:] == shape and out.dtype == np.result_type(out, part):
                out += part
            else:
                out, ours = np.add(out, part, out=_like(out, part)), True
        assert out is not None
        if out.shape[1:] != shape:
            out = np.broadcast_to(out, (len(out), *shape))
        return out

    return apply


def _like(a: Any, b: Any) -> Block:
    """An array for the result of an elementwise operation."""
    return new(np.broadcast_shapes(np.shape(a), np.shape(b)), np.result_type(a, b))


def _times(T: Block, c: Any) -> Block:
    return T * c if T.nbytes < SMALL else np.multiply(T, c, out=_like(T, c))


def matmul(A: Any, B: Any) -> Block:
    """Return A @ B for matrices, one of which may be a block of them, in an array used again."""
    if A.ndim > 2 and B.ndim == 2 and A.flags.c_contiguous:  # one large product, not many
        return matmul(A.reshape(-1, A.shape[-1]), B).reshape(*A.shape[:-1], B.shape[1])
    lead = A.shape[:-2] if A.ndim > 2 else B.shape[:-2]
    if prod(lead) * A.shape[-2] * B.shape[-1] * A.itemsize < SMALL:
        return A @ B
    return np.matmul(A, B, out=new((*lead, A.shape[-2], B.shape[-1]), np.result_type(A, B)))


_SMOOTH = """absolute fabs reciprocal exp exp2 expm1 log log2 log10 log1p sin cos tan arcsin arccos
arctan sinh cosh tanh arcsinh arccosh arctanh square sqrt divide true_divide power arctan2 logaddexp
logaddexp2 maximum minimum fmax fmin""".split()


@block_rule(*[getattr(anp, name) for name in _SMOOTH])
def _elementwise(step: Step) -> Apply | None:
    """The coefficient is what autograd's own rule makes of a tangent of ones."""
    rule, dtype = forward_rule(step.fun), np.result_type(step.value)
    if rule is None or dtype.kind != "f":
        return None
    coefficients = []
    with np.errstate(all="ignore"):
        for position in step.traced:
            ones = np.ones_like(step.args[position])
            c = rule((position,), [ones], step.value, step.args, step.kwargs)
            coefficients.append(np.asarray(c, dtype))
    return _weighted(coefficients, np.shape(step.value))


@block_rule(anp.add, anp.subtract, anp.negative)
def _signs(step: Step) -> Apply:
    minus = {1} if step.fun is anp.subtract else {0} if step.fun is anp.negative else set()
    signs = [-1 if position in minus else None for position in step.traced]
    return _weighted(signs, np.shape(step.value))


@block_rule(anp.multiply)
def _product(step: Step) -> Apply:
    others = [step.args[1 - position] for position in step.traced]
    ones = [np.ndim(c) == 0 and c == 1 for c in others]
    coefficients = [None if one else c for one, c in zip(ones, others, strict=True)]
    return _weighted(coefficients, np.shape(step.value))


@block_rule(INNER["add"], INNER["mut_add"])
def _sum_of_paths(step: Step) -> Apply:
    add = _weighted([None] * len(step.traced), np.shape(step.value))
    # A sum of one term is copied: the sums of `sparse_add` go on in place.
    return add if len(step.traced) > 1 else lambda T: np.array(T)


@block_rule(INNER["where"])
def _where(step: Step) -> Apply:
    keep = np.asarray(step.args[0], bool)
    masks = [keep if position == 1 else ~keep for position in step.traced]
    return _weighted(masks, np.shape(step.value))


# ── sums and shapes ───────────────────────────────────────────────────────────────────────────────


def _shifted(axis: Any, ndim: int) -> Any:
    """The axes of one array, counted with the leading block axis."""
    axes = range(ndim) if axis is None else np.atleast_1d(axis)
    return tuple(int(a) % ndim + 1 for a in axes) if ndim else ()


@block_rule(anp.sum, INNER["mean"])
def _reduce(step: Step) -> Apply | None:
    x, *rest = step.args
    known = {"axis", "keepdims"}
    if len(rest) > 1 or not known >= {k for k, v in step.kwargs.items() if v is not None}:
        return None
    axes = _shifted(rest[0] if rest else step.kwargs.get("axis"), np.ndim(x))
    keep = bool(step.kwargs.get("keepdims"))
    reduce = np.sum if step.fun is anp.sum else np.mean
    return lambda T: reduce(T, axis=axes, keepdims=keep) if axes else T


@block_rule(anp.reshape, anp.ravel, anp.squeeze, anp.expand_dims, INNER["array"])
def _reshape(step: Step) -> Apply | None:
    if {"F", "A"} & {
        arg for arg in (*step.args[1:], *step.kwargs.values()) if isinstance(arg, str)
    }:
        return None
    shape = np.shape(step.value)
    return lambda T: T.reshape(len(T), *shape)


@block_rule(anp.transpose, anp.swapaxes, anp.moveaxis)
def _reorder(step: Step) -> Apply | None:
    marked = np.empty(range(2, np.ndim(step.args[0]) + 2))  # every axis has a length of its own
    moved = step.fun.fun(marked, *step.args[1:], **step.kwargs)
    axes = [size - 2 for size in moved.shape]
    return lambda T: T.transpose(0, *[a + 1 for a in axes])


@block_rule(anp.broadcast_to)
def _broadcast(step: Step) -> Apply:
    return _weighted([None], np.shape(step.value))


@block_rule(INNER["array_from_args"])
def _stack(step: Step) -> Apply:
    return _placed([(slice(None), position - 2) for position in step.traced], step)


def _placed(places: list[Any], step: Step) -> Apply:
    """Return the rule that writes every tangent to its place in a block of zeros."""
    shape = np.shape(step.value)

    def apply(*tangents: Block) -> Block:
        out = zeros((len(tangents[0]), *shape), tangents[0].dtype)
        for place, T in zip(places, tangents, strict=True):
            out[place] = T
        return out

    return apply


@block_rule(INNER["concatenate"])
def _concatenate(step: Step) -> Apply | None:
    axis, *parts = step.args
    if axis is None:
        return None
    axis %= np.ndim(step.value)
    ends = np.cumsum([0, *(np.shape(part)[axis] for part in parts)])
    before = (slice(None),) * (axis + 1)
    return _placed([(*before, slice(ends[p - 1], ends[p])) for p in step.traced], step)


# ── indexing ──────────────────────────────────────────────────────────────────────────────────────


class _Sparse(NamedTuple):
    """The tangent of an array that is zero but at one index: made by `untake`, used by a sum."""

    index: Any
    T: Block
    repeats: bool


def _behind(index: Any) -> tuple[Any, bool] | None:
    """The index with the block axis before it, and whether it may name an entry twice."""
    parts = index if isinstance(index, tuple) else (index,)
    simple = (int, np.integer, slice, type(None), type(Ellipsis))
    fancy = [part for part in parts if not isinstance(part, simple)]
    if fancy and len(parts) > 1:  # numpy moves the axes of mixed indices around
        return None
    if fancy:
        parts = (np.asarray(parts[0]),)
    return (slice(None), *parts), bool(fancy) and parts[0].dtype != bool


@block_rule(INNER["getitem"])
def _take(step: Step) -> Apply | None:
    found = _behind(step.args[1])
    if found is None:
        return None
    index = found[0]
    return lambda T: T[index]


@block_rule(INNER["untake"])
def _untake(step: Step) -> Apply | None:
    found = _behind(step.args[1])
    if found is None:
        raise NoForwardRule("an index that mixes arrays and slices")
    return lambda T: _Sparse(found[0], T, found[1])


@block_rule(INNER["sparse_add"])
def _sparse_sum(step: Step) -> Apply | None:
    shape, positions = np.shape(step.value), step.traced

    def apply(*tangents: Any) -> Block:
        terms = dict(zip(positions, tangents, strict=True))
        sparse, total = terms.get(2), terms.get(1)
        if sparse is None:
            return terms[1]
        if total is None:
            total = zeros((len(sparse.T), *shape), sparse.T.dtype)
        if sparse.repeats:
            np.add.at(total, sparse.index, sparse.T)
        else:
            total[sparse.index] += sparse.T
        return total  # autograd adds in place too, and only to a sum nobody else reads

    return apply


# ── products of matrices ──────────────────────────────────────────────────────────────────────────


def _product_rule(A: Any, B: Any, position: int) -> Apply | None:
    """The block rule of A @ B for arrays of one or two axes, in its argument 0 or 1."""
    if not (0 < np.ndim(A) < 3 and 0 < np.ndim(B) < 3):
        return None
    if position == 0 and np.ndim(B) == 1:
        return lambda T: T @ B
    if position == 0:
        return lambda T: matmul(T, B)
    if np.ndim(B) == 1:
        return lambda T: T @ A.T
    if np.ndim(A) == 1:
        return lambda T: np.matmul(A, T)
    return lambda T: matmul(A, T)


@block_rule(anp.dot, anp.matmul)
def _matmul(step: Step) -> Apply | None:
    rules = [_product_rule(step.args[0], step.args[1], p) for p in step.traced]
    return _sum_of(rules)


def _sum_of(rules: list[Apply | None]) -> Apply | None:
    if None in rules:
        return None
    if len(rules) == 1:
        return rules[0]
    first, second = rules
    assert first and second
    return lambda T, S: first(T) + second(S)


@block_rule(INNER["dot_adjoint_0"], INNER["dot_adjoint_1"])
def _dot_adjoint(step: Step) -> Apply | None:
    """The gradient of A @ B by A, which is G Bᵀ, or by B, which is Aᵀ G: linear in both."""
    other, G, A_meta, B_meta = step.args
    if not (0 < A_meta[1] < 3 and 0 < B_meta[1] < 3):
        return None
    A, B = "ij"[2 - A_meta[1] :], "jk"[: B_meta[1]]
    out = (A + B).replace("j", "")
    of_other, result = (B, A) if step.fun is INNER["dot_adjoint_0"] else (A, B)

    def by_other(T: Block) -> Block:
        return _contract(f"z{of_other}", out, f"z{result}", T, G)

    def by_G(T: Block) -> Block:
        return _contract(of_other, f"z{out}", f"z{result}", other, T)

    return _sum_of([by_other if p == 0 else by_G for p in step.traced])


def _contract(a: str, b: str, out: str, A: Any, B: Any) -> Block:
    """Return einsum(a,b->out): through matmul, which BLAS does, where two matrices meet."""
    first, *columns = list(out.strip("z"))
    if len(a.strip("z")) != 2 or len(b.strip("z")) != 2 or not columns:
        return np.einsum(f"{a},{b}->{out}", A, B)
    if first in b:
        a, b, A, B = b, a, B, A
    left = A if a.strip("z")[0] == first else np.swapaxes(A, -1, -2)
    right = B if b[-1] == columns[0] else np.swapaxes(B, -1, -2)
    return matmul(left, right)


@block_rule(anp.outer)
def _outer(step: Step) -> Apply | None:
    a, b = (np.ravel(arg) for arg in step.args[:2])
    if any(np.ndim(arg) != 1 for arg in step.args[:2]):
        return None
    rules: dict[int, Apply] = {
        0: lambda T: T[:, :, None] * b,
        1: lambda T: a[:, None] * T[:, None, :],
    }
    return _sum_of([rules[p] for p in step.traced])


@block_rule(anp.einsum)
def _einsum(step: Step) -> Apply | None:
    formula, *operands = step.args
    if not isinstance(formula, str) or "->" not in formula or "." in formula or len(operands) != 2:
        return None
    inputs, out = formula.replace(" ", "").split("->")
    letter = next(c for c in "zyxwvutsrqponmlkjihgfedcba" if c not in formula)
    parts = inputs.split(",")

    def by(position: int) -> Apply:
        marked = [letter + part if i == position else part for i, part in enumerate(parts)]
        rule = f"{','.join(marked)}->{letter}{out}"

        def apply(T: Block) -> Block:
            arrays = [T if i == position else operand for i, operand in enumerate(operands)]
            return np.einsum(rule, *arrays, optimize=True)

        return apply

    return _sum_of([by(p - 1) for p in step.traced])
