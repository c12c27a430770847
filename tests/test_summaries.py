"""The one-page summaries: shape, links, and every number on them, computed anew.

A number on a page is true because a phrase that holds it is built here from what the library
computes. ``test_no_number_is_left_unproved`` finds a digit that no such phrase holds.
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import autograd
import autograd.numpy as np
import pytest
from autograd.extend import defvjp, primitive

import secondorder
from canon import ROOT
from secondorder import (
    NoMinimumError,
    central_difference,
    derivative,
    directional_derivative,
    empirical_fisher_operator,
    estimators,
    fisher_operator,
    forward_difference,
    geometry,
    ggn_operator,
    gradient,
    hessian,
    hessian_operator,
    hvp,
    jacobian,
    line,
    minimize,
    mlp,
    objectives,
    parabola,
    quadric,
    runs,
)
from secondorder.data import digits
from secondorder.losses import cross_entropy
from secondorder.methods import Counts, Stop, gradient_descent, heavy_ball, lbfgs

CHAPTERS = ROOT / "chapters"
PAGES = sorted(CHAPTERS.glob("summary_*.md"))
TEXT = {path.stem: path.read_text() for path in PAGES}
PARTS = {
    "summary_1_derivative": ("01_slope", "02_bend"),
    "summary_2_gradient": ("03_direction", "04_step_size"),
    "summary_3_jacobian": ("05_many_outputs", "06_autodiff", "06b_one_long_vector"),
    "summary_4_hessian": ("07_curvature", "08_saddles", "09_momentum", "10_newton"),
    "summary_5_networks": ("11_products", "12_spectra", "13_edge", "14_optimizers", "15_scale"),
}

QUESTION = re.compile(r"^\*\*(\d)\. (.+?)\*\*$", re.M | re.S)
CHOICE = re.compile(
    r"^<details><summary>([A-Z])\. ([^\n]+)</summary>\n\n(.+?)\n\n</details>$", re.M | re.S
)
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")

each_page = pytest.mark.parametrize("name", PARTS)


def flat(text: str) -> str:
    """Return the text as one line, so that phrases may be broken anywhere."""
    return re.sub(r"\s+", " ", text)


def spell(value: float, form: str = "g") -> str:
    """Return a number as the pages write it."""
    return format(value + 0.0, form).replace("-", "−")


def pair(values: Any) -> str:
    """Return a vector as the pages write it."""
    return "(" + ", ".join(spell(float(value)) for value in np.round(values, 9)) + ")"


def table(rows: Any) -> str:
    """Return a matrix as the pages write it."""
    return "[" + ", ".join("[" + pair(row)[1:-1] + "]" for row in rows) + "]"


def power(exponent: int) -> str:
    """Return a power of ten as the pages write it."""
    return "10" + str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def questions(name: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return each question with its choices: letter, choice, answer."""
    _, quiz = TEXT[name].split("## Five questions")
    starts = list(QUESTION.finditer(quiz))
    ends = [match.start() for match in starts[1:]] + [len(quiz)]
    return [
        (start[2], CHOICE.findall(quiz[start.end() : end]))
        for start, end in zip(starts, ends, strict=True)
    ]


# ── shape ─────────────────────────────────────────────────────────────────────────────────────────


def test_every_part_has_its_page() -> None:
    assert set(TEXT) == set(PARTS)
    for numeral, name in zip(("I", "II", "III", "IV", "V"), PARTS, strict=True):
        assert TEXT[name].startswith(f"# Part {numeral} in one page\n")


@each_page
def test_sections_are_the_same_on_every_page(name: str) -> None:
    assert re.findall(r"^## (.+)$", TEXT[name], re.M) == [
        "What you now know",
        "The pictures to remember",
        "Mistakes to avoid",
        "Five questions",
    ]
    know = TEXT[name].split("## What you now know")[1].split("\n|")[0]
    assert 5 <= len(re.findall(r"^- ", know, re.M)) <= 8
    assert "| formula | in words | in code |" in TEXT[name]


@each_page
def test_five_questions_with_four_choices_and_one_right(name: str) -> None:
    asked = questions(name)
    assert len(asked) == 5
    assert [int(m[1]) for m in QUESTION.finditer(TEXT[name])] == [1, 2, 3, 4, 5]
    for question, choices in asked:
        assert [letter for letter, _, _ in choices] == list("ABCD"), question
        right = [letter for letter, _, answer in choices if answer.startswith("**Right.**")]
        assert len(right) == 1, f"{question}: right are {right}"
        assert all(len(answer.split()) >= 10 for _, _, answer in choices), question
        assert len({choice for _, choice, _ in choices}) == 4
    assert TEXT[name].count("<details>") == TEXT[name].count("</details>") == 20
    assert TEXT[name].count("**Right.**") == 5


def test_right_choices_are_spread_evenly() -> None:
    right = Counter(
        letter
        for name in PARTS
        for _, choices in questions(name)
        for letter, _, answer in choices
        if answer.startswith("**Right.**")
    )
    assert set(right) == set("ABCD") and right.total() == 5 * len(PARTS)
    assert max(right.values()) - min(right.values()) <= 1


@each_page
def test_summaries_of_choices_are_plain(name: str) -> None:
    """Inside <summary> neither Markdown nor formulas are drawn."""
    for _, choices in questions(name):
        for _, choice, _ in choices:
            assert not re.search(r"[`$*]|\]\(|[^&]<(?!/?code>)", " " + choice), choice


@each_page
def test_plain_markdown(name: str) -> None:
    assert "```" not in TEXT[name] and ":::" not in TEXT[name] and "{cite}" not in TEXT[name]
    assert max(map(len, TEXT[name].splitlines())) < 160


# ── links ─────────────────────────────────────────────────────────────────────────────────────────


def anchors(path: Path) -> set[str]:
    """Return the anchors of the headings of a Markdown page."""
    kept = set(string.ascii_lowercase + string.digits + "-_")
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {"".join(c for c in t.lower().replace(" ", "-") if c in kept) for t in titles}


@each_page
def test_links_lead_somewhere(name: str) -> None:
    for label, target in LINK.findall(TEXT[name]):
        file, _, anchor = target.partition("#")
        path = (CHAPTERS / file).resolve()
        assert path.exists(), f"{label}: {target}"
        if anchor:
            assert anchor in anchors(path), f"{label}: {target}"


@each_page
def test_chapters_are_linked_by_their_titles(name: str) -> None:
    for label, target in LINK.findall(TEXT[name]):
        if target.endswith(".ipynb") and "/" not in target and (CHAPTERS / target).exists():
            assert f'"# {label}' in (CHAPTERS / target).read_text(), f"{label}: {target}"


@each_page
def test_all_chapters_of_the_part_and_the_neighbours_are_linked(name: str) -> None:
    opening = TEXT[name].split("## What you now know")[0]
    assert [t for _, t in LINK.findall(opening)] == [f"{c}.ipynb" for c in PARTS[name]]
    names = list(PARTS)
    place = names.index(name)
    for other in {*names[max(place - 1, 0) : place + 2]} - {name}:
        assert f"({other}.md)" in TEXT[name]


