"""Panel 3: how far the TLB reaches, array by array, against what is accessed, on one log scale."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memtui.snapshot import MapRequest, RunInfo, Snapshot, TlbAccess, TlbLevel, TlbView
from memtui.units import GIB, KIB, MIB, TIB, three_digits
from memtui.view.bars import log_cells
from memtui.view.cells import Row, Rows, Span, cut_text, dim, row, spread, strong
from memtui.view.glyphs import Glyphs
from memtui.view.history import largest, strip
from memtui.view.numbers import SIZE_WIDTH, percent_of_ppm, size_of
from memtui.view.panels.tlb_cost import alternatives, calibration, cost_line, cost_rows, split_verdict, walk_rows
from memtui.view.panels.tlb_table import PAGE_TOKENS, mixes, table
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.state import Move, ViewState
from memtui.view.tokens import Token

_SCALE_FROM = 64 * KIB
"""The log scale begins here: below the smallest array, 64 entries of 4 KiB."""

_TICKS = ((MIB, "1M"), (GIB, "1G"), (TIB, "1T"))
_LABEL = 13
"""Cells for `L2  2M ┐1536 `."""
_USED = 5
"""Cells more where the entries that are used stand before them: `L2  2M ┐ 512/1536 `."""
_WIDE = 50
_TALLEST_HISTORY = 12
_ENLARGED = 16
"""Height from which what it cost is told at length."""
_MIX_FROM = 80


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """The arrays of the CPU's TLB, the reach of the mappings as they are, and what each access costs."""
    view = scene.now.tlb
    main = _chosen(view, scene.state)
    scale = _Scale(view, width - _label(width) - SIZE_WIDTH - 1)
    rows = _arrays(view, scale, main, width, glyphs)
    if main is not None:
        rows.append(_mapped_now(main, scale, width, glyphs))
    has_table = _table_first(view, height) is not None
    rows.insert(0, _title(view, None if has_table else main, width, glyphs))
    table_rows = _table_rows(view) if has_table else 0
    told = view.cost is not None and height - len(rows) - table_rows >= 1
    spare = height - len(rows) - table_rows - told
    if spare >= 1:
        rows.append(scale.axis(main.footprint_bytes if main else 0, width, glyphs))
    if spare >= 3:
        rows.append(())
    if has_table:
        rows += table(view, main, width, height - len(rows) - told, glyphs)
    if view.cost is not None and told and height < _ENLARGED:
        rows.append(cost_line(view.cost, width, glyphs))
    elif told:
        rows += _enlarged(scene, width, height - len(rows), glyphs)
    room = min(height - len(rows) - 1, _TALLEST_HISTORY)
    if main is not None and room >= 3:
        rows += [(), *_history(scene, main.name, width, room, glyphs)]
    return Drawing(rows)


def request(info: RunInfo, state: ViewState, width: int, height: int) -> MapRequest:
    """What skewed accesses pay, to stand beside even ones."""
    return MapRequest(skewed=True)


def move(scene: Scene, asked: Move, width: int, height: int) -> ViewState:
    """The next access, or the one above or below in the table."""
    view = scene.now.tlb
    step = {Move.NEXT: 1, Move.DOWN: 1, Move.UP: -1}.get(asked)
    chosen = _chosen(view, scene.state)
    if step is None or chosen is None:
        return scene.state
    place = (view.accesses.index(chosen) + step) % len(view.accesses)
    return replace(scene.state, access=view.accesses[place].name)


def point(scene: Scene, x: int, y: int, width: int, height: int) -> ViewState:
    """Chooses the access whose row of the table was clicked."""
    view = scene.now.tlb
    first = _table_first(view, height)
    if first is None or not 0 <= y - first < len(view.accesses):
        return scene.state
    return replace(scene.state, access=view.accesses[y - first].name)


def _chosen(view: TlbView, state: ViewState) -> TlbAccess | None:
    """The access that arrays and bars are about: the one of that name, or the first there is."""
    named = next((access for access in view.accesses if access.name == state.access), None)
    return named or next(iter(view.accesses), None)


def _table_first(view: TlbView, height: int) -> int | None:
    """The row in which the first access of the table stands; None where there is no room for one."""
    above = 1 + len(view.levels) + bool(view.accesses)
    if not view.accesses or height - above < 1 + min(len(view.accesses), 2):
        return None
    spare = height - above - _table_rows(view) - (view.cost is not None)
    return above + (spare >= 1) + (spare >= 3) + 1


