"""Drawing helpers: each takes an `ax`, draws, and returns None.

They take functions, points and models, never run an algorithm and never set a style. The style
sheet is applied once, in a chapter's setup cell: ``plt.style.use("secondorder.book")``.
A figure cell ends with ``show("what there is to see")``: the text becomes the picture's alt text.
"""

from __future__ import annotations

import io
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._inputs import Function, as_floats, as_vector, evaluate, need_callable
from .local_models import LocalModel

# One colour a role, the same in every figure of the book; all readable on light and dark pages.
COLORS = {
    "curve": "#3a83c4",
    "model": "#c8690f",
    "point": "#c8690f",
    "path": "#11906c",
    "up": "#11906c",
    "down": "#bf569b",
    "muted": "#7d7d7d",
}
MAP = "cividis"  # for heights: orders by lightness, safe for colour-blind readers


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
    figure.savefig(picture, format="png", transparent=True)
    plt.close(figure)
    bundle = {"image/png": picture.getvalue(), "text/plain": f"figure: {alt}"}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt}})


def curve(ax: Any, f: Function, lo: float, hi: float, n: int = 300, **style: Any) -> None:
    """Draw y = f(x) for f: R → R between `lo` and `hi`, from n points.

    Raises
    ------
    TypeError, ValueError
        f is not callable, or lo ≥ hi.
    """
    need_callable("f", f)
    if not lo < hi:
        raise ValueError(f"lo must be below hi, got lo = {lo} and hi = {hi}")
    xs = np.linspace(lo, hi, n)
    ys = [float(evaluate(f, np.asarray(x))) for x in xs]
    ax.plot(xs, ys, **{"color": COLORS["curve"], "linestyle": "-", **style})


def model(ax: Any, m: LocalModel, lo: float, hi: float, **style: Any) -> None:
    """Draw a tangent line or parabola between `lo` and `hi`, with a dot where it touches."""
    xs = np.linspace(lo, hi, 200)
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
    """
    X, Y, Z = heights(f, xlim, ylim, n)
    ax.contour(X, Y, Z, levels=levels, cmap=MAP, linewidths=1.2, alpha=0.9)
    ax.set_aspect("equal", adjustable="box")
    ax.set(xlabel="x", ylabel="y")


def heights(
    f: Function, xlim: tuple[float, float], ylim: tuple[float, float], n: int = 81
) -> tuple[NDArray, NDArray, NDArray]:
    """Return the grid X, Y and the heights Z = f(x, y) on it, each of shape (n, n)."""
    need_callable("f", f)
    X, Y = np.meshgrid(np.linspace(*xlim, n), np.linspace(*ylim, n))
    Z = [float(evaluate(f, np.array(p))) for p in zip(X.ravel(), Y.ravel(), strict=True)]
    return X, Y, np.reshape(Z, X.shape)


def surface(
    ax: Any, f: Function, xlim: tuple[float, float], ylim: tuple[float, float], n: int = 45
) -> None:
    """Draw the surface z = f(x, y) on a 3-D `ax` (made with ``projection="3d"``)."""
    if not hasattr(ax, "plot_surface"):
        raise TypeError('ax must be three-dimensional: make it with subplot_kw={"projection": "3d"}')
    X, Y, Z = heights(f, xlim, ylim, n)
    ax.plot_surface(X, Y, Z, cmap=MAP, alpha=0.85, linewidth=0, rstride=1, cstride=1)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
    ax.set(xlabel="x", ylabel="y")


def path(ax: Any, points: ArrayLike, **style: Any) -> None:
    """Draw the way of a method: points of shape (k, 2) joined by lines, the last one marked."""
    p = as_floats("points", points)
    if p.ndim != 2 or p.shape[1] != 2:
        raise ValueError(f"points must have shape (k, 2), got {p.shape}")
    ax.plot(*p.T, **{"color": COLORS["path"], "linestyle": "-", "marker": ".", **style})
    ax.plot(*p[-1], "*", color=style.get("color", COLORS["path"]), markersize=12)


def arrow(
    ax: Any, start: ArrayLike, vector: ArrayLike, label: str = "", color: str = COLORS["model"]
) -> None:
    """Draw `vector` as an arrow from `start`, both of shape (2,), with its label at the tip."""
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
    """Draw |vᵀHv| against the direction of v for a symmetric 2 × 2 matrix H.

    Distance from the centre is the size of the bend in that direction: bends up are solid green,
    bends down are dashed pink. The two thin lines are the eigenvectors: the directions of most and
    least bend.

    Parameters
    ----------
    ax : an ordinary (not polar) axes
    H : array of shape (2, 2), symmetric
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
    """Draw the image under f: R² → R² of the straight grid on a rectangle: how the map warps it."""
    need_callable("f", f)
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
