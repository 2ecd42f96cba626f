"""Parameters of actions: what is written becomes integers, with the defaults of the contract."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from memtui.units import GIB, HOUR, KIB, MIB, MINUTE, MS, PPM, SECOND, TIB, US
from memtui.workloads.anon import AnonParams
from memtui.workloads.bpf import LoadBpfParams
from memtui.workloads.fork_storm import ForkStormParams
from memtui.workloads.hugepages import NrHugepagesParams
from memtui.workloads.modules import LoadModuleParams
from memtui.workloads.page_cache import PageCacheParams
from memtui.workloads.params import MAX_TIME_NS, WRITTEN, Params, exact_duration, exact_share, exact_size
from memtui.workloads.secret_memory import MemfdSecretParams
from memtui.workloads.sysctl import SysctlParams
from memtui.workloads.tmpfs import TmpfsMapParams, TmpfsParams, TmpfsPunchParams, TmpfsUnlinkParams, TmpfsWriteParams

UNSAID = ("ro_after_init", "init", "init_rodata", "init_data", "file")
MODULE = {"text": 24 * KIB, "rodata": 0, "data": 1, **dict.fromkeys(UNSAID, 0), "count": 1}
ANON = {"size": GIB, "processes": 1, "vmas": 1, "thp": "never", "touch": PPM, "rewrite": 0}
FORK = {"parent": MIB, "children": 3, "shape": "fan", "vmas": 1, "thp": "never", "writes": 0, "spacing": 0, "hold": 0}
WRITE = {"mount": "m", "file": "f", "count": 1, "size": 2 * MIB, "offset": 0, "chunk": None, "stride": None}


@pytest.mark.parametrize(
    ("params", "written", "whole"),
    [
        (NrHugepagesParams, 10240, {"count": 10240, "size": 2 * MIB, "node": None}),
        (LoadModuleParams, {"text": "24K", "rodata": 0, "data": "1B"}, MODULE),
        (LoadBpfParams, {"size": 4096}, {"size": 4096, "count": 1, "instructions": None}),
        (MemfdSecretParams, {"size": "16KiB"}, {"size": 16 * KIB, "count": 1, "memlock": None, "spread": None}),
        (AnonParams, {"size": "1GiB"}, ANON),
        (ForkStormParams, {"parent": "1MiB", "children": 3}, FORK),
        (TmpfsParams, {"mount": "m"}, {"mount": "m", "huge": "never", "size": None}),
        (TmpfsWriteParams, {"mount": "m", "file": "f", "size": "2MiB"}, WRITE),
        (PageCacheParams, {"size": "1GiB", "dirty": 0.5}, {"size": GIB, "dirty": PPM // 2}),
    ],
)
def test_defaults(params: type[Params], written: Any, whole: dict[str, Any]) -> None:
    found = params.model_validate(written, context=WRITTEN)
    assert found.model_dump() == whole
    assert params(**whole) == found


def test_figures_from_python_are_in_their_final_unit() -> None:
    assert PageCacheParams(size=GIB, dirty=1).dirty == 1
    assert ForkStormParams(parent=MIB, children=1, hold=5, spacing=7).hold == 5
    assert ForkStormParams(parent=MIB, children=1, hold=None).hold is None


def test_figures_of_a_scenario_are_read_as_people_write_them() -> None:
    assert PageCacheParams.model_validate({"size": 4096, "dirty": 1}, context=WRITTEN).dirty == PPM
    with pytest.raises(ValidationError, match="5 has no unit; expected a time such as 250us"):
        ForkStormParams.model_validate({"parent": MIB, "children": 1, "hold": 5}, context=WRITTEN)
    with pytest.raises(ValidationError, match="expected a time such as 250us"):
        ForkStormParams.model_validate({"parent": MIB, "children": 1, "hold": None}, context=WRITTEN)


@pytest.mark.parametrize("figures", [{"dirty": -1}, {"dirty": PPM + 1}])
def test_shares_from_python_are_bounded(figures: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        PageCacheParams(size=GIB, **figures)


@pytest.mark.parametrize("figures", [{"hold": -1}, {"spacing": MAX_TIME_NS + 1}])
def test_times_from_python_are_bounded(figures: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        ForkStormParams.model_validate({"parent": MIB, "children": 1, **figures})


def test_hold_forever_is_none() -> None:
    written = {"parent": "1MiB", "children": 3, "hold": "forever"}
    assert ForkStormParams.model_validate(written).hold is None


def test_sysctl_keeps_the_order_written() -> None:
    written = {"vm.nr_hugepages": 4, "vm.drop_caches": 3, "vm.hugetlb_optimize_vmemmap": 1}
    assert SysctlParams.model_validate(written).settings == tuple(written.items())


def test_sysctl_without_a_setting_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected at least one setting"):
        SysctlParams.model_validate({})


def test_sysctl_names_are_linux_names_only() -> None:
    with pytest.raises(ValidationError):
        SysctlParams.model_validate({"nr_hugepages": 4})


@pytest.mark.parametrize(
    ("written", "pieces"),
    [
        ({"size": 10}, [(0, 10)]),
        ({"size": 10, "offset": 5}, [(5, 10)]),
        ({"size": 10, "chunk": 4}, [(0, 4), (4, 4), (8, 2)]),
        ({"size": 10, "chunk": 2, "stride": 4}, [(0, 2), (4, 2), (8, 2)]),
        ({"size": 9, "chunk": 2, "stride": 4, "offset": 1}, [(1, 2), (5, 2), (9, 1)]),
        ({"size": 10, "chunk": 99}, [(0, 10)]),
    ],
)
def test_pieces_of_a_range(written: dict[str, int], pieces: list[tuple[int, int]]) -> None:
    params = TmpfsPunchParams.model_validate({"mount": "m", "file": "f", **written})
    assert list(params.pieces()) == pieces


def test_one_4k_write_per_2m_over_256_mib_is_128_pieces() -> None:
    written = {"mount": "m", "file": "f", "size": "256MiB", "chunk": "4KiB", "stride": "2MiB"}
    assert len(list(TmpfsWriteParams.model_validate(written).pieces())) == 128


def test_files_of_a_count() -> None:
    one = TmpfsUnlinkParams(mount="m", file="f")
    three = TmpfsUnlinkParams(mount="m", file="f", count=3)
    assert list(one.files()) == ["f"]
    assert list(three.files()) == ["f.0", "f.1", "f.2"]


def test_pieces_of_all_files_together_are_bounded() -> None:
    written = {"mount": "m", "file": "f", "size": "1GiB", "chunk": "4KiB"}
    assert TmpfsWriteParams.model_validate({**written, "count": 64}).count == 64
    with pytest.raises(ValidationError, match="17039360 pieces in all are more than 16777216"):
        TmpfsWriteParams.model_validate({**written, "count": 65})


@pytest.mark.parametrize(
    ("params", "written"),
    [
        (NrHugepagesParams, True),
        (NrHugepagesParams, 1.0),
        (NrHugepagesParams, "5"),
        (NrHugepagesParams, {"count": 1, "size": "1MiB"}),
        (LoadBpfParams, {"size": 0}),
        (LoadBpfParams, {"size": "4KiB", "count": 0}),
        (AnonParams, {"size": "65TiB"}),
        (AnonParams, {"size": "4KiB", "vmas": 2}),
        (ForkStormParams, {"parent": "4KiB", "children": 1, "vmas": 2}),
        (ForkStormParams, {"parent": "4KiB", "children": 1 << 23}),
        (TmpfsMapParams, {"mount": "m", "file": "f", "advise": 1}),
        (TmpfsParams, {"mount": ""}),
    ],
)
def test_refused(params: type[Params], written: Any) -> None:
    with pytest.raises(ValidationError):
        params.model_validate(written)


def test_parameters_cannot_be_changed() -> None:
    params = NrHugepagesParams(count=5)
    with pytest.raises(ValidationError):
        params.count = 6


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [(0, "0"), (1, "1"), (1536, "1536"), (3 * KIB, "3KiB"), (64 * TIB, "64TiB"), (1 << 60, "1EiB")],
)
def test_exact_size(size_bytes: int, text: str) -> None:
    assert exact_size(size_bytes) == text


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        *((0, "0"), (1, "1ns"), (US, "1us"), (20 * MS, "20ms"), (1500 * MS, "1500ms")),
        *((90 * SECOND, "90s"), (2 * MINUTE, "2m"), (HOUR, "1h")),
    ],
)
def test_exact_duration(duration_ns: int, text: str) -> None:
    assert exact_duration(duration_ns) == text


@pytest.mark.parametrize(
    ("share_ppm", "text"), [(0, "0%"), (PPM, "100%"), (5_000, "0.5%"), (1, "0.0001%"), (100_000, "10%")]
)
def test_exact_share(share_ppm: int, text: str) -> None:
    assert exact_share(share_ppm) == text
