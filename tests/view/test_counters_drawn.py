"""Every counter a panel draws is in its help: read from Snapshots that remember what was asked of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memtui.fields import FIELDS
from memtui.snapshot import MapRequest, Snapshot
from memtui.timeline import Timeline
from memtui.units import SECOND
from memtui.view.catalogue import PANELS, PROC
from memtui.view.glyphs import UNICODE
from memtui.view.scene import Panel, Scene
from memtui.view.state import START
from tests.fake_source import FakeSource, snapshot_at

SIZES = ((36, 8), (56, 12), (76, 19), (116, 34), (196, 54))


class Asked(dict[str, float]):
    """Figures by name; `names` gets those that are read."""

    def __init__(self, figures: object, names: set[str]) -> None:
        super().__init__(figures)  # type: ignore[call-overload]
        self.names = names

    def __getitem__(self, name: str) -> float:
        self.names.add(name)
        return super().__getitem__(name)


def remembering(moment: Snapshot, names: set[str]) -> Snapshot:
    """The moment with every counter there is, and all figures told to `names` when they are read."""
    counters = {**dict.fromkeys(FIELDS, 7), **moment.counters}
    derived = {name: counters.pop(name, 0) for name, field in FIELDS.items() if field.source.value == "memtui"}
    return replace(moment, counters=Asked(counters, names), derived=Asked({**derived, **moment.derived}, names))


def read_by(panel: Panel) -> set[str]:
    """Names of the figures that a panel reads at any size, with and without a baseline."""
    names: set[str] = set()
    request = MapRequest(direct_map_cells=64, vmemmap_cells=64, skewed=True)
    moments = [remembering(snapshot_at(second * SECOND, request), names) for second in (1, 9, 13)]
    timeline = Timeline()
    for moment in moments:
        timeline.append(moment)
    for baseline in (None, moments[0]):
        scene = Scene(FakeSource().info, moments[-1], timeline, (), replace(START, baseline=baseline), (), moments[0])
        for width, height in SIZES:
            panel.draw(scene, width, height, UNICODE)
    return names


@pytest.mark.parametrize("panel", [panel for panel in PANELS if panel.name != PROC], ids=lambda panel: panel.name)
def test_every_counter_that_a_panel_draws_is_explained_in_its_help(panel: Panel) -> None:
    assert read_by(panel) - set(panel.counters) == set()


def test_the_page_of_proc_draws_every_counter_that_linux_has() -> None:
    proc = next(panel for panel in PANELS if panel.name == PROC)
    linux = {name for name, field in FIELDS.items() if field.source.value == "/proc/meminfo"}
    assert linux <= read_by(proc)
