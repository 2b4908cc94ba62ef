"""Every method has its page, none is left over, and each is what the generator makes of the files of today."""

import copy
import re
from pathlib import Path

import pytest

from longtail.config import load
from longtail.config.registry import CONFIG
from longtail.handbook import pages
from longtail.handbook.method_parts import CARDS

METHODS = sorted(path.stem for path in (CONFIG / "methods").glob("*.yaml"))


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Every page as the generator makes it, by its name."""
    return pages.pages()


def _section(page: str, title: str) -> str:
    found = re.search(rf"^## {title}\n\n(.*?)(?=^## |^---)", page, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def test_every_method_has_its_page_and_no_page_is_left_over() -> None:
    assert sorted(path.name for path in pages.FOLDER.iterdir()) == [f"{name}.md" for name in METHODS]


def test_the_pages_are_in_step(made: dict[str, str]) -> None:
    stale = [name for name, page in made.items() if (pages.FOLDER / name).read_text() != page]

    assert stale == [], f"run: {pages.COMMAND}"


def test_writing_deletes_the_page_of_a_method_that_is_no_more(
    made: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone.md").write_text("# Gone\n")
    (tmp_path / "ce.md").write_text("# stale\n")
    monkeypatch.setattr(pages, "FOLDER", tmp_path)

    pages.write()

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == made


def test_every_link_leads_somewhere(made: dict[str, str]) -> None:
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", CARDS.read_text(), re.MULTILINE)
    }
    links = {link for text in made.values() for link in re.findall(r"\]\(([^)\s]+)\)", text)}

    assert len(links) > len(METHODS)
    for link in links:
        path, _, anchor = link.partition("#")
        assert path in made or (pages.FOLDER / path).exists(), link
        assert not anchor or anchor in anchors, link


def test_sections_stand_in_order_and_only_where_there_is_something_to_say(made: dict[str, str]) -> None:
    titles = {name: re.findall(r"^## (.+)$", made[f"{name}.md"], re.MULTILINE) for name in METHODS}

    assert titles["mislas"] == [
        "Citation",
        "How it works",
        "Recipe",
        "Settings by data set",
        "Printed numbers",
        "Measured numbers",
    ]
    assert titles["ce_ladc"] == ["How it works", "Recipe", "Measured numbers"]
    assert titles["tau_norm"] == ["Citation", "How it works", "Printed numbers", "Measured numbers"]
    assert "How it works" in titles["bbn"]
    assert "How it works" not in titles["oltr"]


def test_the_opening_names_the_network_of_a_method_or_what_it_lacks(made: dict[str, str]) -> None:
    assert "on the Stage 1 of [mixup](mixup.md)" in made["mislas.md"]
    assert "snakemake results/runs/digits/if50/resnet32/mixup/seed0/mislas/metrics.json\n" in made["mislas.md"]
    assert "changes its classifier without training" in made["tau_norm.md"]
    assert "snakemake results/runs/digits/if50/resnet32/remix/seed0/remix/metrics.json\n" in made["remix.md"]
    assert "[MiSLAS](mislas.md)" in made["mixup.md"].split("##")[0]
    assert "It is [LADC](ladc.md) but for" in made["ladc_average.md"]
    assert "**Planned**: it needs modulated attention" in made["oltr.md"]
    assert "snakemake" not in made["oltr.md"]


def test_recipes_by_data_set(made: dict[str, str]) -> None:
    rows = _section(made["lws_bot.md"], "Recipe").splitlines()

    rate = "0.1 after 5 epochs of warm-up from 0.33 times it, × 0.1 after epoch 9 and 19 | 0.9, Nesterov"
    assert f"| CIFAR-10, CIFAR-100, GTSRB, Places-LT | `BoT-S2` | 30 | 128 | {rate} | 0.0005 |" in rows
    assert "| ImageNet-LT | `Decouple-imagenet-LWS` | 5 | 512 | 0.2, by a cosine to 0 | 0.9 | 0.0005 |" in rows


def test_overrides_have_a_column_for_each_setting(made: dict[str, str]) -> None:
    rows = _section(made["mislas.md"], "Settings by data set").splitlines()

    assert rows[0] == "| data set | factors | `loss.head` | `loss.tail` | `classifier.weight_rate` | `batch_norm` |"
    assert rows[3] == "| CIFAR-10, Digits | 50 | `0.2` | `0.0` | `0.2` | `frozen` |"
    assert "| ImageNet-LT | all | `class_aware` | `Decouple-imagenet-LWS` |" in made["lws_bot.md"].splitlines()


def test_a_calibration_text_has_its_section() -> None:
    found = load.load({}, [])
    found.methods["ladc"] = copy.deepcopy(found.methods["ladc"]) | {"calibration": "An ECE < 5 %."}

    assert _section(pages.page(found, "ladc"), "Calibration") == "An ECE \\< 5 %.\n\n"
