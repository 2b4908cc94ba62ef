"""Where results are. Each path is written here once, as a pattern with the wildcards that the rules use."""

RESULTS = "results"
DATA, RUNS, LOGS = f"{RESULTS}/data", f"{RESULTS}/runs", f"{RESULTS}/logs"
TABLES, FIGURES, PUBLISHED = f"{RESULTS}/tables", f"{RESULTS}/figures", f"{RESULTS}/published"
TABLE_FORMATS = ("csv", "md", "tex", "html")
FIGURE_FORMATS = ("svg", "png")

ARRAYS = DATA + "/{dataset}/arrays.npz"
SUBSET = DATA + "/{dataset}/{imbalance}/subset.json"

# Folders below RUNS, and below the logs of runs: of a setting, of a Stage 1 with all that stands on it, of a method.
SETTING = "{dataset}/{imbalance}/{backbone}"
STAGE1_RUN = SETTING + "/{stage1}/seed{seed}"
METHOD_RUN = STAGE1_RUN + "/{method}"

NETWORK = f"{RUNS}/{STAGE1_RUN}/stage1"
FEATURES = f"{RUNS}/{STAGE1_RUN}/features.npz"
METHOD = f"{RUNS}/{METHOD_RUN}"


def arrays(dataset: str) -> str:
    """The arrays of a data set."""
    return ARRAYS.format(dataset=dataset)


def subset(dataset: str, imbalance: str) -> str:
    """A subset of a data set."""
    return SUBSET.format(dataset=dataset, imbalance=imbalance)


def stage1_run(dataset: str, imbalance: str, backbone: str, stage1: str, seed: int | str) -> str:
    """The folder below RUNS of a Stage 1 and all that stands on it."""
    return STAGE1_RUN.format(dataset=dataset, imbalance=imbalance, backbone=backbone, stage1=stage1, seed=seed)
