"""What the log says, in the words people read: every kind of cause and effect, brought about by a scenario."""

from __future__ import annotations

from typing import Final

import pytest

import memtui
from memtui.scenario.loader import load_text

HEAD: Final = "memtui: 1\nname: words\nmachine: {ram: 8GiB, nodes: 1, cpu: {count: 2}}\n"


def said(timeline: str) -> list[str]:
    """The log of a small machine that does this: source, severity and text of each line."""
    events = memtui.simulate(load_text(f"{HEAD}timeline:\n{timeline}")).events
    return [f"{event.source} {event.severity}: {event.text}" for event in events]


@pytest.mark.parametrize(
    ("timeline", "words"),
    [
        (
            "  - {at: 0s, memfd_secret: {size: 4KiB}}",
            "memfd_secret notice: first split of the GiB at 0x100000000: 1G → 512 leaves of 2M",
        ),
        (
            "  - {at: 0s, memfd_secret: {size: 4KiB}}",
            "memfd_secret info: 1 secret file, 4.00 KiB out of the direct map; "
            "2 direct-map leaves split: 1 of 1G and 1 of 2M, the last of 2M at 0x100000000",
        ),
        (
            "  - {at: 0s, memfd_secret: {size: 4KiB}}\n  - {at: 1s, memfd_secret: {size: 4MiB}}",
            "memfd_secret info: 1 secret file, 4.00 MiB out of the direct map; "
            "2 direct-map leaves of 2M split, the last at 0x100800000",
        ),
        (
            "  - {at: 0s, memfd_secret: {size: 1MiB, count: 12, memlock: 8MiB}}",
            "memfd_secret notice: mmap of secret file 9 refused (EAGAIN): 1.00 MiB more than 8.00 MiB locked, "
            "RLIMIT_MEMLOCK is 8.00 MiB",
        ),
        (
            "  - {at: 0s, load_module: {text: 24KiB, rodata: 12KiB, data: 16KiB}}",
            "load_module info: ROX cache takes a new block of 2.00 MiB at 0x100200000: the first",
        ),
        (
            "  - {at: 0s, fail_page_alloc: {}}\n  - {at: 1s, load_module: {text: 4MiB, rodata: 0B, data: 0B}}",
            "load_module bad: module 1 of 1 fails to load: ENOMEM, order-0 allocation failed",
        ),
        ("  - {at: 0s, sysctl: {vm.hugetlb_optimize_vmemmap: 1}}", "sysctl info: vm.hugetlb_optimize_vmemmap 0 → 1"),
        ("  - {at: 0s, sysctl: {vm.max_map_count: 100000}}", "sysctl info: vm.max_map_count 65530 → 100000"),
        ("  - {at: 0s, sysctl: {vm.min_free_kbytes: 131072}}", "sysctl info: vm.min_free_kbytes 67584 → 131072"),
        (
            "  - {at: 0s, sysctl: {vm.drop_caches: 2}}",
            "sysctl info: vm.drop_caches 2: 0 B past the ends of tmpfs files",
        ),
        ("  - {at: 0s, nr_hugepages: 1024}", "nr_hugepages info: 2 MiB pages 0 → 1 024, 2.00 GiB to the pool, in "),
        (
            "  - {at: 0s, nr_hugepages: 100000}",
            "of the 100 000 asked for could not be had",
        ),
        (
            "  - {at: 0s, anon: {size: 20GiB}}",
            "oom bad: Out of memory: killed process 1000 (anon 1): 7.",
        ),
        (
            "  - {at: 0s, fail_page_alloc: {min_order: 9}}\n  - {at: 1s, anon: {size: 64MiB, thp: madvise}}",
            "anon notice: no free 2 MiB block for a huge page: the fault falls back to base pages",
        ),
    ],
)
def test_every_cause_has_its_words(timeline: str, words: str) -> None:
    lines = said(timeline)
    assert [line for line in lines if words in line], lines
