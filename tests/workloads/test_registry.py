"""The one list of actions: complete, described, and each action played by a class of its own."""

from __future__ import annotations

import pytest

from memtui.workloads.registry import ACTIONS, NOT_BUILT, activity_type

STEP_BY_STEP = ("process", "process_map", "process_fork", "process_write", "process_discard")
"""What the recorded experiments need beyond the actions of the main job."""

ON_PURPOSE = ("age", "fail_page_alloc", "kernel_access")
"""Machines that have been up for long, and that fail."""

OF_THE_MAIN_JOB = (
    *("nr_hugepages", "sysctl", "load_module", "load_bpf", "memfd_secret", "anon", "fork_storm"),
    *("tmpfs", "tmpfs_write", "tmpfs_truncate", "tmpfs_punch", "tmpfs_map", "tmpfs_unlink"),
    *("page_cache", "fragment", "end"),
)


CHURN = ("load_modules", "unload_modules", "reload_modules", "module_churn", "bpf_churn")
"""Sets of modules and programs that come and go."""


def test_every_action_of_the_main_job_and_no_other() -> None:
    assert sorted(ACTIONS) == sorted((*OF_THE_MAIN_JOB, *STEP_BY_STEP, *ON_PURPOSE, *CHURN))
    assert list(NOT_BUILT) == ["map_file"]


@pytest.mark.parametrize("name", [*OF_THE_MAIN_JOB, *STEP_BY_STEP, *ON_PURPOSE, *CHURN])
def test_every_parameter_has_a_meaning(name: str) -> None:
    spec = ACTIONS[name]
    assert spec.meaning
    assert spec.params.__doc__
    assert all(field.description for field in spec.params.model_fields.values())


@pytest.mark.parametrize("name", [name for name in ACTIONS if name != "end"])
def test_the_class_of_an_action_says_so_itself(name: str) -> None:
    activity = activity_type(name)
    assert activity.action == name
    assert activity.params_type is ACTIONS[name].params


def test_end_is_played_by_no_class() -> None:
    with pytest.raises(LookupError, match="no activity plays end"):
        activity_type("end")
