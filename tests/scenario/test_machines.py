"""`machine:` named machines, what is left out, and what boots."""

from __future__ import annotations

import pytest

from memtui.machine import Machine
from memtui.machine.config import NAMED_MACHINES, CpuConfig, KernelConfig
from memtui.machine.kernels import POLICIES as BUILT_CLASSES
from memtui.scenario import load_text
from memtui.scenario.faults import one_of
from memtui.scenario.machines import MACHINES
from memtui.scenario.policies import POLICIES, Policy, built_names
from memtui.units import GIB, MIB, TIB
from tests.scenario.samples import faults, machine


@pytest.mark.parametrize("name", NAMED_MACHINES)
def test_a_named_machine_is_itself(name: str) -> None:
    assert machine(f"{{like: {name}}}").machine == NAMED_MACHINES[name]


@pytest.mark.parametrize("name", [name for name, built in MACHINES.items() if not built])
def test_machines_to_come_are_not_built_yet(name: str) -> None:
    assert f"like: {name!r} is not built yet; expected laptop-16g" in faults(f"machine: {{like: {name}}}")[0]


def test_no_machine_is_server_64g() -> None:
    assert load_text("name: x").machine == NAMED_MACHINES["server-64g"]


def test_ram_alone_is_server_64g_scaled_on_one_node() -> None:
    config = machine("{ram: 1GiB}").machine
    assert (config.name, config.ram_bytes, config.nodes) == ("custom", GIB, 1)
    assert (config.cpu, config.kernel) == (CpuConfig(32, "skylake-sp"), KernelConfig())


def test_ram_beside_like_keeps_the_nodes() -> None:
    config = machine("{like: server-64g, ram: 128GiB}").machine
    assert (config.name, config.ram_bytes, config.nodes) == ("custom", 128 * GIB, 2)


def test_overrides_without_ram_keep_the_rest_of_server_64g() -> None:
    config = machine("{cpu: {count: 4, gbpages: false}}").machine
    assert (config.ram_bytes, config.nodes, config.cpu) == (64 * GIB, 2, CpuConfig(4, "skylake-sp", False))
    assert config.name == "custom"


def test_the_speed_of_a_cpu_is_a_share_of_the_recorded_hosts() -> None:
    assert machine("{cpu: {speed: 69.4%}}").machine.cpu == CpuConfig(speed_ppm=694_000)
    assert machine("{cpu: {speed: 250%, guest: true}}").machine.cpu == CpuConfig(speed_ppm=2_500_000, guest=True)


@pytest.mark.parametrize("speed", ["0.5%", "1001%", "0.69", "1", "-3%", "fast", "69 %"])
def test_no_speed(speed: str) -> None:
    expected = "expected a speed from 1% to 1000%, such as 69% for a CPU 1.44 times slower"
    assert expected in faults(f"machine: {{cpu: {{speed: {speed}}}}}")[0]


def test_another_kernel_leaves_the_machine_its_name() -> None:
    config = machine(
        "{like: vm-8g, kernel: {hugetlb_optimize_vmemmap: true, thp: madvise, min_free_kbytes: 4096}}"
    ).machine
    assert config.name == "vm-8g"
    assert config.kernel == KernelConfig(hugetlb_optimize_vmemmap=True, thp="madvise", min_free_kbytes=4096)


def test_from_64_mib_to_64_tib_boots() -> None:
    assert machine("{ram: 64MiB}").machine.ram_bytes == 64 * MIB
    assert machine("{ram: 64TiB, nodes: 8}").machine.ram_bytes == 64 * TIB
    assert machine("{ram: 67112960}").machine.ram_bytes == 64 * MIB + 4096


@pytest.mark.parametrize(
    "lines", ["{ram: 64MiB}", "{ram: 64MiB, cpu: {count: 8192}}", "{ram: 1GiB, nodes: 8}", "{ram: 64TiB, nodes: 8}"]
)
def test_the_smallest_and_the_largest_that_are_accepted_do_boot(lines: str) -> None:
    Machine(machine(lines).machine).check()


def test_one_page_less_than_64_mib_does_not_boot() -> None:
    assert faults("machine: {ram: 65532KiB}") == [
        "f:1:16: ram: a machine with 65532KiB is too small to boot; expected at least 64MiB"
    ]


def test_one_page_more_than_64_tib_is_beyond_four_levels() -> None:
    assert "expected at most 64TiB" in faults("machine: {ram: 68719476740KiB}")[0]


def test_eight_nodes_share_1_gib_and_nine_do_not() -> None:
    assert machine("{ram: 1GiB, nodes: 8}").machine.nodes == 8
    assert "expected at most 8" in faults("machine: {ram: 1GiB, nodes: 9}")[0]


def test_nodes_of_a_named_machine_are_checked_against_new_ram() -> None:
    assert faults("machine: {like: server-64t, ram: 512MiB}") == [
        "f:1:10: nodes: 8 nodes cannot share 512MiB, each needs a memory section of 128MiB; expected at most 4"
    ]


@pytest.mark.parametrize("axis", BUILT_CLASSES)
def test_a_policy_is_built_when_the_machine_has_a_class_for_it(axis: str) -> None:
    assert built_names(POLICIES[axis].built) == list(BUILT_CLASSES[axis])


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_of_every_policy_a_name_is_built_and_the_kernels_own_is(policy: Policy) -> None:
    built = [choice.name for choice in policy.choices if choice.built]
    assert getattr(KernelConfig(), policy.name) in built
    for choice in policy.choices:
        lines = faults(f"machine: {{kernel: {{{policy.name}: {choice.name}}}}}")
        refused = f"{policy.name}: {choice.name!r} is not built yet; expected {one_of(built)}"
        assert [line.split(": ", 1)[1] for line in lines] == ([] if choice.built else [refused])
