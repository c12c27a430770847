"""Exercises H7.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures, solution

from secondorder import hessian

SOLUTIONS = {id: solution(id) for id in ("H7.1", "H7.2", "H7.3", "H7.4")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def forward_columns(grad, x, h=1e-7):
    g = grad(x)
    return np.stack([(grad(x + h * e) - g) / h for e in np.eye(x.size)], axis=1)


def symmetrised(grad, x):
    H = SOLUTIONS["H7.1"](grad, x, h=1e-4)
    return (H + H.T) / 2


def rows(grad, x):
    return SOLUTIONS["H7.1"](grad, x).T  # a symmetric matrix may be filled by rows


def longer_step(f, x, v):
    return SOLUTIONS["H7.2"](f, x, v, h=1e-3)


def shorter_step(f, x, v):
    return SOLUTIONS["H7.2"](f, x, v, h=1e-5)


def four_index(H, A):
    return np.einsum("ki,kl,lj->ij", A, H, A)


def whole_matrix(hv, n):
    return np.trace(np.array([hv(e) for e in np.eye(n)]))


def eigenvalues(hv, n):
    return np.linalg.eigvalsh(np.array([hv(e) for e in np.eye(n)])).sum()


def loop(hv, n):
    total = 0
    for j in range(n):
        e = np.zeros(n)
        e[j] = 1
        total += hv(e)[j]
    return total


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("H7.1", forward_columns),
        ("H7.1", symmetrised),
        ("H7.1", rows),
        ("H7.2", longer_step),
        ("H7.2", shorter_step),
        ("H7.3", four_index),
        ("H7.4", whole_matrix),
        ("H7.4", eigenvalues),
        ("H7.4", loop),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def columns(grad, x, h=1e-5, width=2.0):
    return np.array([(grad(x + h * e) - grad(x - h * e)) / (width * h) for e in np.eye(x.size)]).T


def accumulating(grad, x, h=1e-5):
    g, z, H = grad(x), x.copy(), np.zeros((x.size, x.size))
    for j in range(x.size):
        z[j] += h
        H[:, j] = (grad(z) - g) / h
    return H


def in_place(grad, x, h=1e-5):
    g, H = grad(x), np.zeros((x.size, x.size))
    for j in range(x.size):
        x[j] += h
        H[:, j] = (grad(x) - g) / h
    return H


def normalised(f, x, v):
    return SOLUTIONS["H7.2"](f, x, v / np.sqrt(v @ v))


def along_axes(f, x, v):
    return sum(v[i] ** 2 * SOLUTIONS["H7.2"](f, x, e) for i, e in enumerate(np.eye(x.size)))


def every(hv, n):
    return [hv(e) for e in np.eye(n)]


WRONG: list[tuple[str, Callable, str]] = [
    ("H7.1", lambda grad, x: np.diag(np.diag(columns(grad, x))), "diagonal only"),
    ("H7.1", lambda grad, x: columns(grad, x, width=1.0), "twice what it should be"),
    ("H7.1", lambda grad, x: columns(grad, x, width=4.0), "half of what it should be"),
    ("H7.1", lambda grad, x: -columns(grad, x), "sign is flipped"),
    ("H7.1", lambda grad, x: 1e-5 * columns(grad, x), "Divide the change"),
    ("H7.1", lambda grad, x: columns(grad, x) / 1e-5, "far too big"),
    ("H7.1", accumulating, "still holds the step of column 0"),
    ("H7.1", lambda grad, x: accumulating(grad, x).T, "still holds the step of row 0"),
    ("H7.1", in_place, "changes its argument"),
    ("H7.1", lambda grad, x: np.outer(grad(x), grad(x)), "g gᵀ"),
    ("H7.1", lambda grad, x: np.triu(columns(grad, x)), "one half"),
    ("H7.1", lambda grad, x: columns(grad, x, h=0.5), "step h too long"),
    ("H7.1", lambda grad, x: np.diag(columns(grad, x)), "shape"),
    ("H7.1", lambda grad, x: grad(x), "shape"),
    ("H7.2", normalised, "rescaled v to length 1"),
    ("H7.2", lambda f, x, v: SOLUTIONS["H7.2"](f, x, v) / np.sqrt(v @ v), "length of v"),
    ("H7.2", lambda f, x, v: SOLUTIONS["H7.2"](f, x, v) / 2, "half of what it should be"),
    ("H7.2", lambda f, x, v: 2 * SOLUTIONS["H7.2"](f, x, v), "twice what it should be"),
    ("H7.2", lambda f, x, v: -SOLUTIONS["H7.2"](f, x, v), "sign is flipped"),
    ("H7.2", lambda f, x, v: (f(x + 1e-5 * v) - f(x - 1e-5 * v)) / 2e-5, "slope along v"),
    ("H7.2", lambda f, x, v: 1e-4 * SOLUTIONS["H7.2"](f, x, v), "divided by h twice"),
    ("H7.2", lambda f, x, v: (f(x + 1e-4 * v) + f(x - 1e-4 * v) - f(x)) / 1e-8, "1, −2, 1"),
    ("H7.2", along_axes, "mixed entries"),
    ("H7.2", lambda f, x, v: SOLUTIONS["H7.2"](f, x, v, h=1e-8), "too"),
    ("H7.2", lambda f, x, v: v @ hessian(f, x) @ v, "autograd cannot trace"),
    ("H7.3", lambda H, A: A @ H @ A.T, "wrong sides"),
    ("H7.3", lambda H, A: H, "H unchanged"),
    ("H7.3", lambda H, A: H @ A, "One A is missing"),
    ("H7.3", lambda H, A: A.T @ H, "One A is missing"),
    ("H7.3", lambda H, A: A @ H @ A, "must be transposed"),
    ("H7.3", lambda H, A: np.linalg.inv(A) @ H @ A, "changes its basis"),
    ("H7.3", lambda H, A: A.T * H * A, "entry by entry"),
    ("H7.3", lambda H, A: 2 * A.T @ H @ A, "twice what it should be"),
    ("H7.4", lambda hv, n: sum(np.sum(c) for c in every(hv, n)), "all entries"),
    ("H7.4", lambda hv, n: hv(np.ones(n)).sum(), "all entries"),
    ("H7.4", lambda hv, n: np.abs(np.linalg.eigvalsh(every(hv, n))).sum(), "dropped signs"),
    ("H7.4", lambda hv, n: np.linalg.det(np.array(every(hv, n))), "product of the eigenvalues"),
    ("H7.4", lambda hv, n: whole_matrix(hv, n) / n, "mean of the bends"),
    ("H7.4", lambda hv, n: np.linalg.eigvalsh(every(hv, n))[-1], "bend"),
    ("H7.4", lambda hv, n: hv(np.eye(n)[0])[0], "inside the loop"),
    ("H7.4", lambda hv, n: sum(e @ hv(e) for e in np.eye(n)[1:]), "One axis is missing"),
    ("H7.4", lambda hv, n: sum(e @ hv(e) for e in np.eye(n)[:-1]), "bend|axis"),
    ("H7.4", lambda hv, n: 2 * whole_matrix(hv, n), "twice what it should be"),
    ("H7.4", lambda hv, n: sum(hv(e) for e in np.eye(n)), "wanted one number"),
    ("H7.4", lambda hv, n: hv(np.eye(n)).trace(), "hv takes one vector"),
    ("H7.4", lambda hv, n: sum(hv(e) @ hv(e) for e in np.eye(n)), "added squares"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