@each_page
def test_a_term_is_linked_once(name: str) -> None:
    terms = [target for _, target in LINK.findall(TEXT[name]) if "glossary" in target]
    assert len(terms) == len(set(terms)) >= 5


# ── the tables: the code is run, and must give what the formula says ──────────────────────────────

X, D = np.array([0.7, -0.4]), np.array([0.1, 0.3])
U = np.array([0.6, 0.8])


def _f(x: Any) -> Any:
    return x[0] ** 2 + np.sin(x[0] * x[1]) + 3 * x[1] ** 2


def _grad(x: Any) -> Any:
    c = np.cos(x[0] * x[1])
    return np.array([2 * x[0] + x[1] * c, x[0] * c + 6 * x[1]])


def _hess(x: Any) -> Any:
    c, s = np.cos(x[0] * x[1]), np.sin(x[0] * x[1])
    mixed = c - x[0] * x[1] * s
    return np.array([[2 - x[1] ** 2 * s, mixed], [mixed, 6 - x[0] ** 2 * s]])


def _names(**more: Any) -> dict[str, Any]:
    return {name: getattr(secondorder, name) for name in secondorder.__all__} | {"np": np} | more


def _wave(t: Any) -> Any:
    return np.exp(t) + np.sin(t)


def _table_1() -> Iterator[tuple[str, dict[str, Any], Any]]:
    x, x0, h = 0.9, 0.5, 0.1
    slope, bend = np.exp(x0) + np.cos(x0), np.exp(x0) - np.sin(x0)
    names = _names(f=_wave, x=x, x0=x0, h=h)
    tangent = _wave(x0) + slope * (x - x0)
    yield "derivative(f, x)", names, np.exp(x) + np.cos(x)
    yield "central_difference(f, x, h)", names, (_wave(x + h) - _wave(x - h)) / (2 * h)
    yield "derivative(f, x, order=2)", names, np.exp(x) - np.sin(x)
    yield "line(f, x0)(x)", names, tangent
    yield "parabola(f, x0)(x)", names, tangent + bend * (x - x0) ** 2 / 2
    step = (np.exp(x) + np.cos(x)) / (np.exp(x) - np.sin(x))
    yield "parabola(f, x).minimiser()", names, x - step


def _table_2() -> Iterator[tuple[str, dict[str, Any], Any]]:
    g, eta, lams = _grad(X), 0.3, np.array([1.0, 4.0, 10.0])
    names = _names(f=_f, x=X, u=U, eta=eta, lams=lams, lam=4.0, kappa=10.0)
    names["phi"] = lambda alpha: _f(X - alpha * g)
    yield "gradient(f, x)", names, g
    yield "directional_derivative(f, x, u)", names, g[0] * U[0] + g[1] * U[1]
    yield "x - eta * gradient(f, x)", names, X - eta * g
    bowl = objectives.quadratic([1.0, 4.0, 10.0])
    left = abs(np.ones(3) - eta * gradient(bowl, np.ones(3)))
    yield "abs(1 - eta * lam)", names, left[1]
    yield "2 / max(lams)", names, 0.2
    fine = np.linspace(0, 0.25, 100_001)
    worst = np.max(np.abs(1 - fine[:, None] * lams), axis=1)
    yield "2 / (min(lams) + max(lams))", names, fine[np.argmin(worst)]
    yield "(kappa - 1) / (kappa + 1)", names, np.min(worst)
    yield "parabola(phi, 0.0).minimiser()", names, g @ g / (g @ _hess(X) @ g)


def _table_3() -> Iterator[tuple[str, dict[str, Any], Any]]:
    three, A = objectives.three_outputs(), np.array([[2.0, 2.0], [2.0, 5.0]])
    x, J, u3 = np.array([2.0, 5.0]), np.array([[1.0, 0], [5, 2], [1, -1]]), np.array([1.0, 2, 3])
    names = _names(f=three, x=x, d=D, u=u3, v=D, A=A)
    yield "jacobian(f, x)", names, J
    yield "f(x) + jacobian(f, x) @ d", names, np.array([3.0, 10, -3]) + np.dot(J, D)
    outer, inner = lambda z: np.array([z[0] * z[1] * z[2]]), three
    whole = lambda z: outer(inner(z))
    small = 1e-5 * np.eye(2)
    by_nudges = np.array([(whole(x + e) - whole(x - e))[0] / 2e-5 for e in small])
    chained = names | {"f": outer, "g": inner}
    yield "jacobian(f, g(x)) @ jacobian(g, x)", chained, by_nudges.reshape(1, 2)
    yield "jvp(f, x, v)", names, np.dot(J, D)
    yield "vjp(f, x, u)", names, np.dot(J.T, u3)
    yield "np.isclose(u @ jvp(f, x, v), vjp(f, x, u) @ v)", names, True
    yield "np.linalg.eigh(A)", names, None
    yield "v @ A @ v", names, 2 * D[0] ** 2 + 4 * D[0] * D[1] + 5 * D[1] ** 2


def _table_4() -> Iterator[tuple[str, dict[str, Any], Any]]:
    g, H, lam = _grad(X), _hess(X), 0.7
    names = _names(f=_f, x=X, d=D, v=U, g=g, H=H, n=2, lam=lam, beta=0.5, lam_max=4.0)
    yield "hessian(f, x)", names, H
    yield "hvp(f, x, v)", names, np.dot(H, U)
    yield "v @ hvp(f, x, v)", names, U @ np.dot(H, U)
    yield "quadric(f, x)(x + d)", names, _f(X) + g @ D + D @ H @ D / 2
    yield "quadric(f, x).step_along(-g)", names, g @ g / (g @ H @ g)
    yield "np.linalg.solve(H, -g)", names, -np.linalg.inv(H) @ g
    damped = H + np.diag([lam, lam])
    yield "np.linalg.solve(H + lam * np.eye(n), -g)", names, -np.linalg.inv(damped) @ g
    low, high = np.linalg.eigvalsh(H)
    assert low > 0
    yield "np.linalg.cond(H)", names, high / low
    yield "(2 + 2 * beta) / lam_max", names, 0.75


