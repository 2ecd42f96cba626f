"""What a machine is made of: RAM, nodes, CPU, and the kernel's policies by name.

Plain frozen data with Linux's own names; `scenario/` fills it from YAML, tests by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from memtui.units import GIB, PPM


@dataclass(frozen=True, slots=True)
class KernelConfig:
    """The policies of one Linux, each by the name of its class, and its boot parameters.

    The names are those of `interface.md`; a name that no class answers to is refused when the
    machine is built, by the one place that chooses (`machine/kernels.py`).
    """

    version: str = "6.18"
    hugetlb_vmemmap: str = "reserve-1"
    """How optimised huge pages share struct-page frames."""
    hugetlb_free: str = "direct"
    """Who frees optimised huge pages that leave a pool: the writer to nr_hugepages, or a kworker."""
    hugetlb_optimize_vmemmap: bool = False
    """The sysctl `vm.hugetlb_optimize_vmemmap` at boot (`hugetlb_free_vmemmap=on`)."""
    exec_memory: str = "rox_cache"
    """Where module text and BPF programs come from."""
    rmap: str = "anon_vma_chain"
    memory_model: str = "sparse_vmemmap"
    shmem_thp: str = "multi_order"
    secret_memory: str = "per_page"
    rfc_quirks: bool = False
    """The unmapped cache keeps whatever is freed in a pageblock it ever used, as the patches of 2023 had it."""
    direct_map: str = "auto"
    """Which leaves boot maps RAM with."""
    direct_map_collapse: str = "rox_only"
    """Which split leaves of the direct map become large ones again."""
    thp: str = "always"
    """/sys/kernel/mm/transparent_hugepage/enabled: `never`, `madvise` or `always`."""
    hugepages_2m: int = 0
    """2 MiB huge pages in the pool at boot (`hugepages=`)."""
    hugepages_1g: int = 0
    """1 GiB huge pages in the pool at boot (`hugepagesz=1G hugepages=`), taken before anything else has memory."""
    min_free_kbytes: int | None = None
    """vm.min_free_kbytes at boot; None: as the kernel computes it from the RAM."""


@dataclass(frozen=True, slots=True)
class CpuConfig:
    """The processors: how many (flushes reach all of them) and whose TLB."""

    count: int = 32
    tlb: str = "skylake-sp"
    gbpages: bool = True
    """The CPU has 1 GiB leaves (`pdpe1gb`)."""
    la57: bool = False
    """The CPU has 5-level page tables (`la57`), and Linux uses them (CONFIG_X86_5LEVEL, no `no5lvl`)."""
    speed_ppm: int = PPM
    """How fast one CPU does the kernel's work, against the machine whose times were recorded (`costs.py`)."""
    guest: bool = False
    """They are a hypervisor's virtual CPUs: an interrupt to another CPU traps, so that broadcasts cost far more."""

    @property
    def table_levels(self) -> int:
        """Levels of page tables."""
        return 5 if self.la57 else 4


@dataclass(frozen=True, slots=True)
class MachineConfig:
    """A whole machine. `ram_bytes` is a multiple of 4 KiB; nodes share it evenly, in whole GiB where they can."""

    name: str = "server-64g"
    ram_bytes: int = 64 * GIB
    nodes: int = 2
    cpu: CpuConfig = field(default_factory=CpuConfig)
    kernel: KernelConfig = field(default_factory=KernelConfig)


NAMED_MACHINES: dict[str, MachineConfig] = {
    "laptop-16g": MachineConfig("laptop-16g", 16 * GIB, 1, CpuConfig(8, "zen4")),
    "vm-8g": MachineConfig("vm-8g", 8 * GIB, 1, CpuConfig(2, "skylake-sp", guest=True)),
    "server-64g": MachineConfig(),
    "server-1t": MachineConfig("server-1t", 1024 * GIB, 2, CpuConfig(128, "icelake-sp")),
    "server-64t": MachineConfig("server-64t", 65536 * GIB, 8, CpuConfig(1024, "sapphire-rapids")),
}
"""The machines that `machine: {like: NAME}` may start from."""
