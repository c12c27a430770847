"""Part III: exercises J5.x (several outputs)."""

from __future__ import annotations
