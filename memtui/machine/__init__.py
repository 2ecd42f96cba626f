"""The simulated machine: one file per kernel subsystem; usable from a Python prompt."""

from memtui.machine.config import CpuConfig, KernelConfig, MachineConfig
from memtui.machine.errors import MachineStopped, NoSpace, OutOfMemory
from memtui.machine.machine import Machine

__all__ = ["CpuConfig", "KernelConfig", "Machine", "MachineConfig", "MachineStopped", "NoSpace", "OutOfMemory"]
