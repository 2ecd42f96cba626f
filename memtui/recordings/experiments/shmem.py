"""tmpfs: files of many sizes and shapes (`exp_tmpfs`), and files that fill a mount or the memory (`exp_pressure`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from memtui.recordings.experiments.deed import Deed, Deeds, Experiment, end, kib, number
from memtui.recordings.model import Recording, Step

PROGRAM: Final = "exp_tmpfs"
"""The program that maps the files; it runs from before the first step."""
FILE: Final = "f"
MOUNT: Final = "t"
SPARSE_MIB: Final = 256
"""Size of the file that is written sparsely, and of the one that is punched."""
RAGGED_FILES: Final = 64
RAGGED_KB: Final = 2200
"""Files that reach a little into their second huge page."""
FULL_FILE_KB: Final = 2052
"""One huge page and a base page: what fills a mount in the pressure experiments."""


def tmpfs(recording: Recording) -> Experiment:
    """`exp_tmpfs MOUNTPOINT HUGE [BIG_MIB]`, on a mount of 8 GiB."""
    huge = recording.arguments[2]
    ragged = mapped = False
    for place, step in enumerate(recording.steps):
        if step.name == "mounted":
            yield [Deed("tmpfs", {"mount": MOUNT, "huge": huge, "size": "8GiB"}, "mount")]
        elif step.name == "unmounted":
            yield [end("mount")]
        elif step.name == "before_map":
            deeds = [end(f"mapping {place - 1}")] if mapped else [_truncate(8 << 10)]
            mapped = not mapped
            yield deeds
        elif step.name.startswith("map_"):
            yield [_map(step, f"mapping {place}")]
        elif step.name == "unlink":
            deeds = [end(f"mapping {place - 1}")] if recording.steps[place - 1].name.startswith("map_") else []
            mapped = False
            yield [*deeds, *_unlink(recording.steps[place - 1], ragged)]
        else:
            ragged = ragged or step.name.startswith("ragged")
            yield _STEPS.get(step.name, _nothing)(step)


def full_mount(recording: Recording) -> Experiment:
    """`exp_pressure tmpfs SIZE_MB FILES`: files of a huge page and a little more, looked at every ten."""
    size_mb, written = int(recording.arguments[2]), 0
    for step in recording.steps:
        if step.name == "start":
            yield []
        elif step.name == "wrote":
            mount = [Deed("tmpfs", {"mount": MOUNT, "huge": "always", "size": f"{size_mb}MiB"}, "mount")]
            files = number(step, "file") + 1
            yield [*(mount if not written else []), _files(f"g{written}", files - written, FULL_FILE_KB)]
            written = files
        else:
            left = int(recording.arguments[3]) - written
            yield [
                *([_files("rest", left, FULL_FILE_KB)] if left and not step.args.get("failed") else []),
                end("mount"),
            ]


def _nothing(step: Step) -> Deeds:
    return []


def _write(step: Step) -> Deeds:
    kb, chunk = number(step, "kb"), number(step, "chunk_kb")
    return [_range("tmpfs_write", size=kib(kb), chunk=kib(min(kb, chunk)))]


def _sparse(step: Step) -> Deeds:
    """One page of every 2 MiB, 256 KiB from its start."""
    size = kib((SPARSE_MIB << 10) - 256)
    write = _range("tmpfs_write", offset="256KiB", size=size, chunk="4KiB", stride="2MiB")
    return [_truncate(SPARSE_MIB << 10), write]


def _dense(step: Step) -> Deeds:
    return [_range("tmpfs_write", size=f"{SPARSE_MIB}MiB", chunk="2MiB")]


def _punch(offset: str, size: str, chunk: str) -> Callable[[Step], Deeds]:
    return lambda step: [_range("tmpfs_punch", offset=offset, size=size, chunk=chunk, stride="2MiB")]


def _drop_slab(step: Step) -> Deeds:
    return [Deed("sysctl", {"vm.drop_caches": 2})]


_STEPS: Final[dict[str, Callable[[Step], Deeds]]] = {
    "write": _write,
    "write_big": _write,
    "write_quarter_4k_chunks": _write,
    "sparse_4k_per_2m": _sparse,
    "sparse_after_drop_slab": _drop_slab,
    "dense": _dense,
    "punch_4k_x16": _punch("32KiB", "32MiB", "4KiB"),
    "punch_1m_x16": _punch("1MiB", "31MiB", "1MiB"),
    "punch_2m_x16": _punch("32MiB", "32MiB", "2MiB"),
    "truncate_ragged": lambda step: [_truncate((200 << 10) + 300)],
    "ragged_64x2200k": lambda step: [_files("r", RAGGED_FILES, RAGGED_KB)],
    "ragged_after_drop_slab": _drop_slab,
}


def _unlink(before: Step, ragged: bool) -> Deeds:
    """What the step deletes; the files of the memory cgroup's experiment were never made."""
    if before.name == "memcg_wrote_40x2052k":
        return []
    if before.name == "ragged_after_drop_slab":
        return [Deed("tmpfs_unlink", {"mount": MOUNT, "file": "r", "count": RAGGED_FILES})]
    return [Deed("tmpfs_unlink", {"mount": MOUNT, "file": FILE})]


def _map(step: Step, label: str) -> Deed:
    params: dict[str, int | str | bool] = {"mount": MOUNT, "file": FILE, "process": PROGRAM}
    if number(step, "madv_hugepage"):
        params["advise"] = True
    if step.name == "map_misaligned_touch":
        params["misaligned"] = True
    return Deed("tmpfs_map", params, label)


def _truncate(size_kb: int) -> Deed:
    return Deed("tmpfs_truncate", {"mount": MOUNT, "file": FILE, "size": kib(size_kb)})


def _range(action: str, **params: str) -> Deed:
    return Deed(action, {"mount": MOUNT, "file": FILE, **params})


def _files(name: str, count: int, size_kb: int) -> Deed:
    return Deed("tmpfs_write", {"mount": MOUNT, "file": name, "size": kib(size_kb), "count": count})
