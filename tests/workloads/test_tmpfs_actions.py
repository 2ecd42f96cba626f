"""The tmpfs actions, as a timeline plays them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from memtui.machine import CpuConfig, Machine, MachineConfig
from memtui.units import GIB
from tests.workloads.playing import end, play


@pytest.fixture
def machine() -> Machine:
    return Machine(MachineConfig("test", 4 * GIB, 1, CpuConfig(2)))


def kb(machine: Machine, *names: str) -> list[int]:
    counters = machine.counters()
    return [counters[name] for name in names]


def test_a_mount_lives_until_its_end(machine: Machine) -> None:
    mounted = play(machine, "tmpfs", mount="m", huge="always", size="1GiB")
    assert mounted.said == ["m mounted: huge=always, size 1.00 GiB"]
    assert mounted.activity.holds
    play(machine, "tmpfs_write", mount="m", file="f", size="64MiB")
    assert kb(machine, "Shmem", "ShmemHugePages") == [65536, 65536]
    assert end(machine, mounted).said == ["m unmounted: 64.0 MiB back"]
    assert not mounted.activity.holds
    assert kb(machine, "Shmem", "shmem_inode_cache") == [0, 0]


def test_a_write_says_what_it_took(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", huge="always")
    written = play(machine, "tmpfs_write", mount="m", file="f", size="4KiB", count=3)
    assert written.said == ["12.0 KiB written to m/f, 3 files: Shmem +6.00 MiB, 3 huge pages more"]
    assert sorted(machine.tmpfs.mounts["m"].files) == ["f.0", "f.1", "f.2"]
    assert written.activity.progress == "file 3 of 3: 4.00 KiB of 4.00 KiB"
    assert not written.activity.holds


@pytest.mark.parametrize(("chunk", "steps"), [(None, 17), ("4KiB", 17), ("128MiB", 9), ("3000000", 17)])
def test_a_large_write_can_be_watched(machine: Machine, chunk: str | None, steps: int) -> None:
    play(machine, "tmpfs", mount="m", huge="always", size="2GiB")
    written = play(machine, "tmpfs_write", mount="m", file="f", size="1GiB", chunk=chunk)
    assert written.steps == pytest.approx(steps, abs=1)
    assert kb(machine, "Shmem") == [1048576]


def test_a_write_in_chunks_within_size_gets_folios_of_the_chunk(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", huge="within_size")
    play(machine, "tmpfs_write", mount="m", file="f", size="200MiB", chunk="64KiB")
    assert {run.order for run in machine.tmpfs.mounts["m"].files["f"].index} == {4}
    play(machine, "tmpfs_write", mount="m", file="g", size="200MiB", offset="1MiB")
    assert [(run.index, run.order) for run in machine.tmpfs.mounts["m"].files["g"].index] == [(0, 9), (100 * 512, 8)]


def test_a_write_with_a_stride_leaves_holes(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m")
    play(machine, "tmpfs_write", mount="m", file="f", size="1MiB", chunk="4KiB", stride="64KiB", offset="8KiB")
    file = machine.tmpfs.mounts["m"].files["f"]
    assert [run.index for run in file.index] == [2 + 16 * number for number in range(16)]
    assert file.size_bytes == 8192 + 15 * 65536 + 4096


def test_a_full_mount_ends_the_write_with_an_event(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", size="100MiB")
    written = play(machine, "tmpfs_write", mount="m", file="f", size="256MiB")
    assert written.said == [
        "m/f: ENOSPC after 100 MiB of 256 MiB",
        "100 MiB written to m/f: Shmem +100 MiB",
    ]
    assert written.severities[0] == "bad"


def test_a_machine_without_memory_ends_the_write_with_an_event(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", size="8GiB", huge="always")
    written = play(machine, "tmpfs_write", mount="m", file="f", size="8GiB")
    assert any("ENOMEM after 3." in text for text in written.said)
    assert any("could not be had" in text for text in written.said)
    assert written.severities == ["bad", "bad", "notice"]


def test_truncate_makes_files_and_sets_sizes(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", huge="always")
    assert play(machine, "tmpfs_truncate", mount="m", file="f", size="8MiB").said == [
        "m/f set to 8.00 MiB: Shmem unchanged"
    ]
    play(machine, "tmpfs_write", mount="m", file="f", size="8MiB")
    assert play(machine, "tmpfs_truncate", mount="m", file="f", size="3MiB").said == [
        "m/f set to 3.00 MiB: Shmem -5.00 MiB, 3 huge pages fewer, 1 split"
    ]


def test_punch_makes_holes(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", huge="always")
    play(machine, "tmpfs_write", mount="m", file="f", size="8MiB")
    punched = play(machine, "tmpfs_punch", mount="m", file="f", size="8MiB", chunk="4KiB", stride="2MiB")
    assert punched.said == ["holes punched in m/f: Shmem -16.0 KiB, 4 huge pages fewer, 4 split"]
    assert punched.activity.progress == "4 of 4 holes"


def test_unlink_deletes(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m")
    play(machine, "tmpfs_write", mount="m", file="f", size="1MiB", count=5)
    assert play(machine, "tmpfs_unlink", mount="m", file="f", count=5).said == ["m/f, 5 files deleted: Shmem -5.00 MiB"]
    assert not machine.tmpfs.mounts["m"].files


@pytest.mark.parametrize("action", ["tmpfs_punch", "tmpfs_unlink", "tmpfs_map"])
def test_a_file_that_is_not_there_is_said_once(machine: Machine, action: str) -> None:
    play(machine, "tmpfs", mount="m")
    size = {"size": "4KiB"} if action == "tmpfs_punch" else {}
    played = play(machine, action, mount="m", file="f", **size)
    assert len(played.said) == 1
    assert "ENOENT" in played.said[0]
    assert played.severities == ["bad"]
    assert not played.activity.holds


@pytest.mark.parametrize("action", ["tmpfs_write", "tmpfs_map"])
def test_a_mount_that_is_not_there_any_more_is_said_once(machine: Machine, action: str) -> None:
    size = {"size": "4KiB"} if action == "tmpfs_write" else {}
    played = play(machine, action, mount="gone", file="f", **size)
    assert len(played.said) == 1
    assert "ENOENT" in played.said[0]


@pytest.fixture
def file_of_8_mib(machine: Machine) -> Iterator[Machine]:
    play(machine, "tmpfs", mount="m", huge="advise")
    play(machine, "tmpfs_truncate", mount="m", file="f", size="8MiB")
    return machine


@pytest.mark.parametrize(("advise", "misaligned", "pmd_kb"), [(True, False, 8192), (False, False, 0), (True, True, 0)])
def test_mapping_advised_and_aligned_has_huge_pages_by_one_entry(
    file_of_8_mib: Machine, advise: bool, misaligned: bool, pmd_kb: int
) -> None:
    machine = file_of_8_mib
    mapped = play(machine, "tmpfs_map", mount="m", file="f", advise=advise, misaligned=misaligned)
    assert kb(machine, "Mapped", "ShmemPmdMapped") == [8192, pmd_kb]
    assert mapped.activity.holds
    assert end(machine, mapped).said == ["1 process exited: files unmapped"]
    assert kb(machine, "Mapped", "ShmemPmdMapped", "Shmem") == [0, 0, 8192]


def test_many_processes_map_the_same_pages(file_of_8_mib: Machine) -> None:
    machine = file_of_8_mib
    mapped = play(machine, "tmpfs_map", mount="m", file="f", processes=20, advise=True, offset="2MiB", touch="50%")
    assert mapped.said == [
        "20 processes with m/f mapped: Mapped +4.00 MiB, 2 huge pages by 2 MiB entries",
    ]
    assert machine.counters()["thp_file_mapped"] == 40
    end(machine, mapped)


def test_touching_behind_the_end_is_a_bus_error(file_of_8_mib: Machine) -> None:
    machine = file_of_8_mib
    mapped = play(machine, "tmpfs_map", mount="m", file="f", size="9MiB")
    assert mapped.said[0].endswith("exits: SIGBUS: it touched m behind the end of a file")
    assert not mapped.activity.holds
    assert kb(machine, "Mapped") == [0]


def test_a_fault_without_space_is_a_bus_error(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", size="1MiB")
    play(machine, "tmpfs_truncate", mount="m", file="f", size="2MiB")
    mapped = play(machine, "tmpfs_map", mount="m", file="f")
    assert mapped.said[0].endswith("exits: SIGBUS (no space left on m)")


def test_a_mapper_can_be_killed_for_want_of_memory(machine: Machine) -> None:
    play(machine, "tmpfs", mount="m", size="8GiB")
    play(machine, "tmpfs_truncate", mount="m", file="f", size="8GiB")
    mapped = play(machine, "tmpfs_map", mount="m", file="f")
    assert "Out of memory: killed process" in mapped.said[0]
    assert machine.counters()["oom_kill"] == 1
    assert not mapped.activity.holds


def test_unmounting_while_mapped_keeps_the_pages_until_the_process_ends(file_of_8_mib: Machine) -> None:
    machine = file_of_8_mib
    other = play(machine, "tmpfs", mount="n", huge="always")
    play(machine, "tmpfs_write", mount="n", file="f", size="8MiB")
    mapped = play(machine, "tmpfs_map", mount="n", file="f")
    assert end(machine, other).said == ["n unmounted: 0 B back; 8.00 MiB are still mapped"]
    assert kb(machine, "Shmem") == [8192]
    end(machine, mapped)
    assert kb(machine, "Shmem") == [0]
