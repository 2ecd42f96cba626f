"""Which policies there are, by name, and which Linux had which: the one place that chooses between rivals.

A scenario names a policy (`kernel: {exec_memory: rox_cache}`); the class that answers to it is
found here and nowhere else. It may name a Linux instead (`kernel: {like: "6.1"}`), which stands
for all of its policies.
"""

from __future__ import annotations

from typing import Any, Final

from memtui.machine.config import KernelConfig
from memtui.machine.execmem import RoxCache
from memtui.machine.hugetlb_free import DirectFree, WorkerFree
from memtui.machine.rmap.anon_vma_chain import AnonVmaChain
from memtui.machine.secretmem import PerPageSecretMemory
from memtui.machine.tmpfs.compound import Compound, CompoundByWrite
from memtui.machine.tmpfs.multi_order import MultiOrder
from memtui.machine.traits import TRAITS, Traits

POLICIES: Final[dict[str, dict[str, Any]]] = {
    "exec_memory": {"rox_cache": RoxCache},
    "hugetlb_free": {"direct": DirectFree, "worker": WorkerFree},
    "rmap": {"anon_vma_chain": AnonVmaChain},
    "secret_memory": {"per_page": PerPageSecretMemory},
    "shmem_thp": {"multi_order": MultiOrder, "compound_by_write": CompoundByWrite, "compound": Compound},
}
"""Axis → name → class."""


KERNELS: Final[dict[str, KernelConfig]] = {
    "6.1": KernelConfig("6.1", shmem_thp="compound"),
    "6.12": KernelConfig("6.12", shmem_thp="compound_by_write"),
    "6.18": KernelConfig("6.18"),
    "7.2": KernelConfig("7.2"),
}
"""Version → every policy as that Linux had it, as far as memtui has it too."""


def traits(version: str) -> Traits:
    """The facts of a Linux. Raises ValueError with the versions there are."""
    if version not in TRAITS:
        raise ValueError(f"Linux {version!r} is not built; there is {', '.join(TRAITS)}")
    return TRAITS[version]


def choose(axis: str, name: str) -> Any:
    """The class behind a policy's name. Raises ValueError with the names there are."""
    known = POLICIES[axis]
    if name not in known:
        raise ValueError(f"{axis}: {name!r} is not built; there is {', '.join(known)}")
    return known[name]
