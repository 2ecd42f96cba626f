"""Which policies there are, by name: the one place that chooses between rivals.

A scenario names a policy (`kernel: {exec_memory: rox_cache}`); the class that answers to it is
found here and nowhere else.
"""

from __future__ import annotations

from typing import Any, Final

from memtui.machine.execmem import RoxCache
from memtui.machine.rmap.anon_vma_chain import AnonVmaChain
from memtui.machine.secretmem import PerPageSecretMemory
from memtui.machine.tmpfs.multi_order import MultiOrder

POLICIES: Final[dict[str, dict[str, Any]]] = {
    "exec_memory": {"rox_cache": RoxCache},
    "rmap": {"anon_vma_chain": AnonVmaChain},
    "secret_memory": {"per_page": PerPageSecretMemory},
    "shmem_thp": {"multi_order": MultiOrder},
}
"""Axis → name → class."""


def choose(axis: str, name: str) -> Any:
    """The class behind a policy's name. Raises ValueError with the names there are."""
    known = POLICIES[axis]
    if name not in known:
        raise ValueError(f"{axis}: {name!r} is not built; there is {', '.join(known)}")
    return known[name]