def _table_5() -> Iterator[tuple[str, dict[str, Any], Any]]:
    g, H, rng = _grad(X), _hess(X), np.random.default_rng(0)
    names = _names(f=_f, x=X, v=U, t=1e-3, g=g, H=H, eta=0.1, beta1=0.9)
    two_gradients = "(gradient(f, x + t * v) - gradient(f, x - t * v)) / (2 * t)"
    yield two_gradients, names, np.dot(H, U)
    yield "geometry.sharpness(f, x)", names, np.linalg.eigvalsh(H)[-1]
    all_signs = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])  # so their mean is exact
    signs = names | {"signs": all_signs}
    yield "np.mean([s @ (H @ s) for s in signs])", signs, H[0, 0] + H[1, 1]
    net, inputs, y = mlp([2, 3, 4]), rng.normal(size=(5, 2)), np.array([0, 1, 2, 3, 3])
    w, v = net.start(rng), rng.normal(size=net.dim)
    G = np.zeros((net.dim, net.dim))
    for row in inputs[:, None]:
        J, z = jacobian(lambda w, row=row: net(w, row)[0], w), net(w, row)[0]
        p = np.exp(z) / np.sum(np.exp(z))
        G = G + J.T @ (np.diag(p) - np.outer(p, p)) @ J / len(inputs)
    network = {"f": net.objective(cross_entropy, inputs, y), "x": w, "v": v}
    yield "ggn_operator(f, x) @ v", names | network, G @ v
    yield "2 / eta", names, 20
    yield "(2 + 2 * beta1) / ((1 - beta1) * eta)", names, 380
    P = np.array([[2.0, 1], [1, 3]])
    yield "np.linalg.solve(P, -g)", names | {"P": P}, -np.linalg.inv(P) @ g
    A, S = H, np.array([[2.0, 1, 0], [1, 3, 1], [0, 1, 4]])
    both = np.linalg.inv(np.kron(A, S))
    yield "np.kron(np.linalg.inv(A), np.linalg.inv(S))", names | {"A": A, "S": S}, both
    slopes, rows = rng.normal(size=(10, 2)), np.array([7, 2, 1])  # ½(slope · w)² for each row
    parts = np.split(slopes, [7, 9])
    answers = np.array([part.T @ (part @ U) / len(part) for part in parts])
    whole = slopes.T @ (slopes @ U) / 10
    yield "rows @ answers / rows.sum()", names | {"rows": rows, "answers": answers}, whole


TABLES = dict(zip(PARTS, (_table_1, _table_2, _table_3, _table_4, _table_5), strict=True))


@each_page
def test_the_code_of_the_table_gives_what_its_formula_says(name: str) -> None:
    rows = [r for r in TEXT[name].splitlines() if r.startswith("| ") and "`" in r]
    listed = [re.fullmatch(r"\| .+ \| .+ \| `(.+)` \|", row)[1] for row in rows]  # type: ignore[index]
    cases = list(TABLES[name]())
    assert listed == [code for code, _, _ in cases]
    for code, names, expected in cases:
        got = eval(code, dict(names))
        if expected is None:  # eigh: A q = λ q for each pair, at right angles
            values, Q = got
            assert np.allclose(names["A"] @ Q, values * Q) and np.allclose(Q.T @ Q, np.eye(2))
        else:
            assert np.allclose(got, expected, atol=5e-6), code


def test_the_cliffs_of_the_tables_are_where_they_say() -> None:
    """Just below the limit a run settles, just above it explodes."""
    bowl = objectives.quadratic([1.0, 4.0])
    for limit, method in (
        (2 / 4, lambda eta: gradient_descent(eta)),
        ((2 + 2 * 0.5) / 4, lambda eta: heavy_ball(eta, 0.5)),
        # Adam averages its gradients; where P is 1 that is heavy ball with (1 − β₁)η
        ((2 + 2 * 0.5) / (0.5 * 4), lambda eta: heavy_ball(0.5 * eta, 0.5)),
    ):
        assert minimize(bowl, [1.0, 1.0], method(0.98 * limit)).converged
        assert not minimize(bowl, [1.0, 1.0], method(1.02 * limit)).converged


# ── the numbers: each phrase is built from what the library computes ──────────────────────────────


def _phrases_1() -> Iterator[str]:
    # what you now know, and question 4: halve the distance
    gaps = {
        kind.__name__: [abs(kind(np.sin, 1.0).residual(np.sin, 1 + d)) for d in (0.02, 0.01)]
        for kind in (line, parabola)
    }
    by = {kind: far / near for kind, (far, near) in gaps.items()}
    assert round(1 / by["line"], 2) == 1 / 4 and round(1 / by["parabola"], 3) == 1 / 8
    yield "a quarter of the gap for the line, an eighth for the parabola"
    yield (
        f"On sin at 1, from distance 0.02 to 0.01, the gap shrinks by {by['parabola']:.1f}, "
        f"that of the line by {by['line']:.1f}"
    )
    constant = [abs(np.sin(1 + d) - np.sin(1.0)) for d in (0.02, 0.01)]
    assert abs(constant[0] / constant[1] - 2) < 0.02
    yield "one more factor of 2: slope, then bend"
    assert parabola(np.sin, 1.0).residual(np.sin, 1.0) == 0
    yield "there its gap is 0"
    # mistakes
    flat_points = [derivative(lambda t, s=s, p=p: s * t**p, 0.0) for s, p in ((-1, 2), (1, 3))]
    assert flat_points == [0, 0]
    yield "A slope of 0 means a minimum"
    yield "It looks for slope 0 of any kind"
    # question 1
    miss = {k: abs(forward_difference(np.sin, 1.0, 10.0**k) - np.cos(1)) for k in (-2, -8, -15)}
    yield "(sin(1 + h) − sin(1))/h"
    yield "the slope of sin at 1 by a chord"
    yield from (f"h = {power(k)}" for k in miss)
    yield f"off by about {miss[-2]:.3f}"
    assert miss[-8] == min(miss.values()) and miss[-8] < 1e-7 and miss[-15] > 0.01
    yield f"off by less than {power(-7)}"
    yield "off by more than 0.01"
    assert 15.5 < -np.log10(np.finfo(float).eps) < 16
    yield "about 16 digits"
    assert max(miss.values()) > 1e4 * miss[-8]
    yield "a factor of more than 10,000"
    # question 2
    square = lambda t: t**2
    at = {t: derivative(square, t) for t in (3.0, -1.0, 0.0)}
    assert all(slope == 2 * t for t, slope in at.items())
    yield f"The number {spell(at[3.0])}"
    yield (
        'at one point, t = 3. "The derivative is a number" forgets to say where. At −1 the '
        f"slope is {spell(at[-1.0])}"
    )
    assert {derivative(square, t, order=2) for t in at} == {2}
    yield "The number 2"
    assert all(line(square, 3.0)(t) == 9 + 6 * (t - 3) for t in at)
    yield "At 3 the tangent is 9 + 6(t − 3). The derivative there is only its 6"
    yield "The function 2t"
    yield f"{spell(at[3.0])} at t = 3, {spell(at[-1.0])} at t = −1, {spell(at[0.0])} at t = 0"
    # question 3
    quartics = {"t⁴": lambda t: t**4, "−t⁴": lambda t: -(t**4), "t³": lambda t: t**3}
    for f in quartics.values():
        assert derivative(f, 0.0) == derivative(f, 0.0, order=2) == 0
    signs = [(np.sign(f(-0.1)), np.sign(f(0.1))) for f in quartics.values()]
    assert signs == [(1, 1), (-1, -1), (-1, 1)]
    yield "slope and bend of a smooth curve are both 0"
    yield (
        "At 0, all of t⁴, −t⁴ and t³ have slope 0 and bend 0. The first has a minimum there, "
        "the second a maximum"
    )
    yield "since the slope is 0<"
    yield "A slope of 0 says flat, no more. −t² is flat at 0"
    yield "At a smooth minimum the slope *must* be 0"
    yield "t⁴ has its minimum at 0, with bend 0"
    bend = derivative(quartics["t³"], 0.1, order=2)
    yield (
        "Bend 0 at *one* point is not bend 0 around it. t³ has bend 0 at 0 and bend "
        f"{spell(bend)} already at 0.1"
    )
    # question 5
    f = lambda t: -((t - 0.5) ** 2)
    hug = parabola(f, 1.0)
    assert (hug.slope, hug.bend) == (-1, -2) and hug.shape() != "bowl"
    goal = 1 - hug.slope / hug.bend
    yield (
        f"At t = 1 a curve has slope {spell(hug.slope)} and bend {spell(hug.bend)}. The jump "
        f"−slope/bend leads to t = {spell(goal)}"
    )
    assert derivative(f, goal) == 0 and hug(goal) > hug(1.0) and goal < 1
    yield "The jump finds slope 0"
    with pytest.raises(NoMinimumError):
        hug.minimiser()
    yield "`parabola(f, x).minimiser()` refuses"
    yield f"The slope at 1 is {spell(hug.slope)}: downhill is to the right. The jump goes left"
    tenth = 1 + (goal - 1) / 10
    yield (
        "Take −(t − 0.5)², which has this slope and this bend at 1. A tenth of the jump "
        f"leads to {spell(tenth)}, and the height rises from {spell(f(1.0))} to "
        f"{spell(f(tenth), '.2f')}"
    )


