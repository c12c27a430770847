"""Exercises P14.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures, solution

from secondorder import methods

SOLUTIONS = {id: solution(id) for id in ("P14.1", "P14.2", "P14.3", "P14.4")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def unit_by_unit(W1, b1, W2, b2, factors):
    W1, b1, W2 = W1.copy(), b1.copy(), W2.copy()
    for j, c in enumerate(factors):
        if not c > 0:
            raise ValueError("not positive")
        W1[:, j] *= c
        b1[j] *= c
        W2[j] /= c
    return [W1, b1, W2, b2]


def with_diagonals(W1, b1, W2, b2, factors):
    if min(factors) <= 0:
        return None
    D = np.diag(factors)
    return W1 @ D, D @ b1, np.linalg.inv(D) @ W2, b2.copy()


def with_inverses(A, S, G):
    return np.linalg.inv(A) @ G @ np.linalg.inv(S)


def by_eigenvectors(A, S, G):
    a, P = np.linalg.eigh(A)
    s, Q = np.linalg.eigh(S)
    return P @ ((P.T @ G @ Q) / np.outer(a, s)) @ Q.T


def with_the_product(A, S, G):
    return np.linalg.solve(np.kron(A, S), G.ravel()).reshape(G.shape)


def with_unit(grad, w, rho):
    g = grad(w)
    if not np.any(g):
        return np.zeros_like(w)
    return grad(w + rho * (g / np.sqrt(g @ g)))


def through_svd(M, coefficients, steps):
    U, s, V = np.linalg.svd(M, full_matrices=False)
    s = s / np.sqrt(np.sum(s**2))
    for _ in range(steps):
        s = sum(c * s ** (2 * k + 1) for k, c in enumerate(coefficients))
    return (U * s) @ V


def from_the_right(M, coefficients, steps):
    a, b, c = coefficients
    X = M / np.sqrt(np.sum(M**2))
    for _ in range(steps):
        B = X.T @ X
        X = X @ (a * np.eye(len(B)) + b * B + c * B @ B)
    return X


def from_the_library(M, coefficients, steps):
    return methods.newton_schulz(M, steps, coefficients) if steps else M / np.linalg.norm(M)


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("P14.1", unit_by_unit),
        ("P14.1", with_diagonals),
        ("P14.2", with_inverses),
        ("P14.2", by_eigenvectors),
        ("P14.2", with_the_product),
        ("P14.3", with_unit),
        ("P14.4", through_svd),
        ("P14.4", from_the_right),
        ("P14.4", from_the_library),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def rescaled(new):
    """Refuses as it should, with other arrays."""

    def answer(W1, b1, W2, b2, factors):
        SOLUTIONS["P14.1"](W1, b1, W2, b2, factors)
        return new(W1, b1, W2, b2, factors)

    return answer


def never_refuses(W1, b1, W2, b2, f):
    return W1 * f, b1 * f, W2 / f[:, None], b2


def scales_in_place(W1, b1, W2, b2, f):
    W1 *= f
    return W1, b1 * f, W2 / f[:, None], b2


def climbing(point):
    """The gradient at another point than SAM's."""

    def answer(grad, w, rho):
        g = grad(w)
        return grad(point(w, g, rho)) if np.any(g) else g

    return answer


def unit(g):
    return g / np.linalg.norm(g)


def divides_by_zero(grad, w, rho):
    g = grad(w)
    with np.errstate(all="ignore"):
        return grad(w + rho * g / np.linalg.norm(g))


def three_gradients(grad, w, rho):
    grad(w + 1)
    return SOLUTIONS["P14.3"](grad, w, rho)


def schulz(step, start=lambda M: M / np.linalg.norm(M)):
    """Newton–Schulz with another step or another start."""

    def answer(M, coefficients, steps):
        X = start(M)
        for _ in range(steps):
            X = step(X, *coefficients)
        return X

    return answer


def right_step(X, a, b, c):
    B = X @ X.T
    return a * X + b * B @ X + c * B @ B @ X


