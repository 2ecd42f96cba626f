"""Panel 3: how far the TLB reaches, array by array, against what is accessed, on one log scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from memtui.snapshot import TlbAccess, TlbLevel, TlbView
from memtui.units import GIB, KIB, MIB, TIB, format_bytes, three_digits
from memtui.view.bars import log_cells, stacked
from memtui.view.cells import Row, Rows, Span, cut_text, dim, row, spread, strong
from memtui.view.glyphs import Glyphs
from memtui.view.history import largest, strip
from memtui.view.numbers import SIZE_WIDTH, percent_of_ppm, size_of, whole_percent
from memtui.view.panels.tlb_cost import alternatives, calibration, cost_line, cost_rows, walk_rows
from memtui.view.scene import Drawing, Panel, Scene
from memtui.view.tokens import Token

_SCALE_FROM = 64 * KIB
"""The log scale begins here: below the smallest array, 64 entries of 4 KiB."""

_TICKS = ((MIB, "1M"), (GIB, "1G"), (TIB, "1T"))
_PAGE_TOKENS = {"4K": Token.LEAF_4K, "2M": Token.LEAF_2M, "1G": Token.LEAF_1G}
_LABEL = 13
"""Cells for `L2  2M ┐1536 `."""
_WIDE = 50
_TALLEST_HISTORY = 12
_ENLARGED = 16
"""Height from which what it cost is told at length."""
_MIX_FROM = 80
_MIX_NAME = 20
_MIX_SHARES = 28

Column = tuple[str, int, Callable[[TlbAccess], str]]
"""Title, width in cells, and the figure of an access."""

_COLUMNS: tuple[Column, ...] = (
    ("footprint", 9, lambda access: format_bytes(access.footprint_bytes)),
    ("L1 miss", 8, lambda access: percent_of_ppm(access.l1_miss_ppm)),
    ("miss", 7, lambda access: percent_of_ppm(access.miss_ppm)),
    ("walk", 6, lambda access: three_digits(access.walk_cycles)),
    ("+cycles", 8, lambda access: f"+{three_digits(access.cycles_per_access)}"),
)


def draw(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Drawing:
    """The arrays of the CPU's TLB, the reach of the mappings as they are, and what each access costs."""
    view = scene.now.tlb
    main = view.accesses[0] if view.accesses else None
    scale = _Scale(view, width - _LABEL - SIZE_WIDTH - 1)
    rows = _arrays(view, scale, main, glyphs)
    if main is not None:
        rows.append(_mapped_now(main, scale, glyphs))
    has_table = bool(view.accesses) and height - len(rows) >= 2 + min(len(view.accesses), 2)
    rows.insert(0, _title(view, None if has_table else main, width, glyphs))
    table = _table_rows(view) if has_table else 0
    told = view.cost is not None and height - len(rows) - table >= 1
    spare = height - len(rows) - table - told
    if spare >= 1:
        rows.append(scale.axis(main.footprint_bytes if main else 0, glyphs))
    if spare >= 3:
        rows.append(())
    if has_table:
        rows += _table(view, width, height - len(rows) - told, glyphs)
    if view.cost is not None and told and height < _ENLARGED:
        rows.append(cost_line(view.cost, width, glyphs))
    elif told:
        rows += _enlarged(scene, width, height - len(rows), glyphs)
    room = min(height - len(rows) - 1, _TALLEST_HISTORY)
    if room >= 3:
        rows += [(), *_history(scene, width, room, glyphs)]
    return Drawing(rows)


