"""Every action a scenario can name: its parameters, its meaning, and the class that plays it.

The one explicit list. The model that checks an action's parameters and the class that plays it are
looked up by name when a scenario has that action: what no scenario asks for is never loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from memtui.workloads.base import Activity
from memtui.workloads.params import Params


class ActionSpec(NamedTuple):
    """One action: what it is called, what it takes, and where its `Activity` is."""

    name: str
    model: str
    """`module:class` of its parameters."""
    meaning: str
    """One line, for `memtui list actions` and the JSON Schema."""
    activity: str = ""
    """`module:class` of the `Activity`; empty for `end`, which the engine itself carries out."""

    @property
    def params(self) -> type[Params]:
        """The model that checks its parameters."""
        model: type[Params] = _named(self.model)
        return model


_SPECS: Final = (
    ActionSpec(
        "nr_hugepages",
        "memtui.workloads.hugepages:NrHugepagesParams",
        "resizes the pool of 2 MiB or 1 GiB huge pages, as `echo N > nr_hugepages` does",
        "memtui.workloads.hugepages:NrHugepages",
    ),
    ActionSpec(
        "sysctl",
        "memtui.workloads.sysctl:SysctlParams",
        "writes kernel settings under Linux's names",
        "memtui.workloads.sysctl:SetSysctl",
    ),
    ActionSpec(
        "load_module",
        "memtui.workloads.modules:LoadModuleParams",
        "loads kernel modules; end unloads them",
        "memtui.workloads.modules:LoadModule",
    ),
    ActionSpec(
        "load_modules",
        "memtui.workloads.module_sets:LoadModulesParams",
        "loads a set of modules with sizes as published; end unloads what is left of it",
        "memtui.workloads.module_sets:LoadModules",
    ),
    ActionSpec(
        "unload_modules",
        "memtui.workloads.module_sets:UnloadModulesParams",
        "unloads some modules of a set, or all of them",
        "memtui.workloads.module_sets:UnloadModules",
    ),
    ActionSpec(
        "reload_modules",
        "memtui.workloads.module_sets:ReloadModulesParams",
        "unloads every module of a set and loads it again, as it was or upgraded",
        "memtui.workloads.module_sets:ReloadModules",
    ),
    ActionSpec(
        "module_churn",
        "memtui.workloads.churn:ModuleChurnParams",
        "keeps unloading and loading modules of a set, some of them upgraded; end unloads them",
        "memtui.workloads.churn:ModuleChurn",
    ),
    ActionSpec(
        "bpf_churn",
        "memtui.workloads.churn:BpfChurnParams",
        "keeps closing and loading BPF programs, small and large; end closes them",
        "memtui.workloads.churn:BpfChurn",
    ),
    ActionSpec(
        "load_bpf",
        "memtui.workloads.bpf:LoadBpfParams",
        "loads JITed BPF programs; end closes them",
        "memtui.workloads.bpf:LoadBpf",
    ),
    ActionSpec(
        "memfd_secret",
        "memtui.workloads.secret_memory:MemfdSecretParams",
        "makes memory that leaves the direct map; end closes it",
        "memtui.workloads.secret_memory:MemfdSecret",
    ),
    ActionSpec(
        "anon",
        "memtui.workloads.anon:AnonParams",
        "starts processes with anonymous memory; end makes them exit",
        "memtui.workloads.anon:Anon",
    ),
    ActionSpec(
        "fork_storm",
        "memtui.workloads.fork_storm:ForkStormParams",
        "forks a process again and again: fan, chain or relay",
        "memtui.workloads.fork_storm:ForkStorm",
    ),
    ActionSpec(
        "process",
        "memtui.workloads.process:ProcessParams",
        "starts a program that the process_* entries drive step by step; end makes it exit",
        "memtui.workloads.process_steps:Start",
    ),
    ActionSpec(
        "process_map",
        "memtui.workloads.process:ProcessMapParams",
        "maps and touches memory of a process; end unmaps it",
        "memtui.workloads.process_steps:Map",
    ),
    ActionSpec(
        "process_fork",
        "memtui.workloads.process:ProcessForkParams",
        "forks a process; end makes the children exit",
        "memtui.workloads.process_steps:Fork",
    ),
    ActionSpec(
        "process_write",
        "memtui.workloads.process:ProcessWriteParams",
        "writes to memory that processes have mapped",
        "memtui.workloads.process_steps:Write",
    ),
    ActionSpec(
        "process_discard",
        "memtui.workloads.process:ProcessDiscardParams",
        "gives single pages of processes back (MADV_DONTNEED)",
        "memtui.workloads.process_steps:Discard",
    ),
    ActionSpec(
        "tmpfs",
        "memtui.workloads.tmpfs:TmpfsParams",
        "mounts a tmpfs; end unmounts it",
        "memtui.workloads.tmpfs_files:Tmpfs",
    ),
    ActionSpec(
        "tmpfs_write",
        "memtui.workloads.tmpfs:TmpfsWriteParams",
        "writes files on a tmpfs, with or without holes",
        "memtui.workloads.tmpfs_files:TmpfsWrite",
    ),
    ActionSpec(
        "tmpfs_truncate",
        "memtui.workloads.tmpfs:TmpfsTruncateParams",
        "sets the size of tmpfs files",
        "memtui.workloads.tmpfs_files:TmpfsTruncate",
    ),
    ActionSpec(
        "tmpfs_punch",
        "memtui.workloads.tmpfs:TmpfsPunchParams",
        "punches holes in tmpfs files",
        "memtui.workloads.tmpfs_files:TmpfsPunch",
    ),
    ActionSpec(
        "tmpfs_map",
        "memtui.workloads.tmpfs:TmpfsMapParams",
        "maps and touches tmpfs files; end unmaps",
        "memtui.workloads.tmpfs_map:TmpfsMap",
    ),
    ActionSpec(
        "tmpfs_unlink",
        "memtui.workloads.tmpfs:TmpfsUnlinkParams",
        "deletes tmpfs files",
        "memtui.workloads.tmpfs_files:TmpfsUnlink",
    ),
    ActionSpec(
        "page_cache",
        "memtui.workloads.page_cache:PageCacheParams",
        "fills the page cache with ordinary file data; end deletes the files",
        "memtui.workloads.page_cache:PageCache",
    ),
    ActionSpec(
        "fragment",
        "memtui.workloads.fragment:FragmentParams",
        "scatters allocations until free memory is in small blocks; end frees them",
        "memtui.workloads.fragment:Fragment",
    ),
    ActionSpec(
        "age",
        "memtui.workloads.age:AgeParams",
        "leaves memory as a month of use does: page cache, and free blocks scattered; end undoes it",
        "memtui.workloads.age:Age",
    ),
    ActionSpec(
        "fail_page_alloc",
        "memtui.workloads.fail_page_alloc:FailPageAllocParams",
        "makes allocations fail from now on, as the kernel's fault injection does; end stops it",
        "memtui.workloads.fail_page_alloc:FailAllocations",
    ),
    ActionSpec(
        "kernel_access",
        "memtui.workloads.kernel_access:KernelAccessParams",
        "states what the kernel accesses through the direct map from now on; end takes it back",
        "memtui.workloads.kernel_access:KernelAccess",
    ),
    ActionSpec("end", "memtui.workloads.end:EndParams", "gives back what a labelled entry made"),
)

ACTIONS: Final[Mapping[str, ActionSpec]] = {spec.name: spec for spec in _SPECS}
"""Every action that is built, in the order it is listed to people."""

NOT_BUILT: Final[Mapping[str, str]] = {"map_file": "comes with the reverse-mapping policies"}
"""Actions that are named already and refused in one line, with what they wait for."""


def activity_type(action: str) -> type[Activity[Any]]:
    """The class that plays an action of `ACTIONS` other than `end`.

    Raises KeyError for a name that is not there, LookupError for `end`.
    """
    path = ACTIONS[action].activity
    if not path:
        raise LookupError(f"no activity plays {action}")
    activity: type[Activity[Any]] = _named(path)
    return activity


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