def _phrases_2() -> Iterator[str]:
    # what you now know
    ball = objectives.quadratic([1.0])
    runs = {el: minimize(ball, [1.0], gradient_descent(el)) for el in (0.5, 1.5, 2.1)}
    assert [run.converged for run in runs.values()] == [True, True, False]
    yield "a step of length 1 is a dot product"
    step = np.array([1.0]) - 0.3 * gradient(objectives.quadratic([4.0]), np.array([1.0]))
    assert np.isclose(step[0], 1 - 0.3 * 4)
    yield "the distance from the bottom by 1 − ηλ"
    yield (
        "ηλ below 1 creeps. Between 1 and 2 it jumps across and still settles. Above 2 it explodes"
    )
    yield "step $u$ of length 1"
    # question 1
    hill, p = objectives.tilted_trough(), np.array([0.0, 1.0])
    g = gradient(hill, p)
    assert hill(np.array([0.0, 1e6])) > 1e11
    yield f"the hill −x + y² at the place {pair(p)}"
    yield f"B. {pair(-g)}, flat on the map"
    yield f"falls fastest along {pair(-g)}"
    yield f"C. {pair(g)}, flat on the map"
    yield f"at the rate {spell(g[0])}. Nudge y, and it changes at the rate {spell(g[1])}"
    yield f"D. The number {np.linalg.norm(g):.2f}, the steepest slope"
    # question 2
    slopes, u = np.array([3.0, 4.0]), np.array([0.8, -0.6])
    plane = lambda z: 3 * z[0] + 4 * z[1]
    assert np.isclose(np.linalg.norm(u), 1)
    yield (
        f"The gradient is {pair(gradient(plane, X))}. You step along u = {pair(u)}, which has "
        "length 1"
    )
    rise = round(float(directional_derivative(plane, X, u)), 12)
    yield f"A. {spell(rise)}: you keep your height"
    yield f"3 · 0.8 + 4 · (−0.6) = {spell(rise)}"
    length = np.linalg.norm(slopes)
    up = slopes / length
    assert np.isclose(directional_derivative(plane, X, up), 5)
    yield f"B. {spell(length)}: the length"
    yield f"the rate {spell(length)} only along the gradient itself, towards {pair(up)}"
    yield f"it is less: {spell(length)} times the cosine"
    yield f"C. {spell(slopes.sum())}: the two slopes together"
    yield (
        "a step by 1 along both axes is not of length 1: its length is "
        f"{np.linalg.norm(np.ones(2)):.2f}"
    )
    down = directional_derivative(plane, X, -up)
    yield f"D. {spell(down)}: across"
    yield f"towards {pair(-up)}. There the slope is {spell(down)}"
    # question 3
    scale = np.array([10.0, 1.0])
    new = gradient(lambda Z: hill(Z / scale), scale * p)
    yield (
        f"On the hill −x + y², at {pair(p)}, you now measure x in decimetres instead of "
        "metres: X = 10x"
    )
    assert np.isclose(new[0], g[0] / 10)
    yield f"the gradient goes from {pair(g)} to {pair(new)}"
    yield (
        f"The gradient is now {pair(new)}. Carry it back to metres, and it points along "
        f"{pair(new / scale)}. With metres it was {pair(g)}"
    )
    d = np.array([0.3, -0.7])
    assert np.isclose(g @ d, new @ (scale * d))
    yield "so is the rise of every single step"
    # question 4
    bowl, eta = objectives.quadratic([1.0, 10.0]), 0.21
    x = np.array([1.0, 1.0])
    assert np.isclose(bowl(np.array([2.0, 3.0])), (2**2 + 10 * 3**2) / 2)
    yield f"½(x² + 10y²) with η = {eta}, from {pair(x)}"
    after = x - eta * gradient(bowl, x)
    mean = np.mean(np.linalg.eigvalsh(hessian(bowl, x)))
    assert eta * mean < 2
    yield f"the mean bend is {spell(mean)}, and {eta} · {spell(mean)} is below 2"
    yield f"each step leaves {spell(after[0])} of it"
    assert minimize(bowl, x, gradient_descent(eta)).reason == "diverged"
    yield (
        f"The bend along y is 10, so ηλ = {spell(eta * 10)}. Each step multiplies y by "
        f"{spell(round(after[1], 9))}. The cliff is at 2/10 = {spell(2 / 10)}"
    )
    shorter = x - 0.19 * gradient(bowl, x)
    assert minimize(bowl, x, gradient_descent(0.19)).converged
    yield f"at η = 0.19 each step multiplies y by {spell(round(shorter[1], 9))}, and it settles"
    yield f"while ηλ lies between 1 and 2. Here ηλ = {spell(eta * 10)}"
    # question 5
    phi = lambda a: -4 * a - a**2
    m = parabola(phi, 0.0)
    assert (m.slope, m.bend) == (-4, -2)
    yield f"slope {spell(m.slope)} and bend {spell(m.bend)} at the start"
    alpha = -m.slope / m.bend
    yield f"A. α = {spell(alpha)}, by the formula"
    assert derivative(phi, alpha) == 0
    yield (
        f"α = {spell(alpha)} goes *backwards*, to the top of the parabola, "
        f"{spell(phi(alpha))} higher"
    )
    yield f"B. α = {spell(-alpha)}: the sign"
    yield (
        f"on the parabola by {spell(-phi(2.0))}. But it has no bottom at 2. It falls on, by "
        f"{spell(-phi(4.0))} at α = 4"
    )
    yield (
        f"The slope is {spell(m.slope)}, so a short step goes down: α = 0.1 gains "
        f"{spell(-phi(0.1))} on the parabola"
    )
    with pytest.raises(NoMinimumError):
        m.minimiser()
    yield "The library stops with a reason"


