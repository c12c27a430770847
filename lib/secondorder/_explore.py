"""Live figures that need no kernel.

`explore` draws a figure once for every combination of a few values and joins the pictures to
sliders. It is made of core ipywidgets, linked in the browser: the same cell works in JupyterLab, in
Binder, and in a static page.

Matplotlib and ipywidgets are loaded by the first call, not by importing this module.
"""

from __future__ import annotations

import functools
import html
import inspect
import io
import itertools
import math
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

__all__ = ["explore"]

DPI = 160
COLOURS = 128  # cannot be told from the full picture; twice as many weigh 10 % more
MAX_SLIDERS, MAX_THIRD = 3, 3
MAX_FRAMES, MAX_BYTES = 60, 500_000


def explore(
    draw: Callable[..., None],
    *,
    alt: str | Callable[..., str],
    start: Mapping[str, Any] | None = None,
    labels: Mapping[str, Any] | None = None,
    figsize: tuple[float, float] | None = None,
    subplot_kw: Mapping[str, Any] | None = None,
    ncols: int = 1,
    **values: Iterable[Any],
) -> Any:
    """Return a figure with one slider a list, drawn for every combination of their values.

    Parameters
    ----------
    draw : callable
        Called as `draw(ax, **v)` for every combination `v`; it draws on `ax` and returns nothing.
        Set the limits of the axes in it, else they jump from frame to frame.
    alt : str or callable
        What there is to see, for readers who cannot see it. A format string that names every
        slider, such as ``"The tangent at x = {x}"``, or a function called as `alt(**v)`. ``{x}``
        is the label of the value, ``{x:.2f}`` formats the value itself.
    start : dict, optional
        Where the sliders stand at first, ``{"eta": 0.1}``; the first value if not given.
    labels : dict, optional
        For each slider that needs it, its name (``{"eta": "η"}``), or the words for its values: a
        list (``{"eta": ["small", "large"]}``) or a function of a value. Plain text or Unicode;
        LaTeX would show raw.
    figsize : tuple of two floats, optional
        Width and height in inches.
    subplot_kw : dict, optional
        Passed to matplotlib, such as ``{"projection": "3d"}``.
    ncols : int
        Panels side by side; with more than one, `draw` gets an array of axes.
    **values : lists
        One to three lists, ``eta=[0.1, 0.5, 1]``. A third list has at most 3 values.

    Returns
    -------
    widget
        Shown as the last expression of a cell, it also leaves the start frame as a PNG, for pages
        where no script runs.

    Raises
    ------
    TypeError
        `draw` does not take the sliders as keywords, or an argument has the wrong kind.
    ValueError
        An empty list, too many lists, an alt text that does not name a slider, a start that is not
        among the values.
    RuntimeError
        `draw` or `alt` failed at a combination; the message says at which one.

    Warns
    -----
    UserWarning
        The figure has more than 60 frames or 500 KB: it would be slow on a page.

    Examples
    --------
    >>> def draw(ax, h):
    ...     ax.plot([0, 1], [0, h])
    >>> explore(draw, alt="A line of slope {h}", h=[1, 2, 4], start={"h": 2})
    explore: 3 frames · h (3)
    """
    sliders = _sliders(values, labels or {}, start or {})
    canvas = _Canvas(figsize, dict(subplot_kw or {}), ncols)
    _check_call("draw", draw, (None,), sliders)
    describe = _describer(alt, sliders)
    frames = {at: _frame(draw, describe, canvas, sliders, at) for at in _combinations(sliders)}
    _warn_if_heavy(frames)
    return _join(sliders, frames)


# ---- the sliders


@dataclass(frozen=True)
class _Slider:
    key: str
    name: str
    values: tuple[Any, ...]
    words: tuple[str, ...]
    start: int


