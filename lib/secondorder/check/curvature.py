"""Part IV: exercises H7.x (curvature)."""

from __future__ import annotations
