"""Makes the files of `memtui/recordings/data` from what the recording programs wrote.

    python -m tests.recorded.pack FOLDER

FOLDER holds the recordings as JSON, one file each (`guest-6.1-hvo-2m.json`). Kept are the machine's
size, kernel and settings, every step with its arguments and its time, and the counters that memtui
has as well; names of hosts, paths and everything else stay behind.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from memtui.recordings import archive
from memtui.recordings.model import Recording
from memtui.recordings.raw import read_raw
from memtui.recordings.scope import KEPT

DATA = Path(archive.__file__).parent / "data"

AFTER = {
    "hvo-1g": ("hvo-2m",),
    "secretmem": ("hvo-2m", "hvo-1g"),
    "bpf": ("hvo-2m", "hvo-1g", "secretmem"),
    "bpf-aged": ("secretmem-aged",),
}
"""Experiments on guests that others had gone before in the same boot, of those that leave traces."""

SKIPPED = ("host-boot",)
"""Facts of the host, without a step."""


def main(folder: Path) -> None:
    """Reads all recordings and writes their files."""
    recordings = [
        read_raw(path.read_text(encoding="utf-8"), path.stem)
        for path in sorted(folder.glob("*.json"))
        if path.stem not in SKIPPED
    ]
    counters: dict[str, list[str]] = {"kept": sorted(KEPT)}
    for recording in recordings:
        known = set(counters.get(recording.kernel, ())) | recording.counters
        counters[recording.kernel] = sorted(known)
    DATA.mkdir(exist_ok=True)
    (DATA / archive.COUNTERS).write_text(json.dumps(counters, indent=0) + "\n", encoding="utf-8")
    there = {recording.name for recording in recordings}
    for recording in recordings:
        text = archive.pack(_placed(recording, there), KEPT)
        (DATA / f"{recording.name}{archive.SUFFIX}").write_text(text, encoding="utf-8")


def _placed(recording: Recording, there: set[str]) -> Recording:
    """With the recordings that came before it in the same boot, those of another kernel where its own is missing."""
    where, _, rest = recording.name.partition("-")
    version, _, experiment = rest.partition("-")
    if where != "guest" or experiment not in AFTER:
        return recording
    before = tuple(
        next(name for name in (f"guest-{kernel}-{each}" for kernel in (version, "6.1", "7.2")) if name in there)
        for each in AFTER[experiment]
    )
    return replace(recording, after=before)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