def _sliders(
    values: Mapping[str, Any], labels: Mapping[str, Any], start: Mapping[str, Any]
) -> list[_Slider]:
    if not 1 <= len(values) <= MAX_SLIDERS:
        raise ValueError(
            "explore takes one to three lists of values, as in explore(draw, alt=…, eta=[0.1, 1]); "
            f"it got {len(values)}{': ' + ', '.join(values) if values else ''}."
        )
    for given, what in ((labels, "labels"), (start, "start")):
        _check_keys(given, what, values)
    sliders = [_slider(key, stops, labels.get(key), start) for key, stops in values.items()]
    if len(sliders) == MAX_SLIDERS and len(sliders[-1].values) > MAX_THIRD:
        raise ValueError(
            f"{sliders[-1].key}: a third slider has at most {MAX_THIRD} values, it got "
            f"{len(sliders[-1].values)}. Put the shortest list last, or draw two figures."
        )
    return sliders


def _check_keys(given: Any, what: str, values: Mapping[str, Any]) -> None:
    if not isinstance(given, Mapping):
        example = next(iter(values))
        raise TypeError(
            f"{what} must be a dict by slider, such as {{{example!r}: …}}; it was {given!r}."
        )
    for key in given:
        if key not in values:
            raise ValueError(f"{what} names {key!r}, but the sliders are {', '.join(values)}.")


def _slider(key: str, stops: Any, label: Any, start: Mapping[str, Any]) -> _Slider:
    if isinstance(stops, (str, bytes, Mapping)) or not isinstance(stops, Iterable):
        raise TypeError(
            f"{key} must be a list of values, such as {key}=[0.1, 1]; it was {stops!r}."
        )
    stops = tuple(stops)
    if not stops:
        raise ValueError(f"{key} is an empty list: a slider needs at least one value.")
    name, words = _words(key, stops, label)
    return _Slider(
        key, name, stops, words, _index(key, start[key], stops, words) if key in start else 0
    )


def _words(key: str, stops: tuple[Any, ...], label: Any) -> tuple[str, tuple[str, ...]]:
    """The slider's name and the words for its values."""
    name, words = key, tuple(map(_word, stops))
    if isinstance(label, str):
        name = label
    elif callable(label):
        words = tuple(str(label(stop)) for stop in stops)
    elif isinstance(label, Sequence):
        words = tuple(map(str, label))
    elif label is not None:
        raise TypeError(
            f"labels[{key!r}] must be a name, a list of words or a function; it was {label!r}."
        )
    if len(words) != len(stops):
        raise ValueError(f"labels[{key!r}] has {len(words)} words for {len(stops)} values.")
    repeated = [word for word in words if words.count(word) > 1]
    if repeated:
        raise ValueError(
            f"{key}: two values are both labelled {repeated[0]!r}; "
            f"tell them apart in labels[{key!r}]."
        )
    return name, words


def _word(stop: Any) -> str:
    number = isinstance(stop, Real) and not isinstance(stop, bool)
    return format(stop, "g").replace("-", "−") if number else getattr(stop, "__name__", str(stop))


def _index(key: str, wanted: Any, stops: tuple[Any, ...], words: tuple[str, ...]) -> int:
    for i, (stop, word) in enumerate(zip(stops, words, strict=True)):
        if stop is wanted or (isinstance(wanted, str) and word == wanted) or _close(stop, wanted):
            return i
    raise ValueError(
        f"start[{key!r}] is {wanted!r}, which is not among its values: {', '.join(words)}."
    )


def _close(a: Any, b: Any) -> bool:
    return isinstance(a, Real) and isinstance(b, Real) and math.isclose(a, b)


def _combinations(sliders: list[_Slider]) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(len(slider.values)) for slider in sliders))


def _at(sliders: list[_Slider], at: tuple[int, ...]) -> dict[str, Any]:
    return {slider.key: slider.values[i] for slider, i in zip(sliders, at, strict=True)}


def _spell(sliders: list[_Slider], at: tuple[int, ...]) -> str:
    return ", ".join(
        f"{slider.key} = {slider.words[i]}" for slider, i in zip(sliders, at, strict=True)
    )


# ---- the frames


