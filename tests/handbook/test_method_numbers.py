"""Printed and measured numbers on the pages of methods."""

from pathlib import Path

import pytest

from longtail.config.registry import Registry
from longtail.handbook import method_numbers

HEAD = "row,method,column,metric,protocol,printed,ours,sd,n,signed_gap\n"


def test_printed_numbers_name_table_source_and_row(shipped: Registry) -> None:
    lines = method_numbers.printed(shipped, "crt_mixup").splitlines()

    start = lines.index(
        "**[Study of mixup with cRT, ImageNet-LT (MiSLAS)](../../config/tables/mislas_mixup_crt.yaml)**, "
        'MiSLAS slides, "Study of mixup Strategy", upper table, in the row "cRT, mixup in Stage 1"'
    )
    assert lines[start + 1 : start + 5] == [
        "",
        "| setting | Top-1 | ECE |",
        "| --- | --- | --- |",
        "| ResNet-50 | 51.7 | 5.62 |",
    ]


def test_settings_that_a_paper_leaves_out_are_left_out(shipped: Registry) -> None:
    text = method_numbers.printed(shipped, "bag_of_tricks")

    assert "| CIFAR-10-LT 100 | 80.03 |" in text
    assert "CIFAR-10-LT 200" not in text
    assert "ResNet-10" in text
    assert "| ResNet-50" not in text


def test_numbers_beside_images_that_are_not_the_papers_stand_with_what_was_measured(shipped: Registry) -> None:
    assert "cifar10_jpeg" not in method_numbers.printed(shipped, "ladc")


def test_a_method_that_no_table_prints_has_no_printed_numbers(shipped: Registry) -> None:
    assert method_numbers.printed(shipped, "ce_ladc") == ""


def test_measured_numbers_of_the_last_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "tables"
    folder.mkdir(parents=True)
    lines = [
        "CE,ce,Birds,top1,last,70.400000,57.310000,1.250000,3,2.0",
        "CE,ce,Birds,top1,best,70.400000,60.000000,1.250000,3,2.0",
        "CE,ce,Birds,ece,last,,10.041000,,1,-2.0",
        "CE,ce,Birds,few,last,,,,0,",
        "cRT,crt,Birds,top1,last,,99.000000,,1,2.0",
    ]
    (folder / "birds.csv").write_text(HEAD + "\n".join(lines) + "\n")
    (folder / "birds_datasets.csv").write_text("row,column,ours\nBirds,train,10\n")
    (folder / "birds_claims.csv").write_text("better,than,metric,protocol,ours_better\nce,crt,top1,last,57.3\n")
    monkeypatch.setattr(method_numbers, "PUBLISHED", tmp_path)

    assert method_numbers.measured("ce").removeprefix(method_numbers.MEANING).splitlines()[1:] == [
        "**[birds](../../results/published/mine)**",
        "",
        "| setting | score | measured | printed |",
        "| --- | --- | --- | --- |",
        "| Birds | Top-1 | 57.3 ± 1.2 (3) | 70.4 |",
        "| Birds | ECE | 10.0 (1), under-confident | – |",
    ]
    assert "printed" not in method_numbers.measured("crt")
    assert method_numbers.measured("mislas") == ""


def test_tables_that_are_no_reproductions_say_so() -> None:
    assert "\n\nNot a reproduction: the images are JPEG copies" in method_numbers.measured("ladc")
