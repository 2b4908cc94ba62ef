import pytest

from longtail import results

RUN = "results/runs/digits/if50/resnet32/ce/seed0/ce/metrics.json"


@pytest.mark.parametrize(
    "path",
    [
        RUN,
        f"signs/{RUN}",
        f"my results/{RUN}",
        f"results/{RUN}",
        f"results/data/{RUN}",
        f".snakemake/storage/s3/bucket/folder/{RUN}",
        f".snakemake/storage/fs/tmp/results/here/{RUN}",
    ],
)
def test_a_result_has_the_name_that_the_plan_gives_it(path: str) -> None:
    assert results.name(path) == RUN


def test_other_paths_keep_theirs() -> None:
    for path in ("own/table.yaml", "results.csv", "/data/my_results/runs.csv", "noresults/runs/a"):
        assert results.name(path) == path


def test_data_sets_may_have_any_name() -> None:
    for dataset in ("results", "data", "runs"):
        assert results.name(f"signs/{results.subset(dataset, 'natural')}") == results.subset(dataset, "natural")
