"""Drawing helpers: each takes an `ax`, draws, and returns None.

They take functions, points and models, never run an algorithm and never set a style. The style
sheet is applied once, in a chapter's setup cell: ``plt.style.use("secondorder.book")``.
A figure cell ends with ``show("what there is to see")``: the text becomes the picture's alt text.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import ArrayLike, NDArray

from ._inputs import Function, as_floats, as_vector, evaluate, need_callable, need_scalar
from .local_models import LocalModel

# One colour a role, the same in every figure of the book. Each has a contrast of at least 3.9 on
# the light page and on the dark one, and the roles stay apart for colour-blind readers.
COLORS = {
    "curve": "#5f79c4",
    "model": "#c56708",
    "point": "#c56708",
    "path": "#0d9358",
    "up": "#0d9358",
    "down": "#b55594",
    "muted": "#7d7d7d",
}
# Heights, from low (blue) by grey to high (orange), growing lighter all the way. Unlike the maps of
# matplotlib it stays within what can be seen on a white page and on a dark one: contrast ≥ 3.
MAP = LinearSegmentedColormap.from_list(
    "secondorder",
    [
        "#2b6eb5",
        "#4d72a7",
        "#62769a",
        "#727a8c",
        "#7f7f7f",
        "#9a7e68",
        "#b17e51",
        "#c57d38",
        "#d87b14",
    ],
)


def show(alt: str) -> None:
    """Display the current figure with `alt` as its alternative text, and close it.

    Parameters
    ----------
    alt : str
        What there is to see, for a reader who cannot see it: one or two sentences.

    Raises
    ------
    ValueError
        The text is missing or says nothing (fewer than 20 characters), or there is no figure.
    """
    from IPython.display import display

    if not isinstance(alt, str) or len(alt.strip()) < 20:
        raise ValueError(f"alt must say in a sentence what there is to see, got {alt!r}")
    if not plt.get_fignums():
        raise ValueError("there is no figure to show: draw one first")
    figure = plt.gcf()
    picture = io.BytesIO()
    try:
        figure.savefig(picture, format="png", transparent=True)
    finally:
        plt.close(figure)
    bundle = {"image/png": picture.getvalue(), "text/plain": f"figure: {alt}"}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})


def curve(ax: Any, f: Function, lo: float, hi: float, n: int = 300, **style: Any) -> None:
    """Draw y = f(x) for f: R → R between `lo` and `hi`, from n points.

    Raises
    ------
    TypeError, ValueError
        f is not callable or does not return one number, lo ≥ hi, or n < 2.
    """
    xs = np.linspace(*_range("lo, hi", (lo, hi)), _count("n", n))
    ys = [_height(f, np.asarray(x)) for x in xs]
    ax.plot(xs, ys, **{"color": COLORS["curve"], "linestyle": "-", **style})


def model(ax: Any, m: LocalModel, lo: float, hi: float, **style: Any) -> None:
    """Draw a tangent line or parabola between `lo` and `hi`, with a dot where it touches.

    Raises
    ------
    TypeError, ValueError
        m is not a line or parabola (of `local_models`), or lo ≥ hi.
    """
    if not isinstance(m, LocalModel) or m.point.ndim:
        what = m.shape() + " in R^n" if isinstance(m, LocalModel) else type(m).__name__
        raise TypeError(f"m must be made by line or parabola of local_models, got a {what}")
    xs = np.linspace(*_range("lo, hi", (lo, hi)), 200)
    ax.plot(xs, m(xs), **{"color": COLORS["model"], "linestyle": "--", **style})
    ax.plot([m.point], [m.value], "o", color=COLORS["point"])


def contours(
    ax: Any,
    f: Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    levels: int | ArrayLike = 12,
    n: int = 81,
) -> None:
    """Draw level lines of f: R² → R on a rectangle, both axes at the same scale.

    Parameters
    ----------
    f : callable
        Takes an array of shape (2,) and returns one number.
    levels : int or array
        How many level lines, or their heights.
    n : int
        Points per side; the cost is n² evaluations.

    Raises
    ------
    TypeError, ValueError
        As `heights`.
    """
    X, Y, Z = heights(f, xlim, ylim, n)
    ax.contour(X, Y, Z, levels=levels, cmap=MAP, linewidths=1.3)
    ax.set_aspect("equal", adjustable="box")
    ax.set(xlabel="x", ylabel="y")


def heights(
    f: Function, xlim: tuple[float, float], ylim: tuple[float, float], n: int = 81
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the grid X, Y and the heights Z = f(x, y) on it, each of shape (n, n).

    Raises
    ------
    TypeError, ValueError
        f is not callable or does not return one number; a limit is not (low, high); n < 2.

    Examples
    --------
    >>> X, Y, Z = heights(lambda x: x[0] + 10 * x[1], (0, 1), (0, 1), n=2)
    >>> Z
    array([[ 0.,  1.],
           [10., 11.]])
    """
    n = _count("n", n)
    xs, ys = np.linspace(*_range("xlim", xlim), n), np.linspace(*_range("ylim", ylim), n)
    X, Y = np.meshgrid(xs, ys)
    Z = [_height(f, np.array(p)) for p in zip(X.ravel(), Y.ravel(), strict=True)]
    return X, Y, np.reshape(Z, X.shape)


