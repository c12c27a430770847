"""Hints and solutions of exercises.

An exercise is the section after an anchor `<a id="ex-D1-1"></a>`. Its three hints come from the
registry of checks and stand, folded into one another, below the cell that calls the check.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from secondorder._i18n import _
from secondorder.check import EXERCISES

ANCHOR = re.compile(r'<a id="ex-(\w+)-(\w+)">')


def on_read(app: Sphinx, doctree: nodes.document) -> None:
    """Finish the exercises of a page."""
    for cell in doctree.findall(is_solution):
        cell["prompt_show"], cell["prompt_hide"] = _("Show solution"), _("Hide solution")
    for ident, section in list(exercises(doctree)):
        if ident in EXERCISES:
            add_hints(section, ident, EXERCISES[ident].hints)


def is_solution(node: nodes.Node) -> bool:
    """A cell tagged `solution`."""
    return isinstance(node, nodes.container) and "tag_solution" in node["classes"]


def exercises(doctree: nodes.document) -> Iterator[tuple[str, nodes.section]]:
    """Each anchor's id, `D1.1`, and the section that follows the anchor."""
    ident = None
    for node in doctree.findall(lambda n: isinstance(n, nodes.raw | nodes.section)):
        if isinstance(node, nodes.raw) and (match := ANCHOR.search(node.astext())):
            ident = f"{match[1]}.{match[2]}"
        elif isinstance(node, nodes.section) and ident:
            yield ident, node
            ident = None


def add_hints(section: nodes.section, ident: str, hints: tuple[str, ...]) -> None:
    """Below the check; at the end of the exercise if it has none."""
    call = f"check.{ident.replace('.', '_')}("
    place = len(section)
    for index, child in enumerate(section.children):
        if isinstance(child, nodes.section):
            place = min(place, index)
        if is_cell(child) and call in child.astext() and not is_solution(child):
            place = index + 1
            break
    section.insert(place, nodes.raw("", folded(hints), format="html"))


def is_cell(node: Any) -> bool:
    """A code cell."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def folded(hints: tuple[str, ...], number: int = 1) -> str:
    """A hint, and inside it the next one."""
    if number > len(hints):
        return ""
    title = escape(_("Hint {}").format(number))
    body = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(hints[number - 1]))
    deeper = folded(hints, number + 1)
    return f'<details class="hint"><summary>{title}</summary><p>{body}</p>{deeper}</details>'


def setup(app: Sphinx) -> None:
    """Use all this."""
    app.connect("doctree-read", on_read)
