"""How long the grid of the papers takes on 1, 8 and 64 GPUs: a simulation, whose tables stand in docs/scale.md.

The jobs and what they need are Snakemake's own, of config/config.yaml with all data sets present. Their seconds are
those of `estimates`, the cluster is that of `simulator`; no GPU was measured.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks import estimates, grid, records, simulator
from benchmarks.estimates import PACES, Rates
from benchmarks.grid import Node
from benchmarks.simulator import Checks, Cluster, Job

from longtail.config import schema
from longtail.graph import costs
from longtail.graph.costs import Training
from longtail.overview import text
from longtail.runtime import files

GIVEN = Path(__file__).with_name("scale.yaml")
# Apart from what was measured, which `make plan` and benchmarks/README.md look through.
RECORD = records.RESULTS / "simulated" / "scale.json"
GPUS = (1, 8, 64)
CHANGED_ON = (8, 64)
CIFAR = frozenset({"cifar10", "cifar100"})
BLOCKS = {
    "CIFAR-10-LT and CIFAR-100-LT": CIFAR,
    "ImageNet-LT": {"imagenet_lt"},
    "Places-LT": {"places_lt"},
    "iNaturalist 2018": {"inaturalist2018"},
    "everything": CIFAR | grid.LARGE.keys(),
}
# Those of which it is simulated what changes them.
CHANGED = ("CIFAR-10-LT and CIFAR-100-LT", "everything")
AS_ABOVE = "as above"


@dataclass(frozen=True)
class Grid:
    """The jobs of Snakemake and the trainings of the plan."""

    nodes: list[Node]
    trainings: dict[str, Training]
    workers: int

    @classmethod
    def of(cls, folder: Path, config: dict[str, Any]) -> "Grid":
        """Under a configuration laid upon the default."""
        plan = grid.graph(config)
        nodes = grid.nodes(grid.snakemake(folder, config, "--dag", "--workflow-profile", "none"))
        trainings = {training.folder: training for training in costs.trainings(plan, plan.plan.runs)}
        return cls(nodes, trainings, plan.compute["workers"])

    def jobs(self, pace: str, given: dict[str, Any]) -> list[Job]:
        """All jobs with their seconds."""
        return estimates.jobs(self.nodes, self.trainings, Rates.of(pace, given, self.workers), given)


def cluster(given: dict[str, Any], folder: Path = records.RESULTS) -> Cluster:
    """That of `scale.yaml` under profiles/slurm. A job starts Snakemake twice and imports what a training does."""
    starts, assumed, profile = _seconds(folder, "graph"), given["assumed"], grid.profile("slurm")
    return Cluster(
        gpus=1,
        submitted=profile["jobs"],
        queue=assumed["queue"],
        startup=2 * starts["one file, profile default"] + _seconds(folder, "startup")["first step of train_stage1"],
        walltime=assumed["walltime_hours"] * 3600,
        checks=Checks(**given["cited"]["checks"]),
        local=profile["local-cores"],
    )


def block(jobs: Sequence[Job], nodes: Sequence[Node], datasets: Iterable[str]) -> list[Job]:
    """The jobs that are about these data sets and no others, their tables and figures included."""
    wanted = frozenset(datasets)
    return [job for job, node in zip(jobs, nodes, strict=True) if node.datasets <= wanted]


def summary(name: str, pace: str, jobs: Sequence[Job], where: Cluster) -> dict[str, Any]:
    """Values of the record for a block."""
    outcomes = {count: simulator.simulate(jobs, dataclasses.replace(where, gpus=count)) for count in GPUS}
    longest, chain = simulator.longest_chain(jobs, where)
    return {
        "block": name,
        "pace": pace,
        "jobs": len(jobs),
        "gpu_jobs": sum(job.gpus > 0 for job in jobs),
        "gpu_seconds": outcomes[1].gpu_seconds,
        "makespan": {str(count): outcome.makespan for count, outcome in outcomes.items()},
        "chain_seconds": longest,
        "chain": [{"job": job.name, "seconds": job.seconds} for job in chain],
        "enough": simulator.enough(jobs, where),
        "most_attempts": outcomes[1].most_attempts,
    }


def variants(name: str, pace: str, jobs: list[Job], given: dict[str, Any], where: Cluster) -> list[dict[str, Any]]:
    """Values of the record for what could be otherwise in a block, one thing at a time, where that makes any odds."""
    cited, assumed = given["cited"], given["assumed"]
    gain = cited["resnet50_images_per_second_on_8"] / cited["resnet50_images_per_second"]
    part = Fraction(1, assumed["trainings_on_a_gpu"])
    shared = f"{assumed['trainings_on_a_gpu']} CIFAR trainings on a GPU"
    changes: dict[str, tuple[Callable[[list[Job]], list[Job]], Cluster]] = {
        AS_ABOVE: (list, where),
        "an end is known at once": (list, dataclasses.replace(where, checks=None)),
        "no queue and no start-up": (list, dataclasses.replace(where, queue=0.0, startup=0.0)),
        "1,000 jobs submitted at a time": (list, dataclasses.replace(where, submitted=1000)),
        "stopped after 8 hours": (list, dataclasses.replace(where, walltime=8 * 3600.0)),
        "longest chain first": (lambda found: simulator.longest_first(found, where), where),
        shared: (lambda found: [_sharing(job, part) for job in found], where),
        "8 GPUs and 8 times the decoding for a Stage 1 of iNaturalist": (
            lambda found: [_spread(job, gain) for job in found],
            where,
        ),
    }
    made = {variant: (change(jobs), place) for variant, (change, place) in changes.items()}
    return [
        _variant(name, pace, variant, changed, place)
        for variant, (changed, place) in made.items()
        if variant == AS_ABOVE or (changed, place) != (jobs, where)
    ]


def simulated(folder: Path) -> dict[str, Any]:
    """Values of the whole record; `folder` is for stand-ins."""
    given, config = schema.read_yaml(GIVEN), grid.stand_ins(folder)
    whole, single = (Grid.of(folder, config | {"seeds": {"runs": runs}}) for runs in ([0, 1, 2], [0]))
    jobs, first_seed = ({pace: each.jobs(pace, given) for pace in PACES} for each in (whole, single))
    where = cluster(given)
    blocks, changed = [], []
    for pace in PACES:
        for name, datasets in BLOCKS.items():
            of_block = block(jobs[pace], whole.nodes, datasets)
            blocks.append(summary(name, pace, of_block, where))
            if name in CHANGED:
                seed = block(first_seed[pace], single.nodes, datasets)
                changed += variants(name, pace, of_block, given, where)
                changed.append(_variant(name, pace, "one seed", seed, where))
    rates = {pace: Rates.of(pace, given, whole.workers) for pace in PACES}
    return {
        "given": given,
        "startup": where.startup,
        "steps_per_second": {
            pace: {str(kind): 1 / seconds for kind, seconds in sorted(each.steps.items())}
            for pace, each in rates.items()
        },
        "decoded_per_second": {split: 1 / seconds for split, seconds in rates["slow"].decoding.items()},
        "on_gpus": sorted(map(str, estimates.on_gpus(records.RESULTS))),
        "workers": whole.workers,
        "retries": grid.profile("slurm")["retries"],
        "blocks": blocks,
        "variants": changed,
    }


def tables(path: Path = RECORD) -> str:
    """The record as Markdown."""
    record = files.read_json(path)
    parts = [f"Simulated on {record['date']}, commit {record['commit']}."]
    for pace in PACES:
        rows = [found for found in record["blocks"] if found["pace"] == pace]
        parts += [
            f"### The {pace} case",
            _lines(BLOCK_HEAD, map(_block, rows)),
            _lines(CHAIN_HEAD, map(_chain, rows)),
        ]
    for name in CHANGED:
        found = [each for each in record["variants"] if each["block"] == name]
        parts += [
            f"### One thing changed at a time: {name}",
            _lines(VARIANT_HEAD, _variants(found, record["retries"])),
        ]
    parts += ["### Images a second", _lines(SPEED_HEAD, _speeds(record))]
    return "\n\n".join(parts)


BLOCK_HEAD = (
    *("block", "jobs", "of them on a GPU", "GPU hours", "1 GPU", "8 GPUs", "64 GPUs"),
    *("faster on 8", "on 64", "busy of 8", "of 64", "enough GPUs", "most attempts"),
)
CHAIN_HEAD = ("block", "longest chain", "through", "most of it in", "share")
VARIANT_HEAD = ("", "slow, 8 GPUs", "slow, 64 GPUs", "fast, 8 GPUs", "fast, 64 GPUs")
SPEED_HEAD = ("", "slow", "fast")


def _block(found: dict[str, Any]) -> list[str]:
    times = found["makespan"]
    more = [(count, times[str(count)]) for count in GPUS[1:]]
    return [
        found["block"],
        f"{found['jobs']:,}",
        f"{found['gpu_jobs']:,}",
        f"{found['gpu_seconds'] / 3600:,.0f}",
        *(text.span(times[str(count)]) for count in GPUS),
        *(f"{times['1'] / seconds:.1f}" for _, seconds in more),
        *(f"{found['gpu_seconds'] / (count * seconds):.0%}" for count, seconds in more),
        str(found["enough"]),
        str(found["most_attempts"]),
    ]


def _chain(found: dict[str, Any]) -> list[str]:
    most = max(found["chain"], key=lambda job: job["seconds"])
    through = ", ".join(job["job"].split()[0] for job in found["chain"])
    share = f"{most['seconds'] / found['chain_seconds']:.0%}"
    return [found["block"], text.span(found["chain_seconds"]), through, most["job"], share]


def _variants(found: Sequence[dict[str, Any]], retries: int) -> list[list[str]]:
    """Rows; a makespan is marked where a job would be stopped more often than it is started again."""
    rows: dict[str, list[str]] = {}
    for pace in PACES:
        for each in (variant for variant in found if variant["pace"] == pace):
            mark = f" with {each['most_attempts'] - 1} retries" if each["most_attempts"] > retries + 1 else ""
            spans = [text.span(each["makespan"][str(count)]) + mark for count in CHANGED_ON]
            rows.setdefault(each["variant"], [each["variant"]]).extend(spans)
    return list(rows.values())


def _speeds(record: dict[str, Any]) -> list[list[str]]:
    slow, fast = (record["steps_per_second"][pace] for pace in PACES)
    rows = [[f"training steps of {kind}", f"{slow[kind]:,.0f}", f"{fast[kind]:,.0f}"] for kind in slow]
    decoded = record["decoded_per_second"].items()
    return rows + [
        [f"{split} images decoded by {record['workers']} processes", f"{rate:,.0f}", "no limit"]
        for split, rate in decoded
    ]


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _seconds(folder: Path, benchmark: str) -> dict[str, float]:
    return {record["contestant"]: record["seconds"] for record in estimates.recorded(folder, benchmark)}


def _variant(name: str, pace: str, variant: str, jobs: Sequence[Job], where: Cluster) -> dict[str, Any]:
    outcomes = {count: simulator.simulate(jobs, dataclasses.replace(where, gpus=count)) for count in CHANGED_ON}
    times = {str(count): outcome.makespan for count, outcome in outcomes.items()}
    most = max(outcome.most_attempts for outcome in outcomes.values())
    return {"block": name, "pace": pace, "variant": variant, "makespan": times, "most_attempts": most}


def _sharing(job: Job, part: Fraction) -> Job:
    return dataclasses.replace(job, gpus=part) if job.gpus == 1 and "backbone=resnet32 " in job.name else job


def _spread(job: Job, gain: float) -> Job:
    spread = job.name.startswith("train_stage1 ") and "dataset=inaturalist2018 " in job.name
    return dataclasses.replace(job, gpus=Fraction(8), seconds=job.seconds / gain) if spread else job


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/simulated/scale.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (made,) = records.stamped("scale", [simulated(Path(folder))])
        path = RECORD if options.record else Path(folder) / "scale.json"
        files.write_json(path, made)
        print(tables(path))


if __name__ == "__main__":
    main()
