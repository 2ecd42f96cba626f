"""What every test needs before anything is imported: a terminal that looks the same everywhere."""

from __future__ import annotations

import os
import signal

for _name in ("NO_COLOR", "FORCE_COLOR", "TEXTUAL_THEME", "TEXTUAL_ANIMATIONS", "COLORTERM"):
    os.environ.pop(_name, None)
os.environ["TEXTUAL_ANIMATIONS"] = "none"
signal.signal(signal.SIGHUP, signal.SIG_DFL)
"""Tests send it, and whoever started them (nohup) may have it ignored for all that follows."""
