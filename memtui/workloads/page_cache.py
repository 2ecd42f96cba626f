"""`page_cache`: ordinary files are read and written, and stay cached until memory runs short."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from memtui.machine.core import Severity
from memtui.machine.errors import OutOfMemory
from memtui.machine.page_cache import CachedFile
from memtui.units import PPM, format_bytes, format_frames, frames_of
from memtui.workloads.base import Activity, Context, Steps, in_parts
from memtui.workloads.params import Params, PositiveSize, Share
from memtui.workloads.program_memory import step_pages


class PageCacheParams(Params):
    """Pages of ordinary files: movable, and given up when memory runs short."""

    size: PositiveSize = Field(description="bytes of file data brought into the cache")
    dirty: Share = Field(default=0, description="share of it that is dirty: written back before it can be dropped")


class PageCache(Activity[PageCacheParams]):
    """Reads one file from its device and writes over its last part."""

    action = "page_cache"
    params_type = PageCacheParams

    def __init__(self, params: PageCacheParams, context: Context) -> None:
        super().__init__(params, context)
        self._file: CachedFile | None = None

    def start(self) -> Steps:
        """Reads it all, then dirties its share."""
        cache, params = self.machine.page_cache, self.params
        file = self._file = cache.create()
        frames = frames_of(params.size)
        try:
            yield from self._in_steps(frames, "read", lambda part: cache.read(file, part), cache.portion)
            written = frames * params.dirty // PPM
            yield from self._in_steps(written, "dirtied", lambda part: cache.overwrite(file, part), lambda part: part)
        except OutOfMemory:
            self.machine.core.log(f"read ends early: ENOMEM, {self.progress or 'nothing read'}", Severity.BAD)
        yield self.machine.take_ns()
        words = f"{format_bytes(params.size)} of file data read, {format_frames(file.frames)} of it cached"
        dirty = f", {format_frames(file.dirty_frames)} dirty" if file.dirty_frames else ""
        self.machine.core.log(words + dirty)

    def finish(self) -> Steps:
        """Deletes the file: its pages go, dirty or not."""
        if self._file is not None:
            file, self._file = self._file, None
            frames = file.frames
            yield from in_parts(
                self.machine, self.machine.page_cache.delete_in_parts(file), lambda: self._deleting(file)
            )
            self.progress = "deleted"
            self.machine.core.log(f"file deleted: {format_frames(frames)} of page cache back")
        yield self.machine.take_ns()

    @property
    def holds(self) -> bool:
        """Whether the file exists."""
        return self._file is not None

    def _deleting(self, file: CachedFile) -> None:
        self.progress = f"deleting, {format_frames(file.frames)} left"

    def _in_steps(self, frames: int, verb: str, act: Callable[[int], None], portion: Callable[[int], int]) -> Steps:
        step, done = step_pages(frames), 0
        while done < frames:
            part = portion(min(step, frames - done))
            act(part)
            done += part
            self.progress = f"{format_frames(done)} of {format_frames(frames)} {verb}"
            yield self.machine.take_ns()
