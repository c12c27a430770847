"""The Sphinx extension of the book. Each part says what it does to a page:

- `outputs` renders the outputs of cells: alt text, sizes, live figures with no widget manager;
- `exercises` adds the folded hints and names the folded solutions;
- `weight` keeps from a page what it does not use.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from . import exercises, outputs, weight


def on_page(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Follow the reader's system until they choose; without a mode the theme logs an error."""
    context.setdefault("default_mode", "auto")


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx calls this."""
    app.add_config_value("comments_config", {}, "")  # Jupyter Book sets it for one left out
    app.connect("html-page-context", on_page)
    for part in (outputs, exercises, weight):
        part.setup(app)
    return {"env_version": version(), "parallel_read_safe": True, "parallel_write_safe": True}


def version() -> int:
    """Changes with these files, so that pages rendered by older ones are rendered anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return int(digest.hexdigest()[:8], 16)
