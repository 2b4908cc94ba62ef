"""Records of several machines in one file, and the table made of them."""

from pathlib import Path
from typing import Any

import pytest
from benchmarks import records

from longtail.runtime import files


def record(contestant: str, accelerator: str | None = None, **values: Any) -> dict[str, Any]:
    """A record of the throughput of some contestant."""
    return {
        "benchmark": "stage1",
        "contestant": contestant,
        "processor": "Some CPU, 2 cores",
        "accelerator": accelerator,
        "versions": {"python": "3.11.7", "torch": "2.9.0"},
        "commit": "0123456789ab",
        "date": "2026-01-02",
        "rounds": 3,
        **values,
    }


def test_spread_is_median_minimum_and_maximum() -> None:
    assert records.spread("seconds", [3.0, 1.0, 7.0, 2.0]) == {"seconds": 2.5, "seconds_min": 1.0, "seconds_max": 7.0}


def test_writing_replaces_this_machine_and_keeps_others(tmp_path: Path) -> None:
    records.write("stage1", [record("reference"), record("dropped since")], tmp_path)
    records.write("stage1", [record("reference", "Some GPU", rounds=5)], tmp_path)
    records.write("stage1", [record("reference", rounds=9)], tmp_path)
    kept = files.read_json(tmp_path / "stage1.json")
    assert [(each["contestant"], each["accelerator"], each["rounds"]) for each in kept] == [
        ("reference", "Some GPU", 5),
        ("reference", None, 9),
    ]


def test_writing_a_part_keeps_the_other_parts(tmp_path: Path) -> None:
    records.write("gpu", [record("a", part="one"), record("b", part="two")], tmp_path)
    records.write("gpu", [record("c", part="one")], tmp_path)
    kept = files.read_json(tmp_path / "gpu.json")
    assert [(each["part"], each["contestant"]) for each in kept] == [("two", "b"), ("one", "c")]
    assert records.table(kept).count("| what |") == 2
    assert records.table(kept).startswith("**two**: Some CPU")


def test_a_line_has_the_columns_of_a_record() -> None:
    assert records.line(record("reference", ratio=1.256, value="fine")) == "reference: value fine, ratio 1.26"


def test_a_table_has_the_columns_its_records_have_and_one_part_a_machine() -> None:
    speed = {"images_per_second": 1234.4, "images_per_second_min": 99.96, "images_per_second_max": 2000.0}
    found = [
        record("reference", **speed, ratio=1.0, peak_memory_bytes=3 * 2**20),
        record("one run", **speed, ratio=1.256, peak_memory_bytes=None),
        record("reference", "Some GPU", **speed),
    ]
    origin = "commit 0123456789ab, 2026-01-02; python 3.11.7, torch 2.9.0; 3 rounds:"
    assert records.table(found) == "\n".join(
        [
            f"Some CPU, 2 cores; {origin}",
            "",
            "| what | images/s | ratio | peak memory (MiB) |",
            "| --- | --- | --- | --- |",
            "| reference | 1,234 (100 to 2,000) | 1.00 | 3 |",
            "| one run | 1,234 (100 to 2,000) | 1.26 | – |",
            "",
            f"Some CPU, 2 cores, Some GPU; {origin}",
            "",
            "| what | images/s |",
            "| --- | --- |",
            "| reference | 1,234 (100 to 2,000) |",
        ]
    )


def test_a_stamp_names_benchmark_machine_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "accelerator", lambda: "Some GPU")
    (made,) = records.stamped("stage1", [{"contestant": "reference"}])
    assert made["benchmark"] == "stage1"
    assert "torch" in made["versions"]
    assert made["accelerator"] == "Some GPU"
    assert {"contestant", "processor", "commit", "date"} <= made.keys()
