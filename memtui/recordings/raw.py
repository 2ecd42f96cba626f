"""Recordings as the recording programs wrote them: one JSON object with a header and the steps.

What a file says of the machine it was made on is brought into the terms of a scenario; paths and
host names stay behind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from memtui.recordings.model import Place, Recording, Step
from memtui.units import GIB, KIB, SECOND, kb_of_frames, parse_size

FREE: Final = "MemFree"
AVAILABLE: Final = "MemAvailable"
FREE_PAGES: Final = "nr_free_pages"
LISTS: Final = "pcp_pages"
"""Free memory, to which the pages in per-CPU lists are added: they are as free, and come and go by batches."""

_BOOT_WORDS: Final = ("hugetlb_free_vmemmap=", "hugepagesz=", "hugepages=")
_ENABLED: Final = re.compile(r"\[(\w+)\]")
_OTHERS: Final = (LISTS, "buddyinfo", "mthp")
"""What was read besides /proc/meminfo, /proc/vmstat and /proc/slabinfo."""
_FEW: Final = re.compile(r"DirectMap|direct_map_|(MemTotal|MemFree|MemAvailable|VmallocUsed|PageTables|Slab)$")
"""What was read at the steps of a long series (`rec_compact`)."""
_AGED: Final = re.compile(r"aged: touched (\d+) pages, gave back (\d+)")
_PATH: Final = re.compile(r"(?<![\w.])/[\w./-]+")


class BadRecording(Exception):
    """A file that is no recording, in one line."""


def read_raw(text: str, name: str) -> Recording:
    """A recording as `exp_*` wrote it. Raises BadRecording."""
    try:
        document = json.loads(text)
        return _recording(document["header"], _with_remarks(document["steps"]), name)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise BadRecording(f"{name}: not a recording: {type(error).__name__} {error}") from None


def _recording(header: Mapping[str, Any], entries: list[dict[str, Any]], name: str) -> Recording:
    if not entries:
        raise ValueError("it has no steps")
    slabs = {name for entry in entries for name in entry.get("slab_active", ())}
    named = [*header["counters"]["meminfo_kb"], *header["counters"]["vmstat"]]
    guest = "guest_memory" in header
    cpu = str(header.get("cpu", ""))
    flags = (("no 1G pages", "pdpe1gb=off" in cpu), ("5-level paging", guest and "la57=off" not in cpu))
    return Recording(
        name=name,
        place=Place.GUEST if guest else Place.QUIET if name.endswith("-quiet") else Place.HOST,
        kernel=".".join(str(header["kernel"]).split(".")[:2]),
        ram_bytes=parse_size(header["guest_memory"]) if guest else -(-int(header["memtotal_kb"]) * KIB // GIB) * GIB,
        cpus=1 if guest else int(header["cpus"]),
        command=tuple(_PATH.sub("DIR", str(header["command"])).split()),
        thp=_enabled(str(header.get("thp") or header.get("thp_enabled"))),
        boot=_boot_words(str(header.get("cmdline", "nokaslr")).split()),
        cpu=tuple(word for word, there in flags if there),
        fresh=guest,
        counters=frozenset((*named, *slabs, *(name for name in _OTHERS if any(name in each for each in entries)))),
        steps=tuple(_steps(entries, [*named, *sorted(slabs)], guest)),
    )


def _with_remarks(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps; how much memory `exp_aged` scattered, a remark of its own in the file, goes into its step."""
    steps: list[dict[str, Any]] = []
    remark: dict[str, int] = {}
    for entry in entries:
        if found := _AGED.match(entry.get("note", "")):
            remark = {"touched": int(found[1]), "gave_back": int(found[2])}
        if "step" in entry:
            steps.append({**entry, "args": {**entry["args"], **remark}})
            remark = {}
    return steps


def _enabled(text: str) -> str:
    found = _ENABLED.search(text)
    return found.group(1) if found else "never"


def _boot_words(cmdline: list[str]) -> tuple[str, ...]:
    words = [word for word in cmdline if word.startswith(_BOOT_WORDS)]
    return tuple(words if "nokaslr" in cmdline else [*words, "kaslr"])


def _steps(entries: list[dict[str, Any]], everything: list[str], guest: bool) -> Iterator[Step]:
    few = [name for name in everything if _FEW.match(name)]
    for entry in entries:
        read = everything if "slab_active" in entry else few
        found = {**entry["meminfo_kb"], **entry["vmstat"], **entry.get("slab_active", {})}
        values = {name: int(found.get(name, 0)) for name in read}
        lists_kb = kb_of_frames(int(entry["pcp_pages"]))
        for name in {FREE, AVAILABLE} & values.keys():
            values[name] += lists_kb
        if FREE_PAGES in values:
            values[FREE_PAGES] += int(entry["pcp_pages"])
        if read is everything:
            values[LISTS] = int(entry["pcp_pages"])
        args = {key: value if isinstance(value, int) else str(value) for key, value in entry["args"].items()}
        op_s, at_s = (0.0, 0.0) if guest else (float(entry["op_s"]), float(entry["at_s"]))
        yield Step(str(entry["step"]), args, round(op_s * SECOND), values, round(at_s * SECOND))
