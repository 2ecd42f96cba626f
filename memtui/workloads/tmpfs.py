"""`tmpfs` and `tmpfs_*`: a mount in memory, and what is done to files on it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from memtui.units import PPM, format_count
from memtui.workloads.params import AnySize, Count, Params, PositiveSize, Share

MAX_PIECES: Final = 1 << 24
"""Writes or holes one entry may make: 64 GiB in base pages. More would not end in a day."""

Name = Annotated[str, Field(min_length=1, max_length=255)]
"""A mount's or file's name, any text; Linux's NAME_MAX bytes at most."""


class TmpfsParams(Params):
    """A tmpfs that is mounted; its `end` unmounts it and gives back every page."""

    mount: Name = Field(description="name of the mount, for the entries that use it")
    huge: Literal["never", "always", "within_size", "advise"] = Field(
        default="never", description="mount option huge=: when files get 2 MiB pages"
    )
    size: PositiveSize | None = Field(default=None, description="mount option size=; without it half of RAM")


class TmpfsFileParams(Params):
    """Files on a mount that some earlier entry made."""

    mount: Name = Field(description="name a tmpfs entry gave its mount")
    file: Name = Field(description="name of the file; with count > 1 the files are NAME.0, NAME.1, ...")
    count: Count = Field(default=1, description="how many files")

    def files(self) -> Iterator[str]:
        """The names of the files, in order."""
        if self.count == 1:
            yield self.file
        else:
            yield from (f"{self.file}.{number}" for number in range(self.count))

    def where(self) -> str:
        """Mount and file in words: `scratch/matrix`, `scratch/log, 200 files`."""
        files = f", {format_count(self.count)} files" if self.count > 1 else ""
        return f"{self.mount}/{self.file}{files}"


class TmpfsRangeParams(TmpfsFileParams):
    """A range of each file, whole or in regular pieces."""

    size: PositiveSize = Field(description="bytes of the range, holes between pieces included")
    offset: AnySize = Field(default=0, description="where in the file the range begins")
    chunk: PositiveSize | None = Field(default=None, description="bytes of one piece; without it the whole range")
    stride: PositiveSize | None = Field(
        default=None, description="from one piece's start to the next; without it chunk, so no holes"
    )

    @model_validator(mode="after")
    def _sane(self) -> Self:
        chunk, stride = self._steps()
        if stride < chunk:
            raise PydanticCustomError("stride", "stride is smaller than chunk; expected chunk or more")
        if -(-self.size // stride) * self.count > MAX_PIECES:
            raise PydanticCustomError(
                "pieces",
                "{count} pieces in all are more than {most}; expected a larger chunk or stride, or less size",
                {"count": -(-self.size // stride) * self.count, "most": MAX_PIECES},
            )
        return self

    def _steps(self) -> tuple[int, int]:
        chunk = self.size if self.chunk is None else self.chunk
        return chunk, chunk if self.stride is None else self.stride

    def pieces(self) -> Iterator[tuple[int, int]]:
        """(offset, bytes) of each piece in one file, in order; the last is cut at the range's end."""
        chunk, stride = self._steps()
        for start in range(0, self.size, stride):
            yield self.offset + start, min(chunk, self.size - start)


class TmpfsWriteParams(TmpfsRangeParams):
    """write(2) of a range, one call per piece; creates the file, and grows it to the last byte written."""


class TmpfsPunchParams(TmpfsRangeParams):
    """fallocate(2) with FALLOC_FL_PUNCH_HOLE, one call per piece; the file keeps its size."""


class TmpfsTruncateParams(TmpfsFileParams):
    """ftruncate(2): sets the size, and creates the file when there is none."""

    size: AnySize = Field(description="the file's new size in bytes; growing adds a hole")


class TmpfsMapParams(TmpfsFileParams):
    """Processes that map each file shared and touch it; the entry's `end` unmaps."""

    size: PositiveSize | None = Field(default=None, description="bytes to map; without it to the file's end")
    offset: AnySize = Field(default=0, description="where in the file the mapping begins, in whole pages")
    processes: Count = Field(default=1, description="how many processes map it")
    touch: Share = Field(default=PPM, description="share of the mapping that is touched, from its start")
    advise: bool = Field(default=False, description="true: MADV_HUGEPAGE on the mapping (for huge=advise)")
    misaligned: bool = Field(
        default=False, description="true: mapped one page off, so that no huge page can be mapped by one entry"
    )
    process: Name | None = Field(default=None, description="a process that is there already, instead of new ones")


class TmpfsUnlinkParams(TmpfsFileParams):
    """unlink(2): the files' pages go once nothing maps them."""
