"""Who owns every frame: the ground truth that all else is checked against.

RAM is cut into blocks of 4 MiB, the buddy allocator's largest. A block that one owner holds
whole is part of a run in a sorted map; a block that is mixed holds, per owner, one integer with
a bit per frame. A block nobody owns (it is free) is not stored at all. So an untouched machine
costs nothing, a terabyte with one owner is one entry, and only mixed blocks cost some hundred
bytes each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from sortedcontainers import SortedDict

from memtui.machine.errors import FrameStateError
from memtui.machine.physical.extents import Run
from memtui.snapshot import FrameKind

BLOCK_SHIFT: Final = 10
BLOCK_FRAMES: Final = 1 << BLOCK_SHIFT
FULL: Final = (1 << BLOCK_FRAMES) - 1


class Owner(Protocol):
    """Whoever holds frames: a subsystem, a file, a process. Compared by identity."""

    @property
    def kind(self) -> FrameKind:
        """What its frames are counted as."""

    @property
    def movable(self) -> bool:
        """Whether its frames can be migrated elsewhere."""


class _Block:
    """A mixed block of 4 MiB: the frames in use, and which of them each owner holds."""

    __slots__ = ("masks", "used")

    def __init__(self) -> None:
        self.used = 0
        self.masks: dict[Owner, int] = {}


def mask_runs(mask: int, base: int) -> Iterator[Run]:
    """The runs of set bits in `mask`, ascending, as frames counted from `base`."""
    position = base
    while mask:
        skip = (mask & -mask).bit_length() - 1
        mask >>= skip
        length = (~mask & (mask + 1)).bit_length() - 1
        yield position + skip, length
        mask >>= length
        position += skip + length


class FrameMap:
    """Frame → owner, with a count of frames per kind of owner."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._whole: SortedDict[int, tuple[int, Owner]] = SortedDict()
        """First block of a run held whole → (one past its last block, owner); neighbours are merged."""
        self.by_kind: dict[FrameKind, int] = dict.fromkeys(FrameKind, 0)
        """Frames per kind of owner; FREE is not counted here (free frames have no owner)."""

    def assign(self, start: int, frames: int, owner: Owner) -> None:
        """Gives free frames to `owner`. Raises FrameStateError if one of them has an owner."""
        self.by_kind[owner.kind] += frames
        end = start + frames
        while start < end:
            block, offset = start >> BLOCK_SHIFT, start & (BLOCK_FRAMES - 1)
            part = min(end - start, BLOCK_FRAMES - offset)
            if part == BLOCK_FRAMES:
                blocks = (end - start) >> BLOCK_SHIFT
                self._assign_whole(block, block + blocks, owner)
                start += blocks << BLOCK_SHIFT
            else:
                self._assign_bits(block, ((1 << part) - 1) << offset, owner)
                start += part

    def release(self, start: int, frames: int, owner: Owner) -> None:
        """Takes frames from `owner`. Raises FrameStateError if it does not hold all of them."""
        self.by_kind[owner.kind] -= frames
        end = start + frames
        while start < end:
            block, offset = start >> BLOCK_SHIFT, start & (BLOCK_FRAMES - 1)
            if offset == 0 and end - start >= BLOCK_FRAMES and block not in self._blocks:
                blocks = (end - start) >> BLOCK_SHIFT
                start += self._release_whole(block, block + blocks, owner) << BLOCK_SHIFT
                continue
            part = min(end - start, BLOCK_FRAMES - offset)
            self._release_bits(block, ((1 << part) - 1) << offset, owner)
            start += part

    def release_bits(self, block: int, bits: int, owner: Owner) -> None:
        """Takes the frames of a mask, in one 4 MiB block, from `owner`. Raises FrameStateError as `release` does."""
        self.by_kind[owner.kind] -= bits.bit_count()
        self._release_bits(block, bits, owner)

    def holds_alone(self, block: int, bits: int, owner: Owner) -> bool:
        """Whether `owner` holds exactly these frames of a 4 MiB block, and nobody any other."""
        mixed = self._blocks.get(block)
        return mixed is not None and mixed.used == bits and mixed.masks.get(owner) == bits

    def release_runs(self, runs: Iterable[Run], owner: Owner) -> None:
        """Takes runs from `owner`, those in one 4 MiB block together. Raises FrameStateError as `release` does."""
        for block, mask in self._masks_of(runs, lambda start, frames: self.release(start, frames, owner)).items():
            self.release_bits(block, mask, owner)

    def transfer(self, runs: Iterable[Run], giver: Owner, taker: Owner) -> None:
        """Gives runs of one owner to another. Raises FrameStateError as `release` does."""

        def give(start: int, frames: int) -> None:
            self.release(start, frames, giver)
            self.assign(start, frames, taker)

        for block, mask in self._masks_of(runs, give).items():
            self.release_bits(block, mask, giver)
            self.by_kind[taker.kind] += mask.bit_count()
            self._assign_bits(block, mask, taker)

    def owner_at(self, frame: int) -> Owner | None:
        """Who holds this frame; None if it is free."""
        block = frame >> BLOCK_SHIFT
        mixed = self._blocks.get(block)
        if mixed is None:
            return self._whole_owner(block)
        bit = 1 << (frame & (BLOCK_FRAMES - 1))
        return next((owner for owner, mask in mixed.masks.items() if mask & bit), None)

    def runs(self, start: int, end: int) -> Iterator[tuple[int, int, Owner]]:
        """(first frame, frames, owner) of all owned frames in [start, end), ascending."""
        found: list[tuple[int, int, Owner]] = []
        first, last = start >> BLOCK_SHIFT, -(-end >> BLOCK_SHIFT)
        for low, high, owner in self._whole_between(first, last):
            found.append((low << BLOCK_SHIFT, (high - low) << BLOCK_SHIFT, owner))
        for block in self._mixed_between(first, last):
            for owner, mask in self._blocks[block].masks.items():
                found.extend((low, n, owner) for low, n in mask_runs(mask, block << BLOCK_SHIFT))
        for low, frames, owner in sorted(found, key=lambda run: run[0]):
            clipped, stop = max(low, start), min(low + frames, end)
            if clipped < stop:
                yield clipped, stop - clipped, owner

    def usage(self, start: int, frames: int) -> tuple[int, int]:
        """(free frames, frames of movable owners) in a range that lies inside one 4 MiB block."""
        block, offset = start >> BLOCK_SHIFT, start & (BLOCK_FRAMES - 1)
        mixed = self._blocks.get(block)
        if mixed is None:
            owner = self._whole_owner(block)
            return (frames, 0) if owner is None else (0, frames if owner.movable else 0)
        window = ((1 << frames) - 1) << offset
        movable = sum((mask & window).bit_count() for owner, mask in mixed.masks.items() if owner.movable)
        return frames - (mixed.used & window).bit_count(), movable

    def free_in(self, start: int, frames: int) -> list[Run]:
        """Free runs, ascending, in a range that lies inside one 4 MiB block; none if the block is not mixed."""
        block, offset = start >> BLOCK_SHIFT, start & (BLOCK_FRAMES - 1)
        mixed = self._blocks.get(block)
        window = ((1 << frames) - 1) << offset
        return list(mask_runs(~mixed.used & window, block << BLOCK_SHIFT)) if mixed is not None else []

    def mixed_blocks(self, start: int, end: int) -> list[int]:
        """Numbers of the mixed 4 MiB blocks that overlap frames [start, end), ascending."""
        return sorted(self._mixed_between(start >> BLOCK_SHIFT, -(-end >> BLOCK_SHIFT)))

    def block_owners(self, first: int, last: int) -> Iterator[tuple[int, int, Owner]]:
        """(one past its last block, frames in the range, owner) of all that is held in 4 MiB blocks [first, last).

        Runs of whole blocks first, which may reach beyond the range; then every owner of each mixed block.
        """
        for low, high, owner in self._whole_between(first, last):
            end, _ = self._whole[self._whole.keys()[self._whole.bisect_right(low) - 1]]
            yield end, (high - low) << BLOCK_SHIFT, owner
        for block in self._mixed_between(first, last):
            for owner, mask in self._blocks[block].masks.items():
                yield block + 1, mask.bit_count(), owner

    def fill(self, first: int, last: int, owner: Owner) -> list[tuple[int, int]]:
        """Gives every free frame of 4 MiB blocks [first, last) to `owner`.

        Returns (number of the block, frames in use before, as a mask) of each block that was in use in part.
        """
        mixed = [(block, self._blocks[block].used) for block in self._mixed_between(first, last)]
        partly = [(block, used) for block, used in mixed if used != FULL]
        taken = [(low, high) for low, high, _ in self._whole_between(first, last)]
        taken += [(block, block + 1) for block, _ in mixed]
        for low, high in sorted([*taken, (last, last)]):
            if first < low:
                self.by_kind[owner.kind] += (low - first) << BLOCK_SHIFT
                self._insert_whole(first, low, owner)
            first = high
        for block, used in partly:
            self.by_kind[owner.kind] += BLOCK_FRAMES - used.bit_count()
            self._assign_bits(block, FULL & ~used, owner)
        return partly

    def take_back(self, first: int, last: int, owner: Owner) -> tuple[list[Run], list[tuple[int, int]]]:
        """Takes all that `owner` has in 4 MiB blocks [first, last) from it.

        Returns the runs (first frame, frames) of blocks that nobody has any part of now, and (number of
        the block, frames still in use, as a mask) of each other block.
        """
        whole = [(low, high) for low, high, other in self._whole_between(first, last) if other is owner]
        mixed: list[tuple[int, int]] = []
        for low, high in whole:
            self._release_whole(low, high, owner)
            self.by_kind[owner.kind] -= (high - low) << BLOCK_SHIFT
        for block in self._mixed_between(first, last):
            mask = self._blocks[block].masks.get(owner, 0)
            if mask == self._blocks[block].used:
                del self._blocks[block]
                whole.append((block, block + 1))
            elif mask:
                self._release_bits(block, mask, owner)
                mixed.append((block, self._blocks[block].used))
            self.by_kind[owner.kind] -= mask.bit_count()
        return [(low << BLOCK_SHIFT, (high - low) << BLOCK_SHIFT) for low, high in whole], mixed

    def replace(self, first: int, last: int, owner: Owner) -> None:
        """Makes `owner` the owner of all frames of 4 MiB blocks [first, last), whoever has them now."""
        for low, high, other in list(self._whole_between(first, last)):
            self.by_kind[other.kind] -= (high - low) << BLOCK_SHIFT
            self._release_whole(low, high, other)
        for block in self._mixed_between(first, last):
            for other, mask in self._blocks.pop(block).masks.items():
                self.by_kind[other.kind] -= mask.bit_count()
        self.by_kind[owner.kind] += (last - first) << BLOCK_SHIFT
        self._insert_whole(first, last, owner)

    def difference(self, other: FrameMap) -> str | None:
        """Where this map and `other` disagree, in words; None if they are the same."""
        if list(self._whole.items()) != list(other._whole.items()):
            return f"whole blocks differ: {_first_difference(self._whole.items(), other._whole.items())}"
        for block in sorted(self._blocks.keys() | other._blocks.keys()):
            mine, theirs = self._blocks.get(block), other._blocks.get(block)
            if mine is None or theirs is None or mine.masks != theirs.masks or mine.used != theirs.used:
                return f"owners differ in the block at frame {block << BLOCK_SHIFT:#x}"
        return None

    @staticmethod
    def _masks_of(runs: Iterable[Run], large: Callable[[int, int], None]) -> dict[int, int]:
        """Block → frames of runs in it, as a mask; runs that are not inside one block are left to `large`."""
        bits: dict[int, int] = {}
        for start, frames in runs:
            block, offset = start >> BLOCK_SHIFT, start & (BLOCK_FRAMES - 1)
            if offset + frames <= BLOCK_FRAMES:
                bits[block] = bits.get(block, 0) | ((1 << frames) - 1) << offset
            else:
                large(start, frames)
        return bits

    def _assign_bits(self, block: int, bits: int, owner: Owner) -> None:
        mixed = self._blocks.get(block)
        if mixed is None:
            if self._whole_owner(block) is not None:
                raise FrameStateError(f"block {block:#x} has an owner already")
            mixed = self._blocks[block] = _Block()
        if mixed.used & bits:
            raise FrameStateError(f"frames in block {block:#x} have an owner already")
        mixed.used |= bits
        mask = mixed.masks.get(owner, 0) | bits
        mixed.masks[owner] = mask
        if mask == FULL:
            del self._blocks[block]
            self._insert_whole(block, block + 1, owner)

    def _release_bits(self, block: int, bits: int, owner: Owner) -> None:
        mixed = self._blocks.get(block)
        if mixed is None:
            mixed = self._break_whole(block, owner)
        mask = mixed.masks.get(owner, 0)
        if mask & bits != bits:
            raise FrameStateError(f"frames in block {block:#x} are not held by {owner!r}")
        mixed.used &= ~bits
        if mask == bits:
            del mixed.masks[owner]
            if not mixed.used:
                del self._blocks[block]
        else:
            mixed.masks[owner] = mask & ~bits

    def _assign_whole(self, first: int, last: int, owner: Owner) -> None:
        if next(self._whole_between(first, last), None) or next(iter(self._mixed_between(first, last)), None):
            raise FrameStateError(f"blocks {first:#x}..{last:#x} have an owner already")
        self._insert_whole(first, last, owner)

    def _insert_whole(self, first: int, last: int, owner: Owner) -> None:
        """Stores a run, merged with neighbours of the same owner."""
        index = self._whole.bisect_left(first)
        if index < len(self._whole):
            start, (end, other) = self._whole.peekitem(index)
            if start == last and other is owner:
                last = end
                del self._whole[start]
        if index:
            start, (end, other) = self._whole.peekitem(index - 1)
            if end == first and other is owner:
                first = start
        self._whole[first] = (last, owner)

    def _release_whole(self, first: int, last: int, owner: Owner) -> int:
        """Releases whole blocks from `first` on, as many of them as one run holds; returns how many."""
        index = self._whole.bisect_right(first) - 1
        start, (end, holder) = self._whole.peekitem(index) if index >= 0 else (0, (0, owner))
        if end <= first or holder is not owner:
            raise FrameStateError(f"block {first:#x} is not held by {owner!r}")
        last = min(last, end)
        del self._whole[start]
        if start < first:
            self._whole[start] = (first, owner)
        if last < end:
            self._whole[last] = (end, owner)
        return last - first

    def _break_whole(self, block: int, owner: Owner) -> _Block:
        """Turns one block of a run held whole into a mixed one."""
        self._release_whole(block, block + 1, owner)
        mixed = self._blocks[block] = _Block()
        mixed.used = FULL
        mixed.masks[owner] = FULL
        return mixed

    def _whole_owner(self, block: int) -> Owner | None:
        index = self._whole.bisect_right(block) - 1
        if index < 0:
            return None
        _, (end, owner) = self._whole.peekitem(index)
        return owner if block < end else None

    def _whole_between(self, first: int, last: int) -> Iterator[tuple[int, int, Owner]]:
        index = max(self._whole.bisect_right(first) - 1, 0)
        for start in self._whole.islice(index):
            if start >= last:
                return
            end, owner = self._whole[start]
            if end > first:
                yield max(start, first), min(end, last), owner

    def _mixed_between(self, first: int, last: int) -> list[int]:
        if last - first <= len(self._blocks):
            return [block for block in range(first, last) if block in self._blocks]
        return sorted(block for block in self._blocks if first <= block < last)


def _first_difference(mine: Iterable[object], theirs: Iterable[object]) -> str:
    for left, right in zip(mine, theirs, strict=False):
        if left != right:
            return f"{left} against {right}"
    return "one has more runs"