def _phrases_3() -> Iterator[str]:
    # question 1
    three, q = objectives.three_outputs(), np.array([2.0, 5.0])
    J = jacobian(three, q)
    yield f"(x, y) ↦ (x + 1, xy, x − y), at {pair(q)}"
    assert three(np.array([7.0, 11.0])).tolist() == [7 + 1, 7 * 11, 7 - 11]
    yield f"A. <code>{table(J)}</code>"
    yield f"y = {spell(J[1, 0])} for x, and x = {spell(J[1, 1])} for y"
    yield f"B. <code>{table(J.T)}</code>"
    with pytest.raises(ValueError):
        J.T @ np.ones(2)
    yield "With a {} × {} table".format(*J.T.shape)
    yield f"C. <code>[{pair(three(q))[1:-1]}]</code>"
    swapped = J.copy()
    swapped[1] = J[1, ::-1]
    yield f"D. <code>{table(swapped)}</code>"
    yield f"xy changes at the rate y = {spell(J[1, 0])}"
    # question 2
    g, f = (lambda t: 2 * t), (lambda t: t**3)
    whole = derivative(lambda t: f(g(t)), 1.0)
    assert f(g(1.7)) == pytest.approx(8 * 1.7**3) and derivative(lambda t: 8 * t**3, 1.0) == whole
    outer, inner, wrong = derivative(f, g(1.0)), derivative(g, 1.0), derivative(f, 1.0)
    assert outer * inner == whole
    yield "3 × 2 times 1 × 3 does not even fit"
    with pytest.raises(ValueError):
        np.ones((3, 2)) @ np.ones((1, 3))
    yield (
        f"Take g(t) = 2t and f(t) = t³ at 1. The whole is 8t³, with slope {spell(whole)}. "
        f"This rule gives {spell(wrong * inner)}"
    )
    yield (
        f"With g(t) = 2t and f(t) = t³ at 1: f has slope {spell(outer)} at {spell(g(1.0))}, g "
        f"has slope {spell(inner)}, and {spell(outer)} · {spell(inner)} = {spell(whole)}. "
        "That is the slope of 8t³"
    )
    yield (
        f"With g(t) = 2t and f(t) = t³ at 1, adding gives {spell(outer + inner)}, and the "
        f"truth is {spell(whole)}"
    )
    # question 3
    calls: Counter[str] = Counter()

    def tally(kind: str, value: Any) -> Any:
        calls[kind] += 1
        return value

    station = primitive(lambda z: tally("there", np.tanh(z)))
    defvjp(station, lambda ans, z: lambda g: tally("back", g * (1 - ans**2)))
    knobs = np.linspace(-1, 1, 10**6)
    found = autograd.grad(lambda x: np.sum(station(x)))(knobs)
    assert calls == {"there": 1, "back": 1} and np.allclose(found, 1 - np.tanh(knobs) ** 2)
    yield "B. One run there, and one walk back"
    # question 4
    net, start = objectives.two_weights(), np.array([1.7, 0.1])
    by_tape = by_nudges = start
    for _ in range(30):
        by_tape = by_tape - 0.1 * gradient(net, by_tape)
        nudged = [central_difference(net, by_nudges, v=e) for e in np.eye(2)]
        by_nudges = by_nudges - 0.1 * np.array(nudged)
    assert np.allclose(by_tape, by_nudges, rtol=1e-7)
    yield f"30 steps from {pair(start)} end at the same place to 6 digits"
    # question 5
    A, B, v = np.array([[2.0, 2], [2, 5]]), np.array([[2.0, 4], [0, 5]]), np.ones(2)
    assert v @ A @ v == v @ B @ v
    for x, y in ((0.3, -2.0), (4.0, 1.5)):
        w = np.array([x, y])
        assert np.allclose([w @ A @ w, w @ B @ w], 2 * x**2 + 4 * x * y + 5 * y**2)
    yield (
        f"The table `{table(A)}`, asked about v = {pair(v)}, gives vᵀAv = {spell(v @ A @ v)}. "
        f"What does `{table(B)}` give?"
    )
    yield f"A. {spell(v @ B @ v)}, and the same"
    yield "Both spell 2x² + 4xy + 5y²."
    yield f"{spell(A[0, 1])} + {spell(A[1, 0])} = {spell(B[0, 1])} + {spell(B[1, 0])}"
    yield f"B. {spell(np.trace(B))}: the diagonal counts"
    yield (
        f"2 + 5 = {spell(np.trace(B))} would be right if nothing stood off the diagonal. The "
        f"{spell(B[0, 1])} mixes x and y, and 4xy is {spell(B[0, 1])} at {pair(v)}"
    )
    values = [np.sort(np.linalg.eigvals(M).real) for M in (B, A)]
    yield "are {} and {}, those of the first are {} and {}".format(
        *(spell(round(value, 9)) for value in np.ravel(values))
    )
    twice = np.trace(B) + 2 * B[0, 1]
    yield f"D. {spell(twice)}: the entry"
    yield f"2 + 2 · 4 + 5 = {spell(twice)}"


