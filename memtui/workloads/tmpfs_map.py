"""What plays `tmpfs_map`: processes map tmpfs files shared and write to them, until the entry's `end`."""

from __future__ import annotations

from contextlib import ExitStack

from memtui.machine.core import Severity
from memtui.machine.errors import NoSpace, OutOfMemory
from memtui.machine.oom import Killed
from memtui.machine.process import Process
from memtui.machine.tmpfs.files import Mount, TmpfsFile
from memtui.machine.tmpfs.shared import map_file
from memtui.machine.vma import Vma
from memtui.units import FRAMES_2M, PAGE_BYTES, PPM, format_count, format_frames, frames_of
from memtui.workloads.base import Activity, Context, Steps, in_parts
from memtui.workloads.process_steps import named
from memtui.workloads.program_memory import Pace, step_pages
from memtui.workloads.tmpfs import TmpfsMapParams
from memtui.workloads.wording import MAX_STEPS, plural


class TmpfsMap(Activity[TmpfsMapParams]):
    """Starts processes one after the other; each maps every file and touches its share."""

    action = "tmpfs_map"
    params_type = TmpfsMapParams

    def __init__(self, params: TmpfsMapParams, context: Context) -> None:
        super().__init__(params, context)
        self._processes: list[Process] = []
        self._mapped: list[tuple[Process, Vma]] = []

    def start(self) -> Steps:
        """Runs them all; one that faults where there is nothing, or for want of memory, is gone."""
        mount = self.machine.tmpfs.mounts.get(self.params.mount)
        files = [mount.files[name] for name in self.params.files() if name in mount.files] if mount else []
        if mount is None or len(files) < self.params.count:
            self._fail(f"{self.params.where()}: ENOENT")
            return
        with ExitStack() as open_files:
            for file in files:
                open_files.enter_context(self.machine.tmpfs.opened(file))
            yield from self._map_all(mount, files)

    def _map_all(self, mount: Mount, files: list[TmpfsFile]) -> Steps:
        """Every process maps and touches every file."""
        mapped, huge = self.machine.tmpfs.mapped_frames, self.machine.tmpfs.pmd_mapped_frames
        there = named(self.machine, self.params.process) if self.params.process else None
        count = self.params.processes if there is None else len(there)
        pace = Pace(count * sum(self._touched(file) for file in files))
        batch = max(1, count // MAX_STEPS)
        for number in range(1, count + 1):
            try:
                process = self.machine.processes.spawn(f"tmpfs_map {number}") if there is None else there[number - 1]
            except OutOfMemory:
                continue
            self._processes.append(process)
            yield from self._run(process, mount, files, pace)
            self.progress = f"{format_count(number)} of {format_count(count)} processes"
            if number % batch == 0:
                yield self.machine.take_ns()
        yield self.machine.take_ns()
        self._report(self.machine.tmpfs.mapped_frames - mapped, self.machine.tmpfs.pmd_mapped_frames - huge)

    def finish(self) -> Steps:
        """All that are left exit, and their mappings with them; a process that was there before only unmaps."""
        left = [process for process in self._processes if process.alive]
        self._processes.clear()
        if self.params.process is not None:
            yield from self._unmap()
            return
        for process in left:
            yield from in_parts(self.machine, self.machine.processes.exit_in_parts(process))
            yield self.machine.take_ns()
        self.machine.core.log(f"{format_count(len(left))} {plural(len(left), 'process')} exited: files unmapped")
        self.progress = "exited"

    @property
    def holds(self) -> bool:
        """Whether a process still lives."""
        return any(process.alive for process in self._processes)

    def _unmap(self) -> Steps:
        """munmap(2) of what it mapped."""
        for process, vma in self._mapped:
            if process.alive:
                process.munmap(vma)
        self._mapped.clear()
        self.machine.core.log(f"{self.params.where()} unmapped")
        self.progress = "unmapped"
        yield self.machine.take_ns()

    def _run(self, process: Process, mount: Mount, files: list[TmpfsFile], pace: Pace) -> Steps:
        """One process maps and touches every file."""
        try:
            for file in files:
                yield from self._map(process, file, pace)
        except Killed:
            return
        except (NoSpace, OutOfMemory) as refused:
            self._end(process, f"SIGBUS ({refused})" if isinstance(refused, NoSpace) else str(refused))
        except BusError:
            self._end(process, f"SIGBUS: it touched {mount.name} behind the end of a file")

    def _map(self, process: Process, file: TmpfsFile, pace: Pace) -> Steps:
        """One process maps one file and touches its share, in steps. Raises BusError behind the file's end."""
        params, pages = self.params, self._pages(file)
        if pages <= 0:
            raise BusError
        first = params.offset // PAGE_BYTES
        vma = map_file(
            self.machine.tmpfs, process, file, first, pages, advised=params.advise, misaligned=params.misaligned
        )
        self._mapped.append((process, vma))
        touch = self._touched(file)
        step, done = step_pages(touch * params.processes * params.count), 0
        while done < touch:
            stop, handled = min(touch, done + process.portion(vma, step)), process.handled
            if process.touch_shared(vma, done, stop) < stop:
                raise BusError
            if pace.due(stop - done, process.handled - handled):
                yield self.machine.take_ns()
            done = stop

    def _pages(self, file: TmpfsFile) -> int:
        """Pages that are mapped of a file."""
        if self.params.size is not None:
            return frames_of(self.params.size)
        return file.size_pages - self.params.offset // PAGE_BYTES

    def _touched(self, file: TmpfsFile) -> int:
        return max(0, self._pages(file)) * self.params.touch // PPM

    def _end(self, process: Process, why: str) -> None:
        self.machine.processes.exit(process)
        self._fail(f"process {process} exits: {why}")

    def _fail(self, text: str) -> None:
        self.machine.core.log(text, Severity.BAD)

    def _report(self, frames: int, huge_frames: int) -> None:
        alive = sum(process.alive for process in self._processes)
        if not alive:
            return
        entries = f"{format_count(huge_frames // FRAMES_2M)} huge pages by 2 MiB entries"
        self.machine.core.log(
            f"{format_count(alive)} {plural(alive, 'process')} with {self.params.where()} mapped: "
            f"Mapped +{format_frames(frames)}, {entries if huge_frames else 'no huge page by one entry'}"
        )


class BusError(Exception):
    """A process touched a page behind the end of a file."""
