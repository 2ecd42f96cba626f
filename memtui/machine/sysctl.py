"""/proc/sys/vm: the settings that can be written while the machine runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memtui.machine import costs
from memtui.machine.parts import Parts, whole
from memtui.machine.watermarks import set_watermarks
from memtui.units import FRAMES_2M, format_count

if TYPE_CHECKING:
    from memtui.machine.machine import Machine


class Sysctl:
    """Settings by Linux's names; each write does what the kernel's handler does."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._long: dict[str, Callable[[int], Parts[None]]] = {
            "vm.nr_hugepages": self._nr_hugepages,
            "vm.drop_caches": machine.reclaim.drop_caches_in_parts,
            "vm.compact_memory": self._compact_memory,
        }
        """Those whose writing may take long, in parts."""
        self._handlers: dict[str, Callable[[int], None]] = {
            "vm.hugetlb_optimize_vmemmap": self._optimize_vmemmap,
            "vm.min_free_kbytes": self._min_free_kbytes,
            "vm.watermark_boost_factor": self._watermark_boost_factor,
            "vm.max_map_count": self._max_map_count,
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Every setting there is."""
        return (*self._handlers, *self._long)

    def write(self, name: str, value: int) -> None:
        """Writes one setting. Raises KeyError if there is none of that name."""
        whole(self.write_in_parts(name, value))

    def write_in_parts(self, name: str, value: int) -> Parts[None]:
        """The same in parts, where it may take long."""
        self._machine.core.meter.charge(costs.SYSCTL)
        if name in self._long:
            yield from self._long[name](value)
        else:
            self._handlers[name](value)

    def _optimize_vmemmap(self, value: int) -> None:
        hugetlb = self._machine.hugetlb
        before, hugetlb.optimize_vmemmap = hugetlb.optimize_vmemmap, bool(value)
        self._machine.core.log(f"vm.hugetlb_optimize_vmemmap {int(before)} → {int(hugetlb.optimize_vmemmap)}")

    def _nr_hugepages(self, value: int) -> Parts[None]:
        yield from self._machine.hugetlb.resize(value, FRAMES_2M, None)

    def _compact_memory(self, value: int) -> Parts[None]:
        moved = yield from self._machine.compact_memory_in_parts()
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
