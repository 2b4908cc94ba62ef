from pathlib import Path
from typing import Any

import pytest
import yaml
from tests import elsewhere

from longtail.config import chain
from longtail.config import settings as config_settings
from longtail.config.registry import CONFIG, merge
from longtail.graph.graph import Graph
from longtail.runtime.errors import InputError
from longtail.stage1 import imported

CE = "digits/if10/resnet32/ce/seed0"
SHA = "0" * 64
TABLE = {
    "title": "Own",
    "columns": [{"dataset": "digits", "factor": 10, "backbone": "resnet32"}],
    "rows": [{"method": "ce"}, {"method": "mislas"}],
}


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.yaml").write_text(yaml.safe_dump(TABLE))


def graph(taken: dict[Any, Any], **own: Any) -> Graph:
    """The graph of CE and MiSLAS on the digits under two seeds, with Stage 1s from elsewhere."""
    config = {"tables": ["own.yaml"], "figures": [], "seeds": {"runs": [0, 1]}, "stage1": taken} | own
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    files = [CONFIG / "config.yaml", Path("mine.yaml")]
    return Graph.of(merge(yaml.safe_load(files[0].read_text()), config), files)


def settings() -> dict[str, Any]:
    """What CE is trained with under seed 0."""
    built = graph({})
    return config_settings.of_training(built.registry, chain.networks(built.plan)[CE])


def refusal(taken: dict[Any, Any]) -> str:
    with pytest.raises(InputError) as caught:
        graph(taken)
    return str(caught.value)


def far(**changes: Any) -> dict[str, str]:
    """A line of the configuration for CE as another machine trained it."""
    source = elsewhere.trained(Path("far/stage1").absolute(), settings() | changes.pop("settings", {}), **changes)
    return {"source": str(source), "sha256": imported.digest(source)}


def here(**changes: Any) -> None:
    """CE as it is finished here."""
    elsewhere.trained(Path("results/runs") / CE / "stage1", settings() | changes.pop("settings", {}), **changes)


def test_a_requested_stage1_is_imported() -> None:
    assert graph({CE: far()}).imports.keys() == {CE}


@pytest.mark.parametrize(
    ("folder", "remedy"),
    [
        ("digits/if10/resnet32/ce/seed2", "did you mean 'digits/if10/resnet32/ce/seed1'? Else remove the line"),
        (
            "digits/if10/resnet32/mixupp/seed0",
            "did you mean 'digits/if10/resnet32/mixup/seed0'? Else remove the line",
        ),
        ("7", "remove the line"),
    ],
)
def test_an_unused_import_is_reported_with_the_closest_name(folder: str, remedy: str) -> None:
    message = refusal({folder: far()})

    start = f"mine.yaml, stage1 '{folder}': no requested table or figure uses this Stage 1: {remedy}"
    assert message.startswith(start), message


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"source": "far"}, f"key 'stage1.{CE}' lacks 'sha256': add it"),
        ({"source": "far", "sha256": "0" * 63}, "hexadecimal digits; it must be of the form ^[0-9a-f]{64}$"),
        ({"source": "far", "sha256": "G" * 64}, "hexadecimal digits; it must be of the form ^[0-9a-f]{64}$"),
        ({"source": "", "sha256": SHA}, f"key 'stage1.{CE}.source' is '', which is not allowed"),
        ({"source": "far", "sha265": SHA}, f"unknown key 'sha265' in 'stage1.{CE}': did you mean 'sha256'?"),
        ({"source": "far", "sha256": SHA}, f"mine.yaml, stage1 '{CE}', key 'source': there is no folder far: "),
    ],
)
def test_an_invalid_line_is_reported(line: dict[str, str], sentence: str) -> None:
    assert sentence in refusal({CE: line})


@pytest.mark.parametrize("name", imported.FILES)
def test_a_missing_file_is_reported(name: str) -> None:
    line = far()
    (Path(line["source"]) / name).unlink()

    assert f"mine.yaml, stage1 '{CE}', key 'source': {line['source']} has no {name}: " in refusal({CE: line})


def test_other_settings_are_reported_before_anything_runs() -> None:
    line = far(settings={"seeds": {"initialisation": 1, "order": 0}})

    message = refusal({CE: line})

    assert message == (
        f"mine.yaml, stage1 '{CE}': {line['source']} was trained with other settings (seeds.initialisation is 1 "
        "there and 0 here): use the same settings here, or remove the line to train it here"
    )


def test_a_network_trained_here_is_not_replaced() -> None:
    here()
    line = far()

    assert refusal({CE: line}) == (
        f"mine.yaml, stage1 '{CE}': results/runs/{CE}/stage1 holds this network already, trained here: remove the "
        f"line to keep that one, or delete that folder and run `snakemake results/runs/{CE}/stage1/last.pt` to take "
        "the other"
    )


def test_nor_is_another_import() -> None:
    here(imported={"source": "/elsewhere", "sha256": SHA})

    assert "holds this network already, imported from /elsewhere with another sha256: " in refusal({CE: far()})


def test_the_same_import_stays_wherever_it_was_moved_to() -> None:
    line = far()
    here(imported={"source": "/elsewhere", "sha256": line["sha256"]})

    assert graph({CE: line}).imports == {CE: line}


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_an_outdated_network_may_be_replaced(text: str | None) -> None:
    here(settings={"mixing": {"name": "mixup", "alpha": 1.0}})
    if text is not None:
        (Path("results/runs") / CE / "stage1/provenance.json").write_text(text)

    assert graph({CE: far()}).imports.keys() == {CE}


def test_all_are_checked() -> None:
    mixup = "digits/if10/resnet32/mixup/seed1"

    assert f"stage1 '{mixup}'" in refusal({CE: far(), mixup: {"source": "nowhere", "sha256": SHA}})
