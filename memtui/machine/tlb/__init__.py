"""The TLB: arrays of the named CPUs, and what they do for a mapping as it is mapped now."""

from memtui.machine.tlb.cpus import CPUS, Cpu
from memtui.machine.tlb.mix import Mix
from memtui.machine.tlb.model import TlbModel, tlb_model
from memtui.machine.tlb.popularity import Use

__all__ = ["CPUS", "Cpu", "Mix", "TlbModel", "Use", "tlb_model"]
