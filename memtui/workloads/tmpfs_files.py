"""What plays `tmpfs` and the `tmpfs_*` actions on files: mounting, writing, truncating, punching, deleting."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from memtui.machine.core import Severity
from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.tmpfs.files import Mount, TmpfsFile
from memtui.units import FRAMES_2M, PAGE_BYTES, format_bytes, format_count, format_frames, frames_of
from memtui.workloads.base import WAIT_NS, Activity, Context, Steps, in_parts
from memtui.workloads.program_memory import Pace, step_pages
from memtui.workloads.tmpfs import (
    TmpfsFileParams,
    TmpfsParams,
    TmpfsPunchParams,
    TmpfsTruncateParams,
    TmpfsUnlinkParams,
    TmpfsWriteParams,
)
from memtui.workloads.wording import MAX_PARTS, MAX_STEPS, plural

if TYPE_CHECKING:
    from memtui.machine.machine import Machine

F = TypeVar("F", bound=TmpfsFileParams)


@dataclass(frozen=True, slots=True)
class Usage:
    """What tmpfs holds, and what has happened to its huge pages."""

    frames: int
    huge_pages: int
    fallbacks: int
    splits: int

    @classmethod
    def of(cls, machine: Machine) -> Usage:
        """The machine's figures now."""
        events = machine.core.vm_events
        huge_pages = machine.tmpfs.huge_frames // FRAMES_2M
        return cls(machine.tmpfs.frames, huge_pages, events["thp_file_fallback"], events["thp_split_page"])

    def since(self, before: Usage) -> Usage:
        """The difference to earlier figures."""
        return Usage(
            self.frames - before.frames,
            self.huge_pages - before.huge_pages,
            self.fallbacks - before.fallbacks,
            self.splits - before.splits,
        )

    def words(self) -> str:
        """A difference in words."""
        sign = "+" if self.frames > 0 else ""
        parts = [f"Shmem {sign}{format_frames(self.frames)}" if self.frames else "Shmem unchanged"]
        if self.huge_pages:
            count = abs(self.huge_pages)
            parts.append(
                f"{format_count(count)} huge {plural(count, 'page')} {'more' if self.huge_pages > 0 else 'fewer'}"
            )
        if self.splits:
            parts.append(f"{format_count(self.splits)} split")
        if self.fallbacks:
            parts.append(f"{format_count(self.fallbacks)} could not be had")
        return ", ".join(parts)


class Tmpfs(Activity[TmpfsParams]):
    """Mounts a tmpfs."""

    action = "tmpfs"
    params_type = TmpfsParams

    def __init__(self, params: TmpfsParams, context: Context) -> None:
        super().__init__(params, context)
        self._mount: Mount | None = None

    def start(self) -> Steps:
        """mount(8)."""
        params = self.params
        try:
            mount = self._mount = self.machine.tmpfs.mount(params.mount, params.huge, params.size)
        except OutOfMemory:
            self.machine.core.log(f"mount of {params.mount}: ENOMEM", Severity.BAD)
            return
        self.machine.core.log(f"{mount.name} mounted: huge={mount.huge}, size {format_frames(mount.limit_pages)}")
        yield self.machine.take_ns()

    def finish(self) -> Steps:
        """umount(8): every file goes, those that are still mapped when they no longer are."""
        mount = self._mount
        if mount is not None:
            self._mount = None
            pages = mount.used_pages
            yield from in_parts(
                self.machine, self.machine.tmpfs.unmount_in_parts(mount), lambda: self._unmounting(mount)
            )
            self.progress = "unmounted"
            mapped = f"; {format_frames(mount.used_pages)} are still mapped" if mount.used_pages else ""
            self.machine.core.log(f"{mount.name} unmounted: {format_frames(pages - mount.used_pages)} back{mapped}")
        yield self.machine.take_ns()

    def _unmounting(self, mount: Mount) -> None:
        self.progress = f"unmounting, {format_frames(mount.used_pages)} left"

    @property
    def holds(self) -> bool:
        """Whether it is mounted."""
        return self._mount is not None