def _phrases_4() -> Iterator[str]:
    # what you now know: the test is silent where an eigenvalue is 0 (question 4 proves it)
    yield "At slope 0 they name minimum, maximum or saddle. If one is 0 and the others agree"
    yield "bend along $v$ of length 1"
    yield "It goes to slope 0, and a saddle will do"
    # question 1
    f = lambda z: z[0] ** 2 + 4 * z[0] * z[1] + z[1] ** 2
    zero = np.zeros(2)
    H = hessian(f, zero)
    low, high = (round(value, 9) for value in np.linalg.eigvalsh(H))
    assert np.all(gradient(f, zero) == 0) and H[0, 0] == H[1, 1] == 2
    yield (
        f"f = x² + 4xy + y². At {pair(zero)} the slope is 0, and the bends along x and along "
        f"y are both {spell(H[0, 0])}"
    )
    v = np.array([1.0, -1.0]) / np.sqrt(2)
    bend = round(float(v @ H @ v), 9)
    yield f"Along the diagonal (1, −1)/√2 the bend is {spell(bend)}"
    assert np.all(H > 0)
    yield f"H is `{table(H)}`, and all"
    yield f"eigenvalues, {spell(high)} and {spell(low)}"
    yield "only if an eigenvalue is 0"
    yield f"makes the eigenvalues {spell(high)} and {spell(low)} out of 2 and 2"
    assert np.allclose(H @ [1, 1], high * np.ones(2)) and quadric(f, zero).shape() == "saddle"
    yield f"The eigenvalues are {spell(high)} and {spell(low)}: up along (1, 1), down along (1, −1)"
    # question 2
    saddle = lambda z: (3 * z[0] ** 2 - z[1] ** 2) / 2
    x = np.array([0.1, 0.5])
    S = hessian(saddle, x)
    step = np.linalg.solve(S, -gradient(saddle, x))
    yield "the eigenvalues {1} and {0}. Where does the plain".format(
        *map(spell, np.linalg.eigvalsh(S))
    )
    yield (
        f"Along the axis with bend {spell(S[1, 1])} it climbs. Take ½(3x² − y²) from "
        f"{pair(x)}: the step lifts you from {spell(saddle(x), '.2f')} to "
        f"{spell(round(saddle(x + step), 9))}"
    )
    yield f"slope is 0. On ½(3x² − y²) it jumps from {pair(x)} to {pair(x + step)} at once"
    yield "Only an eigenvalue of 0 takes"
    yield f"is {spell(round(np.linalg.det(S), 9))}."
    # question 3
    kappa = 10_000
    root = np.sqrt(kappa)
    polyak, descent = (root - 1) / (root + 1), (kappa - 1) / (kappa + 1)
    eta, beta = (2 / (1 + root)) ** 2, polyak**2
    for lam in (1.0, 37.0, 5_000.0, float(kappa)):  # the larger eigenvalue of one step
        both = np.roots([1, -(1 + beta - eta * lam), beta])
        assert np.allclose(np.abs(both), polyak, atol=1e-5)
        assert abs(1 - 2 / (1 + kappa) * lam) <= descent + 1e-12
    yield f"condition number κ = {kappa:,}"
    bowl = objectives.quadratic([1.0, float(kappa)])
    start = np.array([3.0, 2.0])
    assert np.allclose(start + np.linalg.solve(hessian(bowl, start), -gradient(bowl, start)), 0)
    yield f"still leaves {polyak:.2f} of the error"
    yield f"each step leaves {polyak:.2f} of the error instead of {descent:.4f}"
    assert round(np.log(polyak) / np.log(descent)) == 100
    yield f"(√κ − 1)/(√κ + 1) = {polyak:.2f} of the error in each step"
    yield f"(κ − 1)/(κ + 1) = {descent:.4f}, and needs 100 steps for the same"
    slope = lambda t: 25 * t if t < 1 else t + 24 if t < 2 else 25 * t - 24
    places, v = [3.3], 0.0
    for _ in range(300):
        v = ((5 - 1) / (5 + 1)) ** 2 * v - (2 / (1 + 5)) ** 2 * slope(places[-1])
        places.append(places[-1] + v)
    assert [derivative(slope, t) for t in (0.5, 1.5, 2.5)] == [25, 1, 25]
    assert np.allclose(sorted(places[-3:]), np.sort([792, -2208, 2592]) / 1225)
    yield (
        "whose bend is 25, then 1, then 25 again, a ball tuned for 1 to 25 and dropped at "
        "3.3 goes round three places"
    )
    # question 4
    flats = {
        "x² + y⁴": lambda z: z[0] ** 2 + z[1] ** 4,
        "x² − y⁴": lambda z: z[0] ** 2 - z[1] ** 4,
        "x² + y³": lambda z: z[0] ** 2 + z[1] ** 3,
    }
    for h in flats.values():
        assert np.all(gradient(h, zero) == 0)
        assert np.linalg.eigvalsh(hessian(h, zero)).tolist() == [0, 2]
    near = [min(h(np.array([0.0, y])) for y in (-0.1, 0.1)) for h in flats.values()]
    assert near[0] > 0 > max(near[1:])
    yield "The gradient is 0. One eigenvalue of H is 0, the other is 2"
    yield (
        f"x² + y⁴ has a minimum at {pair(zero)}. x² − y⁴ and x² + y³ have none. All three "
        "have the eigenvalues 0 and 2 there"
    )
    yield (
        f"x² − y⁴ has no negative bend at {pair(zero)}, and falls along y. At (0, 0.1) it is "
        f"{spell(round(near[1], 9), '.4f')}"
    )
    yield f"x² + y⁴ has its minimum at {pair(zero)}, with the eigenvalues 0 and 2"
    heights = [spell(flats["x² + y⁴"](np.array([0.0, y]))) for y in (0.0, 1.0)]
    yield "On x² + y⁴ the height is {} at (0, 0) and {} at (0, 1)".format(*heights)
    # question 5
    n = 10**6
    yield (
        f"{power(round(np.log10(n * n)))} entries, {spell(4 * n * n / 1e12)} terabytes at 4 "
        "bytes each"
    )
    yield f"For x² + 4xy + y² it is {pair(np.diag(H))}, and misses the bend {spell(low)} in between"
    big, rng = objectives.rosenbrock(200), np.random.default_rng(0)
    at, w = rng.normal(size=200), rng.normal(size=200)
    two = (gradient(big, at + 1e-5 * w) - gradient(big, at - 1e-5 * w)) / 2e-5
    assert np.allclose(two, hvp(big, at, w), rtol=1e-5, atol=1e-3)
    yield "Two gradients, at x + hv and x − hv, nearly give it"
    for c, place in ((0.5, 1.0), (50.0, 0.01)):
        assert np.isclose(derivative(lambda t, c=c: c * t**2, place), 1)
        assert np.isclose(parabola(lambda t, c=c: c * t**2, place).minimiser(), 0)
    yield (
        "½x² at x = 1 and 50x² at x = 0.01 both have the gradient 1. The bottom is 1 away "
        "for the one, 0.01 away for the other"
    )


def _phrases_5() -> Iterator[str]:
    yield from _products()
    yield from _spectra()
    yield from _edge()
    yield from _optimizers()
    yield from _scale()


