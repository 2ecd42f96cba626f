"""What people look at: thin Textual shells around `memtui.view`. Only this package imports Textual."""

from __future__ import annotations

import os

os.environ.setdefault("ESCDELAY", "25")
"""Milliseconds after which an escape was the key itself, as ncurses has it; Textual reads it once, when imported, and
its own 100 would make escape the one key that is felt to be slow."""