def surface(
    ax: Any, f: Function, xlim: tuple[float, float], ylim: tuple[float, float], n: int = 45
) -> None:
    """Draw the surface z = f(x, y) on a 3-D `ax` (made with ``projection="3d"``).

    Raises
    ------
    TypeError, ValueError
        `ax` is flat; the rest as `heights`.
    """
    if not hasattr(ax, "plot_surface"):
        raise TypeError(
            'ax must be three-dimensional: make it with subplot_kw={"projection": "3d"}'
        )
    X, Y, Z = heights(f, xlim, ylim, n)
    ax.plot_surface(X, Y, Z, cmap=MAP, alpha=0.85, linewidth=0, rstride=1, cstride=1)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
    ax.set(xlabel="x", ylabel="y")


def path(ax: Any, points: ArrayLike, **style: Any) -> None:
    """Draw the way of a method: points of shape (k, 2) joined by lines, the last one marked.

    Raises
    ------
    TypeError, ValueError
        The points are not finite floats of shape (k, 2), k ≥ 1.
    """
    p = as_floats("points", points)
    if p.ndim != 2 or p.shape[1] != 2 or not len(p):
        raise ValueError(f"points must have shape (k, 2), got {p.shape}")
    ax.plot(*p.T, **{"color": COLORS["path"], "linestyle": "-", "marker": ".", **style})
    ax.plot(*p[-1], "*", color=style.get("color", COLORS["path"]), markersize=12)


def arrow(
    ax: Any, start: ArrayLike, vector: ArrayLike, label: str = "", color: str = COLORS["model"]
) -> None:
    """Draw `vector` as an arrow from `start`, both of shape (2,), with its label at the tip.

    Raises
    ------
    TypeError, ValueError
        One of the two is not finite floats of shape (2,).
    """
    a, v = as_vector("start", start, 2), as_vector("vector", vector, 2)
    ax.annotate(
        "",
        xy=tuple(a + v),
        xytext=tuple(a),
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2, "shrinkA": 0, "shrinkB": 0},
    )
    ax.plot(*(a + v), alpha=0)  # so that the limits take the tip in
    length = max(float(np.hypot(*v)), 1e-12)
    ax.annotate(
        label,
        tuple(a + v),
        xytext=tuple(9 * v / length),
        textcoords="offset points",
        color=color,
        ha="center",
        va="center",
        weight="bold",
    )


