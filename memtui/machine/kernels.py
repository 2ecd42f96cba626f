"""Which policies there are, by name, and which Linux had which: the one place that chooses between rivals.

A scenario names a policy (`kernel: {exec_memory: rox_cache}`); what answers to it is found here and
nowhere else. It may name a Linux instead (`kernel: {like: "6.1"}`), which stands for all of its
policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from memtui.machine.boot_mapping import LARGEST_LEAF, Level
from memtui.machine.config import KernelConfig
from memtui.machine.core import Core
from memtui.machine.direct_map import ALWAYS, NEVER, ROX_ONLY, Collapse, DirectMap
from memtui.machine.exec_memory.base import ExecMemory, Ground
from memtui.machine.exec_memory.per_allocation import PerAllocation
from memtui.machine.exec_memory.prog_pack import ProgPack
from memtui.machine.exec_memory.rox_cache import RoxCache
from memtui.machine.exec_memory.unmapped_cache import FromUnmapped
from memtui.machine.hugetlb_free import DirectFree, HugetlbFree, WorkerFree
from memtui.machine.hugetlb_vmemmap import Full, HugetlbVmemmap, ReserveOne, ReserveTwo
from memtui.machine.memmap import Memmap
from memtui.machine.rmap.anon_vma_chain import AnonVmaChain
from memtui.machine.rmap.base import ReverseMap
from memtui.machine.secret_pages import FromUnmappedCache, PerPage, PmdPool, SecretPages
from memtui.machine.slab import SlabCaches
from memtui.machine.tmpfs.compound import Compound, CompoundByWrite
from memtui.machine.tmpfs.design import ShmemThp
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.machine.tmpfs.store import ShmemStore
from memtui.machine.traits import TRAITS, Traits
from memtui.machine.unmapped_cache import UnmappedCache

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Axis(Generic[T]):
    """One question a kernel has several answers to: the field of `KernelConfig`, and what stands behind each name."""

    name: str
    choices: Mapping[str, T]

    def choose(self, kernel: KernelConfig) -> T:
        """What a kernel has. Raises ValueError with the names there are."""
        wanted = getattr(kernel, self.name)
        if not isinstance(wanted, str) or wanted not in self.choices:
            raise ValueError(f"{self.name}: {wanted!r} is not built; there is {', '.join(self.choices)}")
        return self.choices[wanted]


EXEC_MEMORY: Final[Axis[Callable[[Ground], ExecMemory]]] = Axis(
    "exec_memory",
    {
        "rox_cache": RoxCache,
        "prog_pack": ProgPack,
        "unmapped_cache": FromUnmapped,
        "per_allocation": PerAllocation,
    },
)
HUGETLB_FREE: Final[Axis[type[HugetlbFree]]] = Axis("hugetlb_free", {"direct": DirectFree, "worker": WorkerFree})
HUGETLB_VMEMMAP: Final[Axis[type[HugetlbVmemmap]]] = Axis(
    "hugetlb_vmemmap", {"reserve-1": ReserveOne, "reserve-2": ReserveTwo, "full": Full}
)
RMAP: Final[Axis[Callable[[Core, SlabCaches], ReverseMap]]] = Axis("rmap", {"anon_vma_chain": AnonVmaChain})
MEMORY_MODEL: Final[Axis[type[Memmap]]] = Axis("memory_model", {"sparse_vmemmap": Memmap})
SHMEM_THP: Final[Axis[Callable[[Core, ShmemStore], ShmemThp]]] = Axis(
    "shmem_thp", {"multi_order": MultiOrder, "compound_by_write": CompoundByWrite, "compound": Compound}
)
SECRET_MEMORY: Final[Axis[Callable[[Core, DirectMap, UnmappedCache], SecretPages]]] = Axis(
    "secret_memory", {"per_page": PerPage, "pmd_pool": PmdPool, "unmapped_cache": FromUnmappedCache}
)
DIRECT_MAP: Final[Axis[Level]] = Axis("direct_map", LARGEST_LEAF)
DIRECT_MAP_COLLAPSE: Final[Axis[Collapse]] = Axis(
    "direct_map_collapse", {"never": NEVER, "rox_only": ROX_ONLY, "always": ALWAYS}
)
THP: Final[Axis[str]] = Axis("thp", {name: name for name in ("never", "madvise", "always")})

_POLICY_AXES: Final[tuple[Axis[Any], ...]] = (
    HUGETLB_VMEMMAP,
    HUGETLB_FREE,
    EXEC_MEMORY,
    RMAP,
    MEMORY_MODEL,
    SHMEM_THP,
    SECRET_MEMORY,
    DIRECT_MAP,
    DIRECT_MAP_COLLAPSE,
)

POLICIES: Final[Mapping[str, Mapping[str, Any]]] = {axis.name: axis.choices for axis in _POLICY_AXES}
"""Axis → name → what stands behind it."""


KERNELS: Final[dict[str, KernelConfig]] = {
    "6.1": KernelConfig("6.1", exec_memory="prog_pack", shmem_thp="compound", direct_map_collapse="never"),
    "6.12": KernelConfig("6.12", exec_memory="prog_pack", shmem_thp="compound_by_write", direct_map_collapse="never"),
    "6.18": KernelConfig("6.18"),
    "7.2": KernelConfig("7.2"),
}
"""Version → every policy as that Linux had it, as far as memtui has it too."""


def traits(version: str) -> Traits:
    """The facts of a Linux. Raises ValueError with the versions there are."""
    if version not in TRAITS:
        raise ValueError(f"Linux {version!r} is not built; there is {', '.join(TRAITS)}")
    return TRAITS[version]


def check_kernel(kernel: KernelConfig) -> None:
    """Raises ValueError, with the field and what was expected, for a kernel that cannot be booted."""
    traits(kernel.version)
    for axis in (*_POLICY_AXES, THP):
        axis.choose(kernel)
    for name in ("hugetlb_optimize_vmemmap", "rfc_quirks"):
        if not isinstance(value := getattr(kernel, name), bool):
            raise ValueError(f"{name}: {value!r} is no truth; expected True or False")
    for name in ("hugepages_2m", "hugepages_1g", "min_free_kbytes"):
        value = getattr(kernel, name)
        if value is None and name == "min_free_kbytes":
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"{name}: {value!r} is no count; expected a whole number from 0")
