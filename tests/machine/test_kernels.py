"""What a kernel can be made of: every axis is checked when a machine is built, from Python as from a scenario."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from memtui.machine import CpuConfig, KernelConfig, Machine, MachineConfig, kernels
from memtui.machine.boot import largest_leaf
from memtui.machine.boot_mapping import Level
from memtui.machine.direct_map import Perm
from memtui.machine.modules import ModuleSizes
from memtui.snapshot import MapRequest
from memtui.units import FRAMES_1G, FRAMES_2M, FRAMES_4G, GIB
from tests.machine.changes import Changes

GUEST = MachineConfig("guest", 8 * GIB, 1, CpuConfig(1), KernelConfig(thp="never"))
IN_1G = FRAMES_4G + FRAMES_1G
"""A frame at the start of a GiB that `auto` maps by one leaf."""


def guest(**policies: Any) -> Machine:
    return Machine(replace(GUEST, kernel=replace(GUEST.kernel, **policies)))


@pytest.mark.parametrize("axis", kernels.POLICIES)
@pytest.mark.parametrize("wanted", ["flat earth", "", None, 3, ("auto",)])
def test_a_policy_nobody_knows_is_refused_with_those_there_are(axis: str, wanted: Any) -> None:
    known = ", ".join(kernels.POLICIES[axis])
    with pytest.raises(ValueError, match="^" + axis + ": ") as refused:
        guest(**{axis: wanted})
    assert str(refused.value) == f"{axis}: {wanted!r} is not built; there is {known}"


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("version", "9.9", "Linux '9.9' is not built; there is 6.1, 6.12, 6.18, 7.2"),
        ("thp", "sometimes", "thp: 'sometimes' is not built; there is never, madvise, always"),
        ("hugetlb_optimize_vmemmap", 1, "hugetlb_optimize_vmemmap: 1 is no truth; expected True or False"),
        ("rfc_quirks", "yes", "rfc_quirks: 'yes' is no truth; expected True or False"),
        ("hugepages_2m", -1, "hugepages_2m: -1 is no count; expected a whole number from 0"),
        ("hugepages_1g", True, "hugepages_1g: True is no count; expected a whole number from 0"),
        ("min_free_kbytes", "64M", "min_free_kbytes: '64M' is no count; expected a whole number from 0"),
    ],
)
def test_every_other_field_is_checked_too(field: str, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words) + "$"):
        guest(**{field: value})


def test_every_field_of_a_kernel_is_one_that_is_checked() -> None:
    plain = {"version", "thp", "hugetlb_optimize_vmemmap", "rfc_quirks", "hugepages_2m", "hugepages_1g"}
    assert {*KernelConfig.__dataclass_fields__} == {*kernels.POLICIES, *plain, "min_free_kbytes"}


@pytest.mark.parametrize("axis", kernels.POLICIES)
def test_every_policy_boots_and_keeps_the_laws(axis: str) -> None:
    for name in kernels.POLICIES[axis]:
        machine = guest(**{axis: name})
        machine.modules.load(ModuleSizes(92 * 1024, 36 * 1024, 48 * 1024))
        machine.secretmem.touch(machine.secretmem.create(GIB // 512), 512)
        machine.check()


@pytest.mark.parametrize(
    ("policy", "gbpages", "largest"), [("no_1g", True, "2M"), ("all_4k", True, "4k"), ("auto", False, "2M")]
)
def test_the_boot_mapping_has_no_larger_leaves_and_pays_for_its_tables(
    policy: str, gbpages: bool, largest: str
) -> None:
    config = replace(GUEST, ram_bytes=64 * GIB, cpu=CpuConfig(1, gbpages=gbpages))
    auto = Machine(replace(GUEST, ram_bytes=64 * GIB)).counters()
    machine = Machine(replace(config, kernel=replace(config.kernel, direct_map=policy)))
    seen = machine.counters()
    assert seen["DirectMap1G"] == 0
    assert (seen["DirectMap2M"] == 0) is (largest == "4k")
    assert sum(machine.direct_map.leaf_frames) * 4 == seen["DirectMap2M"] + seen["DirectMap4k"]
    tables = {"2M": 61, "4k": 61 + 62 * 512}[largest]
    assert abs((auto["MemTotal"] - seen["MemTotal"]) // 4 - tables) <= 1024
    machine.check()


def test_a_cpu_without_1g_leaves_has_none_whatever_the_kernel_would_like() -> None:
    assert largest_leaf(replace(GUEST, cpu=CpuConfig(1, gbpages=False))) is Level.LEAF_2M
    assert largest_leaf(GUEST) is Level.LEAF_1G


def test_all_4k_never_splits_and_never_merges() -> None:
    machine = guest(direct_map="all_4k", direct_map_collapse="always")
    with Changes(machine) as nothing:
        machine.direct_map.set_memory(IN_1G, FRAMES_1G, Perm.NOT_PRESENT)
        machine.direct_map.set_memory(IN_1G, FRAMES_1G, Perm.READ_WRITE)
    assert nothing.only()
    assert machine.direct_map.level_at(IN_1G) is Level.LEAF_4K
    machine.check()


@pytest.mark.parametrize(("policy", "merged"), [("never", 0), ("rox_only", 2), ("always", 2)])
def test_what_a_request_to_collapse_does(policy: str, merged: int) -> None:
    """`set_memory_rox` over a whole 2M that was split: the 2M leaf, and with it the GiB."""
    machine = guest(direct_map_collapse=policy)
    before = machine.counters()
    machine.direct_map.set_memory(IN_1G + 5, 1, Perm.READ_ONLY)
    machine.direct_map.set_memory(IN_1G + 5, 1, Perm.READ_WRITE)
    asked = machine.direct_map.collapse(IN_1G, FRAMES_2M)
    after = machine.counters()
    events = after["direct_map_level2_collapses"] + after["direct_map_level3_collapses"]
    assert (events, asked) == (merged, 0 if policy == "always" else merged), "always had merged it before"
    assert (after["DirectMap1G"] == before["DirectMap1G"]) is bool(merged)
    machine.check()


def test_always_merges_what_is_alike_and_present_and_only_that() -> None:
    machine = guest(direct_map_collapse="always")
    direct_map = machine.direct_map
    direct_map.set_memory(IN_1G, FRAMES_2M, Perm.NOT_PRESENT, whole_leaves=False)
    assert direct_map.level_at(IN_1G) is Level.LEAF_4K, "alike, but not present"
    direct_map.set_memory(IN_1G, FRAMES_2M, Perm.READ_ONLY, whole_leaves=False)
    assert direct_map.level_at(IN_1G) is Level.LEAF_2M, "its GiB holds other leaves"
    with Changes(machine) as merged:
        direct_map.set_memory(IN_1G, FRAMES_2M, Perm.READ_WRITE)
    assert direct_map.level_at(IN_1G) is Level.LEAF_1G
    assert (merged["direct_map_level3_collapses"], merged["nr_free_pages"]) == (1, 1)
    machine.check()


def test_always_heals_what_secret_memory_split() -> None:
    machine = guest(direct_map_collapse="always")
    with Changes(machine) as nothing_left:
        file = machine.secretmem.create(3 * GIB // 1024)
        machine.secretmem.touch(file, file.pages)
        machine.secretmem.close(file)
    assert nothing_left["direct_map_level2_splits"] == nothing_left["direct_map_level2_collapses"] > 0
    assert nothing_left["DirectMap4k"] == nothing_left["DirectMap1G"] == 0
    told = {state.axis: state for state in machine.observe(MapRequest()).policy_state}
    assert told["direct_map_collapse"].policy == "always (hypothetical)"
    assert told["direct_map_collapse"].rows[0].value == machine.direct_map.splits.total
    assert "secret_memory" not in told, "page by page keeps nothing of its own"
    machine.check()


@pytest.mark.parametrize("version", ["6.18", "7.2"])
def test_row_modules_collapse_nothing_in_the_direct_map(version: str) -> None:
    """Recordings, Modules: on 7.2 collapses stay 0; what collapses is the alias in vmalloc."""
    machine = Machine(replace(GUEST, kernel=kernels.KERNELS[version]))
    loaded = [machine.modules.load(ModuleSizes(92 * 1024, 36 * 1024, 48 * 1024, init_text=8 * 1024)) for _ in range(60)]
    for module in loaded:
        machine.modules.unload(module)
    seen = machine.counters()
    assert seen["direct_map_level2_collapses"] == seen["direct_map_level3_collapses"] == 0
    assert seen["direct_map_level2_splits"] > 0
