"""Makes the files of `memtui/recordings/data` from what the recording programs wrote.

    python -m tests.recorded.pack FOLDER

FOLDER holds the recordings as JSON, one file each (`guest-6.1-hvo-2m.json`). Kept are the machine's
size, kernel and settings, every step with its arguments and its time, and the counters that memtui
has as well; names of hosts, paths and everything else stay behind.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from memtui.recordings import archive
from memtui.recordings.boots import placed
from memtui.recordings.raw import read_raw
from memtui.recordings.scope import KEPT

DATA = Path(archive.__file__).parent / "data"

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
        text = archive.pack(placed(recording, there), KEPT)
        (DATA / f"{recording.name}{archive.SUFFIX}").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