WRONG: list[tuple[str, Callable, str]] = [
    ("P14.1", never_refuses, "refuse it"),
    ("P14.1", scales_in_place, "changes its argument"),
    ("P14.1", rescaled(lambda W1, b1, W2, b2, f: (W1 * f, b1, W2 / f[:, None], b2)), "bias b1"),
    ("P14.1", rescaled(lambda W1, b1, W2, b2, f: (W1, b1, W2, b2)), "Nothing has changed"),
    (
        "P14.1",
        rescaled(lambda W1, b1, W2, b2, f: (W1 / f, b1 / f, W2 * f[:, None], b2)),
        "do not divide",
    ),
    ("P14.1", rescaled(lambda W1, b1, W2, b2, f: (W1 * f, b1 * f, W2, b2)), "W2 does not undo"),
    (
        "P14.1",
        rescaled(lambda W1, b1, W2, b2, f: (W1 * f, b1 * f, W2 * f[:, None], b2)),
        "scales once more",
    ),
    (
        "P14.1",
        rescaled(lambda W1, b1, W2, b2, f: (W1 * f, b1 * f, W2 / f[:, None], b2 / f.mean())),
        "b2 is added",
    ),
    ("P14.1", rescaled(lambda W1, b1, W2, b2, f: (W1 * f, b1 * f, W2 / f.mean(), b2)), "change"),
    (
        "P14.1",
        rescaled(lambda W1, b1, W2, b2, f: (2 * W1 * f, 2 * b1 * f, W2 / f[:, None] / 2, b2)),
        "factors[j] times",
    ),
    ("P14.1", rescaled(lambda W1, b1, W2, b2, f: (W1 * f, b1 * f, W2 / f[:, None])), "four"),
    ("P14.1", rescaled(lambda W1, b1, W2, b2, f: W1 * f), "four"),
    ("P14.2", lambda A, S, G: A @ G @ S, "Divide by them"),
    ("P14.2", lambda A, S, G: np.linalg.solve(A, G), "S is not"),
    ("P14.2", lambda A, S, G: np.linalg.solve(S, G.T).T, "A is not"),
    ("P14.2", lambda A, S, G: np.linalg.solve(A, G) @ S, "multiply by S"),
    ("P14.2", lambda A, S, G: A @ G @ np.linalg.inv(S), "multiply by A"),
    ("P14.2", lambda A, S, G: G / np.outer(np.diag(A), np.diag(S)), "diagonals"),
    ("P14.2", lambda A, S, G: -with_inverses(A, S, G), "sign is flipped"),
    (
        "P14.2",
        lambda A, S, G: np.linalg.solve(np.kron(S, A), G.ravel()).reshape(G.shape),
        "each other's place",
    ),
    (
        "P14.2",
        lambda A, S, G: np.linalg.solve(np.kron(A, S), G.T.ravel()).reshape(G.shape),
        "another order",
    ),
    ("P14.2", lambda A, S, G: np.linalg.solve(S, np.linalg.solve(A, G).T), "transposed"),
    ("P14.2", lambda A, S, G: np.linalg.solve(np.kron(A, S), G.ravel()), "shape"),
    ("P14.3", lambda grad, w, rho: grad(w), "Climb first"),
    ("P14.3", lambda grad, w, rho: w + rho * unit(grad(w)), "That is the point"),
    ("P14.3", climbing(lambda w, g, rho: w - rho * unit(g)), "downhill"),
    ("P14.3", climbing(lambda w, g, rho: w + rho * g), "far. Divide|distance"),
    ("P14.3", climbing(lambda w, g, rho: w + unit(g)), "distance of 1"),
    ("P14.3", lambda grad, w, rho: -SOLUTIONS["P14.3"](grad, w, rho), "sign is flipped|downhill"),
    ("P14.3", lambda grad, w, rho: w - rho * SOLUTIONS["P14.3"](grad, w, rho), "a new point"),
    (
        "P14.3",
        lambda grad, w, rho: (grad(w) + SOLUTIONS["P14.3"](grad, w, rho)) / 2,
        "average the two",
    ),
    ("P14.3", lambda grad, w, rho: SOLUTIONS["P14.3"](grad, w, rho) - grad(w), "on the way up"),
    ("P14.3", divides_by_zero, "no uphill direction"),
    ("P14.3", three_gradients, "3 gradients"),
    ("P14.4", schulz(right_step, lambda M: M), "divided by its norm"),
    (
        "P14.4",
        schulz(right_step, lambda M: M / np.linalg.norm(M, 2)),
        "largest singular value",
    ),
    ("P14.4", schulz(lambda X, a, b, c: a * X + b * X**3 + c * X**5), "vectors have turned"),
    ("P14.4", schulz(lambda X, a, b, c: a * X + b * X @ X.T @ X), "between 0.68|a s"),
    ("P14.4", schulz(lambda X, a, b, c: a * X - b * X @ X.T @ X), "a s|singular values"),
    ("P14.4", schulz(lambda X, a, b, c: right_step(X, b, a, c)), "flipped|a s"),
    ("P14.4", lambda M, abc, steps: M / np.linalg.norm(M), "a s"),
    ("P14.4", lambda M, abc, steps: schulz(right_step)(M, abc, steps).T, "transposed|turned"),
    ("P14.4", lambda M, abc, steps: -schulz(right_step)(M, abc, steps), "flipped"),
    ("P14.4", lambda M, abc, steps: schulz(right_step)(M, abc, steps + 1), "a s"),
    ("P14.4", lambda M, abc, steps: schulz(right_step)(M, abc, 5), "a s"),
    ("P14.4", lambda M, abc, steps: 0 * M, "is 0"),
    (
        "P14.4",
        lambda M, abc, steps: np.linalg.qr(M)[0] if M.shape[0] >= M.shape[1] else M,
        "turned|norm",
    ),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong", f"seed {seed}"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
