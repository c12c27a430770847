"""Translation of every sentence a reader sees in checks and figures."""

from __future__ import annotations

import gettext
from pathlib import Path

_catalogue = gettext.translation("secondorder", Path(__file__).parent / "locale", fallback=True)


def _(message: str) -> str:
    """Return `message` in the reader's language, or unchanged when no catalogue is installed."""
    return _catalogue.gettext(message)