def rose(ax: Any, H: ArrayLike, n: int = 361) -> None:
    """Draw the size of vᵀHv against the direction of v for a symmetric 2 × 2 matrix H.

    Distance from the centre is the size of the bend in that direction: bends up are solid green,
    bends down are dashed pink. The two thin lines are the eigenvectors: the directions of most and
    least bend.

    Parameters
    ----------
    ax : an ordinary (not polar) axes
    H : array of shape (2, 2), symmetric

    Raises
    ------
    TypeError, ValueError
        H is not that.
    """
    H = as_floats("H", H)
    if H.shape != (2, 2) or not np.allclose(H, H.T):
        raise ValueError(f"H must be a symmetric array of shape (2, 2), got {H.tolist()}")
    t = np.linspace(0, 2 * np.pi, n)
    v = np.array([np.cos(t), np.sin(t)])
    bend = np.einsum("ik,ij,jk->k", v, H, v)
    for sign, role, style in ((1, "up", "-"), (-1, "down", "--")):
        petal = np.where(sign * bend >= 0, np.abs(bend), np.nan)
        ax.plot(*(petal * v), color=COLORS[role], linestyle=style)
    values, vectors = np.linalg.eigh(H)
    for value, q in zip(values, vectors.T, strict=True):
        reach = max(abs(value), 0.15 * float(np.max(np.abs(values))), 1e-3)
        ax.plot(*np.outer(q, [-reach, reach]), color=COLORS["muted"], linewidth=1, linestyle="-")
    ax.set_aspect("equal", adjustable="datalim")


def grid_image(
    ax: Any,
    f: Function,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    lines: int = 9,
    **style: Any,
) -> None:
    """Draw the image under f: R² → R² of the straight grid on a rectangle: how the map warps it.

    Raises
    ------
    TypeError, ValueError
        f is not callable or does not return 2 outputs; a limit is not (low, high); lines < 2.
    """
    need_callable("f", f)
    xlim, ylim, lines = _range("xlim", xlim), _range("ylim", ylim), _count("lines", lines)
    style = {"color": COLORS["curve"], "linewidth": 0.9, "linestyle": "-", **style}
    for fixed, moving, swap in ((xlim, ylim, False), (ylim, xlim, True)):
        for value in np.linspace(*fixed, lines):
            along = np.linspace(*moving, 60)
            pairs = ((a, value) if swap else (value, a) for a in along)
            image = np.array([evaluate(f, np.array(pair)) for pair in pairs])
            if image.shape[1:] != (2,):
                raise ValueError(f"f must return 2 outputs, got shape {image.shape[1:]}")
            ax.plot(*image.T, **style)
    ax.set_aspect("equal", adjustable="datalim")


