"""Drawing helpers: they draw where told, return None, name mistakes; colours seen by everyone."""

import itertools
import re
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import Colormap, to_rgb

import secondorder
from secondorder import line, parabola, plotting, quadric, tangent_plane
from secondorder.plotting import COLORS, MAP

SHEET = Path(secondorder.__file__).parent / "book.mplstyle"
PAGES = ("#ffffff", "#14181e", "#121212")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return plt.figure(figsize=(2, 2)).subplots()


def bowl(x):
    return x[0] ** 2 + 2 * x[1] ** 2


def solid():
    return plt.figure(figsize=(2, 2)).add_subplot(projection="3d")


HELPERS = {
    "curve": lambda ax: plotting.curve(ax, np.sin, 0, 1, n=20),
    "model": lambda ax: plotting.model(ax, line(lambda t: t**2, 1.0), 0, 2),
    "contours": lambda ax: plotting.contours(ax, bowl, (-1, 1), (-1, 1), levels=[0.5, 1], n=9),
    "path": lambda ax: plotting.path(ax, [[0.0, 1.0], [1.0, 2.0]]),
    "arrow": lambda ax: plotting.arrow(ax, [0.0, 0.0], [1.0, 2.0], "g"),
    "rose": lambda ax: plotting.rose(ax, np.diag([2.0, -1.0])),
    "grid_image": lambda ax: plotting.grid_image(ax, lambda x: x, (0, 1), (0, 1), lines=3),
    "flow": lambda ax: plotting.flow(ax, {"x": (0, 0), "y": (1, 1)}, {("x", "y"): "2"}),
    "chord": lambda ax: plotting.chord(ax, np.sin, 1.0, 0.5, 0, 2),
    "note": lambda ax: plotting.note(ax, "here", (0.5, 0.5), "curve"),
    "surface": lambda ax: plotting.surface(ax, bowl, (-1, 1), (-1, 1), n=5),
}


def test_every_helper_has_a_test() -> None:
    public = {
        name
        for name, value in vars(plotting).items()
        if name[0] != "_" and getattr(value, "__module__", "") == plotting.__name__
    }
    assert public == {*HELPERS, "show", "heights", "panels"}


@pytest.mark.parametrize("name", HELPERS)
def test_a_helper_draws_on_its_ax_only_returns_none_and_sets_no_style(name: str) -> None:
    other = plt.figure().subplots()
    ax = solid() if name == "surface" else plt.figure().subplots()
    figure, before = plt.gcf().number, dict(plt.rcParams)
    plt.figure()
    count, untouched = len(ax.get_children()), len(other.get_children())
    assert HELPERS[name](ax) is None
    assert len(ax.get_children()) > count and len(other.get_children()) == untouched
    assert len(plt.get_fignums()) == 3 and plt.gcf().number != figure
    assert dict(plt.rcParams) == before
    assert not plt.gcf().axes
    ax.figure.canvas.draw()


# ── what is drawn ─────────────────────────────────────────────────────────────────────────────────


def test_curve_goes_through_the_values(ax) -> None:
    plotting.curve(ax, lambda t: t**2, -1, 2, n=7, linestyle=":")
    (drawn,) = ax.lines
    x, y = drawn.get_data()
    assert x[0] == -1 and x[-1] == 2 and len(x) == 7 and np.allclose(y, x**2)
    assert drawn.get_color() == COLORS["curve"] and drawn.get_linestyle() == ":"


def test_curve_leaves_a_gap_where_there_is_no_value(ax) -> None:
    plotting.curve(ax, lambda t: np.nan if t < 0 else t, -1, 1, n=5)
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [True, True, False, False, False]


def test_model_touches_at_its_dot(ax) -> None:
    m = parabola(lambda t: t**3, 1.0)
    plotting.model(ax, m, 0, 2, color="k")
    bent, dot = ax.lines
    assert np.allclose(bent.get_ydata(), m(bent.get_xdata())) and bent.get_color() == "k"
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (1.0, 1.0)


def test_contours_use_the_map_at_one_scale(ax) -> None:
    plotting.contours(ax, bowl, (-1, 1), (-2, 2), levels=[0.5, 1.0], n=11)
    (lines,) = ax.collections
    assert lines.get_cmap().name == MAP.name and lines.levels.tolist() == [0.5, 1.0]
    assert ax.get_aspect() in (1.0, "equal") and (ax.get_xlabel(), ax.get_ylabel()) == ("x", "y")
    assert lines.get_alpha() is None


def test_heights_are_values_on_the_grid() -> None:
    X, Y, Z = plotting.heights(bowl, (0, 1), (2, 3), n=4)
    assert X.shape == Y.shape == Z.shape == (4, 4)
    assert np.allclose(Z, X**2 + 2 * Y**2) and Y[0, 0] == 2 and X[0, -1] == 1


