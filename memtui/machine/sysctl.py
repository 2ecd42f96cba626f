"""/proc/sys/vm: the settings that can be written while the machine runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memtui.machine import costs
from memtui.machine.watermarks import set_watermarks
from memtui.units import format_count

if TYPE_CHECKING:
    from memtui.machine.machine import Machine


class Sysctl:
    """Settings by Linux's names; each write does what the kernel's handler does."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._handlers: dict[str, Callable[[int], None]] = {
            "vm.hugetlb_optimize_vmemmap": self._optimize_vmemmap,
            "vm.nr_hugepages": self._nr_hugepages,
            "vm.drop_caches": self._drop_caches,
            "vm.compact_memory": self._compact_memory,
            "vm.min_free_kbytes": self._min_free_kbytes,
            "vm.watermark_boost_factor": self._watermark_boost_factor,
            "vm.max_map_count": self._max_map_count,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Every setting there is."""
        return tuple(self._handlers)

    def write(self, name: str, value: int) -> None:
        """Writes one setting. Raises KeyError if there is none of that name."""
        self._machine.core.meter.charge(costs.SYSCTL)
        self._handlers[name](value)

    def _optimize_vmemmap(self, value: int) -> None:
        hugetlb = self._machine.hugetlb
        before, hugetlb.optimize_vmemmap = hugetlb.optimize_vmemmap, bool(value)
        self._machine.core.log(f"vm.hugetlb_optimize_vmemmap {int(before)} → {int(hugetlb.optimize_vmemmap)}")

    def _nr_hugepages(self, value: int) -> None:
        self._machine.hugetlb.set_nr_hugepages(value)

    def _drop_caches(self, value: int) -> None:
        self._machine.reclaim.drop_caches(value)

    def _compact_memory(self, value: int) -> None:
        moved = self._machine.compact_memory()
        self._machine.core.log(f"vm.compact_memory: {format_count(moved)} pages moved together")

    def _min_free_kbytes(self, value: int) -> None:
        machine = self._machine
        before = machine.min_free_kbytes
        machine.min_free_kbytes = set_watermarks(machine.core.allocator, value)
        machine.core.log(f"vm.min_free_kbytes {before} → {machine.min_free_kbytes}")

    def _watermark_boost_factor(self, value: int) -> None:
        free_lists = self._machine.core.allocator.free_lists
        before, free_lists.boost_factor = free_lists.boost_factor, value
        self._machine.core.log(f"vm.watermark_boost_factor {before} → {value}")

    def _max_map_count(self, value: int) -> None:
        processes = self._machine.processes
        before, processes.max_map_count = processes.max_map_count, value
        self._machine.core.log(f"vm.max_map_count {before} → {value}")
