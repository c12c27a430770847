"""Part II: exercises G3.x (direction)."""

from __future__ import annotations
