import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.config import datasets
from longtail.data import arrays, long_tail
from longtail.data.forms.titles import Titles
from longtail.data.sources import titles
from longtail.runtime.errors import InputError

# A folder with a sample of the THUCNews titles and character vectors, of which none may be part of the project.
REAL = Path(os.environ.get("LONGTAIL_THUCNEWS", ""))
TRAIN = ["good news\t1", "bad news\t0", "good day\t1", "bad luck\t0"]
TEST = ["good end\t1", "bad end\t0"]


@pytest.fixture
def sources(tmp_path):
    """A writer of files of titles; gives the settings of the source, all defaults filled in."""

    def write(train=TRAIN, test=TEST, more=(), **options):
        texts = {"train.txt": train, "test.txt": test, **dict(more)}
        for name, lines in texts.items():
            content = lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode()
            (tmp_path / name).write_bytes(content)
        definition = {"title": "T", "kind": "titles", "data_dir": str(tmp_path), "titles": options}
        checked = datasets.define(definition, "here")
        return {key: checked[key] for key in ("kind", "data_dir", "titles")}

    return write


def refusal(settings):
    with pytest.raises(InputError) as caught:
        titles.read(settings, None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def text(data, row):
    """A title as its characters' numbers, without padding."""
    return [number for number in row.tolist() if number != len(data.vectors) - 1]


def test_titles_labels_and_classes_as_the_files_have_them(sources: Any, tmp_path: Path) -> None:
    found = titles.read(sources(length=10, dimensions=5), None)
    assert found.classes == ["0", "1"]
    assert found.train_labels.tolist() == [1, 0, 1, 0]
    assert found.test_labels.tolist() == [1, 0]
    assert found.train_titles.shape == (4, 10)
    assert found.vectors.shape == (len(set("".join(TRAIN)) - {"\t", "0", "1"}) + 2, 5), (
        "and two for unknown and padding"
    )
    assert len(text(found, found.train_titles[2])) == len("good day")
    assert found.validation_titles.shape == (0, 10)
    arrays.save(tmp_path / "arrays.npz", found)
    again = arrays.load(tmp_path / "arrays.npz")
    assert isinstance(again, Titles)
    assert np.array_equal(again.train_titles, found.train_titles)
    assert again.classes == found.classes


def test_the_same_from_csv_with_quotes_and_lines_in_a_title(sources: Any) -> None:
    csv = ["id,label,text", '7,1,"good, news"', '8,0,"bad', 'news"']
    settings = sources(more={"train.csv": csv})
    settings["titles"] |= {"train": ["train.csv"]}
    found = titles.read(settings, None)
    assert found.train_labels.tolist() == [1, 0]
    assert len(text(found, found.train_titles[0])) == len("good, news")
    assert len(text(found, found.train_titles[1])) == len("bad\nnews")


def test_labels_may_be_names_and_numbers_name_lines_of_the_classes_file(sources: Any) -> None:
    found = titles.read(
        sources(train=["a\tlow", "b\thigh"], test=["c\thigh"], more={"c.txt": ["low", "high"]}, classes="c.txt"), None
    )
    assert found.classes == ["low", "high"]
    assert found.train_labels.tolist() == [0, 1]
    assert found.test_labels.tolist() == [1]
    found = titles.read(sources(more={"c.txt": b"low\r\n\r\n high\r\n"}, classes="c.txt"), None)
    assert found.classes == ["low", "high"]
    assert found.train_labels.tolist() == [1, 0, 1, 0]
    found = titles.read(sources(train=[f"{n}\t{n}" for n in range(11)]), None)
    assert found.classes == [str(n) for n in range(11)], "numbers are ordered as numbers"


def test_labels_from_1_are_the_same_classes_in_every_split(sources: Any) -> None:
    train = ["a\t1", "b\t3", "c\t2"]
    settings = sources(train=train, test=["d\t3", "e\t2", "f\t1"], more={"dev.txt": ["g\t2"]}, validation=["dev.txt"])
    found = titles.read(settings, None)
    assert found.classes == ["1", "2", "3"]
    assert found.train_labels.tolist() == [0, 2, 1]
    assert found.test_labels.tolist() == [2, 1, 0]
    assert found.validation_labels.tolist() == [1]
    for split in ({"test": ["d\t0"]}, {"more": {"dev.txt": ["g\t0"]}, "validation": ["dev.txt"]}):
        said = refusal(sources(train=train, **split))
        assert ", line 1: label '0' is none of the 3 of the training files (1, 2, 3): correct it, or add" in said


FORMS = {
    "windows": lambda lines: "\r\n".join([*lines, ""]),
    "mark": lambda lines: "\ufeff" + "\n".join(lines),
    "no-end": "\n".join,
    "blank": lambda lines: "\n \t\n".join(["", *lines, ""]),
    "spaces": lambda lines: "\n".join(line.replace("\t", " \t ") + " " for line in lines),
    "head": lambda lines: "\n".join(["Text\tLABEL ", *lines]),
    "csv": lambda lines: "\r\n".join(["text,label", *lines]).replace("\t", ","),
    "quoted": lambda lines: "\n".join(['\ufeff"Text",LABEL', "", *(f'"{line}"' for line in lines)]).replace(
        "\t", '","'
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_files_say_the_same_in_every_form(sources: Any, form: str) -> None:
    expected = titles.read(sources(), None)
    names = {split: f"{split}.csv" if form in ("csv", "quoted") else f"{split}.txt" for split in ("train", "test")}
    content = {names["train"]: FORMS[form](TRAIN).encode(), names["test"]: FORMS[form](TEST).encode()}
    settings = sources(more=content)
    settings["titles"] |= {split: [name] for split, name in names.items()}
    found = titles.read(settings, None)
    for name, values in vars(expected).items():
        np.testing.assert_array_equal(getattr(found, name), values, strict=True)


def test_titles_on_both_sides_are_left_out_and_counted(sources: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    train = [*TRAIN, "good end\t1", "held\t0", "held\t1"]
    found = titles.read(
        sources(train=train, more={"dev.txt": ["held\t0", "bad end\t0", "kept\t1"]}, validation=["dev.txt"]), None
    )
    assert len(found.train_labels) == 4
    assert found.validation_labels.tolist() == [0, 1]
    assert "1 validation titles left out, which are validation or test titles too" in caplog.text
    assert "3 training titles left out, which are validation or test titles too" in caplog.text


def test_the_last_titles_of_each_class_are_held_out_with_their_twins(sources: Any) -> None:
    train = ["a\t0", "b\t1", "c\t0", "d\t1", "a\t0", "e\t0", "f\t1", "a\t0"]
    found = titles.read(sources(train=train, validation_per_class=1), None)
    assert found.validation_labels.tolist() == [1, 0]
    # 'a' is held out, so no other 'a' is trained on.
    assert found.train_labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (["good\t1", "no label"], "train.txt, line 2: 'no label' has no tab: write the title, one tab and its label"),
        (
            ["good\tday\t1", "bad\t0"],
            r"train.txt, line 1: 'good\tday\t1' has 2 tabs: write the title, one tab and its",
        ),
        (
            ["good\t1", "bad\t0\t"],
            r"train.txt, line 2: 'bad\t0\t' has 2 tabs: write the title, one tab and its label",
        ),
        (b"good\t1\rbad\t0\r", r"train.txt, line 1: 'good\t1\rbad\t0' has 2 tabs"),
        (["good\t1", "bad\t "], "train.txt, line 2: the label is empty: write one or remove the line"),
        (["sentence\tlabel", *TRAIN], "train.txt, line 1: 'label' is the head of a column and no label: remove the"),
        ([*TRAIN, "text\tlabel", *TRAIN], "train.txt, line 5: 'label' is the head of a column and no label"),
        (["text\tlabel", ""], "train.txt is empty: fill it or name another"),
        (["good\t1", "bad\t01", "odd\t0"], "train.txt, line 2: label '01' looks like '1' of "),
        (b"good\t1\nb\0d\t0\n", "train.txt, line 2: has a NUL character, which is no text: save the file of titles"),
        (
            "good\t1\ncafé\t0\n".encode("latin-1"),
            "train.txt, line 2: not UTF-8 text: save the file of titles in UTF-8",
        ),
        (["good\t1", "", "\t0"], "train.txt, line 3: the title is empty: write one or remove the line"),
        (["good\t1", "  \t0"], "train.txt, line 2: the title is empty"),
        (
            "标题\t0\n".encode() + "标题\t0\n".encode("gb18030"),
            "train.txt, line 2: not UTF-8 text: save the file of titles in",
        ),
        (b"\n \n", "train.txt is empty: fill it or name another"),
        (["a\t0", "b\t0"], "train.txt, line 1: '0' is the only class: at least two are needed"),
        (["good end\t1", "bad\t0"], "train.txt: no training title is left of class '1': add some, or lower"),
    ],
)
def test_errors_in_files_are_reported_with_file_and_line(sources: Any, train: bytes | list[Any], said: str) -> None:
    assert said in refusal(sources(train=train))


def test_an_unknown_label(sources: Any) -> None:
    said = refusal(sources(test=["good\t1", "bad\t7"]))
    assert "test.txt, line 2: label '7' is none of the 2 of the training files (0, 1): correct it, or add" in said
    said = refusal(sources(train=["a\t0", "b\t2"], more={"c.txt": ["low", "high"]}, classes="c.txt"))
    assert (
        "train.txt, line 2: label '2' does not fit: write in all files the names of the classes (low, high)" in said
    )
    said = refusal(sources(train=["a\tlow", "b\thigh"], more={"c.txt": ["low", "high"]}, classes="c.txt"))
    assert "test.txt, line 1: label '1' does not fit: write in all files the names of the classes (low, high)" in said
    said = refusal(sources(more={"c.txt": ["low", "low", "high"]}, classes="c.txt"))
    assert "c.txt, line 2: 'low' stands in " in said
    said = refusal(sources(more={"c.txt": ["Label", "low", "high"]}, classes="c.txt"))
    assert "c.txt, line 1: 'Label' is the head of a column and no label: remove the line" in said


def test_an_error_in_csv_is_reported_with_file_and_line(sources: Any) -> None:
    for rows, said in (
        (
            ["title,label", "a,0"],
            "train.csv, line 1: must name the columns, 'text' and 'label' once each: write such",
        ),
        (["text;label", "a;0"], "train.csv, line 1: must name the columns"),
        (["text,label,Text", "a,0,b"], "train.csv, line 1: must name the columns"),
        (
            ["text,label", "a,0", "b"],
            "train.csv, line 3: has 1 column(s), not the 2 that the first line names: put a",
        ),
        (["text,label", "a,0", "good, bad,1"], "train.csv, line 3: has 3 column(s), not the 2 that the first line"),
        (["label,text", "0,a", "1,good, bad"], "train.csv, line 3: has 3 column(s), not the 2 that the first line"),
        (["text,label", '"a', "", 'b",0', "c"], "train.csv, line 5: has 1 column(s)"),
        (["text,label", ",0"], "train.csv, line 2: the title is empty"),
        (["text,label", '""'], "train.csv, line 2: has 1 column(s)"),
        (["text,label", "a,0", "text,label"], "train.csv, line 3: 'label' is the head of a column and no label"),
        (["text,label", "a,0", '"b" c,1'], "train.csv, line 3: is no row of CSV ("),
        (["text,label", "a,0", '"b,1', "c,0"], "train.csv, line 3: is no row of CSV (unexpected end of data): close"),
        (["text,label", "a,0", f"{'b' * 131_073},1"], "train.csv, line 3: is no row of CSV (field larger than field"),
        (["text,label", "a,0", "b\rc,1"], "train.csv, line 3: is no row of CSV ("),
        (["text,label", 'a,"0', '1"'], r"train.csv, line 2: the label '0\n1' has a control character: write it"),
        (["text,label"], "train.csv is empty: fill it or name another"),
    ):
        settings = sources(more={"train.csv": rows})
        settings["titles"]["train"] = ["train.csv"]
        assert said in refusal(settings)


def test_vectors_of_another_vocabulary(sources: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", embeddings=np.zeros((4, 2)))
    options = {"vocabulary": "vocab.txt", "vectors": "v.npz"}
    said = refusal(sources(more={"vocab.txt": ["a", "<UNK>", "<PAD>"]}, **options))
    assert "v.npz have the shape [4, 2] and the vocabulary" in said
    assert "vocab.txt has 3 characters: name the vocabulary file that belongs to them, a row for each line" in said


@pytest.mark.skipif("LONGTAIL_THUCNEWS" not in os.environ, reason="LONGTAIL_THUCNEWS names no folder of real titles")
def test_real_titles() -> None:
    options = {"train": ["train.txt", "dev.txt"], "validation_per_class": 300, "classes": "class.txt"}
    options |= {"vocabulary": "vocab.txt", "vectors": "char_embedding_tencent_200d.npz"}
    definition = {"title": "T", "kind": "titles", "data_dir": str(REAL), "titles": options}
    found = titles.read(datasets.define(definition, "here"), None)
    assert found.classes[0] == "finance"
    assert found.vectors.shape == (4762, 200)
    assert len(found.test_labels) == 10000
    assert Counter(found.validation_labels.tolist()) == dict.fromkeys(range(10), 300)
    # 63 of the 43,590 training titles are test titles, and 21 are twins of validation titles.
    assert len(found.train_labels) == 43590 - 63 - 3000 - 21
    apart = [{row.tobytes() for row in split} for split in (found.train_titles, found.validation_titles)]
    assert len(apart[0] & apart[1]) < 10, "alike only where they are cut at 32 characters"
    subset = long_tail.cut(found.train_labels, 100, 10, 0, 4000, 1)
    assert subset.counts == [4000, 2400, 1440, 863, 518, 311, 186, 111, 67, 40]