def test_surface_is_in_the_map() -> None:
    ax = solid()
    plotting.surface(ax, bowl, (-1, 1), (-1, 1), n=5)
    assert ax.collections[0].get_cmap().name == MAP.name


def test_path_marks_its_end(ax) -> None:
    way = np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 1.0]])
    plotting.path(ax, way, color="k")
    joined, end = ax.lines
    assert np.array_equal(joined.get_xydata(), way) and end.get_xydata().tolist() == [[3.0, 1.0]]
    assert joined.get_color() == end.get_color() == "k"


def test_arrow_reaches_from_start_to_tip_and_into_the_limits(ax) -> None:
    plotting.arrow(ax, [1.0, 1.0], [2.0, 3.0], "g", color="#112233")
    shaft, label = ax.texts
    assert shaft.xy == (3.0, 4.0) and (shaft.xyann, label.get_text()) == ((1.0, 1.0), "g")
    assert label.get_color() == "#112233" and ax.dataLim.contains(3.0, 4.0)
    plotting.arrow(ax, [0.0, 0.0], [0.0, 0.0])


def test_rose_is_as_far_out_as_the_bend(ax) -> None:
    H = np.array([[2.0, 1.0], [1.0, -1.0]])
    plotting.rose(ax, H, n=73)
    up, down, *axes = ax.lines
    for petal, sign, role in ((up, 1, "up"), (down, -1, "down")):
        v = petal.get_xydata()[np.isfinite(petal.get_xydata()[:, 0])]
        size = np.linalg.norm(v, axis=1)
        assert np.allclose(np.einsum("ki,ij,kj->k", v, H, v), sign * size**3)
        assert petal.get_color() == COLORS[role]
    assert (up.get_linestyle(), down.get_linestyle(), len(axes)) == ("-", "--", 2)
    (ends, _) = axes[0].get_xydata()
    assert np.allclose(H @ ends, np.linalg.eigvalsh(H)[0] * ends)
    plotting.rose(ax, np.zeros((2, 2)))


def test_grid_image_is_the_image_of_the_grid(ax) -> None:
    A = np.array([[2.0, 1.0], [0.0, 1.0]])
    plotting.grid_image(ax, lambda x: A @ x, (0, 1), (0, 2), lines=3, color="k")
    assert len(ax.lines) == 6 and {drawn.get_color() for drawn in ax.lines} == {"k"}
    back = np.linalg.solve(A, np.vstack([d.get_xydata() for d in ax.lines]).T)
    assert np.allclose(back.min(axis=1), 0) and np.allclose(back.max(axis=1), [1, 2])
    assert np.allclose(np.ptp(back[0][:60]), 0) and np.allclose(np.ptp(back[1][-60:]), 0)


def test_flow_joins_its_boxes(ax) -> None:
    boxes = {"x": (0, 0), "y": (0, 1), "f": (2, 1)}
    plotting.flow(ax, boxes, {("x", "f"): "up", ("y", "f"): "level", ("f", "x"): "down"})
    words = [text.get_text() for text in ax.texts]
    assert words[:3] == ["x", "y", "f"] and {"up", "level", "down"} <= set(words)
    assert not ax.axison and ax.get_xlim()[0] < 0 and ax.get_ylim()[1] > 1
    places = {t.get_text(): (t.get_va(), t.get_ha()) for t in ax.texts[3:] if t.get_text()}
    assert places == {
        "up": ("top", "left"),
        "level": ("bottom", "center"),
        "down": ("bottom", "left"),
    }


def test_chord_has_the_slope_between_its_squares(ax) -> None:
    plotting.chord(ax, lambda t: t**2, 1.0, -0.5, 0, 2)
    secant, ends = ax.lines
    (x, y) = secant.get_data()
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(1.5)
    assert ends.get_xydata().tolist() == [[1.0, 1.0], [0.5, 0.25]]
    assert secant.get_color() == ends.get_color() == COLORS["down"]


def test_note_wears_the_colour_of_its_role(ax) -> None:
    plotting.note(ax, "here", (1, 2), "path", marker="o", offset=(3, 4))
    (text,) = ax.texts
    assert (text.get_text(), text.xy, text.xyann) == ("here", (1, 2), (3, 4))
    assert text.get_color() == ax.lines[0].get_color() == COLORS["path"]


def test_panels() -> None:
    axes = plotting.panels("Message", ["a", "b", "c"], sharey=True)
    assert axes.shape == (3,) and [ax.get_title() for ax in axes] == ["a", "b", "c"]
    assert axes[0].figure.get_suptitle() == "Message"
    axes = plotting.panels("Message", ("a", "b"), rows=2, figsize=(3, 3))
    assert axes.shape == (2, 2) and axes[1, 0].get_title() == ""
    assert axes[0, 0].figure.get_size_inches().tolist() == [3, 3]


