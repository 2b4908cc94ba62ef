"""Thousands of damaged files of titles and lists of images: each is read as it stands, or refused in one sentence."""

import csv
import io
import random

import pytest

from longtail.data.sources import image_list, titles
from longtail.runtime.errors import InputError

ROUNDS = 800
PIECES = [
    *(b"\t", b",", b'"', b'""', b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"\0", b"\xff", b"\xe9", b"\\", b"/", b"../"),
    *(
        b"0",
        b"1",
        b"2",
        b"01",
        b"-1",
        b"1.0",
        b"label",
        b"text\tlabel\n",
        b"text,label\n",
        b"path label\n",
        b"9" * 12,
    ),
    *(text.encode() for text in ("\ufeff", "\u200b", "é", "e\u0301", "\u00a0", "\u2028", "\x0b", "１", "²")),
]
TABBED = "good news\t1\nbad, news\t2\ncafé\t1\nodd “news”\t3\nbad luck\t2\n".encode()
COMMAS = b'id,text,label\n7,"good, news",1\n8,"bad\nnews",2\n9,odd,3\n10,"a ""b""",2\n'
LISTED = b"a/1.jpg 1\nb/2 3.jpg 2\nc/4.jpg\t3\na/5.jpg 1\n"
SETTINGS = {"vocabulary": None, "vectors": None, "dimensions": 2, "length": 4, "validation_per_class": 0}


def damaged(content: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.randint(0, 2)):
        place = rng.randint(0, len(content))
        end = rng.choice([place, place, place + 1, rng.randint(place, len(content))])
        content = content[:place] + rng.choice([b"", *PIECES]) + content[end:]
    if rng.random() < 0.3:
        lines = content.splitlines(keepends=True)
        rng.shuffle(lines)
        content = b"".join(lines)
    return content.replace(b"\n", b"\r\n") if rng.random() < 0.2 else content


def entry_labels(content: bytes, form: str) -> list[str]:
    """The label of every line with data in it, found without the code that is tested."""
    text = content.decode("utf-8-sig")
    if form == "commas":
        rows = [row for row in csv.reader(io.StringIO(text, newline="")) if "".join(row).strip()]
        place = [name.strip().lower() for name in rows[0]].index("label")
        return [row[place].strip() for row in rows[1:]]
    lines = [line for line in text.split("\n") if line.strip()]
    rows = [line.split("\t") if form == "tabbed" else line.rsplit(maxsplit=1) for line in lines]
    head = ["text" if form == "tabbed" else "path", "label"]
    return [row[-1].strip() for row in rows if [name.strip().lower() for name in row] != head]


def in_order(label: str) -> tuple:
    return (False, int(label)) if label.isdecimal() else (True, label)


def succeeds(read, *given):
    """What is read, or None where it is refused in a sentence; any other error fails the test."""
    try:
        return read(*given)
    except InputError as error:
        said = str(error)
    assert len(said.splitlines()) == 1
    assert ": " in said
    return None


@pytest.mark.parametrize("form", ["tabbed", "commas"])
def test_titles(tmp_path, form):
    rng, read = random.Random(form), 0
    name = {"tabbed": "{}.txt", "commas": "{}.csv"}[form]
    paths = {split: tmp_path / name.format(split) for split in ("train", "test")}
    wanted = {**SETTINGS, "validation": [], "classes": None} | {split: [path.name] for split, path in paths.items()}
    for _ in range(ROUNDS):
        contents = {split: damaged(TABBED if form == "tabbed" else COMMAS, rng) for split in paths}
        for split, path in paths.items():
            path.write_bytes(contents[split])
        found = succeeds(titles.build, tmp_path, wanted, False)
        if found is None:
            continue
        read += 1
        labels = {split: entry_labels(contents[split], form) for split in paths}
        assert [found.classes[number] for number in found.train_labels] == labels["train"], contents
        assert [found.classes[number] for number in found.test_labels] == labels["test"], contents
        assert found.classes == sorted(set(labels["train"]), key=in_order)
        assert len(found.train_titles) == len(labels["train"])
        assert len(found.test_titles) == len(labels["test"])
    assert ROUNDS / 10 < read < ROUNDS / 2


def test_titles_with_names_of_their_classes(tmp_path):
    rng, read = random.Random("names"), 0
    wanted = SETTINGS | {"train": ["train.txt"], "validation": [], "test": ["train.txt"], "classes": "classes.txt"}
    numbered = TABBED.replace(b"\t3", b"\t0")
    named = numbered.replace(b"\t0", b"\tlow").replace(b"\t1", b"\tmiddle").replace(b"\t2", b"\thigh")
    for _ in range(ROUNDS):
        contents = damaged(rng.choice([numbered, named]), rng), damaged(b"low\nmiddle\nhigh\n", rng)
        (tmp_path / "train.txt").write_bytes(contents[0])
        (tmp_path / "classes.txt").write_bytes(contents[1])
        found = succeeds(titles.build, tmp_path, wanted, False)
        if found is None:
            continue
        read += 1
        names = [line.strip() for line in contents[1].decode("utf-8-sig").split("\n") if line.strip()]
        labels = entry_labels(contents[0], "tabbed")
        by_number = [str(number) for number in range(len(names))]
        assert found.classes == names
        assert labels in ([words[number] for number in found.train_labels] for words in (names, by_number)), contents
    assert ROUNDS / 10 < read < ROUNDS / 2


def test_lists_of_images(tmp_path, monkeypatch):
    rng, read = random.Random("lists"), 0
    missing = image_list._missing
    settings = {"data_dir": str(tmp_path), "train_list": tmp_path / "train.txt", "test_list": tmp_path / "test.txt"}
    for number in range(ROUNDS):
        # Every other round, any image that a list names is there.
        monkeypatch.setattr(image_list, "_missing", missing if number % 2 else lambda files, root: iter(()))
        contents = {key: damaged(LISTED, rng) for key in ("train", "test")}
        for key, content in contents.items():
            settings[f"{key}_list"].write_bytes(content)
        found = succeeds(image_list.read, settings, None)
        if found is None:
            continue
        read += 1
        labels = {key: entry_labels(content, "listed") for key, content in contents.items()}
        first = min(map(int, labels["train"]))
        assert (found.train_labels + first).tolist() == list(map(int, labels["train"])), contents
        assert (found.test_labels + first).tolist() == list(map(int, labels["test"])), contents
        assert len(found.train_files) == len(labels["train"])
        assert len(found.test_files) == len(labels["test"])
        assert first in (0, 1)
    assert ROUNDS / 10 < read < ROUNDS / 2