def flow(
    ax: Any,
    boxes: dict[str, tuple[float, float]],
    arrows: dict[tuple[str, str], str],
    color: str = COLORS["model"],
) -> None:
    """Draw named boxes joined by labelled arrows: how values flow from inputs to outputs.

    Parameters
    ----------
    boxes : dict
        The text of each box and where its centre stands.
    arrows : dict
        From which box to which: the text on the arrow.

    Raises
    ------
    ValueError
        There is no box, or an arrow names a box that is not there.
    """
    if not boxes:
        raise ValueError("boxes is empty: it needs at least one box")
    for start, end in arrows:
        if start not in boxes or end not in boxes:
            raise ValueError(f"arrows must join boxes that are there, got {start!r} → {end!r}")
    frame = {"boxstyle": "round", "facecolor": "none", "edgecolor": COLORS["muted"]}
    drawn = {
        text: ax.text(*spot, text, ha="center", va="center", size=13, bbox=frame)
        for text, spot in boxes.items()
    }
    for (start, end), text in arrows.items():
        a, b = np.array(boxes[start], float), np.array(boxes[end], float)
        ends = {"patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        ax.annotate("", b, a, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2, **ends})
        below = b[1] > a[1]  # a rising arrow has its text below it, any other above
        ax.annotate(
            text,
            (a + b) / 2,
            (0, -7 if below else 7),
            textcoords="offset points",
            color=color,
            ha="left" if a[1] != b[1] else "center",
            va="top" if below else "bottom",
        )
    x, y = np.array(list(boxes.values()), float).T
    ax.set(xlim=(x.min() - 0.4, x.max() + 0.4), ylim=(y.min() - 0.3, y.max() + 0.3))
    ax.axis("off")


def chord(ax: Any, f: Function, x: float, h: float, lo: float, hi: float, **style: Any) -> None:
    """Draw the line through f at x and at x + h, from `lo` to `hi`, with a square at both points.

    Raises
    ------
    TypeError, ValueError
        f is not callable or does not return one number, h is 0, or lo ≥ hi.
    """
    if h == 0:
        raise ValueError("h must not be 0: a chord joins two points")
    ends = np.array([x, x + h])
    xs = np.array(_range("lo, hi", (lo, hi)))
    y = np.array([_height(f, np.asarray(end)) for end in ends])
    style = {"color": COLORS["down"], "linestyle": "-.", **style}
    ax.plot(xs, y[0] + (y[1] - y[0]) / h * (xs - x), **style)
    ax.plot(ends, y, "s", color=style["color"])


def note(
    ax: Any,
    text: str,
    at: tuple[float, float],
    role: str = "muted",
    marker: str = "",
    offset: tuple[float, float] = (0, 0),
) -> None:
    """Write `text` at a point in the colour of its role, so that a figure needs no legend.

    Parameters
    ----------
    at : tuple of two floats
        The point, in data coordinates.
    role : str
        A key of `COLORS`: the same as that of the line or point the text names.
    marker : str
        Drawn at the point, where given.
    offset : tuple of two floats
        How far the text stands from the point, in points of type.

    Raises
    ------
    ValueError
        The role has no colour.
    """
    if role not in COLORS:
        raise ValueError(f"role must be one of {', '.join(COLORS)}, got {role!r}")
    ax.plot(*at, marker, color=COLORS[role], markersize=11)
    ax.annotate(text, at, offset, textcoords="offset points", color=COLORS[role])


def panels(title: str, names: Iterable[str], rows: int = 1, **kwargs: Any) -> NDArray:
    """Make a figure of panels side by side, each with its name, under one title.

    Parameters
    ----------
    title : str
        The message of the whole figure.
    names : iterable of str
        One column of panels a name.
    rows : int
        How many panels a column has; the name stands on the first.
    kwargs
        Passed to `plt.subplots`, such as ``sharey=True``.

    Returns
    -------
    array of axes, of shape (columns,) or (rows, columns)

    Raises
    ------
    ValueError
        There is no name, or rows < 1.

    Examples
    --------
    >>> panels("What a square does", ["before", "after"]).shape
    (2,)
    >>> plt.close()
    """
    names = list(names)
    if not names:
        raise ValueError("names is empty: give one name a column")
    rows = _count("rows", rows, 1)
    kwargs = {"figsize": (6.8, 1.4 + 1.4 * rows), **kwargs}
    figure, axes = plt.subplots(rows, len(names), squeeze=False, **kwargs)
    for ax, name in zip(axes[0], names, strict=True):
        ax.set_title(name, fontsize=10, weight="normal")
    style = plt.rcParams
    figure.suptitle(
        title, x=0.02, ha="left", weight=style["axes.titleweight"], size=style["axes.titlesize"]
    )
    return axes if rows > 1 else axes[0]


def _height(f: Function, x: NDArray) -> float:
    """Return f(x) as one number; a nan is drawn as a gap."""
    value = evaluate(f, x)
    need_scalar(value)
    return float(value)


def _range(name: str, limits: Any) -> tuple[float, float]:
    """Return limits as (low, high), two finite numbers in this order."""
    try:
        low, high = (float(limit) for limit in limits)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be two numbers, low and high, got {limits!r}") from None
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"{name} must be two finite numbers, low before high, got {limits!r}")
    return low, high


def _count(name: str, n: Any, least: int = 2) -> int:
    """Return n as an int; refuse what is not a whole number from `least` on."""
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < least:
        raise ValueError(f"{name} must be a whole number from {least} on, got {n!r}")
    return int(n)
