"""The paths of results. Each is defined here once, as a pattern with the wildcards that the rules use."""

import re

RESULTS = "results"
DATA, RUNS, LOGS = f"{RESULTS}/data", f"{RESULTS}/runs", f"{RESULTS}/logs"
TABLES, FIGURES, PUBLISHED = f"{RESULTS}/tables", f"{RESULTS}/figures", f"{RESULTS}/published"
TABLE_FORMATS = ("csv", "md", "tex", "html")
FIGURE_FORMATS = ("svg", "png")
RANKINGS = f"{RESULTS}/rankings"
RANKING_FORMATS = ("html", "md", "csv", "classes.csv", "svg", "png")

# What was measured on this machine's GPUs, once, to choose how many trainings share one.
TRIALS = f"{RESULTS}/gpu/packed.json"
# Weights that were downloaded.
WEIGHTS = f"{RESULTS}/weights"

ARRAYS = DATA + "/{dataset}/arrays.npz"
# Names of the classes and sizes of the test set: for jobs that need nothing else of the arrays, which may be large.
CLASSES = DATA + "/{dataset}/classes.json"
SUBSET = DATA + "/{dataset}/{imbalance}/subset.json"

# Folders below RUNS and below the logs of runs: of a setting, of a Stage 1 with everything made from it, of a method.
SETTING = "{dataset}/{imbalance}/{backbone}"
STAGE1_RUN = SETTING + "/{stage1}/seed{seed}"
METHOD_RUN = STAGE1_RUN + "/{method}"

NETWORK = f"{RUNS}/{STAGE1_RUN}/stage1"
FEATURES = f"{RUNS}/{STAGE1_RUN}/features.npz"
METHOD = f"{RUNS}/{METHOD_RUN}"

# What Snakemake may have put before the path of a result.
_BEFORE = re.compile(rf".*(?=\b{RESULTS}/(data|runs|tables|figures|rankings|weights)/)", re.DOTALL)


def arrays(dataset: str) -> str:
    """The path of the arrays of a data set."""
    return ARRAYS.format(dataset=dataset)


def classes(dataset: str) -> str:
    """The path of the names of a data set's classes."""
    return CLASSES.format(dataset=dataset)


def subset(dataset: str, imbalance: str) -> str:
    """The path of a subset of a data set."""
    return SUBSET.format(dataset=dataset, imbalance=imbalance)


def stage1_run(dataset: str, imbalance: str, backbone: str, stage1: str, seed: int | str) -> str:
    """The folder below RUNS of a Stage 1 and everything that is made from it."""
    return STAGE1_RUN.format(dataset=dataset, imbalance=imbalance, backbone=backbone, stage1=stage1, seed=seed)


def name(path: str) -> str:
    """The path of a result as the plan has it, wherever Snakemake has put the file.

    A module's prefix or a storage's folder may come first: `lt/results/runs/a.json` is `results/runs/a.json`.
    """
    return _BEFORE.sub("", path, count=1)
