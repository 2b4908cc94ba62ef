import json
from pathlib import Path

import pytest

from longtail.report.publish import publish
from longtail.runtime import files


def test_published_files_match_their_hashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    score = {key: 0.5 for key in ("top1", "ece", "signed_gap", "mce", "ace", "cwece", "nll", "brier")}
    score |= {"groups": {}, "interval": {}, "per_class": [0.5]}
    files.write_json("results/runs/a/metrics.json", {"last": score, "best": score})
    files.write_json("results/runs/a/provenance.json", {"commit": "abc"})
    files.write_text("results/tables/t.md", "a table")
    files.write_text("results/figures/f.svg", "<svg/>")
    publish(
        "results/published/toy/manifest.json",
        ["results/tables/t.md"],
        ["results/figures/f.svg"],
        ["results/runs/a/metrics.json"],
        ["results/runs/a/provenance.json"],
    )
    manifest = json.loads((tmp_path / "results/published/toy/manifest.json").read_text())
    assert set(manifest["files"]) == {"tables/t.md", "figures/f.svg"}
    for place, digest in manifest["files"].items():
        assert files.sha256(tmp_path / "results/published/toy" / place) == digest
    assert manifest["runs"]["results/runs/a/metrics.json"]["last"]["top1"] == 0.5
    assert manifest["trainings"]["results/runs/a/provenance.json"]["commit"] == "abc"
