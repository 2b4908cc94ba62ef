import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from longtail.overview import jobs, states
from longtail.results import RANKING_FORMATS


@pytest.fixture
def to_do(tree):
    """How many jobs of each rule are to do."""

    def counted() -> Counter[str]:
        looked = {folder: states.look(training, time.time()) for folder, training in tree.trainings.items()}
        return Counter(job.rule for job in jobs.to_do(tree.jobs(), looked))

    return counted


@pytest.fixture
def made(tree) -> None:
    """A tree in which everything is there."""
    tree.make_all()


def test_every_job_makes_files_of_its_own(tree: Any) -> None:
    found = tree.jobs()

    assert len({path for job in found for path in job.outputs}) == sum(len(job.outputs) for job in found)


def test_all_is_to_do_where_nothing_is_there_and_nothing_where_all_is(tree: Any, to_do: Any) -> None:
    assert sum(to_do().values()) == len(tree.jobs()) == 15

    tree.make_all()

    assert to_do() == {}


def test_a_job_whose_files_are_there_in_part_is_to_do(made: None, to_do: Any) -> None:
    Path("results/tables/own.tex").unlink()

    assert to_do() == {"make_table": 1}


def test_jobs_that_require_a_training_of_other_code_are_to_do(tree: Any, made: None, to_do: Any) -> None:
    tree.finish(tree.MISLAS, code="000000000000")

    assert to_do() == {"train_stage2": 1, "evaluate": 1, "draw_reliability_overview": 1, "make_table": 1}

    tree.finish(tree.MISLAS)
    tree.finish(tree.MIXUP, code="000000000000")

    # The curves are those of both Stage 1s.
    assert to_do() == {
        "train_stage1": 1,
        "extract_features": 1,
        "train_stage2": 1,
        "evaluate": 1,
        "draw_reliability_overview": 1,
        "make_table": 1,
        "draw_training_curves": 1,
    }


def test_an_imported_stage1_is_a_job_that_trains_nothing(tree: Any, taken: Any) -> None:
    taken(tree.CE)

    rules = Counter(job.rule for job in tree.jobs())

    assert (rules["import_stage1"], rules["train_stage1"], sum(rules.values())) == (1, 1, 15)


def test_jobs_of_a_kind_share_rule_data_set_and_backbone(tree: Any) -> None:
    kinds = {job.kind for job in tree.jobs()}

    assert {
        ("build_arrays", "cifar10"),
        ("build_long_tail", "cifar10"),
        ("train_stage1", "cifar10", "resnet32"),
        ("train_stage2", "cifar10", "resnet32"),
        ("evaluate", "cifar10", "resnet32"),
        ("draw_reliability_overview",),
        ("make_table",),
    } <= kinds


def test_a_page_that_ranks_methods_is_a_job_that_requires_their_trainings(tree: Any, to_do: Any) -> None:
    table = yaml.safe_load(Path("own.yaml").read_text())
    del table["columns"][0]["ranking"]
    Path("own.yaml").write_text(yaml.safe_dump(table))
    tree.configure()
    tree.make_all()

    (page,) = [job for job in tree.jobs() if job.rule == "make_ranking"]
    assert set(page.outputs) == {f"results/rankings/own.{form}" for form in RANKING_FORMATS}
    assert to_do() == {}
    tree.finish(tree.CE, code="000000000000")
    assert to_do()["make_ranking"] == 1