def _label(width: int) -> int:
    return _LABEL + _USED * (width >= _WIDE)


def _enlarged(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """What it cost, one part after the other as long as there is room for the whole of it."""
    view = scene.now.tlb
    parts = [cost_rows(view, scene.info.cpus, width, glyphs)]
    if view.cost is not None:
        parts.append(split_verdict(view, width, glyphs))
        parts.append(alternatives(view.cost, width, glyphs))
    parts += [walk_rows(view, width, glyphs), calibration(view, width, 4, glyphs)]
    if width >= _MIX_FROM:
        parts.append([row(dim("mapped by")), *mixes(view, width, glyphs)])
    rows: Rows = []
    for part in parts:
        if part and len(rows) + 1 + len(part) <= height:
            rows += [(), *part]
    return rows


def _title(view: TlbView, access: TlbAccess | None, width: int, glyphs: Glyphs) -> Row:
    """The CPU; at the right what `access` pays, where there is no room for the table of all."""
    right = row(dim("reach, log scale"))
    if access is not None:
        cost = three_digits(access.cycles_per_access)
        right = row(dim("miss "), strong(percent_of_ppm(access.miss_ppm)), strong(f" +{cost}"), dim(" cycles"))
    return spread(row(strong(glyphs.text(view.cpu))), right, width, glyphs.more)


class _Scale:
    """The one log scale all bars share: from 64 KiB to the largest of reach and footprint."""

    def __init__(self, view: TlbView, width: int) -> None:
        self.width = max(4, width)
        sizes = [level.reach_bytes for level in view.levels]
        sizes += [max(access.footprint_bytes, access.reach_bytes) for access in view.accesses]
        self.highest = max([*sizes, 2 * _SCALE_FROM])

    def cells(self, size_bytes: int) -> int:
        """Cells from the left edge to `size_bytes`."""
        return log_cells(size_bytes, _SCALE_FROM, self.highest, self.width)

    def bar(
        self, size_bytes: int, footprint_bytes: int, token: Token, glyphs: Glyphs, used_bytes: int | None = None
    ) -> Row:
        """A bar to `size_bytes`, with the mark of the footprint where the bar does not reach it.

        From `used_bytes` on, where that is given, it is fainter.
        """
        length = max(1, self.cells(size_bytes))
        used = length if used_bytes is None or used_bytes >= size_bytes else self.cells(used_bytes)
        used = max(used, min(1, used_bytes or 0))
        mark = self.cells(footprint_bytes) - 1
        full = (Span(glyphs.fill[-1] * used, token), Span(glyphs.faint * (length - used), token))
        if not length <= mark < self.width:
            return row(*full, " " * (self.width - length))
        return row(*full, " " * (mark - length), Span(glyphs.boundary, Token.MARK), " " * (self.width - mark - 1))

    def axis(self, footprint_bytes: int, width: int, glyphs: Glyphs) -> Row:
        """1M, 1G and 1T where they lie, and what the mark of the footprint stands for."""
        text = ""
        for size, label in _TICKS:
            place = self.cells(size)
            if size < self.highest and place >= len(text) and place + len(label) <= self.width:
                text = text.ljust(place) + label
        mark = (Span(glyphs.boundary, Token.MARK), dim(size_of(footprint_bytes))) if footprint_bytes else ()
        return row(" " * _label(width), dim(text.ljust(self.width)), *mark)


def _arrays(view: TlbView, scale: _Scale, main: TlbAccess | None, width: int, glyphs: Glyphs) -> Rows:
    """A row per array: entries, those that `main` holds before them, and how far both reach."""
    footprint = main.footprint_bytes if main else 0
    rows: Rows = []
    for index, level in enumerate(view.levels):
        before = view.levels[index - 1] if index else None
        after = view.levels[index + 1] if index + 1 < len(view.levels) else None
        name = level.level if before is None or before.level != level.level else ""
        bracket = _bracket(_shares(before, level), _shares(level, after), glyphs)
        token = PAGE_TOKENS.get(level.page, Token.GAUGE)
        used = main.entries_used[index] if main is not None and index < len(main.entries_used) else level.entries
        figure = f"{used}/{level.entries}" if width >= _WIDE else str(level.entries)
        entries = Span(f"{figure:>{_label(width) - 8}} ")
        label = (Span(f"{name:<3}"), Span(f"{level.page:>3}", token), dim(bracket), entries)
        bar = scale.bar(level.reach_bytes, footprint, token, glyphs, used * level.page_bytes)
        rows.append(row(*label, *bar, f" {size_of(level.reach_bytes)}"))
    return rows


def _shares(first: TlbLevel | None, second: TlbLevel | None) -> bool:
    """Whether two neighbouring rows are the same entries, competed for by two page sizes."""
    if first is None or second is None or first.level != second.level:
        return False
    return second.page in _names(first.shared_with) or first.page in _names(second.shared_with)


def _names(pages: str) -> list[str]:
    return pages.replace(",", " ").split()


def _bracket(above: bool, below: bool, glyphs: Glyphs) -> str:
    if not above and not below:
        return " "
    return glyphs.brackets[1 if above and below else 0 if below else 2]


def _mapped_now(access: TlbAccess, scale: _Scale, width: int, glyphs: Glyphs) -> Row:
    """What the whole TLB covers with the leaves as they are, against the whole footprint."""
    label = _label(width)
    name = cut_text(glyphs.text(access.name), label - 1, glyphs.more).ljust(label)
    drawn = scale.bar(access.reach_bytes, access.footprint_bytes, Token.GAUGE, glyphs)
    return row(strong(name), *drawn, strong(f" {size_of(access.reach_bytes)}"))


def _table_rows(view: TlbView) -> int:
    return 1 + len(view.accesses) if view.accesses else 0


@dataclass(frozen=True, slots=True)
class _Misses:
    """What an access misses in the last level."""

    name: str

    def __call__(self, snapshot: Snapshot) -> float | None:
        """Parts per million; None while there is no such access."""
        return next((access.miss_ppm for access in snapshot.tlb.accesses if access.name == self.name), None)


def _history(scene: Scene, name: str, width: int, height: int, glyphs: Glyphs) -> Rows:
    series = scene.history.past(_Misses(name))
    most = percent_of_ppm(largest(series))
    label = f"misses over the {name}" if name in ("direct map", "vmemmap") else f"misses of {name}"
    return strip(series, scene.axis, glyphs.text(label), most, width, height, glyphs, Token.HISTORY)


PANEL = Panel(
    name="tlb",
    title="TLB reach",
    tab="TLB reach",
    draw=draw,
    request=request,
    move=move,
    point=point,
    help=(
        "The TLB remembers translations in separate arrays per page size. Reach is entries times page size: the "
        "memory that can be accessed without a page walk. Arrays joined by a bracket are the same entries, competed "
        "for by two page sizes.\n\n"
        "All bars share one log scale. The last bar is what the whole TLB, both levels together, covers of the "
        "chosen access as it is mapped now; the mark is its whole footprint. Before the entries of an array stand "
        "those that the chosen access holds, and the fainter part of a bar is what it leaves unused. n or a click "
        "chooses: the direct map, what the kernel is stated to access, the largest process, or the vmemmap (struct "
        "pages, in 2 MiB leaves that HVO splits).\n\n"
        "The table gives, for random access over each mapping (uniform unless named otherwise), the share of accesses "
        "that miss the first and the last level, the cycles a page walk takes then, and the translation cycles an "
        "average access pays beyond an L1 hit; at the right the same where some memory is used more than other, by "
        "Zipf's law with exponent 0.99. A split can help: 1 GiB leaves have few entries, 2 MiB leaves many.\n\n"
        "What did it cost: flushes are the broadcasts that changes of kernel mappings sent to all CPUs so far. Walks "
        "are what translating the stated accesses (the action kernel_access) takes each second, and of that what "
        "splits since boot cost or save. Both are ranges, from the least to the most that published latencies allow; "
        "where they disagree the sign is open. Enlarged, the same accesses are shown with other mappings, and the walk "
        "level by level: paging-structure caches let most walks begin near the leaf, so a fifth level costs little."
    ),
    counters=(
        "tlb_reach_bytes",
        "tlb_miss_ppm",
        "kernel_access_cycles",
        "kernel_walks_least_ns_per_s",
        "kernel_walks_most_ns_per_s",
        "kernel_walks_change_least_ns_per_s",
        "kernel_walks_change_most_ns_per_s",
        "tlb_flushes_full",
        "tlb_flushes_ranged",
        "tlb_flushes_least_cpu_ns",
        "tlb_flushes_most_cpu_ns",
        "page_table_levels",
        "direct_map_table_bytes",
    ),
)
"""The TLB."""