# ── show ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def displayed(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "IPython.display.display", lambda *args, **kwargs: calls.append((*args, kwargs))
    )
    return calls


def test_show_gives_the_picture_its_alt_text_and_closes_it(ax, displayed) -> None:
    keep = plt.figure().number
    plt.figure(ax.figure.number)
    ax.plot([0, 1])
    assert plotting.show("A straight line that rises.") is None
    ((bundle, kwargs),) = displayed
    assert bundle["image/png"].startswith(b"\x89PNG") and kwargs["raw"] is True
    assert bundle["text/plain"] == "figure: A straight line that rises."
    assert kwargs["metadata"] == {"image/png": {"alt": "A straight line that rises."}}
    assert plt.get_fignums() == [keep]


@pytest.mark.parametrize("alt", ["", "a plot", " " * 30, None, 7, b"a line that is long enough"])
def test_show_refuses_an_alt_text_that_says_nothing(ax, displayed, alt) -> None:
    with pytest.raises(ValueError, match="alt must say in a sentence"):
        plotting.show(alt)
    assert not displayed and plt.get_fignums()


def test_show_needs_a_figure(displayed) -> None:
    with pytest.raises(ValueError, match="no figure to show"):
        plotting.show("A straight line that rises.")


def test_show_closes_a_figure_that_cannot_be_drawn(ax, displayed) -> None:
    ax.set_title("$\\nonsense{$")
    with pytest.raises(ValueError):
        plotting.show("A title that is not mathematics.")
    assert not plt.get_fignums() and not displayed


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────


def two(x):
    return np.array([x, x])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda ax: plotting.curve(ax, 3.0, 0, 1), TypeError, "f must be a function"),
        (lambda ax: plotting.curve(ax, two, 0, 1), ValueError, "f must return one number"),
        (lambda ax: plotting.curve(ax, np.sin, 1, 1), ValueError, "lo, hi must be .* low before"),
        (lambda ax: plotting.curve(ax, np.sin, 0, np.inf), ValueError, "lo, hi must be two finite"),
        (lambda ax: plotting.curve(ax, np.sin, "a", 1), TypeError, "lo, hi must be two numbers"),
        (lambda ax: plotting.curve(ax, np.sin, 0, 1, n=1), ValueError, "n must be a whole number"),
        (lambda ax: plotting.model(ax, np.sin, 0, 1), TypeError, "m must be made by line or para"),
        (
            lambda ax: plotting.model(ax, tangent_plane(bowl, [1.0, 1.0]), 0, 1),
            TypeError,
            r"got a plane in R\^n",
        ),
        (
            lambda ax: plotting.model(ax, quadric(bowl, [1.0, 1.0]), 0, 1),
            TypeError,
            r"got a bowl in R\^n",
        ),
        (lambda ax: plotting.model(ax, line(np.square, 1.0), 2, 1), ValueError, "low before high"),
        (lambda ax: plotting.contours(ax, bowl, (1, -1), (0, 1)), ValueError, "xlim must be two"),
        (lambda ax: plotting.contours(ax, bowl, (0, 1), 3), TypeError, "ylim must be two numbers"),
        (lambda ax: plotting.contours(ax, bowl, (0, 1, 2), (0, 1)), TypeError, "xlim must be two"),
        (lambda ax: plotting.contours(ax, 3, (0, 1), (0, 1)), TypeError, "f must be a function"),
        (lambda ax: plotting.contours(ax, two, (0, 1), (0, 1)), ValueError, "f must return one"),
        (lambda ax: plotting.contours(ax, bowl, (0, 1), (0, 1), n=2.5), ValueError, "n must be a"),
        (lambda ax: plotting.surface(ax, bowl, (0, 1), (0, 1)), TypeError, "ax must be three-dim"),
        (lambda ax: plotting.path(ax, [1.0, 2.0]), ValueError, r"points must have shape \(k, 2\)"),
        (lambda ax: plotting.path(ax, np.zeros((0, 2))), ValueError, r"got \(0, 2\)"),
        (lambda ax: plotting.path(ax, [[0, 1]]), TypeError, "points must hold floats"),
        (lambda ax: plotting.path(ax, [[0.0, np.nan]]), ValueError, "points must be finite"),
        (lambda ax: plotting.arrow(ax, [0.0], [1.0, 1.0]), ValueError, "start must have shape"),
        (lambda ax: plotting.arrow(ax, [0.0, 0.0], 1.0), ValueError, "vector must be one flat"),
        (lambda ax: plotting.rose(ax, np.eye(3)), ValueError, "H must be a symmetric array"),
        (lambda ax: plotting.rose(ax, [[0.0, 1.0], [0.0, 0.0]]), ValueError, "H must be a symm"),
        (lambda ax: plotting.rose(ax, "H"), TypeError, "H must hold real floats"),
        (
            lambda ax: plotting.grid_image(ax, lambda x: x[0], (0, 1), (0, 1)),
            ValueError,
            "f must return 2 outputs",
        ),
        (lambda ax: plotting.grid_image(ax, 3, (0, 1), (0, 1)), TypeError, "f must be a function"),
        (
            lambda ax: plotting.grid_image(ax, two, (0, 1), (0, 1), lines=1),
            ValueError,
            "lines must be a whole number",
        ),
        (lambda ax: plotting.flow(ax, {}, {}), ValueError, "boxes is empty"),
        (
            lambda ax: plotting.flow(ax, {"x": (0, 0)}, {("x", "z"): "1"}),
            ValueError,
            "arrows must join boxes that are there, got 'x' → 'z'",
        ),
        (lambda ax: plotting.chord(ax, np.sin, 1.0, 0, 0, 1), ValueError, "h must not be 0"),
        (lambda ax: plotting.chord(ax, 3, 1.0, 0.1, 0, 1), TypeError, "f must be a function"),
        (lambda ax: plotting.chord(ax, np.sin, 1.0, 0.1, 1, 0), ValueError, "low before high"),
        (lambda ax: plotting.note(ax, "a", (0, 0), "red"), ValueError, "role must be one of curve"),
        (lambda ax: plotting.panels("a", []), ValueError, "names is empty"),
        (lambda ax: plotting.panels("a", ["b"], rows=0), ValueError, "rows must be a whole number"),
    ],
)
def test_mistakes_are_named_and_leave_nothing_drawn(ax, call, error, words) -> None:
    count = len(ax.get_children())
    with pytest.raises(error, match=words):
        call(ax)
    assert len(ax.get_children()) == count


