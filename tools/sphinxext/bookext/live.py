"""From the widgets that `secondorder.explore` made to a figure of plain HTML.

The widgets' state holds every frame. A page gets the start frame as a picture, native range inputs,
and the list of the other frames, which are files named by their content.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from secondorder._i18n import _

MARK = "live-figure"  # the class `explore` puts on its widget
FRAME = re.compile(
    r'<img src="data:image/(?P<kind>\w+);base64,(?P<data>[^"]+)" alt="(?P<alt>[^"]*)" '
    r'width="(?P<width>\d+)" height="(?P<height>\d+)"'
)
States = dict[str, Any]


@dataclass(frozen=True)
class Slider:
    """Its name, the words for its stops, and where it starts."""

    name: str
    words: tuple[str, ...]
    start: int


@dataclass(frozen=True)
class Frame:
    """One picture, and the text that stands for it."""

    data: bytes
    kind: str
    alt: str

    @property
    def file(self) -> str:
        """A name that changes when the picture does."""
        return f"{hashlib.sha256(self.data).hexdigest()[:16]}.{self.kind}"


@dataclass(frozen=True)
class LiveFigure:
    """The frames are in reading order: the last slider moves fastest."""

    sliders: tuple[Slider, ...]
    frames: tuple[Frame, ...]
    width: int
    height: int

    @property
    def start(self) -> Frame:
        """The frame a page shows first."""
        at = 0
        for slider in self.sliders:
            at = at * len(slider.words) + slider.start
        return self.frames[at]


# ---- reading the state


def read(states: States, model_id: str) -> LiveFigure | None:
    """The figure whose outermost widget is `model_id`, or None if `explore` did not make it."""
    root = states.get(model_id, {}).get("state", {})
    if MARK not in root.get("_dom_classes", ()):
        return None
    *controls, picture = children(root)
    matches = [FRAME.match(states[leaf]["state"]["value"]) for leaf in leaves(states, picture)]
    found = [match for match in matches if match]
    if len(found) != len(matches):
        raise ValueError("a live figure holds a frame that is not a picture")
    return LiveFigure(
        sliders=tuple(slider(states[control]["state"]) for control in controls),
        frames=tuple(frame(match) for match in found),
        width=int(found[0]["width"]),
        height=int(found[0]["height"]),
    )


def slider(state: dict[str, Any]) -> Slider:
    """A slider from the state of its widget."""
    return Slider(state["description"], tuple(state["_options_labels"]), state["index"])


def frame(match: re.Match[str]) -> Frame:
    """A frame from the `img` it was embedded as."""
    return Frame(b64decode(match["data"]), match["kind"], unescape(match["alt"]))


def children(state: dict[str, Any]) -> list[str]:
    """The models a widget holds."""
    return [reference.removeprefix("IPY_MODEL_") for reference in state.get("children", ())]


def leaves(states: States, model_id: str) -> Iterator[str]:
    """The models at the ends of the nested stacks, in reading order."""
    inner = children(states[model_id]["state"])
    if not inner:
        yield model_id
    for child in inner:
        yield from leaves(states, child)


def needed(states: States, model_ids: list[str]) -> States:
    """What other widgets need of the state: themselves, all they refer to, and their links."""
    kept: set[str] = set()
    todo = list(model_ids)
    while todo:
        model_id = todo.pop()
        if model_id in states and model_id not in kept:
            kept.add(model_id)
            todo += references(states[model_id])
            todo += [link for link in states if is_link(states[link], model_id)]
    return {model_id: states[model_id] for model_id in states if model_id in kept}


def references(entry: dict[str, Any]) -> list[str]:
    """The models an entry of the state names."""
    return re.findall(r"IPY_MODEL_(\w+)", json.dumps(entry))


def is_link(entry: dict[str, Any], source: str) -> bool:
    """Whether this is a link that starts at a model."""
    return entry["state"].get("source", [None])[0] == f"IPY_MODEL_{source}"


# ---- writing the page


def to_html(figure: LiveFigure, folder: str, number: int, lazy: bool) -> str:
    """The figure as it stands on a page; `folder` is where its frames are, seen from there."""
    start = figure.start
    controls = "".join(control(s, f"live-{number}-{i}") for i, s in enumerate(figure.sliders))
    frames = [[f.file, f.alt] for f in figure.frames]
    data = {"folder": folder, "words": [s.words for s in figure.sliders], "frames": frames}
    return (
        f'<div class="live" role="group" aria-label="{escape(_("Live figure"))}">'
        f'<div class="live-controls pst-js-only">{controls}</div>'
        f'<img src="{folder}/{start.file}" alt="{escape(start.alt)}" width="{figure.width}" '
        f'height="{figure.height}" decoding="async"{" loading=lazy" if lazy else ""}>'
        f'<p class="live-news" aria-live="polite"></p>'
        f"<noscript><p>{escape(still(figure))}</p></noscript>"
        f'<script type="application/json">{as_json(data)}</script></div>'
    )


def control(slider: Slider, ident: str) -> str:
    """A label, a range input and its readout."""
    word = escape(slider.words[slider.start])
    return (
        f'<label for="{ident}">{escape(slider.name)}</label>'
        f'<input id="{ident}" type="range" min="0" max="{len(slider.words) - 1}" '
        f'value="{slider.start}" aria-valuetext="{word}" autocomplete="off">'
        f'<output for="{ident}" aria-live="off">{word}</output>'
    )


def still(figure: LiveFigure) -> str:
    """What a reader is told where no script runs."""
    at = ", ".join(f"{s.name} = {s.words[s.start]}" for s in figure.sliders)
    return _("The picture at {}. Its sliders need JavaScript.").format(at)


def as_json(data: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
