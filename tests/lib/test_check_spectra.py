"""Exercises P12.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
from autograd.scipy.special import logsumexp
from exercise_cases import ask, failures, solution

from secondorder import hessian

SOLUTIONS = {id: solution(id) for id in ("P12.1", "P12.2", "P12.3", "P12.4")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def by_einsum(J, M):
    return np.einsum("nci,ncd,ndj->ij", J, M, J) / len(J)


def by_blocks(J, M):
    N, C, n = J.shape
    big = np.zeros((N * C, N * C))
    for i in range(N):
        big[i * C : (i + 1) * C, i * C : (i + 1) * C] = M[i]
    tall = J.reshape(N * C, n)
    return tall.T @ big @ tall / N


def by_roots(J, M):
    return np.mean(
        [
            (np.linalg.cholesky(m).T @ j).T @ (np.linalg.cholesky(m).T @ j)
            for j, m in zip(J, M, strict=True)
        ],
        axis=0,
    )


def three_in_a_loop(J, r, bends):
    G = sum(np.outer(row, row) for row in J)
    H = G.copy()
    for residual, bend in zip(r, bends, strict=True):
        H = H + residual * bend
    values, Q = np.linalg.eigh(H)
    return np.array([H, G, Q @ np.diag(np.abs(values)) @ Q.T])


def three_by_svd(J, r, bends):
    H = J.T @ J + np.tensordot(r, bends, axes=1)
    _, s, Vt = np.linalg.svd(H)
    return H, J.T @ J, Vt.T @ np.diag(s) @ Vt


def by_autograd(z, y):
    return hessian(lambda out: logsumexp(out) - out[y], z)


def by_expectation(z, y):
    p = np.exp(z - logsumexp(z))
    return sum(p[c] * np.outer(p - e, p - e) for c, e in enumerate(np.eye(z.size)))  # Fisher's way


def by_splits(rows, size):
    parts = np.array_split(rows, range(size, len(rows), size))
    return sum(len(part) * np.linalg.eigvalsh(part.mean(0))[-1] for part in parts) / len(rows)


def by_average(rows, size):
    starts = range(0, len(rows), size)
    sharp = [np.max(np.linalg.eigvalsh(np.mean(rows[i : i + size], axis=0))) for i in starts]
    return np.average(sharp, weights=[len(rows[i : i + size]) for i in starts])


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("P12.1", by_einsum),
        ("P12.1", by_blocks),
        ("P12.1", by_roots),
        ("P12.2", three_in_a_loop),
        ("P12.2", three_by_svd),
        ("P12.3", by_autograd),
        ("P12.3", by_expectation),
        ("P12.4", by_splits),
        ("P12.4", by_average),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def three(change):
    """The right three matrices, changed."""

    def answer(J, r, bends):
        return change(*SOLUTIONS["P12.2"](J, r, bends), J, r, bends)

    return answer


def softmax(z):
    p = np.exp(z - np.max(z))
    return p / np.sum(p)


def overflowing(z, y):
    with np.errstate(all="ignore"):
        p = np.exp(z) / np.sum(np.exp(z))
    return np.diag(p) - np.outer(p, p)


def clipped(z, y):
    p = np.exp(np.minimum(z, 500)) / np.sum(np.exp(np.minimum(z, 500)))
    return np.diag(p) - np.outer(p, p)


def bend_of(change):
    return lambda z, y: change(softmax(z), np.eye(z.size)[y])


def batches(rows, size):
    return [rows[i : i + size] for i in range(0, len(rows), size)]


def lam(part):
    return np.linalg.eigvalsh(np.mean(part, axis=0))[-1]


def cut_negative(H):
    values, Q = np.linalg.eigh(H)
    return Q @ np.diag(np.maximum(values, 0)) @ Q.T


def shuffled(rows, size):
    order = np.argsort(np.arange(len(rows)) % 2, kind="stable")
    return by_splits(rows[order], size)


WRONG: list[tuple[str, Callable, str]] = [
    ("P12.1", lambda J, M: len(J) * by_einsum(J, M), "sum over the rows|not yet"),
    ("P12.1", lambda J, M: by_einsum(J, M) / J.shape[1], "N·C"),
    ("P12.1", lambda J, M: -by_einsum(J, M), "bends down"),
    ("P12.1", lambda J, M: np.einsum("nci,ncj->ij", J, J) / len(J), "Where is M"),
    ("P12.1", lambda J, M: np.einsum("nci,ncj->ij", J, J), "Where is M"),
    ("P12.1", lambda J, M: J.mean(0).T @ M.mean(0) @ J.mean(0), "mean of J and of M|not yet"),
    ("P12.1", lambda J, M: np.mean([j.T @ M.mean(0) @ j for j in J], 0), "one mean M|not yet"),
    (
        "P12.1",
        lambda J, M: np.mean([j.T @ np.diag(np.diag(m)) @ j for j, m in zip(J, M, strict=True)], 0),
        "diagonal of M",
    ),
    (
        "P12.1",
        lambda J, M: np.mean([j.T @ m @ m @ j for j, m in zip(J, M, strict=True)], 0),
        "twice",
    ),
    ("P12.1", lambda J, M: by_einsum(J, M) + 1e-3 * np.eye(J.shape[2]), "rank"),
    ("P12.1", lambda J, M: np.mean([j @ j.T for j in J], 0), "shape"),
    ("P12.1", lambda J, M: np.einsum("nci,ncd,ndj->nij", J, M, J), "shape"),
    ("P12.1", lambda J, M: J[0].T @ M[0] @ J[0], "mean over the rows"),
    (
        "P12.1",
        lambda J, M: np.triu(2 * by_einsum(J, M)) - np.diag(np.diag(by_einsum(J, M))),
        "symmetric",
    ),
    ("P12.2", three(lambda H, G, A, *_: (G, H, A)), "is G|bends down|second of the three"),
    ("P12.2", three(lambda H, G, A, *_: (H, A, G)), "order H, G"),
    ("P12.2", three(lambda H, G, A, *_: (G, G, A)), "is G"),
    ("P12.2", three(lambda H, G, A, *_: (H, H, A)), "is H. G"),
    ("P12.2", three(lambda H, G, A, *_: (H, G, G)), "G for |H|"),
    ("P12.2", three(lambda H, G, A, *_: (H, G, np.abs(H))), "size of every entry|still bends down"),
    ("P12.2", three(lambda H, G, A, *_: (H, G, H)), "still bends down"),
    ("P12.2", three(lambda H, G, A, *_: (H, G, H @ H)), "squares"),
    ("P12.2", three(lambda H, G, A, *_: (H, G, cut_negative(H))), "cut the negative"),
    ("P12.2", three(lambda H, G, A, J, r, b: (2 * G - H, G, A)), "wrong sign"),
    ("P12.2", three(lambda H, G, A, J, r, b: (G + b.sum(0), G, A)), "own residual"),
    ("P12.2", three(lambda H, G, A, J, r, b: (H - G, G, A)), "second difference"),
    ("P12.2", three(lambda H, G, A, J, r, b: (H / len(r), G / len(r), A)), "second difference"),
    ("P12.2", three(lambda H, G, A, J, r, b: (H, G / len(r), A)), "Jv"),
    ("P12.2", three(lambda H, G, A, J, r, b: (H, G)), "shape"),
    ("P12.3", bend_of(lambda p, e: np.outer(p - e, p - e)), "empirical Fisher"),
    ("P12.3", bend_of(lambda p, e: np.diag(p)), "share one sum"),
    ("P12.3", bend_of(lambda p, e: np.diag(p * (1 - p))), "react to another output"),
    ("P12.3", bend_of(lambda p, e: np.outer(p, p) - np.diag(p)), "sign is flipped"),
    ("P12.3", bend_of(lambda p, e: np.outer(p, p) + np.diag(p)), "wrong sign"),
    ("P12.3", bend_of(lambda p, e: np.outer(p, p)), "itself"),
    ("P12.3", bend_of(lambda p, e: np.diag(p) - p @ p), "number p"),
    ("P12.3", bend_of(lambda p, e: np.outer(p, 1 - p)), "mind the sign"),
    ("P12.3", bend_of(lambda p, e: p - e), "shape"),
    ("P12.3", bend_of(lambda p, e: np.eye(p.size) - np.ones((p.size, p.size)) / p.size), "trace"),
    ("P12.3", bend_of(lambda p, e: 0.5 * (np.diag(p) - np.outer(p, p))), "trace"),
    ("P12.3", bend_of(lambda p, e: np.diag(p - e) - np.outer(p - e, p - e)), "gradient where"),
    ("P12.3", overflowing, "nan"),
    ("P12.3", clipped, "899"),
    ("P12.4", lambda rows, size: lam(rows), "sharpness of the whole"),
    ("P12.4", lambda rows, size: np.mean([lam(r[None]) for r in rows]), "Average the matrices"),
    ("P12.4", lambda rows, size: np.mean([lam(b) for b in batches(rows, size)]), "by its rows"),
    ("P12.4", lambda rows, size: np.max([lam(b) for b in batches(rows, size)]), "sharpest batch"),
    (
        "P12.4",
        lambda rows, size: np.mean([lam(b) for b in batches(rows, size) if len(b) == size]),
        "drop the last",
    ),
    (
        "P12.4",
        lambda rows, size: lam(rows[:size]),
        "rows' largest|sharpness of the whole|sharpest batch",
    ),
    (
        "P12.4",
        lambda rows, size: np.mean(
            [np.linalg.eigvalsh(np.mean(b, 0))[0] for b in batches(rows, size)]
        ),
        "smallest",
    ),
    (
        "P12.4",
        lambda rows, size: by_splits(
            np.array([np.linalg.norm(r, 2) * np.eye(len(r)) for r in rows]), size
        ),
        "λmax",
    ),
    (
        "P12.4",
        lambda rows, size: np.sum([lam(b) * len(b) for b in batches(rows, size)]),
        "rows|λmax",
    ),
    (
        "P12.4",
        lambda rows, size: np.mean(
            [np.linalg.eigvalsh(np.sum(b, 0))[-1] for b in batches(rows, size)]
        ),
        "loss is their mean",
    ),
    ("P12.4", shuffled, "in their order|by its rows"),
    ("P12.4", lambda rows, size: np.array([lam(b) for b in batches(rows, size)]), "one number"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