class FileActivity(Activity[F]):
    """What is done to files of a mount, one after the other."""

    needs_file: ClassVar[bool] = True
    """Whether a file that is not there is an error; otherwise it is made."""
    which = ""
    """Which file is being worked on, for `progress`."""

    def start(self) -> Steps:
        """Does it to every file; ends with an event when one is not there, or memory or space runs out."""
        mount = self.machine.tmpfs.mounts.get(self.params.mount)
        if mount is None:
            self._fail(f"nothing is mounted as {self.params.mount}: ENOENT")
            return
        before, count = Usage.of(self.machine), self.params.count
        batch = min(max(1, count // MAX_STEPS), MAX_PARTS)
        for number, name in enumerate(self.params.files(), 1):
            self.which = f"file {format_count(number)} of {format_count(count)}: " if count > 1 else ""
            if self.needs_file and name not in mount.files:
                self._fail(f"{mount.name}/{name} does not exist: ENOENT")
                break
            try:
                with self.machine.tmpfs.opened(self.machine.tmpfs.create(mount, name)) as file:
                    yield from self.each(file)
                    yield from self._close(file)
            except (NoSpace, OutOfMemory) as refused:
                error = "ENOSPC" if isinstance(refused, NoSpace) else "ENOMEM"
                if isinstance(refused, OutOfMemory):
                    self.machine.processes.oom.kill_program(f"the program at {mount.name}/{name}", 0)
                self._fail(f"{mount.name}/{name}: {error} after {self.progress or 'nothing'}")
                break
            if number % batch == 0:
                yield self.machine.take_ns()
        yield self.machine.take_ns()
        self._report(before)

    @abstractmethod
    def each(self, file: TmpfsFile) -> Steps:
        """Does it to one file. Raises NoSpace or OutOfMemory."""

    @abstractmethod
    def words(self) -> str:
        """What was done, for the log."""

    def _wait(self, file: TmpfsFile) -> Steps:
        """Another truncation or punch of the file comes to its end first (`inode_lock`)."""
        while file.cutting:
            self.progress = f"{self.which}waits for the file"
            yield WAIT_NS

    def _close(self, file: TmpfsFile) -> Steps:
        """close(2), which frees the pages of a file without a name."""
        done = self.progress
        yield from in_parts(self.machine, self.machine.tmpfs.close_in_parts(file), lambda: self._freeing(file))
        self.progress = done

    def _freeing(self, file: TmpfsFile) -> None:
        """Says how far the freeing of pages has come."""
        self.progress = f"{self.which}freeing, {format_frames(file.index.pages)} left"

    def _fail(self, text: str) -> None:
        self.machine.core.log(text, Severity.BAD)

    def _report(self, before: Usage) -> None:
        change = Usage.of(self.machine).since(before)
        if not self.progress:
            return
        severity = Severity.NOTICE if change.fallbacks else Severity.INFO
        self.machine.core.log(f"{self.words()}: {change.words()}", severity)


class TmpfsWrite(FileActivity[TmpfsWriteParams]):
    """Writes files."""

    action = "tmpfs_write"
    params_type = TmpfsWriteParams
    needs_file = False

    def __init__(self, params: TmpfsWriteParams, context: Context) -> None:
        super().__init__(params, context)
        self._pace = Pace(frames_of(params.size) * params.count)
        self._written = 0

    def each(self, file: TmpfsFile) -> Steps:
        """Writes one file, in parts of many calls each."""
        done = 0
        for offset, size, chunk in self._calls():
            while size:
                yield from self._wait(file)
                handled = self.machine.tmpfs.handled
                written = self.machine.tmpfs.write(file, offset, size, chunk)
                offset, size, done = offset + written, size - written, done + written
                self._written += written
                self.progress = f"{self.which}{format_bytes(done)} of {format_bytes(self.params.size)}"
                if self._pace.due(frames_of(written), self.machine.tmpfs.handled - handled):
                    yield self.machine.take_ns()

    def words(self) -> str:
        """How much was written where."""
        return f"{format_bytes(self._written)} written to {self.params.where()}"

    def _calls(self) -> Iterator[tuple[int, int, int | None]]:
        """(offset, bytes, bytes of one write(2)) of parts to be written in one go: consecutive calls together."""
        params = self.params
        most = step_pages(frames_of(params.size) * params.count) * PAGE_BYTES
        huge = FRAMES_2M * PAGE_BYTES
        if params.stride is None or params.stride == params.chunk:
            pieces, chunk = iter([(params.offset, params.size)]), params.chunk
        else:
            pieces, chunk = params.pieces(), None
        cuttable = chunk is None or not (chunk | params.offset) % huge
        for offset, size in pieces:
            end = offset + size
            while offset < end:
                step = self.machine.tmpfs.portion(most)
                grain = huge if chunk is None or (cuttable and step < most) else chunk
                border = offset + -(-step // grain) * grain
                stop = min(end, border if chunk else border // grain * grain)
                yield offset, stop - offset, chunk
                offset = stop


class TmpfsTruncate(FileActivity[TmpfsTruncateParams]):
    """Sets the size of files."""

    action = "tmpfs_truncate"
    params_type = TmpfsTruncateParams
    needs_file = False

    def each(self, file: TmpfsFile) -> Steps:
        """ftruncate(2)."""
        yield from self._wait(file)
        parts = self.machine.tmpfs.truncate_in_parts(file, self.params.size)
        yield from in_parts(self.machine, parts, lambda: self._freeing(file))
        self.progress = f"{self.which}{format_bytes(self.params.size)}"

    def words(self) -> str:
        """What size they have now."""
        return f"{self.params.where()} set to {format_bytes(self.params.size)}"


class TmpfsPunch(FileActivity[TmpfsPunchParams]):
    """Punches holes into files."""

    action = "tmpfs_punch"
    params_type = TmpfsPunchParams

    def each(self, file: TmpfsFile) -> Steps:
        """fallocate(2) for every hole."""
        holes = -(-self.params.size // (self.params.stride or self.params.chunk or self.params.size))
        batch = min(max(1, holes * self.params.count // MAX_STEPS), MAX_PARTS)
        for number, (offset, size) in enumerate(self.params.pieces(), 1):
            yield from self._wait(file)
            yield from in_parts(self.machine, self.machine.tmpfs.punch_in_parts(file, offset, size))
            self.progress = f"{self.which}{format_count(number)} of {format_count(holes)} {plural(holes, 'hole')}"
            if number % batch == 0:
                yield self.machine.take_ns()

    def words(self) -> str:
        """Where."""
        return f"holes punched in {self.params.where()}"


class TmpfsUnlink(FileActivity[TmpfsUnlinkParams]):
    """Deletes files."""

    action = "tmpfs_unlink"
    params_type = TmpfsUnlinkParams

    def each(self, file: TmpfsFile) -> Steps:
        """unlink(2)."""
        yield from in_parts(self.machine, self.machine.tmpfs.unlink_in_parts(file))
        self.progress = f"{self.which}deleted"

    def words(self) -> str:
        """Which."""
        return f"{self.params.where()} deleted"
