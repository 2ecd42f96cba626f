"""A recording: what a program did to a real kernel, step by step, and what the counters said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Place(StrEnum):
    """Where a recording was made, which says what its figures are good for."""

    GUEST = "guest"
    """An emulated guest with nothing else running: exact counts, meaningless times."""
    HOST = "host"
    """A virtual machine that was busy with other work."""
    QUIET = "quiet host"
    """The same machine nearly idle, its memory well used by then: the times count."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was done since the step before, and what was read then."""

    name: str
    args: Mapping[str, int | str]
    op_ns: int
    """Time of the operation alone; 0 where time means nothing (an emulated guest)."""
    values: Mapping[str, int]
    """Counters by name, in the kernel's own units; only those that were read at this step."""
    at_ns: int = 0
    """When it was read, since the program began; 0 where time means nothing."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One run of one program."""

    name: str
    """`guest-6.1-hvo-2m`."""
    place: Place
    kernel: str
    """The Linux, as a scenario names it: `6.1`."""
    ram_bytes: int
    cpus: int
    command: tuple[str, ...]
    """The program and its arguments, variables of its environment before it."""
    thp: str
    """/sys/kernel/mm/transparent_hugepage/enabled."""
    boot: tuple[str, ...] = ()
    """Words of the boot command line that change memory: `hugepages=1024`."""
    cpu: tuple[str, ...] = ()
    """What the processor lacked or had besides: `no 1G pages`, `5-level paging`."""
    after: tuple[str, ...] = ()
    """Recordings made before it in the same boot, oldest first."""
    fresh: bool = False
    """The first program after boot: its first figures are boot's own."""
    counters: frozenset[str] = frozenset()
    """Every counter this kernel has."""
    steps: tuple[Step, ...] = field(default=())

    @property
    def program(self) -> str:
        """The program that was run: `exp_hvo`; `exp_aged` stands for what it runs once memory is scattered."""
        return self.arguments[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        """The program and its arguments without the environment and without `exp_aged` before it."""
        words = tuple(word for word in self.command if "=" not in word)
        return words[4:] if words[0] == "exp_aged" else words

    @property
    def aged(self) -> tuple[int, int, int] | None:
        """MB kept free, one page given back in so many, seed: what `exp_aged` was told; None without it."""
        words = [word for word in self.command if "=" not in word]
        return (int(words[1]), int(words[2]), int(words[3])) if words[0] == "exp_aged" else None

    def variable(self, name: str) -> str | None:
        """A variable of the program's environment."""
        for word in self.command:
            key, _, value = word.partition("=")
            if key == name:
                return value
        return None
