"""Who split the direct map, and the policies' own state, in the direct-map panel."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.snapshot import MapRequest, PolicyRow, PolicyState, Snapshot, SplitCause
from memtui.units import MIB, SECOND
from memtui.view.cells import plain, row_width
from memtui.view.glyphs import ASCII, UNICODE
from memtui.view.panels.split_causes import cause_line, cause_table, column, policy_rows
from tests.fake_source import snapshot_at

CAUSES = (
    SplitCause("load_module", 6, 1),
    SplitCause("memfd_secret", 196, 2),
    SplitCause("load_bpf", 3, 0),
    SplitCause("4 others", 2, 1),
)
CACHE = PolicyState(
    "exec_memory",
    "unmapped_cache",
    (
        PolicyRow("cached", 6 * MIB, "bytes"),
        PolicyRow("blocks taken", 3, "blocks"),
        PolicyRow("in use", 250_000, "ppm"),
    ),
    (("Free", (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1100)), ("Released", (0,) * 11)),
)
PACKS = PolicyState("bpf", "prog_pack", (PolicyRow("packs", 2, "packs"), PolicyRow("free", 32_701, "chunks")))


def moment(causes: tuple[SplitCause, ...] = CAUSES, *policies: PolicyState) -> Snapshot:
    return replace(snapshot_at(9 * SECOND, MapRequest()), split_causes=causes, policy_state=policies)


def test_the_line_names_the_largest_causes_first() -> None:
    assert plain(cause_line(moment(), 80, UNICODE)) == "by memfd_secret 198  load_module 7  load_bpf 3  4 others 3"
    assert plain(cause_line(moment(), 40, UNICODE)) == "by memfd_secret 198  … 3 more"
    assert cause_line(moment(()), 80, UNICODE) == []


def test_the_largest_cause_is_named_however_narrow_the_line() -> None:
    assert plain(cause_line(moment(), 27, UNICODE)) == "by memfd_sec… 198  … 3 more"
    one = (SplitCause("load_module drivers: module text", 20, 1),)
    assert plain(cause_line(moment(one), 24, UNICODE)) == "by load_module drive… 21"


def test_the_table_has_1g_and_2m_leaves_by_cause_largest_first() -> None:
    assert plain(cause_table(moment(), 40, 8, UNICODE)).split("\n") == [
        "split by                  1G→2M    2M→4K",
        "memfd_secret                  2      196",
        "load_module                   1        6",
        "load_bpf                      0        3",
        "4 others                      1        2",
    ]


def test_causes_without_room_are_summed() -> None:
    lines = plain(cause_table(moment(), 40, 4, UNICODE)).split("\n")
    assert lines[2:] == ["load_module                   1        6", "… 2 more                      1        5"]


def test_nothing_split_is_said() -> None:
    assert plain(cause_table(moment(()), 60, 5, UNICODE)) == "nothing split the direct map since boot"


def test_a_policy_shows_its_figures_and_its_table_by_order() -> None:
    assert plain(policy_rows(moment((), CACHE), 64, 8, UNICODE)).split("\n") == [
        "exec_memory unmapped_cache  cached 6.00 MiB  blocks taken 3",
        "in use 25.0 %",
        "order        0    1    2    3    4    5    6    7    8    9   10",
        "Free         1    2    3    4    5    6    7    8    9   10 1.1k",
        "Released     0    0    0    0    0    0    0    0    0    0    0",
    ]


def test_several_policies_stand_one_below_the_other_and_rows_without_room_are_counted() -> None:
    lines = plain(policy_rows(moment((), PACKS, CACHE), 100, 3, UNICODE)).split("\n")
    assert lines[0] == "bpf prog_pack  packs 2  free 32 701 chunks"
    assert lines[2] == "… 3 more"


@pytest.mark.parametrize("width", [40, 46, 78])
@pytest.mark.parametrize("height", [0, 1, 2, 5, 8])
def test_the_column_keeps_to_its_space_at_any_size(width: int, height: int) -> None:
    rows = column(moment(CAUSES, CACHE, PACKS), width, height, UNICODE)
    assert len(rows) == height
    assert max((row_width(line) for line in rows), default=0) <= width
    assert plain(column(moment(CAUSES, CACHE, PACKS), width, height, ASCII)).isascii()


def test_policies_stand_below_the_causes_and_leave_them_four_rows() -> None:
    lines = plain(column(moment(CAUSES, PACKS), 60, 8, UNICODE)).split("\n")
    assert lines[0].startswith("split by")
    assert lines[5] == "bpf prog_pack  packs 2  free 32 701 chunks"
    crowded = plain(column(moment(CAUSES, CACHE), 60, 8, UNICODE)).split("\n")
    assert [line.split()[0] for line in crowded] == [
        "split",
        "memfd_secret",
        "load_module",
        "…",
        "exec_memory",
        "in",
        "order",
        "…",
    ]
