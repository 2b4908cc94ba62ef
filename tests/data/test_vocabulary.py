import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from longtail.data import vocabulary
from longtail.runtime.errors import InputError

FOUND = {" ": 0, "a": 1, "<UNK>": 2, "<PAD>": 3}


@pytest.fixture
def written(tmp_path):
    def write(content, name="vocab.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(function, *given):
    with pytest.raises(InputError) as caught:
        function(*given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_line_is_a_character_and_a_space_is_one(written: Any, ends: str) -> None:
    assert vocabulary.read(written(ends.join([" ", "a", "<UNK>", "<PAD>", ""]))) == FOUND


def test_the_official_pickle_is_read_without_running_what_it_asks_for(written: Any) -> None:
    assert vocabulary.read(written(pickle.dumps(FOUND), "vocab.pkl")) == FOUND

    class Harm:
        def __reduce__(self):
            return print, ("harm",)

    said = refusal(vocabulary.read, written(pickle.dumps(Harm()), "vocab.pkl"))
    assert "vocab.pkl (it asks for builtins.print, which a vocabulary has no use for): correct its path" in said
    for found in ({"a": 3}, {"a": "0"}, {0: 0}, [0], 7, {}):
        said = refusal(vocabulary.read, written(pickle.dumps(found), "vocab.pkl"))
        assert "does not number its characters from 0" in said
    assert "cannot read the vocabulary" in refusal(vocabulary.read, written(b"\x80", "vocab.pkl"))


def test_what_is_missing_or_twice_is_named(written: Any) -> None:
    said = refusal(vocabulary.read, written("a\nb\n<UNK>\n"))
    assert said.endswith("vocab.txt has no <PAD>: add it as a line, and a row to the vectors")
    said = refusal(vocabulary.read, written("a\nb\na\n<UNK>\n<PAD>\n"))
    assert "vocab.txt, line 3: 'a' stands in line 1 already: remove one, and its row of the vectors" in said
    said = refusal(vocabulary.read, written(b"a\n\xff\n"))
    assert said.endswith("vocab.txt, line 2: not UTF-8 text: save the vocabulary in UTF-8")


def test_characters_of_titles_come_by_frequency_and_then_by_place() -> None:
    found = vocabulary.of(["ab", "cb"])
    assert found == {"b": 0, "a": 1, "c": 2, "<UNK>": 3, "<PAD>": 4}


def test_titles_are_cut_padded_and_unknown_characters_marked() -> None:
    found = vocabulary.numbers(["a a", "", "axaaaaa"], FOUND, 5)
    assert found.tolist() == [[1, 0, 1, 3, 3], [3] * 5, [1, 2, 1, 1, 1]]
    assert found.dtype == np.int32


def test_vectors_must_have_a_row_for_each_character(tmp_path: Path) -> None:
    path, source = tmp_path / "vectors.npz", tmp_path / "vocab.txt"
    np.savez(path, embeddings=np.arange(12.0).reshape(4, 3))
    found = vocabulary.vectors(path, FOUND, source)
    assert found.dtype == np.float32
    assert found[1].tolist() == [3, 4, 5]
    said = refusal(vocabulary.vectors, path, {"a": 0, "<UNK>": 1, "<PAD>": 2}, source)
    assert f"{path} have the shape [4, 3] and the vocabulary {source} has 3 characters: name the vocabulary" in said
    assert "name its file as 'vocabulary'" in refusal(vocabulary.vectors, path, FOUND, None)
    np.savez(path, embeddings=np.full((4, 3), np.nan))
    assert "are not all finite" in refusal(vocabulary.vectors, path, FOUND, source)
    np.savez(path, other=np.zeros(3))
    assert "give an .npz with an array 'embeddings'" in refusal(vocabulary.vectors, path, FOUND, source)


def test_drawn_vectors_are_always_the_same() -> None:
    one, same = vocabulary.drawn(FOUND, 7), vocabulary.drawn(FOUND, 7)
    assert one.shape == (4, 7)
    assert np.array_equal(one, same)
