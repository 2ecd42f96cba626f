"""`sysctl`: an administrator writes to /proc/sys, under Linux's names."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from memtui.workloads.base import Activity, Steps, in_parts
from memtui.workloads.hugepages import wait_for_resize
from memtui.workloads.params import Params


class SysctlParams(Params):
    """`{NAME: VALUE}`, applied in the order they are written, as sysctl(8) does."""

    model_config = ConfigDict(validate_by_alias=True, validate_by_name=False, serialize_by_alias=True)

    hugetlb_optimize_vmemmap: int | None = Field(
        default=None,
        alias="vm.hugetlb_optimize_vmemmap",
        ge=0,
        le=1,
        description="1: huge pages that enter a pool from now on give back most of their struct pages",
    )
    nr_hugepages: int | None = Field(
        default=None,
        alias="vm.nr_hugepages",
        ge=0,
        le=1 << 40,
        description="2 MiB huge pages the pool should hold, on all nodes",
    )
    drop_caches: int | None = Field(
        default=None,
        alias="vm.drop_caches",
        ge=1,
        le=3,
        description="1: drop clean page cache; 2: shrink slabs (and ragged tmpfs huge pages); 3: both",
    )
    compact_memory: int | None = Field(
        default=None, alias="vm.compact_memory", ge=1, le=1, description="1: compact every zone now"
    )
    min_free_kbytes: int | None = Field(
        default=None,
        alias="vm.min_free_kbytes",
        ge=1,
        le=1 << 36,
        description="kB kept free: sets the zones' min, low and high watermarks",
    )
    watermark_boost_factor: int | None = Field(
        default=None,
        alias="vm.watermark_boost_factor",
        ge=0,
        le=1 << 20,
        description="how far watermarks rise when pageblocks are stolen, in 1/10000 of the high one; 0: not at all",
    )

    max_map_count: int | None = Field(
        default=None,
        alias="vm.max_map_count",
        ge=0,
        le=(1 << 31) - 1,
        description="areas (VMAs) a process may have; mmap fails with ENOMEM beyond it",
    )

    _written: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _keep_order(cls, value: Any, handler: ModelWrapValidatorHandler[SysctlParams]) -> SysctlParams:
        params = handler(value)
        if isinstance(value, dict):
            params._written = tuple(value)
        if not params.settings:
            raise PydanticCustomError("empty", "expected at least one setting, such as vm.nr_hugepages: 1024")
        return params

    @property
    def settings(self) -> tuple[tuple[str, int], ...]:
        """(name, value) in the order written: `("vm.nr_hugepages", 1024)`."""
        values = self.model_dump(by_alias=True)
        return tuple((name, values[name]) for name in self._written if values[name] is not None)


class SetSysctl(Activity[SysctlParams]):
    """Writes settings, one after the other."""

    action = "sysctl"
    params_type = SysctlParams

    def start(self) -> Steps:
        """Writes each setting in the order of the scenario."""
        for done, (name, value) in enumerate(self.params.settings, start=1):
            if name == "vm.nr_hugepages":
                yield from wait_for_resize(self)
            self.progress = f"{name} {value}"
            yield from in_parts(self.machine, self.machine.sysctl.write_in_parts(name, value))
            self.progress = f"{done} of {len(self.params.settings)} settings"
            yield self.machine.take_ns()