# ── colours ───────────────────────────────────────────────────────────────────────────────────────

# Machado, Oliveira & Fernandes (2009), severity 1, applied to linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
APART = 17.0  # CIE Lab distance; about 2 is the least that can be seen side by side


def linear(color) -> np.ndarray:
    c = np.array(to_rgb(color))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(c)) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: np.ndarray) -> np.ndarray:
    t = TO_XYZ @ rgb / TO_XYZ.sum(axis=1)
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def sheet_colors() -> set[str]:
    text = re.sub(r"^#.*", "", SHEET.read_text(encoding="utf-8"), flags=re.M)
    return {f"#{code}" for code in re.findall(r"\b[0-9a-f]{6}\b", text)}


@pytest.mark.parametrize("page", PAGES)
def test_every_colour_can_be_read_on_every_page(page: str) -> None:
    assert min(contrast(c, page) for c in {*COLORS.values(), *sheet_colors()}) >= 3.9
    assert min(contrast(MAP(i), page) for i in range(MAP.N)) >= 3


def test_the_style_sheet_and_the_roles_have_the_same_colours() -> None:
    assert sheet_colors() == set(COLORS.values())
    with plt.style.context("secondorder.book"):
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        assert plt.rcParams["savefig.transparent"] and plt.rcParams["figure.facecolor"] == "none"
    roles = ("curve", "model", "path", "down", "muted")
    assert [f"#{c.lstrip('#')}" for c in cycle] == [COLORS[role] for role in roles]


@pytest.mark.parametrize("sight", SIGHT)
def test_roles_stay_apart_for_every_reader(sight: str) -> None:
    seen = {
        role: lab(np.clip(SIGHT[sight] @ linear(COLORS[role]), 0, 1))
        for role in ("curve", "model", "path", "down")
    }
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(seen[a] - seen[b]) >= APART, (a, b)


@pytest.mark.parametrize("sight", SIGHT)
def test_the_map_orders_heights(sight: str) -> None:
    assert isinstance(MAP, Colormap)
    seen = np.array([lab(SIGHT[sight] @ linear(MAP(i))) for i in np.linspace(0, 1, 17)])
    if sight != "tritanopia":
        assert np.all(np.diff(seen[:, 0]) > 0)  # lighter and lighter
    steps = np.linalg.norm(np.diff(seen, axis=0), axis=1)
    assert steps.min() > 1
    ends = np.linalg.norm(seen - seen[0], axis=1)
    assert np.all(np.diff(ends) > 0)  # the farther up, the farther from the lowest colour


def test_the_map_goes_from_blue_to_orange_by_grey() -> None:
    red, _, blue = np.array([to_rgb(MAP(i)) for i in np.linspace(0, 1, 33)]).T
    warmth = red - blue
    assert np.all(np.diff(warmth) > 0) and warmth[0] < -0.3 and warmth[-1] > 0.5
    middle = to_rgb(MAP(0.5))
    assert max(middle) - min(middle) < 0.05
