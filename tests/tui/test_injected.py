"""Every action a scenario can name, typed into the command line of a dashboard, with what then shows."""

from __future__ import annotations

from typing import Final

from textual.pilot import Pilot
from textual.widgets import Input

from memtui.scenario import load_text
from memtui.sources.rewind import Rewind
from memtui.sources.simulation import Simulation
from memtui.tui.app import Dashboard
from memtui.tui.screens.prompt import Prompt
from memtui.units import SECOND
from memtui.workloads.registry import ACTIONS
from tests.tui.conftest import screen_text

SCENARIO: Final = "name: Small\nmachine: {ram: 8GiB, nodes: 1}\ntimeline: [{at: 1s, nr_hugepages: 16}]\nuntil: 1h"

COMMANDS: Final = (
    ("nr_hugepages 40", "2 MiB pages 16 → 40, 48.0 MiB to the pool"),
    ("sysctl vm.min_free_kbytes=65536", "vm.min_free_kbytes 67584 → 65536"),
    ("mods: load_module text=24KiB rodata=8KiB data=4KiB count=3", "load_module mods 3 of 3 modules"),
    ("load_modules count=4 name=fleet", "4 modules of fleet loaded"),
    ("unload_modules name=fleet share=50%", "load_modules 4 of 4 modules"),
    ("reload_modules name=fleet", "2 modules of fleet reloaded"),
    ("module_churn count=10 loads=5 over=10ms", "15 modules loaded"),
    ("bpf_churn programs=10 loads=5 over=10ms", "15 BPF programs loaded"),
    ("load_bpf size=3KiB count=5", "5 BPF programs of 3.00 KiB loaded"),
    ("keys: memfd_secret size=16KiB count=4", "4 secret files, 64.0 KiB out of the direct map"),
    ("anon size=64MiB", "1 process with 64.1 MiB of anonymous memory"),
    ("fork_storm parent=4MiB children=3", "the parent has touched 4.00 MiB in 1 VMA"),
    ("process name=writer", "(writer) started"),
    ("process_map process=writer size=8MiB", "(writer) mapped 8.00 MiB in 1 VMA and touched 8.00 MiB"),
    ("process_fork process=writer", "1 fork of process"),
    ("process_write process=writer share=50%", "4.00 MiB copied"),
    ("process_discard process=writer one_in=2", "writer gave 4.00 MiB back, page by page"),
    ("tmpfs mount=/mnt/t huge=always", "/mnt/t mounted: huge=always"),
    ("tmpfs_write mount=/mnt/t file=f size=4MiB", "4.00 MiB written to /mnt/t/f"),
    ("tmpfs_map mount=/mnt/t file=f", "1 process with /mnt/t/f mapped"),
    ("tmpfs_punch mount=/mnt/t file=f size=1MiB", "holes punched in /mnt/t/f"),
    ("tmpfs_truncate mount=/mnt/t file=f size=2MiB", "/mnt/t/f set to 2.00 MiB"),
    ("tmpfs_unlink mount=/mnt/t file=f", "/mnt/t/f deleted"),
    ("page_cache size=64MiB", "64.0 MiB of file data read"),
    ("kernel_access size=1GiB", "accesses per second to 1.00 GiB of 8.00 GiB"),
    ("fail_page_alloc probability=1", "fail_page_alloc"),
    ("fragment free=10% order=3", "fragment"),
    ("age cache=10%", "age"),
    ("end keys", "secret files closed: their leaves are present again"),
)
"""Commands one after the other in one session, and words that show after each."""


def test_every_action_of_the_registry_is_typed_in_some_command() -> None:
    typed = {command.rpartition(": ")[2].split()[0] for command, _ in COMMANDS}
    assert typed == {*ACTIONS}


async def typed(app: Dashboard, pilot: Pilot[int], command: str) -> None:
    await pilot.press("colon")
    line = app.screen.query_one(Input)
    line.value = command
    await pilot.press("enter")
    assert not isinstance(app.screen, Prompt), screen_text(app)


async def test_every_action_can_be_carried_out_from_the_command_line() -> None:
    simulation = Simulation(load_text(SCENARIO))
    simulation.advance(2 * SECOND)
    app = Dashboard(simulation, theme="memtui", paused=True, past=Rewind(simulation))
    async with app.run_test(size=(160, 50)) as pilot:
        await pilot.pause()
        await pilot.press("5", "5")
        for command, words in COMMANDS:
            await typed(app, pilot, command)
            simulation.advance(simulation.now_ns + SECOND // 10)
            app.do("live")
            await pilot.pause()
            assert words in screen_text(app), f"{command}: {screen_text(app)}"
    assert simulation.events[-1].text
    again = Simulation(load_text(simulation.as_scenario()))
    again.advance(simulation.now_ns)
    assert again.events == simulation.events
