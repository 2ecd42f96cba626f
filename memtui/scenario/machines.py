"""The `machine:` part of a scenario: a named machine, or one described, with its kernel's policies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    WithJsonSchema,
)

from memtui.machine import kernels
from memtui.machine.config import NAMED_MACHINES, CpuConfig, KernelConfig, MachineConfig
from memtui.machine.geometry import LEAST_RAM_BYTES, MOST_RAM_BYTES, MOST_RAM_BYTES_5_LEVELS, SECTION_FRAMES
from memtui.machine.tlb.cpus import CPUS
from memtui.scenario.faults import one_of
from memtui.scenario.kernels import KERNELS
from memtui.scenario.policies import POLICIES, built_names, check_choice
from memtui.units import GIB, KIB, MIB, PAGE_BYTES, PPM, scaled, shorten
from memtui.workloads.params import Size, exact_size

MACHINES: Final[Mapping[str, bool]] = {
    **dict.fromkeys(NAMED_MACHINES, True),
    "hypervisor-1t": False,
    "i386-pae-32g": False,
    "i386-pae-64g": False,
}
"""Machines by name, and whether they can be run."""

MAX_NODES: Final = 1024
"""x86-64's MAX_NUMNODES (CONFIG_NODES_SHIFT=10)."""
MAX_CPUS: Final = 8192
"""x86-64's NR_CPUS with CONFIG_MAXSMP."""
LEAST_SPEED_PPM: Final = PPM // 100
MOST_SPEED_PPM: Final = 10 * PPM
SPEED_HINT: Final = "a speed from 1% to 1000%, such as 69% for a CPU 1.44 times slower"


class Section(BaseModel):
    """A part of a scenario document: nothing is accepted that is not named here."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


def _ram(ram_bytes: int) -> int:
    if ram_bytes < LEAST_RAM_BYTES:
        least = exact_size(LEAST_RAM_BYTES)
        raise ValueError(f"a machine with {exact_size(ram_bytes)} is too small to boot; expected at least {least}")
    if ram_bytes > MOST_RAM_BYTES_5_LEVELS:
        raise ValueError(_too_much(ram_bytes, MOST_RAM_BYTES_5_LEVELS, "five"))
    if ram_bytes % PAGE_BYTES:
        raise ValueError(f"{exact_size(ram_bytes)} is not a whole number of pages; expected a multiple of 4KiB")
    return ram_bytes


def _too_much(ram_bytes: int, most_bytes: int, levels: str) -> str:
    return (
        f"{exact_size(ram_bytes)} is more than x86-64 can address with {levels} levels of page tables; "
        f"expected at most {exact_size(most_bytes)}"
    )


def _policy(name: str, info: ValidationInfo) -> str:
    return check_choice(name, POLICIES[str(info.field_name)].built)


def _machine(name: str) -> str:
    return check_choice(name, MACHINES)


def _kernel(version: str) -> str:
    if not KERNELS.get(version, False):
        raise ValueError(f"Linux {shorten(version)!r} is not built yet; expected {one_of(built_names(KERNELS))}")
    return version


def _tlb(name: str) -> str:
    return check_choice(name, dict.fromkeys(CPUS, True))


def _speed(value: Any) -> int:
    words = value.strip() if isinstance(value, str) else ""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?%", words):
        raise ValueError(f"expected {SPEED_HINT}")
    speed_ppm = scaled(words[:-1], PPM // 100, words)
    if not LEAST_SPEED_PPM <= speed_ppm <= MOST_SPEED_PPM:
        raise ValueError(f"{words} is out of range; expected {SPEED_HINT}")
    return speed_ppm


Speed = Annotated[int, BeforeValidator(_speed), WithJsonSchema({"type": "string", "format": "percentage"})]
"""Parts per million, written `69%`; may be more than the whole."""
PolicyName = Annotated[str, AfterValidator(_policy)]


def _enum(names: Iterable[str]) -> dict[str, JsonValue]:
    """What editors offer for a field."""
    return {"enum": [*names]}


def _policy_field(name: str) -> Any:
    policy = POLICIES[name]
    return Field(default=None, description=policy.meaning, json_schema_extra=_enum(built_names(policy.built)))


class CpuSection(Section):
    """The processors."""

    count: int | None = Field(default=None, ge=1, le=MAX_CPUS, description="how many; TLB flushes reach all of them")
    tlb: Annotated[str, AfterValidator(_tlb)] | None = Field(
        default=None, description="the processor whose TLB it has", json_schema_extra=_enum(CPUS)
    )
    gbpages: bool | None = Field(default=None, description="whether the CPU has 1 GiB pages (pdpe1gb)")
    la57: bool | None = Field(default=None, description="whether the CPU has, and Linux uses, 5-level page tables")
    speed: Speed | None = Field(
        default=None, description="how fast it does the kernel's work, against the host whose times are recorded"
    )
    guest: bool | None = Field(
        default=None, description="whether they are a hypervisor's virtual CPUs, whose TLB broadcasts trap"
    )


class KernelSection(Section):
    """Every policy as a given Linux had it, then overrides."""

    like: Annotated[str, AfterValidator(_kernel)] | None = Field(
        default=None, description='the Linux, as "6.18"', json_schema_extra=_enum(built_names(KERNELS))
    )
    hugetlb_vmemmap: PolicyName | None = _policy_field("hugetlb_vmemmap")
    hugetlb_free: PolicyName | None = _policy_field("hugetlb_free")
    hugetlb_optimize_vmemmap: bool | None = Field(
        default=None, description="vm.hugetlb_optimize_vmemmap at boot (hugetlb_free_vmemmap=on)"
    )
    exec_memory: PolicyName | None = _policy_field("exec_memory")
    rmap: PolicyName | None = _policy_field("rmap")
    memory_model: PolicyName | None = _policy_field("memory_model")
    shmem_thp: PolicyName | None = _policy_field("shmem_thp")
    secret_memory: PolicyName | None = _policy_field("secret_memory")
    rfc_quirks: bool | None = Field(
        default=None,
        description="whether the unmapped cache keeps whatever is freed in a pageblock it used (patches of 2023)",
    )
    direct_map: PolicyName | None = _policy_field("direct_map")
    direct_map_collapse: PolicyName | None = _policy_field("direct_map_collapse")
    thp: Literal["never", "madvise", "always"] | None = Field(
        default=None, description="/sys/kernel/mm/transparent_hugepage/enabled at boot"
    )
    hugepages_2m: int | None = Field(
        default=None, ge=0, le=MOST_RAM_BYTES // (2 * MIB), description="2 MiB huge pages in the pool at boot"
    )
    hugepages_1g: int | None = Field(
        default=None, ge=0, le=MOST_RAM_BYTES // GIB, description="1 GiB huge pages in the pool at boot"
    )
    min_free_kbytes: int | None = Field(
        default=None, ge=1, le=MOST_RAM_BYTES // KIB, description="vm.min_free_kbytes at boot, in kB"
    )


class MachineSection(Section):
    """A named machine, then overrides; what is left out is that of server-64g, on one node if `ram` is given."""

    like: Annotated[str, AfterValidator(_machine)] | None = Field(
        default=None, description="a named machine", json_schema_extra=_enum(built_names(MACHINES))
    )
    ram: Annotated[Size, AfterValidator(_ram)] | None = Field(default=None, description="installed memory")
    nodes: int | None = Field(default=None, ge=1, le=MAX_NODES, description="NUMA nodes, which share it evenly")
    cpu: CpuSection = Field(default_factory=CpuSection, description="the processors")
    kernel: KernelSection = Field(default_factory=KernelSection, description="the Linux that runs on it")


class MachineFault(ValueError):
    """The parts of a machine do not fit together; `key` is the key to point at."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


