"""What the configuration says of titles before anything runs."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.config.test_plan import build

from longtail.config import load, settings
from longtail.config.registry import CONFIG, Registry, merge
from longtail.config.sources import IMAGES, form
from longtail.graph.graph import Graph
from longtail.runtime.errors import InputError

FILES = {"train.txt": "a\t0\nb\t1\n", "test.txt": "a\t0\nb\t1\n"}
BACKBONES = ("textcnn", "textrnn", "transformer")


@pytest.fixture
def mine(tmp_path: Path) -> Any:
    """A builder of a plan of one's own titles: changes of the data set, rows and columns of the table."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)

    def made(rows: tuple[str, ...] = ("ce",), backbone: str = "textcnn", compute: Any = None, **changes: Any) -> Any:
        dataset = {"title": "Mine", "kind": "titles", "like": "thucnews", "data_dir": str(tmp_path), **changes}
        table = {
            "title": "T",
            "columns": [{"dataset": "mine", "factor": 2, "backbone": backbone}],
            "rows": [{"method": name} for name in rows],
        }
        (tmp_path / "own.yaml").write_text(yaml.safe_dump(table))
        own = {"datasets": {"mine": dataset}, "tables": [str(tmp_path / "own.yaml")], "figures": []}
        return build(**own | ({"compute": compute} if compute else {}))

    return made


def needs(plan: Any) -> list[str | None]:
    return [cell.needs for table in plan.tables.values() for cell in table.cells]


def refusal(mine: Any, row: str = "ce", **changes: Any) -> str:
    """What a row of one's own titles lacks, as the one sentence says that refuses it."""
    with pytest.raises(InputError) as caught:
        mine(rows=(row,), **changes)
    said = str(caught.value)
    assert f"own.yaml, row '{row}': cannot run on data set 'mine' with" in said
    assert said.endswith(": remove the row, or name another method or backbone")
    return said.split("which lacks ")[1].rsplit(": remove", 1)[0]


@pytest.mark.parametrize("backbone", BACKBONES)
def test_rows_of_table_5_are_those_of_the_cards(shipped: Registry, backbone: str) -> None:
    stage1 = {
        name: settings.stage1(shipped, "thucnews", "if100", backbone, name, 0)
        for name in ("ce", "cb", "balanced_softmax")
    }
    recipe = stage1["ce"]["recipe"]
    assert all(block["recipe"] == recipe and block["backbone"] == backbone for block in stage1.values())
    assert (recipe["optimizer"], recipe["weight_decay"], recipe["batch_size"]) == ("adam", 0, 128)
    expected = {"textcnn": (1e-3, 20, 1000), "textrnn": (1e-3, 10, 1000), "transformer": (5e-4, 20, 2000)}[backbone]
    assert (recipe["learning_rate"], recipe["epochs"], recipe["early_stopping"]["patience"]) == expected
    assert recipe["early_stopping"]["every"] == 100
    assert stage1["cb"]["weighting"] == {"name": "class_balanced", "beta": 0.9999, "mean": "images"}
    assert stage1["balanced_softmax"]["loss"] == {"name": "balanced_softmax", "tau": 1.0}
    for name in ("lws", "ladc_text"):
        stage2 = settings.stage2(shipped, "thucnews", "if100", backbone, name, 0)
        assert stage2["recipe"]["name"] == "LADC-S2"
        assert stage2["batch_norm"] == "frozen"
        assert stage2["preprocessing"] == {}
    assert shipped.methods["ladc_text"]["stage1"] == "ce", "no representation enhancement on text"


def test_the_printed_numbers_of_table_5() -> None:
    table = build().tables["ladc_text"]
    printed = [[cell.printed["top1"] for cell in row] for row in table.rows]
    assert printed == [
        [78.65, 78.79, 79.12],
        [80.44, 80.83, 80.43],
        [83.97, 81.45, 82.88],
        [84.28, 81.06, 83.02],
        [84.78, 82.94, 84.01],
    ]
    assert not any(cell.needs for cell in table.cells)


@pytest.mark.parametrize(
    ("name", "epochs", "networks"),
    [
        ("thucnews_sample", {"textcnn": 20, "textrnn": 10, "transformer": 20}, 3 * (3 * 3 + 1)),
        ("thucnews_sample_steps", {"textrnn": 45}, 3),
    ],
)
def test_the_samples_are_columns_of_table_5(tmp_path: Path, name: str, epochs: dict[str, int], networks: int) -> None:
    path = CONFIG / f"{name}.yaml"
    own = yaml.safe_load(path.read_text())
    titles = own["datasets"][name]["titles"]
    for file in (*titles["train"], *titles["test"], titles["classes"], titles["vocabulary"], titles["vectors"]):
        (tmp_path / file).touch()
    built = build(path, datasets={name: {"data_dir": str(tmp_path)}})

    assert not [cell.needs for table in built.tables.values() for cell in table.cells if cell.needs]
    printed = [[cell.printed for cell in row] for row in built.tables[name].rows]
    chosen = [BACKBONES.index(backbone) for backbone in epochs]
    assert printed == [[row[i].printed for i in chosen] for row in build().tables["ladc_text"].rows]
    assert len({run.folder for run in built.runs}) == networks
    found = load.load(own, [path])
    for backbone, number in epochs.items():
        recipe = settings.stage1(found, name, "if100", backbone, "ce", 0)["recipe"]
        whole = settings.stage1(found, "thucnews", "if100", backbone, "ce", 0)["recipe"]
        assert recipe["epochs"] == number
        assert recipe["early_stopping"] == whole["early_stopping"]