@dataclass(frozen=True)
class _Frame:
    few: Any  # a PIL image of few colours
    data: bytes
    kind: str
    alt: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height on the page, in CSS pixels: 96 to the inch."""
        width, height = (round(side * 96 / DPI) for side in self.few.size)
        return width, height

    @property
    def img(self) -> str:
        width, height = self.size
        return (
            f'<img src="data:image/{self.kind};base64,{b64encode(self.data).decode()}" '
            f'alt="{html.escape(self.alt)}" width="{width}" height="{height}" '
            f'style="max-width:100%;height:auto">'
        )


@dataclass(frozen=True)
class _Canvas:
    figsize: tuple[float, float] | None
    subplot_kw: dict[str, Any]
    ncols: int

    def __post_init__(self) -> None:
        if not isinstance(self.ncols, int) or self.ncols < 1:
            raise ValueError(
                f"ncols must be a whole number of panels, at least 1; it was {self.ncols!r}."
            )

    def render(self, draw: Callable[..., None], values: Mapping[str, Any]) -> Any:
        """The drawing as an RGBA image. Pyplot never knows the figure: nothing is left to close."""
        from matplotlib.figure import Figure
        from PIL import Image

        figure = Figure(figsize=self.figsize, dpi=DPI)
        axes = figure.subplots(ncols=self.ncols, subplot_kw=self.subplot_kw)
        empty = _artists(figure)
        draw(axes, **values)
        if _artists(figure) == empty:
            raise ValueError("it drew nothing on the axes it was given")
        pixels = io.BytesIO()
        figure.savefig(
            pixels, format="raw", dpi=DPI, transparent=True, bbox_inches=figure.bbox_inches
        )
        return Image.frombytes("RGBA", figure.canvas.get_width_height(), pixels.getvalue())


def _artists(figure: Any) -> int:
    return sum(len(axes.get_children()) for axes in figure.axes)


def _frame(
    draw: Any, describe: Any, canvas: _Canvas, sliders: list[_Slider], at: tuple[int, ...]
) -> _Frame:
    try:
        picture = canvas.render(draw, _at(sliders, at))
    except Exception as error:
        raise RuntimeError(
            f"draw failed at {_spell(sliders, at)}: {type(error).__name__}: {error}"
        ) from error
    return _compress(picture, describe(at))


def _compress(picture: Any, alt: str) -> _Frame:
    from PIL import Image, features

    kind = "webp" if features.check("webp") else "png"
    few = picture.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    return _Frame(few, _encode(few, kind), kind, alt)


def _encode(picture: Any, kind: str) -> bytes:
    data = io.BytesIO()
    options = {"lossless": True, "quality": 80} if kind == "webp" else {"optimize": True}
    picture.convert("RGBA" if kind == "webp" else picture.mode).save(data, kind, **options)
    return data.getvalue()


def _warn_if_heavy(frames: Mapping[Any, _Frame]) -> None:
    count, size = len(frames), sum(len(frame.data) for frame in frames.values())
    if count > MAX_FRAMES or size > MAX_BYTES:
        warnings.warn(
            f"this figure has {count} frames and {size // 1000} KB; a page stays quick up to "
            f"{MAX_FRAMES} frames and {MAX_BYTES // 1000} KB. Give the sliders fewer values, "
            f"or draw less in a frame.",
            stacklevel=3,
        )


# ---- the text that stands for a frame


def _describer(alt: Any, sliders: list[_Slider]) -> Callable[[tuple[int, ...]], str]:
    """A function from a combination to its alt text; raises on a bad `alt` at once."""
    if isinstance(alt, str):
        _check_fields(alt, sliders)
    elif callable(alt):
        _check_call("alt", alt, (), sliders)
    else:
        raise TypeError(
            f"alt must be a text that names every slider, or a function; it was {alt!r}."
        )

    def describe(at: tuple[int, ...]) -> str:
        try:
            text = (
                alt.format(**_shown(sliders, at))
                if isinstance(alt, str)
                else alt(**_at(sliders, at))
            )
        except Exception as error:
            raise RuntimeError(
                f"alt failed at {_spell(sliders, at)}: {type(error).__name__}: {error}"
            ) from error
        if not isinstance(text, str) or not text.strip():
            raise ValueError(
                f"alt must give a text for every frame; at {_spell(sliders, at)} it gave {text!r}."
            )
        return " ".join(text.split())

    return describe


def _check_fields(alt: str, sliders: list[_Slider]) -> None:
    from string import Formatter

    try:
        fields = {
            field.split(".")[0].split("[")[0]
            for _, field, _, _ in Formatter().parse(alt)
            if field is not None
        }
    except ValueError as error:
        raise ValueError(
            f"alt is not a format string ({error}): {alt!r}. Write a brace of the text twice."
        ) from None
    keys = [slider.key for slider in sliders]
    for field in fields.difference(keys):
        raise ValueError(f"alt has {{{field}}}, but the sliders are {', '.join(keys)}.")
    for key in keys:
        if key not in fields:
            raise ValueError(f"alt does not say where {key} stands: put {{{key}}} into {alt!r}.")


@dataclass(frozen=True)
class _Shown:
    """A value in a format string: `{eta}` is its label, `{eta:.2f}` formats the value."""

    value: Any
    word: str

    def __format__(self, spec: str) -> str:
        return format(self.value, spec) if spec else self.word


def _shown(sliders: list[_Slider], at: tuple[int, ...]) -> dict[str, _Shown]:
    return {s.key: _Shown(s.values[i], s.words[i]) for s, i in zip(sliders, at, strict=True)}


def _check_call(what: str, function: Any, before: tuple[Any, ...], sliders: list[_Slider]) -> None:
    if not callable(function):
        raise TypeError(f"{what} must be a function; it was {function!r}.")
    keys = [slider.key for slider in sliders]
    try:
        signature = inspect.signature(function)
        signature.bind(*before, **dict.fromkeys(keys))
    except TypeError as error:
        wanted = ", ".join([*(["ax"] if before else []), *keys])
        raise TypeError(
            f"{what} is called as {what}({wanted}), "
            f"which {what}{signature} does not allow: {error}."
        ) from None
    except ValueError:  # a builtin without a signature: the first call will tell
        return


# ---- the widget


def _join(sliders: list[_Slider], frames: Mapping[tuple[int, ...], _Frame]) -> Any:
    """Nested stacks, one level a slider. The browser keeps each stack where its slider stands."""
    import ipywidgets as widgets

    layout, style = widgets.Layout(), {"description_width": "initial"}
    stacks: list[list[Any]] = [[] for _ in sliders]

    def nest(at: tuple[int, ...]) -> Any:
        level = len(at)
        if level == len(sliders):
            return widgets.HTML(frames[at].img, layout=layout)
        children = [nest((*at, i)) for i in range(len(sliders[level].values))]
        stacks[level].append(
            widgets.Stack(children, selected_index=sliders[level].start, layout=layout)
        )
        return stacks[level][-1]

    picture = nest(())
    controls = [
        widgets.SelectionSlider(options=s.words, index=s.start, description=s.name, style=style)
        for s in sliders
    ]
    for control, level in zip(controls, stacks, strict=True):
        for stack in level:
            widgets.jslink((control, "index"), (stack, "selected_index"))
    start = frames[tuple(slider.start for slider in sliders)]
    return _live_figure()([*controls, picture], _summary(sliders, len(frames)), start)


def _summary(sliders: list[_Slider], count: int) -> str:
    return f"explore: {count} frames · " + ", ".join(f"{s.name} ({len(s.values)})" for s in sliders)


@functools.cache
def _live_figure() -> type:
    import ipywidgets as widgets

    class LiveFigure(widgets.VBox):
        """A box that also shows as a short text, and as the picture it starts with."""

        def __init__(self, children: list[Any], text: str, start: _Frame) -> None:
            self._text, self._start = text, start
            super().__init__(children, _dom_classes=("live-figure",))

        def __repr__(self) -> str:
            return self._text

        def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            data = super()._repr_mimebundle_(**kwargs)
            width, height = self._start.size
            data["image/png"] = b64encode(_encode(self._start.few, "png")).decode()
            return data, {"image/png": {"alt": self._start.alt, "width": width, "height": height}}

    return LiveFigure