def _products() -> Iterator[str]:
    assert Counts(products=1).in_gradients == 2
    yield "It costs a gradient or two"
    rng = np.random.default_rng(0)
    A = rng.normal(size=(6, 6))
    A = A + A.T
    rms = {}
    for k in (4, 16):
        found = [float(estimators.hutchinson_trace(A, products=k, rng=rng)) for _ in range(400)]
        rms[k] = np.sqrt(np.mean((np.array(found) - np.trace(A)) ** 2))
    assert 1.7 < rms[4] / rms[16] < 2.3
    yield "four times the products, half the error"
    # question 1
    B = np.array([[1.0, 2], [2, 1]])
    top = np.linalg.eigvalsh(B)[-1]
    assert top >= np.max(np.diag(B)) == 1
    yield f"`{table(B)}` has {spell(B[0, 0])} on the diagonal, and the eigenvalue {spell(top)}"
    bends = np.diag([10.0] + 99 * [0.0])
    signs = rng.choice([-1.0, 1.0], size=100)
    longer = np.linalg.norm(bends @ signs) / np.linalg.norm(signs)
    yield (
        "Take one bend of 10 and 99 bends of 0. An arrow of 100 random signs then gets longer by "
        f"a factor of {spell(longer)}: you would not notice the {spell(np.max(bends))}"
    )
    net, data = mlp([64, 16, 10]), digits()
    f = net.objective(cross_entropy, data.X[::3], data.y[::3])
    x = minimize(f, net.start(np.random.default_rng(0)), lbfgs(), stop=Stop(steps=10)).x
    H = hessian_operator(f, x)
    seen, _ = estimators.lanczos(H, 25, rng=rng).quadrature()
    truth = np.linalg.eigvalsh(H @ np.eye(net.dim))
    assert np.allclose(np.sort(seen)[-5:], truth[-5:], rtol=1e-6)
    yield f"a network with {net.dim:,} weights, 25 products gave the five largest to six digits"
    C = np.diag([5.0, -4.0])
    yield f"With the eigenvalues 5 and −4 it is {spell(np.trace(C))}"


def _spectra() -> Iterator[str]:
    long = runs.load("spectra")
    found = long["digits"]
    off = np.concatenate([one["H-G"] for one in found.values()])
    assert np.all(off[:, -1] < 0.25) and np.all(off[:, -1] < off[:, 0])
    yield "In our runs H came closer to G as the network learned"
    rng = np.random.default_rng(0)
    net, X4, y = mlp([4, 3, 3]), rng.normal(size=(20, 4)), rng.integers(0, 3, 20)
    f, x, eye = net.objective(cross_entropy, X4, y), net.start(rng), np.eye(mlp([4, 3, 3]).dim)
    G, F, E = (
        make(f, x) @ eye for make in (ggn_operator, fisher_operator, empirical_fisher_operator)
    )
    assert np.allclose(F, G) and not np.allclose(E, G)
    assert np.linalg.eigvalsh(G)[0] > -1e-12 > np.linalg.eigvalsh(hessian(f, x))[0]
    yield "with cross-entropy, G is Fisher's matrix"
    fades = np.concatenate([one["E/G"] for one in found.values()])
    assert np.all(fades[:, 0] > 1) and np.all(fades[:, -1] < 0.7)
    yield "As the data are fitted, it fades faster than the bends do"
    over = [one["bias"][:, 0, 0] / one["top"][:, -1, 0] for one in found.values()]
    assert np.min(over) > 1
    yield "On average it shows too much"
    # question 2
    gap: dict[Any, list[Any]] = {}
    widest: dict[Any, list[Any]] = {}
    for name, one in found.items():
        inputs, _, classes = name.split(", ")
        top, C = one["top"][:, -1], int(classes)
        gap.setdefault((inputs, C), []).append(top[:, C - 2] / top[:, C - 1])
        widest.setdefault((inputs, C), []).append(1 + np.argmax(top[:, :7] / top[:, 1:8], axis=1))
    assert long.settings["digits"]["classes"] == {"tanh": [2, 3, 6, 10], "relu": [3, 6]}
    yield "**Right.** Where inputs had a mean, number C − 1 was at least twice number C"
    assert np.max(gap["centred", 6]) < 2
    yield "A. C − 1: softmax leaves each row that many bends"
    yield "Each row has C − 1 bends, that is so"
    z = rng.normal(size=6)
    p = np.exp(z) / np.sum(np.exp(z))
    assert np.linalg.matrix_rank(np.diag(p) - np.outer(p, p), tol=1e-12) == 6 - 1
    yield (
        "With C = 6 and centred inputs, eigenvalue number 5 was in no run twice as large as "
        "number 6"
    )
    tight = [one["top"] for weights, one in long["blobs"]["0.3"].items() if int(weights) > 18]
    tops = np.maximum(np.concatenate(tight)[:, :8], 1e-9)
    assert len(tops) == 20 and np.all(np.argmax(tops[:, :-1] / tops[:, 1:], axis=1) == 1)
    yield "For two tight blobs and enough weights we did find 2, where C − 1 is 1"
    yield "each *blob* brings C − 1"
    assert np.all(np.array(widest["with a mean", 3]) == 2)
    yield (
        "For 3 classes of digits, with a mean in the inputs, the widest gap came after 2, not "
        "after 3"
    )
    large, sizes = long["chebyshev"]["large"], runs.load("edge").settings["sizes"]
    assert np.all(large[:, 0] > 60) and np.all(large[:, -1] <= 6) and len(large) == 5
    yield (
        f"Of its {mlp(sizes).dim} bends more than 60 were above 1 % of the largest at the start, "
        "and at most 6 after training, from all five starts"
    )
    yield "D. Perhaps C − 1: it depends"
    assert min(np.min(gap["with a mean", C]) for C in (2, 3, 6)) > 2
    assert np.max(gap["with a mean", 10]) < 1.3
    yield "for 2, 3 and 6 classes. For 10 it was at most 1.3 times as large"


def _edge() -> Iterator[str]:
    long = runs.load("edge")
    settled = {name: np.median(one["middle"], axis=1) for name, one in long["settled"].items()}
    for batch in ("sgd-10", "sgd-5", "sgd-2"):
        assert long.settings["runs"][batch][1]["lr"] == 0.2 and np.max(settled[batch]) < 9
    yield "Mini-batches stay below"
    yield "Sharpness above 2/η must diverge"
    # question 3
    assert long.settings["runs"]["gd-0.1"][1] == {"lr": 0.1}
    yield f"with η = 0.1. Its sharpness has climbed to {spell(2 / 0.1)}. What comes next"
    bowl = lambda z: 21 * z[0] ** 2 / 2
    factor = (np.ones(1) - 0.1 * gradient(bowl, np.ones(1)))[0]
    yield f"With the bend 21 each step multiplies the distance by {spell(round(factor, 9))}"
    assert len(settled["gd-0.1"]) == 5 and np.all(np.abs(settled["gd-0.1"] / 20 - 1) < 0.02)
    yield "B. The sharpness stays near 20"
    yield "from five starts out of five: within 2 %, half-way between two steps"
    net, eta = objectives.two_weights(), 0.8
    road = [it.x for it in islice(gradient_descent(eta)(net, [2.0, 0.52]), 101)]
    ends = [geometry.sharpness(net, place) for place in (road[0], road[-1])]
    losses = [net(place) for place in road]
    assert ends[0] > 2 / eta > ends[1] and max(losses) > 100 * losses[0] and losses[-1] < 1e-12
    yield (
        f"With η = {eta} the edge is at {spell(2 / eta)}. Started where the sharpness is "
        f"{ends[0]:.1f}, it swings out, and ends where it is {ends[1]:.1f}"
    )
    assert np.all(np.abs(np.array(long["settled"]["gd-0.1"]["rises"]) - 0.5) < 0.1)
    yield "About half of the late steps do go up"
    first = long["first"]["gd-0.1"]
    assert first["loss"][-1] < first["loss"][np.argmax(first["middle"] > 20)] / 10
    yield "in our stored run to less than a tenth of what it was at the edge"
    for rate in (0.2, 0.1, 0.05):
        assert np.all(np.abs(settled[f"gd-{rate}"] * rate / 2 - 1) < 0.02)
    yield "We trained with 0.2, 0.1 and 0.05, and the sharpness settled near {}, {} and {}".format(
        *(spell(round(2 / rate, 9)) for rate in (0.2, 0.1, 0.05))
    )