def test_titles_run_with_a_recipe_that_needs_no_validation_split_and_say_so_otherwise(mine: Any) -> None:
    assert needs(mine()) == [None]
    by_backbone = {"MiSLAS-S1": {"textcnn": "TextCNN"}}
    assert refusal(mine, recipes=by_backbone) == (
        "a recipe without early_stopping in place of TextCNN, or a validation split "
        "(validation: 0.1 of data set mine)"
    )
    assert needs(mine(recipes=by_backbone, titles={"validation_per_class": 1})) == [None]
    assert needs(mine(recipes=by_backbone, validation=0.5)) == [None]
    assert refusal(mine, "lws", recipes={"MiSLAS-S2": "TextCNN"}).startswith("a recipe of Stage 2 without")


def test_what_is_defined_on_images_alone_says_so(mine: Any) -> None:
    assert needs(mine(rows=("lws", "ladc_text", "balanced_softmax"))) == [None, None, None]
    assert refusal(mine, "mixup") == refusal(mine, "remix_randaugment") == "a form of mixing for titles"
    assert refusal(mine, "smote") == "a form of algorithm smote for titles"
    assert refusal(mine, "lws_bot") == (
        "a Stage 2 with batch_norm: frozen, since backbones for titles have none to shift"
    )
    assert refusal(mine, backbone="resnet32") == "a backbone for titles (resnet32 is for images)"


def test_dropout_is_drawn_for_whole_batches(mine: Any) -> None:
    assert "draws its dropout for whole batches" in refusal(
        mine, recipes={"LDAM": "LDAM"}, compute={"micro_batches": 2}
    )
    recipes = {"MiSLAS-S1": {"textcnn": "TextCNN"}}
    found = refusal(mine, compute={"processes": 2}, recipes=recipes, titles={"validation_per_class": 1})
    assert found == "compute.processes at 1, as Adam's averages are not shared among processes"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data_dir": None}, "dataset 'mine' lacks the key 'data_dir': name the folder of its files of titles"),
        (
            {"titles": {"train": ["no.txt"]}},
            "key 'titles.train': there is no file .*no.txt: correct the name or data_dir",
        ),
        ({"titles": {"classes": "no.txt"}}, "key 'titles.classes': there is no file .*no.txt: correct the name or"),
        ({"titles": {"train": []}}, "key 'titles.train': names no file: name one at least"),
        ({"titles": {"vectors": "test.txt"}}, "lacks the key 'titles.vocabulary': name the file that belongs to"),
        ({"titles": {"validation": ["test.txt"], "validation_per_class": 3}}, "are that split: remove one"),
        ({"titles": {"lenght": 3}}, "did you mean 'length'"),
        ({"recipes": {"MiSLAS-S1": {"textcnn": "TextCNM"}}}, "unknown recipe 'TextCNM': did you mean 'TextCNN'"),
    ],
)
def test_a_mistake_is_one_sentence(mine: Any, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        mine(**changes)
    assert "\n" not in str(caught.value)


def test_titles_are_read_again_when_a_file_of_them_changes(mine: Any, tmp_path: Path) -> None:
    def contents() -> str:
        return Graph(mine()).parameters.contents(type("W", (), {"dataset": "mine"}))

    before = contents()
    (tmp_path / "test.txt").write_text("other\t0\n")
    assert contents() != before


def test_the_official_archive_or_its_files(tmp_path: Path) -> None:
    def graph(folder: str | None) -> Graph:
        config = yaml.safe_load((CONFIG / "config.yaml").read_text())
        return Graph.of(merge(config, {"datasets": {"thucnews": {"data_dir": folder}}}), [CONFIG / "config.yaml"])

    w = type("W", (), {"dataset": "thucnews", "imbalance": "if100"})
    archived = ["results/data/thucnews/Chinese-Text-Classification-Pytorch.tar.gz"]
    assert graph(None).inputs.archive(w) == graph(str(tmp_path)).inputs.archive(w) == archived
    assert '"decay_decimals": 1' in graph(None).parameters.long_tail(w)
    (tmp_path / "train.txt").touch()
    with pytest.raises(InputError, match=r"there is no file .*dev\.txt"):
        graph(str(tmp_path))
    for name in ("dev.txt", "test.txt", "class.txt", "vocab.pkl", "embedding_SougouNews.npz"):
        (tmp_path / name).touch()
    assert graph(str(tmp_path)).inputs.archive(w) == []
    assert graph(str(tmp_path)).places()["thucnews"]["files"][0] == str(tmp_path / "train.txt")
    assert str(tmp_path) not in graph(str(tmp_path)).parameters.source(w)


def test_the_settings_of_images_have_not_changed(shipped: Registry) -> None:
    """New keys of data sets and recipes stand in no job's settings that does not use them."""
    recipe = settings.stage1(shipped, "cifar10", "if100", "resnet32", "ce", 0)["recipe"]
    assert not {"optimizer", "early_stopping"} & recipe.keys()
    w = type("W", (), {"dataset": "cifar10", "imbalance": "if100"})
    assert "decay" not in Graph(build()).parameters.long_tail(w)
    assert form(shipped.datasets["cifar10"]) == IMAGES
