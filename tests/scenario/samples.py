"""Scenario texts the tests of this folder share."""

from __future__ import annotations

from memtui.scenario import Scenario, ScenarioError, load_text

CONTRACT = """\
memtui: 1                       # version of this format
name: A hypervisor turns on HVO
about: |
  What 10 240 huge pages give back when their tail struct pages share one frame.
seed: 7
machine:
  like: server-64g              # optional: a named machine, then overrides
  ram: 64GiB
  nodes: 2
  cpu: {count: 32, tlb: skylake-sp}
  kernel:
    like: "6.18"                # every policy as that Linux had it, then overrides
    hugetlb_vmemmap: reserve-1
    exec_memory: rox_cache
    rmap: anon_vma_chain
    memory_model: sparse_vmemmap
    shmem_thp: multi_order
timeline:
  - at: 1s
    nr_hugepages: 10240         # long form: {count: 10240, size: 2MiB, node: 0}
  - at: 3s
    every: 20ms
    times: 200
    load_module: {text: 24KiB, rodata: 12KiB, data: 16KiB}
  - at: 8s
    label: keys                 # names what the entry made, so that a later entry can end it
    memfd_secret: {size: 16KiB, count: 64}
  - at: 9s
    fork_storm: {parent: 256MiB, children: 100, writes: 10%, hold: 2s}
  - at: 12s
    end: keys
expect:
  - at: 2s
    HugePages_Total: 10240
  - at: end
    DirectMap4k: {max: 64MiB}
    MemFree: 40GiB .. 45GiB
"""
"""A scenario with every part in it."""


def faults(text: str, *sets: str) -> list[str]:
    """The lines a scenario is answered with; none when it is accepted."""
    try:
        load_text(text, "f", sets)
    except ScenarioError as error:
        return str(error).splitlines()
    return []


def machine(lines: str, *sets: str) -> Scenario:
    """A scenario with this `machine:` and nothing else."""
    return load_text(f"machine: {lines}", "f", sets)


def timeline(*entries: str) -> str:
    """A scenario text with these entries, one to a line from line 3 on, on a machine of 1 GiB."""
    return "\n".join(("machine: {ram: 1GiB}", "timeline:", *(f"- {entry}" for entry in entries)))
