"""What it costs to bring maps to the screen, against the ways it could have been done.

Run by name: `python -m pytest tests/benchmarks/bench_map_paint.py`. Ratios, because absolute
times say more about the computer than about the code.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.text import Text
from textual.strip import Strip

from memtui.snapshot import CellMap
from memtui.tui.app import Dashboard
from memtui.tui.widgets.rows import strip_of
from memtui.units import MIB, SECOND
from memtui.view.cells import Rows
from memtui.view.dashboard import draw_panel
from memtui.view.glyphs import UNICODE
from memtui.view.maps import draw_map
from memtui.view.tokens import DIRECT_MAP_TOKENS, KINDS
from tests.fake_source import FakeSource
from tests.view.pictures import desk_at

WIDTH, ROWS = 120, 38


def worst_map() -> CellMap:
    """A map in which hardly two neighbours are alike."""
    return CellMap(bytes((place * 7 + place // 5) % 4 + 1 for place in range(WIDTH * ROWS)), 14 * MIB)


def drawn(cells: CellMap) -> Rows:
    return draw_map(cells, DIRECT_MAP_TOKENS, WIDTH, ROWS, UNICODE)


def cpu_ns(work: Callable[[], object], times: int = 20) -> int:
    """CPU time of the fastest of a few runs of `times` calls, per call."""
    best = 1 << 62
    for _ in range(5):
        started = time.process_time_ns()
        for _ in range(times):
            work()
        best = min(best, time.process_time_ns() - started)
    return best // times


def as_rich_text(cells: CellMap) -> list[list[object]]:
    """The same map as one rich Text with a style per cell, rendered to segments."""
    console = Console(width=WIDTH, force_terminal=True, color_system="truecolor")
    text = Text()
    for place, code in enumerate(cells.cells):
        token = DIRECT_MAP_TOKENS[code]
        text.append(UNICODE.kinds[token], KINDS[token].dark)
        if place % WIDTH == WIDTH - 1:
            text.append("\n")
    return console.render_lines(text, pad=False)


def test_a_full_repaint_is_far_cheaper_than_rich_text() -> None:
    cells = worst_map()
    palette = Dashboard(FakeSource(), theme="memtui", paused=True).palette()

    def strips() -> list[Strip]:
        return [strip_of(line, palette) for line in drawn(cells)]

    ours, theirs = cpu_ns(strips), cpu_ns(lambda: as_rich_text(cells), times=3)
    print(f"full repaint of {len(cells.cells)} cells: {ours / 1e6:.2f} ms, rich Text {theirs / 1e6:.2f} ms")
    assert ours * 5 < theirs


def test_a_map_of_runs_is_cheaper_than_one_of_single_cells() -> None:
    quiet = CellMap(bytes([1]) * (WIDTH * ROWS), 14 * MIB)
    loud = worst_map()
    ours, worst = cpu_ns(lambda: drawn(quiet)), cpu_ns(lambda: drawn(loud))
    print(f"drawing: {ours / 1e6:.2f} ms quiet, {worst / 1e6:.2f} ms worst")
    assert ours * 2 < worst


@pytest.mark.parametrize("name", ["direct-map", "vmemmap", "tlb", "memory", "events"])
def test_a_panel_is_drawn_in_a_fraction_of_a_frame(name: str) -> None:
    desk = desk_at("12.48", 120, 40)
    everything = cpu_ns(lambda: [draw_panel(desk, other) for other, _ in desk.layout.panels])
    one = cpu_ns(lambda: draw_panel(desk, name))
    print(f"{name}: {one / 1e6:.2f} ms of {everything / 1e6:.2f} ms")
    assert one < everything


async def test_a_quiet_frame_costs_a_fraction_of_the_first() -> None:
    source = FakeSource()
    source.advance(12 * SECOND)
    app = Dashboard(source, theme="memtui", paused=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        loud = cpu_ns(lambda: (setattr(app, "_stale", True), app.frame()))
        quiet = cpu_ns(app.frame)
    print(f"frame: {loud / 1e6:.2f} ms with a snapshot, {quiet / 1e6:.4f} ms paused")
    assert quiet * 100 < loud
