"""Exercises V6.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures

from secondorder.layout import Layout

# ── other right answers ───────────────────────────────────────────────────────────────────────────


def by_split(x, shapes):
    ends = np.cumsum([math.prod(s) for s in shapes])[:-1]
    return tuple(p.reshape(s) for p, s in zip(np.split(x, ends), shapes, strict=True))


def by_popping(x, shapes):
    rest, arrays = list(x), []
    for shape in shapes:
        size = math.prod(shape)
        arrays.append(np.reshape(rest[:size], shape).tolist())
        rest = rest[size:]
    return arrays


def by_layout(x, shapes):
    names = tuple(f"p{i}" for i in range(len(shapes)))
    return Layout(names, tuple(shapes)).split(x)


def by_loop(A):
    S = np.zeros(A.shape)
    for i in range(len(A)):
        for j in range(len(A)):
            S[i, j] = (A[i, j] + A[j, i]) / 2
    return S


def by_polarization(A):
    def form(v):
        return v @ A @ v

    e = np.eye(len(A))
    return [[(form(p + q) - form(p) - form(q)) / 2 for q in e] for p in e]


def turned(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def by_bisection(A):
    def across(t):
        p, q = turned(t).T
        return q @ A @ p

    low, high = 0.0, np.pi / 2  # across changes its sign over a quarter turn
    if across(low) == 0:
        return np.eye(2)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if across(low) * across(middle) > 0 else (low, middle)
    return turned(low)


OTHER_RIGHT: list[tuple[str, Callable]] = [
    ("V6.1", by_split),
    ("V6.1", by_popping),
    ("V6.1", by_layout),
    ("V6.2", by_loop),
    ("V6.2", by_polarization),
    ("V6.2", lambda A: A - (A - A.T) / 2),
    ("V6.3", lambda A: np.linalg.eigh(A)[1]),
    ("V6.3", lambda A: -np.linalg.eigh(A)[1][:, ::-1]),
    ("V6.3", by_bisection),
]


@pytest.mark.parametrize(("id", "answer"), OTHER_RIGHT)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def pieces(x, shapes, order: Any = "C"):
    return [p.reshape(s, order=order) for p, s in zip(flat(x, shapes), shapes, strict=True)]


def flat(x, shapes):
    starts = np.cumsum([0, *(math.prod(s) for s in shapes)])
    return [x[a:b] for a, b in pairwise(starts)]


def always_from_0(x, shapes):
    return [x[: math.prod(s)].reshape(s) for s in shapes]


def from_the_end(x, shapes):
    arrays, rest = [], x
    for shape in shapes:
        size = math.prod(shape)
        arrays.append(rest[rest.size - size :].reshape(shape))
        rest = rest[: rest.size - size]
    return arrays


def shifted(x, shapes):
    return pieces(np.roll(x, 1), shapes)


def columns_of(A, b):
    """The two vectors (b, λ − a), which fail where b is 0."""
    values = np.linalg.eigvalsh(A)
    return np.array([[b, b], values - A[0, 0]])


def scaled(A):
    Q = columns_of(A, A[0, 1])
    with np.errstate(all="ignore"):
        return Q / np.linalg.norm(Q, axis=0)


def angle(A):
    return np.arctan2(2 * A[0, 1], A[0, 0] - A[1, 1])


def twice(A):
    q = turned(angle(A) / 2)[:, 0]
    return np.array([q, q]).T


def by_plain_arctan(A):
    with np.errstate(all="ignore"):
        return turned(np.arctan(np.divide(2 * A[0, 1], A[0, 0] - A[1, 1])))


WRONG: list[tuple[str, Callable, str]] = [
    ("V6.1", lambda x, shapes: pieces(x, shapes, "F"), "column by column"),
    ("V6.1", always_from_0, "Every piece starts at 0"),
    ("V6.1", from_the_end, "from the front of x"),
    ("V6.1", shifted, "round trip fails"),
    ("V6.1", flat, "still flat"),
    ("V6.1", lambda x, shapes: pieces(x, shapes)[0], "one array a shape"),
    ("V6.1", lambda x, shapes: [a.T for a in pieces(x, shapes)], "has shape"),
    ("V6.1", lambda x, shapes: pieces(x, shapes)[:-1], "one array a shape"),
    ("V6.1", lambda x, shapes: [0 * a for a in pieces(x, shapes)], "round trip fails"),
    ("V6.1", lambda x, shapes: x.size, "Return a list"),
    ("V6.2", lambda A: A, "not symmetric"),
    ("V6.2", lambda A: A.T, "not symmetric"),
    ("V6.2", lambda A: A + A.T, "twice the form"),
    ("V6.2", lambda A: (A - A.T) / 2, "no v sees"),
    ("V6.2", lambda A: np.triu(A) + np.triu(A, 1).T, "upper half over the lower"),
    ("V6.2", lambda A: np.tril(A) + np.tril(A, -1).T, "lower half over the upper"),
    ("V6.2", lambda A: np.diag(np.diag(A)), "diagonal only"),
    ("V6.2", lambda A: A.T @ A, "another form"),
    ("V6.2", lambda A: A + A.T - np.diag(np.diag(A)), "count twice"),
    ("V6.2", lambda A: A / 2, "two forms differ"),
    ("V6.2", lambda A: np.sum(A), "wanted shape"),
    ("V6.3", lambda A: turned(angle(A) / 2).T, "rows are right"),
    ("V6.3", lambda A: turned(angle(A)), "Halve it"),
    ("V6.3", lambda A: turned(-angle(A) / 2), "wrong way round"),
    ("V6.3", lambda A: 2 * turned(angle(A) / 2), "length"),
    ("V6.3", twice, "one arrow twice"),
    ("V6.3", lambda A: columns_of(A, A[0, 1]), "length|all zeros"),
    ("V6.3", scaled, "nan"),
    ("V6.3", by_plain_arctan, "is turned|Halve it"),
    ("V6.3", lambda A: np.eye(2), "is turned"),
    ("V6.3", lambda A: A, "A itself"),
    ("V6.3", lambda A: np.zeros((2, 2)), "zeros"),
    ("V6.3", lambda A: np.linalg.eigvalsh(A), "wanted shape"),
    ("V6.3", np.linalg.eigh, "must be numbers"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
