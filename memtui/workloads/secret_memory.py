"""`memfd_secret`: memory that leaves the direct map, until the entry's `end` closes it."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from memtui.machine.errors import OutOfMemory
from memtui.machine.secretmem import SecretFile
from memtui.units import format_frames, frames_of
from memtui.workloads.base import Activity, Steps
from memtui.workloads.params import Count, Params, PositiveSize
from memtui.workloads.wording import MAX_STEPS, plural, split_words

LEAST_STEP_PAGES: Final = 64
"""Pages touched in one step, at least."""


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
        """Creates files and touches them piece by piece; when memory runs out their holder is killed."""
        self._files = []
        before = self.machine.direct_map.split_count
        try:
            yield from self._create_all()
        except OutOfMemory:
            self.machine.processes.oom.kill_program("memfd_secret", self._frames)
            yield from self.finish()
            return
        yield self.machine.take_ns()
        split = self.machine.direct_map.split_count - before
        count = len(self._files)
        words = f"{count} secret {plural(count, 'file')}, {format_frames(self._frames)} out of the direct map"
        self.machine.core.log(f"{words}; {split_words(split)}")

    def _create_all(self) -> Steps:
        """Every file, in about a hundred steps in all. Raises OutOfMemory."""
        params, secretmem = self.params, self.machine.secretmem
        pages = frames_of(params.size)
        step = max(LEAST_STEP_PAGES, pages * params.count // MAX_STEPS)
        since = 0
        for number in range(1, params.count + 1):
            file = secretmem.create(params.size)
            self._files.append(file)
            for done in range(0, pages, step):
                secretmem.touch(file, min(step, pages - done))
                since += min(step, pages - done)
                if since >= step:
                    self.progress = f"{number} of {params.count} files, {format_frames(self._frames)}"
                    since = 0
                    yield self.machine.take_ns()
        self.progress = f"{params.count} of {params.count} files, {format_frames(self._frames)}"

    def finish(self) -> Steps:
        """Closes them: the pages are mapped again, cleared and freed."""
        while self._files:
            self.machine.secretmem.close(self._files.pop())
        self.machine.core.log("secret files closed: their leaves are present again, but stay split")
        yield self.machine.take_ns()

    @property
    def _frames(self) -> int:
        """Secret pages it holds."""
        return sum(file.frames.frames for file in self._files)

    @property
    def holds(self) -> bool:
        """Whether files are open."""
        return bool(self._files)
