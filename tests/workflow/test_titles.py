"""A person's own texts through the real command, and bad ones."""

import csv
from pathlib import Path

import pytest
import yaml
from tests.workflow.command import snakemake

from longtail.data import arrays
from longtail.data.forms.titles import Titles

TABLE = {
    "title": "Own",
    "columns": [{"dataset": "mine", "factor": 5, "backbone": "textcnn"}],
    "rows": [{"method": "ce"}, {"method": "lws"}, {"method": "ladc_text"}],
}
SHORT = {"epochs": 2, "batch_size": 8, "early_stopping": {"every": 2, "patience": 20}}
WORDS = {"good": ("fine", "great", "lovely"), "bad": ("poor", "awful", "dull"), "odd": ("weird", "queer", "eerie")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 90 texts of three named classes in CSV, and the configuration of a table of them."""
    (tmp_path / "texts").mkdir()
    for name, repeats in (("train", 10), ("test", 3)):
        with (tmp_path / "texts" / f"{name}.csv").open("w", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["label", "text"])
            for label, words in WORDS.items():
                texts = [f"{word}, {name} {number}" for word in words for number in range(repeats)]
                writer.writerows([label, text] for text in texts)
    titles = {"train": ["train.csv"], "test": ["test.csv"], "validation_per_class": 5, "length": 12, "dimensions": 10}
    dataset = {"title": "Mine", "kind": "titles", "data_dir": "texts", "like": "thucnews", "titles": titles}
    dataset["recipes"] = {"MiSLAS-S1": {"textcnn": "made-titles"}, "MiSLAS-S2": "digits-LADC-S2"}
    dataset["recipes"] |= {"LADC-S2": "digits-LADC-S2"}
    (tmp_path / "table.yaml").write_text(yaml.safe_dump(TABLE))
    mine = {"tables": ["table.yaml"], "figures": [], "seeds": {"runs": [0]}, "datasets": {"mine": dataset}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(mine | {"recipes": {"made-titles": SHORT}}))
    return tmp_path


def test_texts_of_ones_own_from_csv_to_a_table(folder: Path) -> None:
    code, output = snakemake(folder, "results/tables/table.md", "--configfile", "mine.yaml")

    assert code == 0, output
    table = (folder / "results/tables/table.md").read_text()
    assert [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")][1:4] == [
        "| ---",
        "| CE",
        "| LWS",
    ]
    assert "Mine, factor 5" in table
    history = folder / "results/runs/mine/if5/textcnn/ce/seed0/stage1/history.csv"
    assert "validation_loss,kept_step" in history.read_text()


def test_labels_from_1_with_heads_and_one_that_was_not_trained_on(folder: Path) -> None:
    mine = yaml.safe_load((folder / "mine.yaml").read_text())
    mine["datasets"]["mine"]["titles"] |= {"train": ["train.txt"], "test": ["test.txt"]}
    (folder / "mine.yaml").write_text(yaml.safe_dump(mine))
    train = "".join(f"{word} {number}\t{label}\n" for number in range(9) for label, word in enumerate(WORDS, start=1))
    (folder / "texts" / "train.txt").write_text("Text\tLabel\n" + train)
    (folder / "texts" / "test.txt").write_bytes(b"\xef\xbb\xbftext\tlabel\r\nodd\t3\r\ngood\t1\r\n\r\nbad\t2")

    code, output = snakemake(folder, "results/data/mine/arrays.npz", "--configfile", "mine.yaml")

    assert code == 0, output
    found = arrays.load(folder / "results/data/mine/arrays.npz")
    assert isinstance(found, Titles)
    assert found.classes == ["1", "2", "3"]
    assert found.train_labels.tolist() == [0, 1, 2] * 4, "five titles of each class are validation titles"
    assert found.test_labels.tolist() == [2, 0, 1]

    (folder / "texts" / "test.txt").write_text("odd\t3\ngood\t0\n")
    code, output = snakemake(folder, "results/data/mine/arrays.npz", "--configfile", "mine.yaml")

    assert code != 0
    assert "texts/test.txt, line 2: label '0' is none of the 3 of the training files (1, 2, 3): correct it" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            b"text,label\n\xb1\xea\xcc\xe2,good\n",
            "texts/train.csv, line 2: not UTF-8 text: save the file of titles in UTF-8",
        ),
        (
            b"text,label\nfine,good\n,bad\n",
            "texts/train.csv, line 3: the title is empty: write one or remove the line",
        ),
        (
            b"text,label\nfine,good\npoor, dull,bad\n",
            "texts/train.csv, line 3: has 3 column(s), not the 2 that the first line names: put a title with a comma",
        ),
    ],
    ids=["encoding", "empty", "comma"],
)
def test_bad_texts_end_the_job_with_file_and_line(folder: Path, content: bytes, sentence: str) -> None:
    (folder / "texts" / "train.csv").write_bytes(content)

    code, output = snakemake(folder, "results/data/mine/arrays.npz", "--configfile", "mine.yaml")

    assert code != 0
    assert sentence in output
    assert "Traceback" not in output
    assert not (folder / "results/data/mine/arrays.npz").exists()
