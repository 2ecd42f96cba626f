"""`memfd_secret`: memory that leaves the direct map, until the entry's `end` closes it."""

from __future__ import annotations

from pydantic import Field

from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.secretmem import SecretFile
from memtui.units import format_frames
from memtui.workloads.base import Activity, Steps
from memtui.workloads.params import Count, Params, PositiveSize
from memtui.workloads.wording import MAX_STEPS, plural, split_words


class MemfdSecretParams(Params):
    """Secret files, each mapped and touched whole."""

    size: PositiveSize = Field(description="bytes of one secret file; the last page may be used in part")
    count: Count = Field(default=1, description="how many files")


class MemfdSecret(Activity[MemfdSecretParams]):
    """Creates secret files and touches all of each."""

    action = "memfd_secret"
    params_type = MemfdSecretParams
    _files: list[SecretFile]

    def start(self) -> Steps:
        """Creates and touches them; one that finds no memory ends it with a fault (SIGBUS)."""
        self._files = []
        params, core = self.params, self.machine.core
        before = self.machine.direct_map.split_count
        batch = max(1, params.count // MAX_STEPS)
        for number in range(1, params.count + 1):
            try:
                file = self.machine.secretmem.create(params.size)
                self._files.append(file)
                self.machine.secretmem.touch(file, file.pages)
            except OutOfMemory:
                core.log(f"secret file {number} of {params.count}: ENOMEM", Severity.BAD)
                break
            self.progress = f"{number} of {params.count} files"
            if number % batch == 0:
                yield self.machine.take_ns()
        yield self.machine.take_ns()
        split = self.machine.direct_map.split_count - before
        frames = sum(file.frames.frames for file in self._files)
        count = len(self._files)
        words = f"{count} secret {plural(count, 'file')}, {format_frames(frames)} out of the direct map"
        core.log(f"{words}; {split_words(split)}")

    def finish(self) -> Steps:
        """Closes them: the pages are mapped again, cleared and freed."""
        while self._files:
            self.machine.secretmem.close(self._files.pop())
        self.machine.core.log("secret files closed: their leaves are present again, but stay split")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether files are open."""
        return bool(self._files)
