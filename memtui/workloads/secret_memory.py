"""`memfd_secret`: memory that leaves the direct map, until the entry's `end` closes it."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from memtui.machine.core import Severity
from memtui.machine.errors import MemlockExceeded, OutOfMemory
from memtui.machine.oom import Killed
from memtui.machine.secretmem import SecretProgram
from memtui.machine.spray import Spots
from memtui.units import MIB, format_bytes, format_frames, frames_of
from memtui.workloads.base import Activity, Steps
from memtui.workloads.params import MAX_SIZE_BYTES, AnySize, Count, Params, PositiveSize, Size, size_between
from memtui.workloads.wording import MAX_STEPS, plural, split_words

LEAST_STEP_PAGES: Final = 64
"""Pages touched in one step, at least."""


class MemfdSecretParams(Params):
    """Secret files, each mapped and touched whole."""

    size: PositiveSize = Field(description="bytes of one secret file; the last page may be used in part")
    count: Count = Field(default=1, description="how many files")
    memlock: AnySize | None = Field(
        default=None, description="RLIMIT_MEMLOCK of the program, which mappings beyond it fail at; left out: no limit"
    )
    spread: Annotated[Size, size_between(2 * MIB, MAX_SIZE_BYTES)] | None = Field(
        default=None,
        description="each page, or pool of pages, lies in another part of RAM of this size, as the worst luck has it",
    )


class MemfdSecret(Activity[MemfdSecretParams]):
    """Creates secret files and touches all of each."""

    action = "memfd_secret"
    params_type = MemfdSecretParams
    _program: SecretProgram
    _refused = False

    def start(self) -> Steps:
        """Creates files and touches them piece by piece; where a page cannot be had the program ends.

        By the OOM killer if memory is short; of itself if a pool gets no 2 MiB page (the fault would fail for
        ever) or if allocations fail on purpose.
        """
        self._program = self.machine.secretmem.program(self.context.name, self.params.memlock)
        before = self.machine.direct_map.splits
        try:
            yield from self._create_all()
        except Killed:
            yield self.machine.take_ns()
            return
        except OutOfMemory as short:
            self.machine.core.log(f"{self.context.name} ends: {short}", Severity.BAD)
            yield from self.finish()
            return
        yield self.machine.take_ns()
        split = split_words(self.machine.direct_map, before)
        count = len(self._program.files)
        words = f"{count} secret {plural(count, 'file')}, {format_frames(self._frames)} out of the direct map"
        self.machine.core.log(f"{words}; {split}")

    def _create_all(self) -> Steps:
        """Every file, in about a hundred steps in all, or as many as may be locked. Raises OutOfMemory."""
        params, secretmem = self.params, self.machine.secretmem
        pages = frames_of(params.size)
        step = max(LEAST_STEP_PAGES, pages * params.count // MAX_STEPS)
        since, spots = 0, self._spots()
        for number in range(1, params.count + 1):
            try:
                file = secretmem.create(params.size, self._program, spots)
            except MemlockExceeded as refused:
                self._say_refused(number, refused)
                return
            for done in range(0, pages, step):
                secretmem.touch(file, min(step, pages - done))
                since += min(step, pages - done)
                if since >= step:
                    self.progress = f"{number} of {params.count} files, {format_frames(self._frames)}"
                    since = 0
                    yield self.machine.take_ns()
        self.progress = f"{params.count} of {params.count} files, {format_frames(self._frames)}"

    def finish(self) -> Steps:
        """Closes them: the pages go back."""
        if self._program.files:
            mapped = self.machine.secretmem.removed_frames > 0
            self._program.exit()
            what = "their leaves are present again, but stay split" if mapped else "their pages stay in the cache"
            self.machine.core.log(f"secret files closed: {what}")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether files are open."""
        return bool(self._program.files)

    @property
    def _frames(self) -> int:
        """Secret pages it holds."""
        return self._program.memory_pages

    def _spots(self) -> Spots | None:
        """Where its memory is to lie, if that matters."""
        if self.params.spread is None:
            return None
        machine = self.machine
        return Spots(machine.core.allocator, machine.direct_map, machine.layout.ram, frames_of(self.params.spread))

    def _say_refused(self, number: int, refused: MemlockExceeded) -> None:
        limit = format_bytes(self.params.memlock or 0)
        text = f"mmap of secret file {number} refused (EAGAIN): {refused}, RLIMIT_MEMLOCK is {limit}"
        self.machine.core.log(text, Severity.NOTICE)
        self.progress = f"{number - 1} of {self.params.count} files, {format_frames(self._frames)}"
