import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from longtail.config import schema
from longtail.data import arrays, long_tail
from longtail.data.sources import titles
from longtail.runtime.errors import InputError

# A folder with a sample of the THUCNews titles and character vectors, of which none may be part of the project.
REAL = Path(os.environ.get("LONGTAIL_THUCNEWS", ""))
TRAIN = ["good news\t1", "bad news\t0", "good\tday\t1", "bad luck\t0"]
TEST = ["good end\t1", "bad end\t0"]


@pytest.fixture
def sources(tmp_path):
    """A writer of files of titles; gives the settings of the source, all defaults filled in."""

    def write(train=TRAIN, test=TEST, more=(), **told):
        texts = {"train.txt": train, "test.txt": test, **dict(more)}
        for name, lines in texts.items():
            content = lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode()
            (tmp_path / name).write_bytes(content)
        definition = {"title": "T", "kind": "titles", "data_dir": str(tmp_path), "titles": told}
        checked = schema.check(definition, "dataset", "here")
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


def test_titles_labels_and_classes_as_the_files_have_them(sources, tmp_path):
    found = titles.read(sources(length=10, dimensions=5), None)
    assert found.classes == ["0", "1"]
    assert found.train_labels.tolist() == [1, 0, 1, 0]
    assert found.test_labels.tolist() == [1, 0]
    assert found.train_titles.shape == (4, 10)
    assert found.vectors.shape == (len(set("".join(TRAIN)) - {"0", "1"}) + 2, 5), "and two for unknown and padding"
    assert len(text(found, found.train_titles[2])) == len("good\tday")
    assert found.validation_titles.shape == (0, 10)
    arrays.save(tmp_path / "arrays.npz", found)
    again = arrays.load(tmp_path / "arrays.npz")
    assert isinstance(again, arrays.Titles)
    assert np.array_equal(again.train_titles, found.train_titles)
    assert again.classes == found.classes


def test_the_same_from_csv_with_quotes_and_lines_in_a_title(sources):
    csv = ["id,label,text", '7,1,"good, news"', '8,0,"bad', 'news"']
    settings = sources(more={"train.csv": csv})
    settings["titles"] |= {"train": ["train.csv"]}
    found = titles.read(settings, None)
    assert found.train_labels.tolist() == [1, 0]
    assert len(text(found, found.train_titles[0])) == len("good, news")
    assert len(text(found, found.train_titles[1])) == len("bad\nnews")


def test_labels_may_be_names_and_numbers_name_lines_of_the_classes_file(sources):
    found = titles.read(
        sources(train=["a\tlow", "b\t1"], test=["c\thigh"], more={"c.txt": ["low", "high"]}, classes="c.txt"), None
    )
    assert found.classes == ["low", "high"]
    assert found.train_labels.tolist() == [0, 1]
    assert found.test_labels.tolist() == [1]
    found = titles.read(sources(train=[f"{n}\t{n}" for n in range(11)]), None)
    assert found.classes == [str(n) for n in range(11)], "numbers are ordered as numbers"


def test_titles_on_both_sides_are_left_out_and_counted(sources, caplog):
    caplog.set_level("INFO")
    train = [*TRAIN, "good end\t1", "held\t0", "held\t1"]
    found = titles.read(
        sources(train=train, more={"dev.txt": ["held\t0", "bad end\t0", "kept\t1"]}, validation=["dev.txt"]), None
    )
    assert len(found.train_labels) == 4
    assert found.validation_labels.tolist() == [0, 1]
    assert "1 validation titles left out, which are validation or test titles too" in caplog.text
    assert "3 training titles left out, which are validation or test titles too" in caplog.text


def test_the_last_titles_of_each_class_are_held_out_with_their_twins(sources):
    train = ["a\t0", "b\t1", "c\t0", "d\t1", "a\t0", "e\t0", "f\t1", "a\t0"]
    found = titles.read(sources(train=train, validation_per_class=1), None)
    assert found.validation_labels.tolist() == [1, 0]
    # 'a' is held out, so no other 'a' is trained on.
    assert found.train_labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (["good\t1", "no label"], "train.txt, line 2: 'no label' has no tab: write the title, a tab and its label"),
        (["good\t1", "", "\t0"], "train.txt, line 3: the title is empty: write one or remove the line"),
        (["good\t1", "  \t0"], "train.txt, line 2: the title is empty"),
        (
            "标题\t0\n".encode() + "标题\t0\n".encode("gb18030"),
            "train.txt, line 2: not UTF-8 text: save the file of titles in",
        ),
        (b"\n \n", "train.txt is empty: fill it or name another"),
        (["a\t0", "b\t0"], "all titles have the label '0': at least two classes are needed"),
        (["good end\t1", "bad\t0"], "train.txt: no training title is left of class '1': add some, or lower"),
    ],
)
def test_bad_files_are_told_with_file_and_line(sources, train, said):
    assert said in refusal(sources(train=train))


def test_a_label_that_is_none_of_the_classes(sources):
    assert "test.txt, line 2: label '7' is none of the 2 classes (0, 1): correct it, or add the class" in refusal(
        sources(test=["good\t1", "bad\t7"])
    )
    said = refusal(sources(train=["a\t0", "b\t2"], more={"c.txt": ["low", "high"]}, classes="c.txt"))
    assert "train.txt, line 2: label '2' is none of the 2 classes (low, high)" in said
    said = refusal(sources(more={"c.txt": ["low", "low"]}, classes="c.txt"))
    assert "c.txt: a class has no name or that of another" in said


def test_bad_csv_is_told_with_file_and_line(sources):
    for rows, said in (
        (["title,label", "a,0"], "train.csv, line 1: must name the columns, 'text' and 'label' among them"),
        (["text,label", "a,0", "b"], "train.csv, line 3: has fewer columns than line 1: complete it or remove it"),
        (["text,label", ",0"], "train.csv, line 2: the title is empty"),
    ):
        settings = sources(more={"train.csv": rows})
        settings["titles"]["train"] = ["train.csv"]
        assert said in refusal(settings)


def test_vectors_of_another_vocabulary(sources, tmp_path):
    np.savez(tmp_path / "v.npz", embeddings=np.zeros((4, 2)))
    told = {"vocabulary": "vocab.txt", "vectors": "v.npz"}
    said = refusal(sources(more={"vocab.txt": ["a", "<UNK>", "<PAD>"]}, **told))
    assert "v.npz have the shape [4, 2] and the vocabulary" in said
    assert "vocab.txt has 3 characters: name the vocabulary file that belongs to them, a row for each line" in said


@pytest.mark.skipif("LONGTAIL_THUCNEWS" not in os.environ, reason="LONGTAIL_THUCNEWS names no folder of real titles")
def test_real_titles():
    told = {"train": ["train.txt", "dev.txt"], "validation_per_class": 300, "classes": "class.txt"}
    told |= {"vocabulary": "vocab.txt", "vectors": "char_embedding_tencent_200d.npz"}
    definition = {"title": "T", "kind": "titles", "data_dir": str(REAL), "titles": told}
    found = titles.read(schema.check(definition, "dataset", "here"), None)
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