def _optimizers() -> Iterator[str]:
    race, ranks, ahead = runs.load("race"), {}, []
    for name in race.settings["problems"]:
        ends = {
            who: np.median(np.nan_to_num(one["loss"], nan=np.inf))
            for who, one in race[name]["optimizers"].items()
        }
        ranks[name] = sorted(ends, key=lambda who: ends[who])
        ahead += [ends[who] < ends["adam"] for who in ("kfac", "shampoo", "soap", "muon")]
    first = {name: order[0] for name, order in ranks.items()}
    assert len(first) == 2 and len(set(first.values())) == 2, f"the page says otherwise: {first}"
    yield "In our race the first on one problem was not the first on the other"
    assert len(ahead) == 8 and all(ahead), f"the page says otherwise: {ranks}"
    yield "K-FAC, Shampoo, SOAP and Muon beat Adam on both"
    # question 4
    two, flat_place, sharp_place = objectives.two_weights(), np.ones(2), np.array([10.0, 0.1])
    bends = [geometry.sharpness(two, place) for place in (flat_place, sharp_place)]
    assert abs(two(flat_place)) < 1e-20 and abs(two(sharp_place)) < 1e-20
    yield (
        f"with the loss ½(uv − 1)², has sharpness {spell(round(bends[0], 9))} at "
        f"{pair(flat_place)} and {spell(round(bends[1], 9))} at {pair(sharp_place)}"
    )
    outputs = [round(place[0] * place[1] * 3, 9) for place in (flat_place, sharp_place)]
    assert outputs[0] == outputs[1]
    yield f"for x = 3 both answer {spell(outputs[0])}"
    yield "uv = 1 for both"
    rng = np.random.default_rng(0)
    net = mlp([4, 6, 3], "relu")
    x = rng.normal(size=net.dim)
    parts = net.layout.split(x)
    scaled = {"W1": 10 * parts["W1"], "b1": 10 * parts["b1"], "W2": parts["W2"] / 10}
    inputs, y = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    other = net.layout.join(parts | scaled)
    assert np.allclose(net(other, inputs), net(x, inputs))
    f = net.objective(cross_entropy, inputs, y)
    assert geometry.sharpness(f, other) > 10 * geometry.sharpness(f, x)
    yield "multiply the first layer by 10, divide the next one's weights by 10"
    yield f"near {pair(sharp_place)} η must stay below {2 / bends[1]:.2f}"
    yield f"B. {pair(flat_place)}: flat places"
    yield f"C. {pair(sharp_place)}: it fits"
    yield f"with loss {spell(round(two(sharp_place), 9))}"


def _scale() -> Iterator[str]:
    rows = {name: t[:, 1] for name, t in runs.load("scale")["rows"].items()}
    assert rows["one process"][0] < min(rows["process pool"][0], rows["Dask"][0])
    assert rows["one process"][-1] > max(rows["process pool"][-1], rows["Dask"][-1])
    yield "so small tasks stay in one process"
    # question 5: 900 rows with the slope (1, 0), 100 with (0, 1), the loss ½(slope · w)² of each
    counts, v = np.array([900, 100]), np.ones(2)
    slopes = np.repeat(np.eye(2), counts, axis=0)
    mean_loss = lambda rows: lambda w: np.mean(np.dot(rows, w) ** 2) / 2
    shards = slopes[:900], slopes[900:]
    answers = np.array([hvp(mean_loss(shard), np.zeros(2), v) for shard in shards])
    whole = hvp(mean_loss(slopes), np.zeros(2), v)
    yield (
        f"One machine has {counts[0]} rows and answers {pair(answers[0])}, another has "
        f"{counts[1]} and answers {pair(answers[1])}. What is Hv for all {counts.sum():,} rows"
    )
    yield f"A. {pair(answers.mean(axis=0))}: the mean"
    yield f"would count {counts[0] // counts[1]} times as much"
    assert np.allclose(counts @ answers / 1000, whole)
    yield f"B. {pair(whole)}: each weighed"
    yield "900/1,000 of one, 100/1,000 of the other"
    cut = [slopes[::2], slopes[1::2]]
    again = [len(part) * hvp(mean_loss(part), np.zeros(2), v) for part in cut]
    assert np.allclose(sum(again) / 1000, whole)
    yield "Every other cut of the same rows gives the same Hv"
    yield f"C. {pair(answers.sum(axis=0))}: the sum"
    sums = [
        hvp(lambda w, s=shard: np.sum(np.dot(s, w) ** 2) / 2, np.zeros(2), v) for shard in shards
    ]
    assert np.allclose(sum(sums) / 1000, whole)
    yield (
        f"the answers would be {pair(sums[0])} and {pair(sums[1])}. You add them, and divide "
        "by 1,000"
    )
    yield f"For a million weights, a Hessian has {power(round(2 * np.log10(10**6)))} entries"


PHRASES: dict[str, Callable[[], Iterator[str]]] = dict(
    zip(PARTS, (_phrases_1, _phrases_2, _phrases_3, _phrases_4, _phrases_5), strict=True)
)


@each_page
def test_numbers_are_those_the_library_computes(name: str) -> None:
    page = flat(LINK.sub(r"\1", TEXT[name]))
    missing = [phrase for phrase in PHRASES[name]() if phrase not in page]
    assert not missing


@each_page
def test_no_number_is_left_unproved(name: str) -> None:
    """Outside formulas, code of the tables, chapter names and numbering, each digit is proved."""
    page = re.sub(r"\[[^\]]+\]\([^)\s]+\.(?:ipynb|md)\)", "", TEXT[name])
    page = re.sub(r"^(\*\*)[1-5]\. ", r"\1", LINK.sub(r"\1", page), flags=re.M)
    page = re.sub(r"^\| .+\$ ?.* \| (.+) \| `.+` \|$", r"\1", page, flags=re.M)
    page = flat(page)
    for phrase in sorted(PHRASES[name](), key=len, reverse=True):
        page = page.replace(phrase, "…")
    left = re.findall(r".{0,30}[0-9].{0,30}", page)
    assert not left


def test_the_check_of_numbers_sees_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "summary_1_derivative"
    monkeypatch.setitem(TEXT, name, TEXT[name].replace("leads to 0.95", "leads to 0.96"))
    for test in (test_numbers_are_those_the_library_computes, test_no_number_is_left_unproved):
        with pytest.raises(AssertionError):
            test(name)
