"""The Stage 1s that a configuration takes from elsewhere (`stage1`), checked before anything runs."""

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
    """InputError for the first Stage 1 that is not wanted, not whole or trained otherwise, or that is there already.

    `results` is the folder of the runs here.
    """
    wanted = chain.networks(plan)
    for folder, given in plan.registry.config["stage1"].items():
        where = f"{THE_CONFIG}, stage1 '{folder}'"
        if folder not in wanted:
            raise InputError(f"{where}: no table or figure asked for wants this Stage 1: {_instead(folder, wanted)}")
        source = Path(given["source"])
        told = imported.record(source, where)
        imported.check_settings(told, settings.of_training(plan.registry, wanted[folder]), source, where)
        check_place(plan.registry, wanted[folder], given["sha256"], results, where)


def check_place(registry: Registry, network: Training, sha256: str, results: Path, where: str) -> None:
    """InputError where an import would replace a finished network: nothing that is there is given up unasked."""
    there, ours = results / network.folder, settings.of_training(registry, network)
    try:
        told = files.parse_json(there / "provenance.json")
        origin, differing = told.get("imported"), imported.differences(told["settings"], ours)
    except (OSError, ValueError, KeyError, AttributeError):
        return  # not finished, or to be made anew in any case
    if differing or (origin and origin["sha256"] == sha256):
        return
    how = f"imported from {origin['source']} with another sha256" if origin else "trained here"
    raise InputError(
        f"{where}: {there} holds this network already, {how}: remove the line to keep that one, or delete that "
        f"folder and run `snakemake {there}/last.pt` to take the other"
    )


def _instead(folder: str, wanted: dict[str, Training]) -> str:
    close = difflib.get_close_matches(folder, wanted, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'? Else remove the line" if close else "remove the line"