def machine_config(section: MachineSection) -> MachineConfig:
    """The whole machine. Raises MachineFault when its parts do not fit together."""
    base = NAMED_MACHINES[section.like or "server-64g"]
    if section.like is None and section.ram is not None:
        base = replace(base, ram_bytes=section.ram, nodes=1)
    linux = kernels.KERNELS[section.kernel.like] if section.kernel.like else base.kernel
    config = replace(
        base,
        ram_bytes=base.ram_bytes if section.ram is None else section.ram,
        nodes=base.nodes if section.nodes is None else section.nodes,
        cpu=_cpu_config(base.cpu, section.cpu),
        kernel=replace(linux, **_given(section.kernel, KernelConfig)),
    )
    named = NAMED_MACHINES[base.name]
    same = (config.ram_bytes, config.nodes, config.cpu) == (named.ram_bytes, named.nodes, named.cpu)
    _check_fit(config)
    return config if same else replace(config, name="custom")


def _cpu_config(base: CpuConfig, section: CpuSection) -> CpuConfig:
    speed_ppm = base.speed_ppm if section.speed is None else section.speed
    return replace(base, speed_ppm=speed_ppm, **_given(section, CpuConfig))


def _given(section: Section, config: type) -> dict[str, Any]:
    """What a section sets of the fields a config has."""
    names = {field.name for field in fields(config)}
    return {name: value for name, value in section if name in names and value is not None}


def _check_fit(config: MachineConfig) -> None:
    if config.ram_bytes > MOST_RAM_BYTES and not config.cpu.la57:
        raise MachineFault("ram", f"{_too_much(config.ram_bytes, MOST_RAM_BYTES, 'four')}, or cpu: {{la57: true}}")
    section_bytes = SECTION_FRAMES * PAGE_BYTES
    most_nodes = max(1, config.ram_bytes // section_bytes)
    if config.nodes > most_nodes:
        raise MachineFault(
            "nodes",
            f"{config.nodes} nodes cannot share {exact_size(config.ram_bytes)}, each needs a memory section of "
            f"{section_bytes // MIB}MiB; expected at most {most_nodes}",
        )
    reserve_kb = config.kernel.min_free_kbytes
    if reserve_kb is not None and reserve_kb * KIB > config.ram_bytes // 2:
        raise MachineFault(
            "kernel.min_free_kbytes",
            f"{reserve_kb} kB kept free leave no machine of {exact_size(config.ram_bytes)} to run; "
            f"expected at most half of it, {config.ram_bytes // 2 // KIB}",
        )


def describe_machine(config: MachineConfig) -> str:
    """One line: `64GiB on 2 nodes, 32 CPUs skylake-sp`."""
    nodes = "1 node" if config.nodes == 1 else f"{config.nodes} nodes"
    return f"{exact_size(config.ram_bytes)} on {nodes}, {config.cpu.count} CPUs {config.cpu.tlb}"
