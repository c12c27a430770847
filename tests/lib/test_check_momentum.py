"""Exercises H9.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np
import pytest
from exercise_cases import ask, failures, solution

SOLUTIONS = {id: solution(id) for id in ("H9.1", "H9.2", "H9.3", "H9.4")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def from_kappa(low, high):
    root = np.sqrt(high / low)
    beta = ((root - 1) / (root + 1)) ** 2
    return np.array([(1 + np.sqrt(beta)) ** 2 / high, beta])


def from_the_low_end(low, high):
    beta = SOLUTIONS["H9.1"](low, high)[1]
    return [(1 - np.sqrt(beta)) ** 2 / low, beta]


def by_bisection(lam, beta):
    def limit(matrix):
        low, high = 0.0, 1e4 / lam
        for _ in range(200):
            middle = (low + high) / 2
            stable = np.max(np.abs(np.linalg.eigvals(matrix(middle * lam)))) < 1
            low, high = (middle, high) if stable else (low, middle)
        return low

    return (
        limit(lambda el: np.array([[1 + beta - el, -beta], [1, 0]])),
        limit(lambda el: np.array([[1 + beta - (1 - beta) * el, -beta], [1, 0]])),
        limit(lambda el: np.array([[(1 + beta) * (1 - el), -beta * (1 - el)], [1, 0]])),
    )


def recomputed_residual(hv, b):
    x, p, r = np.zeros(b.size), b.copy(), b.copy()
    while np.linalg.norm(r) > 1e-8 * np.linalg.norm(b):
        Hp = hv(p)
        x = x + (r @ p) / (p @ Hp) * p
        r = b - hv(x)
        p = r - (r @ Hp) / (p @ Hp) * p
    return x


def first_product_wasted(hv, b):
    return SOLUTIONS["H9.3"](hv, b - hv(np.zeros(b.size)))


def from_corrcoef(X):
    values = np.linalg.eigvalsh(np.corrcoef(X, rowvar=False))
    return values.max() / values.min()


def other_deviation(X):
    Z = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
    return np.linalg.cond(Z) ** 2


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("H9.1", from_kappa),
        ("H9.1", from_the_low_end),
        ("H9.2", by_bisection),
        ("H9.3", recomputed_residual),
        ("H9.3", first_product_wasted),
        ("H9.4", from_corrcoef),
        ("H9.4", other_deviation),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def change(eta=lambda e, low, high: e, beta=lambda b, low, high: b):
    def answer(low, high):
        right = SOLUTIONS["H9.1"](low, high)
        return eta(right[0], low, high), beta(right[1], low, high)

    return answer


def kappa_for_root(low, high):
    return SOLUTIONS["H9.1"](low, high)[0], ((high - low) / (high + low)) ** 2


def limits(*factors):
    """The three limits, each multiplied by what its factor makes of (λ, β)."""

    def answer(lam, beta):
        right = SOLUTIONS["H9.2"](lam, beta)
        return [value * factor(lam, beta) for value, factor in zip(right, factors, strict=True)]

    return answer


def same(lam, beta):
    return 1.0


def steepest(hv, b):
    x, r = np.zeros(b.size), b
    while np.linalg.norm(r) > 1e-8 * np.linalg.norm(b):
        Hr = hv(r)
        alpha = (r @ r) / (r @ Hr)
        x, r = x + alpha * r, r - alpha * Hr
    return x


def share_upside_down(hv, b):
    x, r, p = np.zeros(b.size), b, b
    while np.linalg.norm(r) > 1e-8 * np.linalg.norm(b):
        Hp = hv(p)
        alpha = (r @ r) / (p @ Hp)
        x, new = x + alpha * p, r - alpha * Hp
        p, r = new + (r @ r) / (new @ new) * p, new
    return x


def fixed_momentum(hv, b):
    x, v = np.zeros(b.size), np.zeros(b.size)
    for _ in range(50):
        v = 0.5 * v + 0.005 * (b - hv(x))
        x = x + v
    return x


def stops_too_late(hv, b):
    x, r, p = np.zeros(b.size), b, b
    while r @ r > 1e-300:
        Hp = hv(p)
        alpha = (r @ r) / (p @ Hp)
        x, new = x + alpha * p, r - alpha * Hp
        p, r = new + (new @ new) / (r @ r) * p, new
    return x


def whole_matrix(hv, b):
    return np.linalg.solve(np.array([hv(e) for e in np.eye(b.size)]), b)


def one_step(hv, b):
    return (b @ b) / (b @ hv(b)) * b


def kappa(Z):
    return np.linalg.cond(Z.T @ Z)


WRONG: list[tuple[str, Callable, str]] = [
    ("H9.1", lambda low, high: SOLUTIONS["H9.1"](low, high)[::-1], "η first, then β"),
    ("H9.1", change(beta=lambda b, low, high: b**0.5), "β is the factor squared"),
    ("H9.1", change(beta=lambda b, low, high: b**2), "squared once too often"),
    ("H9.1", change(eta=lambda e, low, high: e**0.5), "still to be squared"),
    ("H9.1", change(eta=lambda e, low, high: 2 * e), "η is twice"),
    ("H9.1", change(eta=lambda e, low, high: e / 2), "η is half"),
    ("H9.1", change(eta=lambda e, low, high: 2 / (low + high)), "best one without momentum"),
    ("H9.1", kappa_for_root, "where √κ belongs"),
    ("H9.1", lambda low, high: (2 / (low + high), 0.0), "best one without momentum"),
    (
        "H9.1",
        change(eta=lambda e, low, high: 1.02 * e),
        "end contracts more slowly|does not settle",
    ),
    ("H9.1", change(beta=lambda b, low, high: (1 + b) / 2), "slightly smaller β would be faster"),
    ("H9.1", lambda low, high: (2.5 * 2 / high, 0.0), "does not settle"),
    ("H9.1", lambda low, high: (-1.0, 0.5), "must be positive"),
    ("H9.1", lambda low, high: 0.5, "shape"),
    ("H9.2", limits(lambda lam, b: lam, lambda lam, b: lam, lambda lam, b: lam), "Divide it by λ"),
    ("H9.2", lambda lam, beta: 3 * (2 / lam,), "the limit without momentum"),
    ("H9.2", limits(same, lambda lam, b: 1 - b, same), "stands the limit of heavy ball"),
    ("H9.2", limits(same, lambda lam, b: (1 - b) ** 2, same), "divide"),
    ("H9.2", limits(same, same, lambda lam, b: 1 + 2 * b), "stands the limit of heavy ball"),
    ("H9.2", limits(lambda lam, b: 1.1, same, same), "heavy ball is too long"),
    ("H9.2", limits(same, same, lambda lam, b: 0.9), "Nesterov is not the longest"),
    ("H9.2", limits(same, lambda lam, b: -1.0, same), "must be positive"),
    ("H9.2", lambda lam, beta: SOLUTIONS["H9.2"](lam, beta)[0], "shape"),
    ("H9.3", share_upside_down, "share of the old direction"),
    ("H9.3", fixed_momentum, "misses b|products with H"),
    ("H9.3", stops_too_late, "When do you stop|rᵀr"),
    ("H9.3", whole_matrix, "whole matrix"),
    ("H9.3", one_step, "misses b"),
    ("H9.3", lambda hv, b: -SOLUTIONS["H9.3"](hv, b), "sign is flipped"),
    ("H9.3", lambda hv, b: SOLUTIONS["H9.3"](lambda v: hv(v[:, None])[:, 0], b), "one vector"),
    ("H9.3", steepest, "share of the old direction"),
    ("H9.4", kappa, "Shift and scale the columns first"),
    ("H9.4", lambda X: kappa(X - X.mean(axis=0)), "did not scale"),
    ("H9.4", lambda X: kappa(X / X.std(axis=0)), "did not shift"),
    ("H9.4", lambda X: from_corrcoef(X) ** 0.5, "its κ is the square"),
    ("H9.4", lambda X: 1 / from_corrcoef(X), "upside down"),
    ("H9.4", np.linalg.cond, "κ of X itself"),
    ("H9.4", lambda X: np.corrcoef(X.T), "wanted one number"),
    ("H9.4", lambda X: kappa((X - X.mean()) / X.std()), "Other units"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
