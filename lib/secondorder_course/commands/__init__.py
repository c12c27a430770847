"""The commands of `secondorder-course`, one a file.

`COMMANDS` lists them by name. To add one, write its file with a `Command` and import it below.
"""

from __future__ import annotations

from ._command import Command
from .collect import collect
from .init import init
from .roster import roster

COMMANDS: dict[str, Command] = {
    value.name: value for value in list(globals().values()) if isinstance(value, Command)
}

__all__ = ["COMMANDS", "Command", "collect", "init", "roster"]
