"""Where the built book is, and how to serve a folder for as long as a test needs it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import canon
import serve

SITE = canon.ROOT / "_build" / "html"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Serve a folder for as long as the block lasts; the address is given."""
    with serve.server(folder) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
