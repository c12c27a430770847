"""What pages need not carry.

The theme draws some twenty icons with a script of 1.5 MB that blocks the first paint, and styles
two thousand icons of a font. Here the icons the pages really show become a small stylesheet, and
the rest goes.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pydata_sphinx_theme
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

logger = logging.getLogger(__name__)

FROM = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
TEMPLATES = Path(__file__).parent / "templates"
SHAPES = "scripts/fontawesome.js"
THEME = "styles/pydata-sphinx-theme.css"
UNUSED = (SHAPES, "scripts/*.map", "styles/*.map", "vendor/fontawesome")

CLASSES = re.compile(r'class="([^"]*\bfa-[^"]*)"')
NAME = re.compile(r"\bfa-([a-z][a-z0-9-]*)")
LOOKS = {"solid", "regular", "brands", "lg", "fw", "sm", "xs"}  # not names of icons
SHAPE = re.compile(r'"?([\w-]+)"?:\[(\d+),(\d+),\[([^\]]*)\],"\w+","([^"]*)"\]')
GLYPHS = re.compile(r"(?:\.fa-[\w-]+:before,?)+\{[^}]*\}|@font-face\{[^}]*Awesome[^}]*\}")
BASE = """\
/* The shapes are Font Awesome Free 6 by @fontawesome, https://fontawesome.com, CC BY 4.0. */
:is(.fa, .fas, .far, .fab, .fa-solid, .fa-regular, .fa-brands)::before {
  content: ""; display: inline-block; width: 1.1em; height: 1em; vertical-align: -0.125em;
  background: currentColor; mask: var(--icon) center / contain no-repeat;
}
"""


def trim(app: Sphinx, exception: Exception | None) -> None:
    """Lighten the finished site."""
    if exception or app.builder.name != "html":
        return
    static = Path(app.outdir, "_static")
    # From the theme itself: a rebuild that changes no page does not copy its files again.
    shapes = (FROM / SHAPES).read_text("utf-8")
    (static / "icons.css").write_text(stylesheet(used(Path(app.outdir)), shapes), "utf-8")
    theme = static / THEME
    theme.write_text(GLYPHS.sub("", theme.read_text("utf-8")), "utf-8")
    for path in [path for pattern in UNUSED for path in static.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def used(site: Path) -> set[str]:
    """The names of the icons that the pages show."""
    names: set[str] = set()
    for page in site.rglob("*.html"):
        for classes in CLASSES.findall(page.read_text("utf-8")):
            names.update(NAME.findall(classes))
    return names - LOOKS


def stylesheet(names: set[str], script: str) -> str:
    """A rule for each icon, its shape taken from the theme's script."""
    shapes = {}
    for name, width, height, others, path in SHAPE.findall(script):
        for alias in (name, *re.findall(r'"([\w-]+)"', others)):
            shapes[alias] = svg(width, height, path)
    for name in sorted(names - shapes.keys()):
        logger.warning("no shape for the icon fa-%s", name)
    rules = [f".fa-{name} {{ --icon: {shapes[name]}; }}" for name in sorted(names & shapes.keys())]
    return BASE + "\n".join(rules) + "\n"


def svg(width: str, height: str, path: str) -> str:
    """A picture inside a stylesheet."""
    text = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}'>"
        f"<path d='{path}'/></svg>"
    )
    return 'url("data:image/svg+xml,' + quote(text, safe=" '=:/") + '")'


def use_templates(app: Sphinx, config: Config) -> None:
    """Ours before the theme's."""
    config.templates_path.insert(0, str(TEMPLATES))


def setup(app: Sphinx) -> None:
    """Use all this."""
    app.connect("config-inited", use_templates)
    app.add_css_file("icons.css")
    app.connect("build-finished", trim)
