"""What did it cost: the flushes that changes of the direct map took, against what its leaves do to accesses.

Published measurements disagree on the sign of the second part: over 259 tests on four servers
1G leaves were best in 45 %, 2M in 30 % and 4K in 20 % (Intel, 2021); a kernel build ran 3.6 % faster
to 6.9 % slower with 2M than with 1G leaves (Rapoport, 2020). So nothing here assumes it: it follows
from the CPU's arrays, the stated accesses and the latencies, and is given with their range.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from memtui.machine.core import Core
from memtui.machine.direct_map import DirectMap
from memtui.machine.tlb.flushes import tally
from memtui.machine.tlb.mix import LEAF_BYTES, Mix
from memtui.machine.tlb.model import TlbModel
from memtui.machine.tlb.popularity import UNIFORM
from memtui.machine.tlb.working_set import Region, WorkingSet
from memtui.snapshot import TlbAccess, TlbCost

END_OF_ADDRESSES: Final = 1 << 40
"""The frame after the last that x86-64 can address: 52 bits of physical addresses."""


class DirectMapCost:
    """The kernel's accesses over the direct map, as stated, and what they and the flushes cost so far."""

    def __init__(self, core: Core, direct_map: DirectMap, model: TlbModel, *, gbpages: bool, guest: bool) -> None:
        self._core = core
        self._direct_map = direct_map
        self._model = model
        self._guest = guest
        self._leaves = ("1G", "2M", "4K") if gbpages else ("2M", "4K")
        self._ram = Region(direct_map, 0, END_OF_ADDRESSES)
        self._set: WorkingSet | None = None
        self._region = self._ram

    @property
    def stated(self) -> WorkingSet | None:
        """What a scenario states; None: all RAM is used alike, and nobody says how often."""
        return self._set

    def ram_bytes(self, start: int, end: int) -> int:
        """RAM between two frames."""
        return Region(self._direct_map, start, end).ram_bytes

    def state(self, working_set: WorkingSet | None) -> None:
        """From now on accesses go there. Raises ValueError when the region has less RAM than the set."""
        region = Region(self._direct_map, working_set.start, working_set.end) if working_set else self._ram
        if working_set and not 0 < working_set.size_bytes <= region.ram_bytes:
            raise ValueError(f"{working_set.size_bytes} bytes used in a region with {region.ram_bytes} bytes of RAM")
        self._set, self._region = working_set, region

    def view(self) -> TlbCost:
        """The cost now, with what the same accesses would cost were their memory mapped otherwise."""
        now, boot = self._region.now(), self._region.at_boot()
        access = self._access(str(self._set or "direct map"), now)
        at_boot = self._access("as at boot", boot)
        alone = [self._access(f"all {leaf}", _alone(leaf, boot.footprint_bytes)) for leaf in self._leaves]
        bounds = zip(_bounds(at_boot), _bounds(access), strict=True)
        changes = sorted(self._ns_per_s(after - before) for before, after in bounds)
        least, most = access.cycles_range
        return TlbCost(
            access=access,
            accesses_per_s=self._set.accesses_per_s if self._set else 0,
            alternatives=(at_boot, *alone),
            flushes=tally(self._core.meter, self._core.cpus, self._refill_ns(access), guest=self._guest),
            walks_ns_per_s=(self._ns_per_s(least), self._ns_per_s(most)),
            change_ns_per_s=(changes[0], changes[-1]),
        )

    def skewed(self, exponent: float) -> TlbAccess:
        """The stated accesses, were they by Zipf's law with that exponent."""
        mix = self._region.now()
        use = self._set.use_of(mix.footprint_bytes) if self._set else UNIFORM
        return self._model.access(str(self._set or "direct map"), mix, replace(use, zipf=exponent))

    def _access(self, name: str, mix: Mix) -> TlbAccess:
        if self._set is None:
            return self._model.access(name, mix)
        return self._model.access(name, mix, self._set.use_of(mix.footprint_bytes))

    def _ns_per_s(self, cycles: float) -> int:
        """CPU time per second of so many cycles more for each access."""
        return round(cycles * self._set.accesses_per_s * 1000 / self._model.cpu.mhz) if self._set else 0

    def _refill_ns(self, access: TlbAccess) -> int:
        """Filling every entry of the last level again, as far as there are leaves for it."""
        leaves = sum(-(-size // LEAF_BYTES[leaf]) for leaf, size in access.mapped_bytes)
        entries = min(leaves, sum(array.entries for array in self._model.cpu.l2))
        return round(entries * access.walk_cycles * 1000 / self._model.cpu.mhz)


def _bounds(access: TlbAccess) -> tuple[float, float, float]:
    """Cycles per access by each of the three sets of latencies."""
    return access.cycles_range[0], access.cycles_per_access, access.cycles_range[1]


def _alone(leaf: str, footprint_bytes: int) -> Mix:
    return Mix(**{f"bytes_{leaf.lower()}": footprint_bytes})
