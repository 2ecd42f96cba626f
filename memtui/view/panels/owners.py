"""Who owns the frames of RAM: one bar with a letter per owner, and the sizes, largest first."""

from __future__ import annotations

from collections.abc import Sequence

from memtui.snapshot import FrameKind, Snapshot
from memtui.units import format_frames
from memtui.view.bars import stacked
from memtui.view.baseline import frames_change, with_changes
from memtui.view.cells import Row, Rows, Span, dim, flow_some, row
from memtui.view.glyphs import Glyphs
from memtui.view.tokens import OWNER_TOKENS


def owner_rows(
    owners: Sequence[tuple[FrameKind, int]], baseline: Snapshot | None, width: int, height: int, glyphs: Glyphs
) -> Rows:
    """The bar and as many rows of sizes as fit; what does not fit is counted in the last group.

    Changes since the baseline stand behind the sizes as far as they need no further row.
    """
    present = [(kind, frames) for kind, frames in owners if frames > 0]
    if height < 1 or not present:
        return []
    parts = [(kind.letter, OWNER_TOKENS[kind], frames) for kind, frames in present]
    bar = stacked(parts, width)
    if height == 1:
        return [bar]
    groups = [_group(kind, frames) for kind, frames in present]
    if baseline is not None:
        before = dict(baseline.owners)
        changes = (glyphs.text(frames_change(frames - before.get(kind, 0))) for kind, frames in present)
        groups = with_changes(groups, changes, width)
    return [bar, *flow_some(groups, width, height - 1, glyphs.more)]


def _group(kind: FrameKind, frames: int) -> Row:
    return row(Span(kind.letter, OWNER_TOKENS[kind]), dim(f" {kind.value} "), format_frames(frames))
