"""Exercises P11.x: other right answers pass, plausible wrong answers get help."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import autograd.numpy as np
import pytest
from autograd import grad as reverse
from autograd import jacobian as stock_jacobian
from autograd import make_jvp
from exercise_cases import ask, failures, solution

SOLUTIONS = {id: solution(id) for id in ("P11.1", "P11.2", "P11.3", "P11.4")}


# ── other right answers ───────────────────────────────────────────────────────────────────────────


def central(grad, x, v):
    size = np.linalg.norm(v)
    t = 1e-5 / size
    return (grad(x + t * v) - grad(x - t * v)) / (2 * t)


def unit_direction(grad, x, v):
    size = np.linalg.norm(v)
    u = v / size
    return size * (grad(x + 1e-5 * u) - grad(x - 1e-5 * u)) / 2e-5


def one_sided(grad, x, v):
    t = 1e-7 / np.linalg.norm(v)
    return (grad(x + t * v) - grad(x)) / t


def one_sided_long(grad, x, v):
    t = 1e-5 / np.linalg.norm(v)
    return (grad(x + t * v) - grad(x)) / t


def reverse_over_reverse(grad, x, v):
    return reverse(lambda z: np.dot(grad(z), v))(x)


def forward_mode(grad, x, v):
    return make_jvp(grad)(x)(v)[1]


def rayleigh_ritz(hv, q, steps):
    """Build the whole basis first, then T."""
    Q = [q / np.linalg.norm(q)]
    HQ = []
    for _ in range(steps):
        HQ.append(hv(Q[-1]))
        w = HQ[-1]
        for _ in range(2):
            for z in Q:
                w = w - z * (z @ w)
        Q.append(w / np.linalg.norm(w))
    return np.linalg.eigvalsh(np.array(Q[:steps]) @ np.array(HQ).T)


def lanczos_kept_short(hv, q, steps):
    """No vector beyond the last step, and lower entries only."""
    Q, T = np.zeros((steps, q.size)), np.zeros((steps, steps))
    Q[0] = q / np.sqrt(q @ q)
    for j in range(steps):
        w = hv(Q[j])
        T[j, j] = Q[j] @ w
        if j + 1 < steps:
            for _ in range(2):
                w = w - Q[: j + 1].T @ (Q[: j + 1] @ w)
            T[j + 1, j] = np.linalg.norm(w)
            Q[j + 1] = w / T[j + 1, j]
    return list(np.sort(np.linalg.eigvalsh(T)))


def loop_of_signs(hv, n, k, rng):
    total = 0.0
    for _ in range(k):
        v = 2.0 * rng.integers(0, 2, n) - 1
        total += v @ hv(v)
    return total / k


def signs_of_normals(hv, n, k, rng):
    probes = np.sign(rng.normal(size=(n, k)))
    return np.mean([v @ hv(v) for v in probes.T])


def scaled_signs(hv, n, k, rng):
    probes = rng.choice([-1.0, 1.0], size=(k, n)) / np.sqrt(n)
    return n * np.mean([v @ hv(v) for v in probes])


def textbook_cg(hv, g, tol):
    p, r = np.zeros_like(g), g.copy()
    d, rr = -r, r @ r
    for _ in range(2 * g.size):
        Hd = hv(d)
        if d @ Hd <= 0:
            return -g if not p.any() else p
        alpha = rr / (d @ Hd)
        p = p + alpha * d
        r = r + alpha * Hd
        if np.sqrt(r @ r) <= tol * np.linalg.norm(g):
            return p
        d = -r + (r @ r) / rr * d
        rr = r @ r
    return p


@pytest.mark.parametrize(
    ("id", "answer"),
    [
        ("P11.1", central),
        ("P11.1", unit_direction),
        ("P11.1", one_sided),
        ("P11.1", one_sided_long),
        ("P11.1", reverse_over_reverse),
        ("P11.1", forward_mode),
        ("P11.2", rayleigh_ritz),
        ("P11.2", lanczos_kept_short),
        ("P11.3", loop_of_signs),
        ("P11.3", signs_of_normals),
        ("P11.3", scaled_signs),
        ("P11.4", textbook_cg),
    ],
)
def test_other_right_answers_are_right(id: str, answer: Callable) -> None:
    assert failures(id, answer, 100) == []


# ── plausible wrong answers, each with the words that must help ───────────────────────────────────


def fixed_step(grad, x, v, t=1e-5):
    return (grad(x + t * v) - grad(x - t * v)) / (2 * t)


def whole_way(grad, x, v):
    return grad(x + v) - grad(x)


def forgot_to_divide(grad, x, v):
    t = 1e-6 / np.linalg.norm(v)
    return grad(x + t * v) - grad(x)


def half_step(grad, x, v):
    return 2 * central(grad, x, v)


def scaled_once(grad, x, v):
    return central(grad, x, v) / np.linalg.norm(v)


def by_rows(grad, x, v):
    t = 1e-5
    columns = [(grad(x + t * e) - grad(x - t * e)) / (2 * t) for e in np.eye(x.size)]
    return np.array(columns).T @ v


def dense(grad, x, v):
    return stock_jacobian(grad)(x) @ v


def diagonal(grad, x, v):
    t = 1e-5
    d = [((grad(x + t * e) - grad(x - t * e)) / (2 * t)) @ e for e in np.eye(x.size)]
    return np.array(d) * v


def lanczos(hv, q, steps, *, start=True, passes=0, alpha=1.0, beta=1.0, order=1):
    Q, a, b = [q / np.linalg.norm(q) if start else q], [], []
    for j in range(steps):
        w = hv(Q[j])
        a.append(Q[j] @ w)
        w = w - a[j] * Q[j] - (b[j - 1] * Q[j - 1] if j else 0)
        for _ in range(passes):
            w = w - np.array(Q).T @ (np.array(Q) @ w)
        b.append(np.linalg.norm(w))
        Q.append(w / b[j])
    T = alpha * np.diag(a) + beta * (np.diag(b[:-1], 1) + np.diag(b[:-1], -1))
    return np.linalg.eigvalsh(T)[::order]


def power_iteration(hv, q, steps):
    found = []
    for _ in range(steps):
        q = q / np.linalg.norm(q)
        w = hv(q)
        found.append(q @ w)
        q = w
    return np.sort(found)


def built(hv, q, steps):
    H = np.array([hv(e) for e in np.eye(q.size)])
    return np.linalg.eigvalsh(H)[-steps:]


def endless(hv, q, steps):
    while True:
        q = hv(q) / np.linalg.norm(q)


def estimate(draw, finish=np.mean):
    """An estimate from probes drawn by (rng, n)."""

    def answer(hv, n, k, rng):
        probes = [draw(rng, n) for _ in range(k)]
        return finish([v @ hv(v) for v in probes])

    return answer


def signs(rng, n):
    return rng.choice([-1.0, 1.0], size=n)


def one_probe(hv, n, k, rng):
    v = signs(rng, n)
    return v @ hv(v)


def own_seed(hv, n, k, rng):
    return SOLUTIONS["P11.3"](hv, n, k, np.random.default_rng(0))


def diagonal_sum(hv, n, k, rng):
    return sum(e @ hv(e) for e in np.eye(n))


def all_equal(hv, n, k, rng):
    v = np.full(n, signs(rng, 1)[0])
    return v @ hv(v)


def cg(
    hv, g, tol, *, stop=lambda r, g, tol: np.linalg.norm(r) > tol * np.linalg.norm(g), guard=None
):
    p, r, d = np.zeros(g.size), -g, -g
    for _ in range(10 * g.size):
        if not stop(r, g, tol):
            break
        Hd = hv(d)
        if guard is not None and d @ Hd <= 0:
            return guard(p, d, g)
        alpha = (r @ r) / (d @ Hd)
        p, new = p + alpha * d, r - alpha * Hd
        d, r = new + (new @ new) / (r @ r) * d, new
    return p


def safe(p, d, g):
    return p if p.any() else -g


def uphill(hv, g, tol):
    return -SOLUTIONS["P11.4"](hv, g, tol)


def by_columns(hv, g, tol):
    return np.linalg.solve(np.array([hv(e) for e in np.eye(g.size)]), -g)


def descent(hv, g, tol):
    p, r = np.zeros(g.size), -g
    while np.linalg.norm(r) > tol * np.linalg.norm(g):
        Hr = hv(r)
        alpha = (r @ r) / (r @ Hr)
        p, r = p + alpha * r, r - alpha * Hr
    return p


def two_a_round(hv, g, tol):
    p, r, d = np.zeros(g.size), -g, -g
    while np.linalg.norm(g + hv(p)) > tol * np.linalg.norm(g):
        Hd = hv(d)
        if d @ Hd <= 0:
            return safe(p, d, g)
        alpha = (r @ r) / (d @ Hd)
        p, new = p + alpha * d, r - alpha * Hd
        d, r = new + (new @ new) / (r @ r) * d, new
    return p


def one_direction(hv, g, tol):
    return -g * (g @ g) / (g @ hv(g))


def always_exact(hv, g, tol):
    return cg(hv, g, 1e-12, guard=safe)


square = partial(cg, stop=lambda r, g, tol: r @ r > tol * (g @ g), guard=safe)

WRONG: list[tuple[str, Callable, str]] = [
    ("P11.1", fixed_step, "linear"),
    ("P11.1", partial(fixed_step, t=1e-3), "linear|change of the gradient"),
    ("P11.1", whole_way, "whole way"),
    ("P11.1", lambda grad, x, v: (grad(x + v) - grad(x - v)) / 2, "whole way"),
    ("P11.1", forgot_to_divide, "almost 0"),
    ("P11.1", half_step, "twice"),
    ("P11.1", lambda grad, x, v: central(grad, x, v) / 2, "half"),
    ("P11.1", lambda grad, x, v: 1.01 * central(grad, x, v), "Close to Hv"),
    ("P11.1", scaled_once, "length of v"),
    ("P11.1", lambda grad, x, v: -central(grad, x, v), "sign is flipped"),
    ("P11.1", by_rows, "gradients at n"),
    ("P11.1", dense, "did you build H"),
    ("P11.1", diagonal, "diagonal"),
    ("P11.1", lambda grad, x, v: grad(x), "gradient at x"),
    ("P11.1", lambda grad, x, v: grad(x + v), "gradient at x + v"),
    ("P11.1", lambda grad, x, v: grad(x) * v, "entry by entry"),
    ("P11.1", lambda grad, x, v: grad(x) * (grad(x) @ v), "g gᵀ v"),
    ("P11.1", lambda grad, x, v: 3 * central(grad, x, v), "direction is right"),
    ("P11.1", lambda grad, x, v: central(grad, x, v) + 0.1 * np.roll(v, 1), "symmetric|change of"),
    ("P11.1", lambda grad, x, v: v, "not the change|symmetric"),
    ("P11.1", lambda grad, x, v: v @ central(grad, x, v), "shape"),
    ("P11.2", lanczos, "times|orthogonal"),
    ("P11.2", partial(lanczos, passes=2, order=-1), "ascending|shape|transposed"),
    ("P11.2", partial(lanczos, passes=2, start=False), "length 1|QᵀHQ"),
    ("P11.2", partial(lanczos, passes=2, beta=0.0), "α alone"),
    ("P11.2", partial(lanczos, passes=2, beta=-0.5), "half"),
    ("P11.2", partial(lanczos, passes=2, beta=2.0), "range|QᵀHQ"),
    ("P11.2", partial(lanczos, passes=2, alpha=0.0), "range|QᵀHQ"),
    ("P11.2", power_iteration, "QᵀHQ|α alone"),
    ("P11.2", built, "build the whole|more than|More than|did you build|QᵀHQ"),
    ("P11.2", endless, "More than"),
    ("P11.2", lambda hv, q, steps: lanczos(hv, q, steps, passes=2)[1:], "shape"),
    ("P11.3", estimate(signs, np.sum), "sum over the probes"),
    ("P11.3", estimate(lambda rng, n: rng.normal(size=n)), "different sizes"),
    ("P11.3", estimate(lambda rng, n: rng.uniform(-1, 1, n)), "different sizes"),
    ("P11.3", estimate(lambda rng, n: rng.integers(0, 2, n) * 1.0), "different sizes|never|times"),
    ("P11.3", estimate(lambda rng, n: np.sqrt(n) * np.eye(n)[rng.integers(n)]), "different sizes"),
    ("P11.3", estimate(lambda rng, n: signs(rng, n) / np.sqrt(n)), "divide by n"),
    ("P11.3", estimate(lambda rng, n: signs(rng, n) * np.sqrt(n)), "n times too large"),
    ("P11.3", lambda hv, n, k, rng: SOLUTIONS["P11.3"](hv, n, k, rng) / k, "divide by k twice"),
    ("P11.3", lambda hv, n, k, rng: -SOLUTIONS["P11.3"](hv, n, k, rng), "sign is flipped"),
    ("P11.3", one_probe, "With k = "),
    ("P11.3", own_seed, "same estimate"),
    ("P11.3", lambda hv, n, k, rng: SOLUTIONS["P11.3"](hv, n, 1, rng), "With k = "),
    ("P11.3", diagonal_sum, "column by column|More than"),
    ("P11.3", all_equal, "same estimate"),
    ("P11.3", lambda hv, n, k, rng: 1.0, "never ask"),
    ("P11.4", cg, "leads to a saddle|uphill|products where"),
    ("P11.4", partial(cg, guard=lambda p, d, g: p), "your step is 0"),
    ("P11.4", partial(cg, guard=lambda p, d, g: p + 5 * d), "so far"),
    ("P11.4", partial(cg, guard=lambda p, d, g: -g), "so far"),
    ("P11.4", uphill, "sign is flipped"),
    ("P11.4", by_columns, "build the whole"),
    ("P11.4", descent, "products"),
    ("P11.4", two_a_round, "one a round"),
    ("P11.4", one_direction, "one direction"),
    ("P11.4", always_exact, "products for a residual"),
    ("P11.4", square, "rᵀr with tol|of ‖g‖, wanted"),
    ("P11.4", partial(cg, stop=lambda r, g, tol: np.linalg.norm(r) > tol, guard=safe), "times ‖g‖"),
    ("P11.4", lambda hv, g, tol: -g, "solve with it"),
    ("P11.4", lambda hv, g, tol: 0 * g, "step is 0"),
]


@pytest.mark.parametrize(("id", "answer", "help_"), WRONG)
def test_wrong_answer_is_told_what_is_wrong(id: str, answer: Callable, help_: str) -> None:
    for seed in range(25):
        found = ask(id, answer, seed)
        assert found.status == "wrong", f"seed {seed}"
        assert any(part in found.message for part in help_.split("|")), f"seed {seed}: {found}"
