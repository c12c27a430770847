"""How the outputs of cells reach a page.

MyST-NB renders them; this adds what it leaves out: alt text and sizes of pictures, which are made
lighter and loaded late when they stand far down, and live figures without the widget manager. Other
widgets keep the manager, but its state goes to the end of the page and its scripts wait until a
widget comes into view.
"""

from __future__ import annotations

import posixpath
from base64 import b64decode
from io import BytesIO
from pathlib import Path
from typing import Any

import myst_nb.sphinx_
from docutils import nodes
from myst_nb.core.render import WIDGET_STATE_MIMETYPE, MimeData, NbElementRenderer
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxTranslator

from . import live

COLOURS = 128  # cannot be told from the full picture


class output_image(nodes.image):
    """A picture a cell made, with its size and, for pages, a lighter version in `frame`."""


class live_figure(nodes.General, nodes.Element):
    """A figure with sliders, `node["figure"]`."""


class Renderer(NbElementRenderer):
    """MyST-NB's own, with the changes above."""

    others: tuple[str, ...] = ()  # the widgets that need the manager

    @property
    def widgets(self) -> dict[str, Any]:
        """The state of all widgets of the notebook."""
        kept = self.renderer.nb_client.nb_metadata.get("widgets", {})
        return kept.get(WIDGET_STATE_MIMETYPE, {}).get("state", {})

    def render_image(self, data: MimeData) -> list[nodes.Element]:
        """A picture with its alt text and its size on the page."""
        rendered = super().render_image(data)
        if data.mime_type != "image/png":
            return rendered
        alt = data.output_metadata.get(data.mime_type, {}).get("alt", "")
        png = b64decode(data.content)
        uri = rendered[0]["uri"]
        return [output_image(uri=uri, alt=alt, pixels=size(png), frame=lighter(png, alt))]

    def render_widget_view(self, data: MimeData) -> list[nodes.Element]:
        """A live figure as such; anything else as the manager wants it."""
        model_id = dict(data.content)["model_id"]
        if figure := live.read(self.widgets, model_id):
            return [live_figure(figure=figure)]
        self.others = (*self.others, model_id)
        view = live.as_json(data.content)
        return [raw(f'<script type="application/vnd.jupyter.widget-view+json">{view}</script>')]

    def render_nb_finalise(self, metadata: dict) -> None:
        """The state that other widgets need, at the end of the page."""
        states = live.needed(self.widgets, list(self.others))
        if states:
            content = live.as_json({"version_major": 2, "version_minor": 0, "state": states})
            script = f'<script type="{WIDGET_STATE_MIMETYPE}">{content}</script>'
            self.renderer.document.append(raw(script))


def raw(text: str) -> nodes.raw:
    """HTML as a node."""
    return nodes.raw("", text, format="html")


def size(png: bytes) -> tuple[int, int]:
    """Width and height in CSS pixels, 96 to the inch; matplotlib writes the resolution down."""
    with Image.open(BytesIO(png)) as image:
        dpi = image.info.get("dpi", (96, 96))[0]
        return round(image.width * 96 / dpi), round(image.height * 96 / dpi)


def lighter(png: bytes, alt: str) -> live.Frame:
    """The picture as a page shows it: a third of the bytes, made as live frames are."""
    with Image.open(BytesIO(png)) as image:
        few = image.convert("RGBA").quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
    webp = BytesIO()
    few.convert("RGBA").save(webp, "webp", lossless=True)
    return min(live.Frame(webp.getvalue(), "webp", alt), live.Frame(png, "png", alt), key=weight)


def weight(frame: live.Frame) -> int:
    """What it costs a reader."""
    return len(frame.data)


# ---- writing


def is_first(translator: SphinxTranslator) -> bool:
    """Whether this is the first picture of the page: only that one is loaded at once."""
    first = not hasattr(translator, "book_pictures")
    translator.book_pictures = getattr(translator, "book_pictures", 0) + 1
    return first


def write(builder: Any, frame: live.Frame, folder: str = "") -> str:
    """Put a picture among those of the site, and say where it is, seen from the page."""
    place = Path(builder.outdir, builder.imagedir, folder, frame.file)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.write_bytes(frame.data)
    return posixpath.join(builder.imgpath, folder, frame.file)


def visit_image(translator: Any, node: output_image) -> None:
    """A picture in HTML."""
    uri = write(translator.builder, node["frame"])
    (width, height), lazy = node["pixels"], not is_first(translator)
    translator.body.append(
        f'<img class="output-image" src="{uri}" alt="{translator.attval(node["alt"])}" '
        f'width="{width}" height="{height}" decoding="async"{" loading=lazy" if lazy else ""}>\n'
    )


def visit_live_figure(translator: Any, node: live_figure) -> None:
    """A live figure in HTML, its frames as files."""
    builder, figure = translator.builder, node["figure"]
    for frame in figure.frames:
        write(builder, frame, "live")
    lazy = not is_first(translator)
    seen_from_page = posixpath.join(builder.imgpath, "live")
    text = live.to_html(figure, seen_from_page, translator.book_pictures, lazy)
    translator.body.append(text + "\n")


def leave(translator: Any, node: nodes.Element) -> None:
    """Nothing is left open."""


def add_script(app: Sphinx, page: str, template: str, context: dict, doctree: Any) -> None:
    """Our script, on the pages that have something for it to do."""
    if doctree and any(doctree.findall(needs_script)):
        app.add_js_file("live.js", loading_method="defer")


def needs_script(node: nodes.Node) -> bool:
    """A live figure or another widget."""
    return isinstance(node, live_figure) or (
        isinstance(node, nodes.raw) and "vnd.jupyter.widget-view" in node.astext()
    )


def setup(app: Sphinx) -> None:
    """Use all this."""
    myst_nb.sphinx_.load_renderer = lambda name: Renderer
    app.add_node(output_image, html=(visit_image, leave))
    app.add_node(live_figure, html=(visit_live_figure, leave))
    app.connect("html-page-context", add_script)
