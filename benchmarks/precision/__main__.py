"""Does bfloat16 on a CPU give the same results as float32? The same runs in both, seed by seed.

`python -m benchmarks.precision --data <tree of CIFAR-10 images> --work <folder>` runs in <folder>
what is missing there and writes the comparison to results/published/cpu-precision. More than an hour on two cores.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from longtail.runtime import files, provenance
from longtail.runtime.fingerprint import ROOT

HERE = Path(__file__).parent
PUBLISHED = ROOT / "results" / "published" / "cpu-precision"
STUDIES = ("digits", "cifar10_jpeg")
PRECISIONS = ("float32", "bfloat16")
METRICS = {"top1": "top-1", "ece": "ECE"}


def run(study: str, precision: str, data: Path, work: Path) -> None:
    """All metrics of a study in one precision, in a folder of its own."""
    folder = work / precision
    folder.mkdir(parents=True, exist_ok=True)
    for name, target in (("benchmarks", ROOT / "benchmarks"), ("data/cifar10-jpeg", data.resolve())):
        link = folder / name
        link.parent.mkdir(exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(target)
    command = [sys.executable, "-m", "snakemake", "metrics", "--snakefile", str(ROOT / "Snakefile"), "--cores", "all"]
    command += ["--directory", str(folder), "--configfile", str(HERE / f"{study}.yaml")]
    subprocess.run([*command, "--config", f"compute={{'precision': '{precision}', 'device': 'cpu'}}"], check=True)


def scores(work: Path) -> pd.DataFrame:
    """One row a run: precision, data set, method, seed, and the metrics of the last epoch in %."""
    rows = []
    for precision in PRECISIONS:
        for path in sorted((work / precision / "results" / "runs").rglob("metrics.json")):
            dataset, *_, seed, method, _ = path.relative_to(work / precision / "results" / "runs").parts
            last = files.read_json(path)["last"]
            rows.append({"precision": precision, "dataset": dataset, "method": method, "seed": int(seed[4:])})
            rows[-1] |= {metric: 100 * last[metric] for metric in METRICS}
    return pd.DataFrame(rows)


def compare(found: pd.DataFrame) -> pd.DataFrame:
    """Per data set, method and metric: means, the paired difference with its 95 % interval, p after Holm."""
    rows: list[dict[str, Any]] = []
    for (dataset, method), group in found.groupby(["dataset", "method"], sort=False):
        for metric, label in METRICS.items():
            pairs = group.pivot(index="seed", columns="precision", values=metric).dropna()
            change = pairs["bfloat16"] - pairs["float32"]
            test = stats.ttest_rel(pairs["bfloat16"], pairs["float32"])
            low, high = test.confidence_interval(0.95)
            row = {"data set": dataset, "method": method, "metric": label, "n": len(pairs)}
            for precision in PRECISIONS:
                row |= {precision: pairs[precision].mean(), f"{precision} sd": pairs[precision].std()}
            rows.append(row | {"difference": change.mean(), "low": low, "high": high, "p": test.pvalue})
    table = pd.DataFrame(rows)
    order = np.argsort(table["p"].to_numpy())
    corrected = table["p"].to_numpy()[order] * (len(table) - np.arange(len(table)))
    table.loc[order, "p (Holm)"] = np.minimum(np.maximum.accumulate(corrected), 1)
    return table


def page(table: pd.DataFrame, versions: str) -> str:
    """The comparison as Markdown."""
    lines = [
        "# bfloat16 against float32 on a CPU",
        "",
        "The same runs in both precisions, paired by seed; in %, last epoch. No run is one of a paper: digits at",
        "factor 50 with the demo's recipe; CIFAR-10 images (JPEG copies), at most 1,000 a class and factor 50, ten",
        f"epochs of Stage 1 and four of Stage 2. {versions}",
        "",
        "| data set | method | metric | n | float32 | bfloat16 | difference [95 % interval] | p (Holm) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in table.to_dict("records"):
        means = (f"{row[p]:.2f} ± {row[f'{p} sd']:.2f}" for p in PRECISIONS)
        change = f"{row['difference']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]"
        names = (row["data set"], row["method"], row["metric"], str(row["n"]))
        cells = [*names, *means, change, f"{row['p (Holm)']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, compare, publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/<class>/* and test/<class>/*")
    parser.add_argument("--work", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--compare", action="store_true", help="compare the runs that are there, and run nothing")
    given = parser.parse_args()
    if not given.compare:
        for study in STUDIES:
            for precision in PRECISIONS:
                run(study, precision, given.data, given.work)
    records = [files.read_json(path) for path in sorted(given.work.rglob("provenance.json"))]
    first, table = records[0], compare(scores(given.work))
    versions = f"PyTorch {first['versions']['torch']}, {first['processor']}, commit {first['commit']}."
    files.write_text(PUBLISHED / "precision.md", page(table, versions))
    files.write_text(PUBLISHED / "precision.csv", table.to_csv(index=False, lineterminator="\n"))
    kept = {key: sorted({str(record.get(key)) for record in records}) for key in ("commit", "processor")}
    manifest = kept | {"versions": first["versions"], "runs": scores(given.work).to_dict("records")}
    files.write_json(PUBLISHED / "manifest.json", manifest | {"compared": provenance.machine()})


if __name__ == "__main__":
    main()