def _enlarged(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    """What it cost, one part after the other as long as there is room for the whole of it."""
    view = scene.now.tlb
    parts = [cost_rows(view, scene.info.cpus, width, glyphs)]
    if view.cost is not None:
        parts.append(alternatives(view.cost, width, glyphs))
    parts += [walk_rows(view, width, glyphs), calibration(view, width, 4, glyphs)]
    if width >= _MIX_FROM:
        parts.append([row(dim("mapped by")), *_mixes(view, width, glyphs)])
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

    def bar(self, size_bytes: int, footprint_bytes: int, token: Token, glyphs: Glyphs) -> Row:
        """A bar to `size_bytes`, with the mark of the footprint where the bar does not reach it."""
        length = max(1, self.cells(size_bytes))
        mark = self.cells(footprint_bytes) - 1
        full = Span(glyphs.fill[-1] * length, token)
        if not length <= mark < self.width:
            return row(full, " " * (self.width - length))
        return row(full, " " * (mark - length), Span(glyphs.boundary, Token.MARK), " " * (self.width - mark - 1))

    def axis(self, footprint_bytes: int, glyphs: Glyphs) -> Row:
        """1M, 1G and 1T where they lie, and what the mark of the footprint stands for."""
        text = ""
        for size, label in _TICKS:
            place = self.cells(size)
            if size < self.highest and place >= len(text) and place + len(label) <= self.width:
                text = text.ljust(place) + label
        mark = (Span(glyphs.boundary, Token.MARK), dim(size_of(footprint_bytes))) if footprint_bytes else ()
        return row(" " * _LABEL, dim(text.ljust(self.width)), *mark)


def _arrays(view: TlbView, scale: _Scale, main: TlbAccess | None, glyphs: Glyphs) -> Rows:
    footprint = main.footprint_bytes if main else 0
    rows: Rows = []
    for index, level in enumerate(view.levels):
        before = view.levels[index - 1] if index else None
        after = view.levels[index + 1] if index + 1 < len(view.levels) else None
        name = level.level if before is None or before.level != level.level else ""
        bracket = _bracket(_shares(before, level), _shares(level, after), glyphs)
        token = _PAGE_TOKENS.get(level.page, Token.GAUGE)
        label = (Span(f"{name:<3}"), Span(f"{level.page:>3}", token), dim(bracket), Span(f"{level.entries:>5} "))
        rows.append(
            row(*label, *scale.bar(level.reach_bytes, footprint, token, glyphs), f" {size_of(level.reach_bytes)}")
        )
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


def _mapped_now(access: TlbAccess, scale: _Scale, glyphs: Glyphs) -> Row:
    """What the whole TLB covers with the leaves as they are, against the whole footprint."""
    name = cut_text(glyphs.text(access.name), _LABEL - 1, glyphs.more).ljust(_LABEL)
    drawn = scale.bar(access.reach_bytes, access.footprint_bytes, Token.GAUGE, glyphs)
    return row(strong(name), *drawn, strong(f" {size_of(access.reach_bytes)}"))


def _table_rows(view: TlbView) -> int:
    return 1 + len(view.accesses) if view.accesses else 0


def _table(view: TlbView, width: int, height: int, glyphs: Glyphs) -> Rows:
    """One row per access: what it spans and what it pays. Cut with a sign when there are too many."""
    if not view.accesses or height < 2:
        return []
    columns = _COLUMNS if width >= _WIDE else _COLUMNS[2:]
    name_width = width - sum(cells for _, cells, _ in columns)
    rows = [_table_row("random access", [title for title, _, _ in columns], columns, name_width, glyphs, Token.DIM)]
    for access in view.accesses:
        figures = [figure(access) for _, _, figure in columns]
        rows.append(_table_row(access.name, figures, columns, name_width, glyphs, Token.TEXT))
    if len(rows) > height:
        rows = [*rows[: height - 1], row(dim(f"{glyphs.more} {len(rows) - height + 1} more"))]
    return rows


def _table_row(
    name: str, figures: Sequence[str], columns: Sequence[Column], name_width: int, glyphs: Glyphs, token: Token
) -> Row:
    shown = cut_text(glyphs.text(name), name_width - 1, glyphs.more).ljust(name_width)
    cells = [figure.rjust(width) for figure, (_, width, _) in zip(figures, columns, strict=True)]
    return row(Span(shown + "".join(cells), token))


def _mixes(view: TlbView, width: int, glyphs: Glyphs) -> Rows:
    """Which leaves each mapping has: its name, a bar by leaf size, the shares."""
    rows: Rows = []
    for access in view.accesses:
        name = cut_text(glyphs.text(access.name), _MIX_NAME - 1, glyphs.more).ljust(_MIX_NAME)
        present = [(page, size) for page, size in access.mapped_bytes if size]
        shares = "".join(f"  {page} {whole_percent(size, access.footprint_bytes)}" for page, size in present)
        parts = [_leaf_part(page, size, glyphs) for page, size in present]
        rows.append(row(name, *stacked(parts, width - _MIX_NAME - _MIX_SHARES), f"{shares:>{_MIX_SHARES}}"))
    return rows


def _leaf_part(page: str, size: int, glyphs: Glyphs) -> tuple[str, Token, int]:
    token = _PAGE_TOKENS.get(page, Token.GAUGE)
    return glyphs.kinds.get(token, glyphs.fill[-1]), token, size


def _history(scene: Scene, width: int, height: int, glyphs: Glyphs) -> Rows:
    series = scene.history.series("tlb_miss_ppm")
    most = percent_of_ppm(largest(series))
    return strip(series, scene.axis, "misses over the direct map", most, width, height, glyphs, Token.HISTORY)


PANEL = Panel(
    name="tlb",
    title="TLB reach",
    tab="TLB reach",
    draw=draw,
    help=(
        "The TLB remembers translations in separate arrays per page size. Reach is entries times page size: the "
        "memory that can be accessed without a page walk. Arrays joined by a bracket are the same entries, competed "
        "for by two page sizes.\n\n"
        "All bars share one log scale. The last bar is what the whole TLB, both levels together, covers of the "
        "first access (the direct map) as it is mapped now; the mark is its whole footprint.\n\n"
        "The table gives, for random access over each mapping (uniform unless named otherwise), the share of accesses "
        "that miss the first and the last level, the cycles a page walk takes then, and the translation cycles an "
        "average access pays beyond an L1 hit. A split can help: 1 GiB leaves have few entries, 2 MiB leaves many.\n\n"
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
