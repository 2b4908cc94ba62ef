"""The Stage 1s that a configuration imports (key `stage1`), checked before anything runs."""

import difflib
from pathlib import Path

from longtail.config import chain, settings
from longtail.config.blame import THE_CONFIG
from longtail.config.plan import Plan, Training
from longtail.config.registry import Registry
from longtail.runtime import files
from longtail.runtime.errors import InputError
from longtail.stage1 import imported


def check(plan: Plan, results: Path) -> None:
    """Raises InputError for the first import that is unused, incomplete, trained otherwise or already finished here.

    `results` is the folder of the runs on this machine.
    """
    networks = chain.networks(plan)
    for folder, entry in plan.registry.config["stage1"].items():
        where = f"{THE_CONFIG}, stage1 '{folder}'"
        if folder not in networks:
            raise InputError(f"{where}: no requested table or figure uses this Stage 1: {_remedy(folder, networks)}")
        source = Path(entry["source"])
        record = imported.read_record(source, where)
        imported.check_settings(record, settings.of_training(plan.registry, networks[folder]), source, where)
        check_place(plan.registry, networks[folder], entry["sha256"], results, where)


def check_place(registry: Registry, network: Training, sha256: str, results: Path, where: str) -> None:
    """Raises InputError if an import would replace another finished network, which the user has to delete first."""
    folder, ours = results / network.folder, settings.of_training(registry, network)
    try:
        record = files.parse_json(folder / "provenance.json")
        origin, differing = record.get("imported"), imported.differences(record["settings"], ours)
    except (OSError, ValueError, KeyError, AttributeError):
        return  # not finished, or to be trained again in any case
    if differing or (origin and origin["sha256"] == sha256):
        return
    how = f"imported from {origin['source']} with another sha256" if origin else "trained here"
    raise InputError(
        f"{where}: {folder} holds this network already, {how}: remove the line to keep that one, or delete that "
        f"folder and run `snakemake {folder}/last.pt` to take the other"
    )


def _remedy(folder: str, networks: dict[str, Training]) -> str:
    close = difflib.get_close_matches(folder, networks, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? Else remove the line" if close else "remove the line"
