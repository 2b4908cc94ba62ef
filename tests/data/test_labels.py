from typing import Any

import pytest

from longtail.data import labels
from longtail.data.labels import Entry
from longtail.runtime.errors import InputError


def entries(name, found):
    """Entries of a file with one label a line."""
    return [labels.read(f"{name}, line {number}", "text", label) for number, label in enumerate(found, start=1)]


def refusal(function, *given):
    with pytest.raises(InputError) as caught:
        function(*given)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_white_space_around_a_label_and_its_text_is_no_part_of_them() -> None:
    assert labels.read("a.txt, line 1", "\ta b ", "\u00a0very good\r") == Entry("a.txt, line 1", "a b", "very good")


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (" \t", "a.txt, line 7: the label is empty: write one or remove the line"),
        ("\u200b\ufeff", "a.txt, line 7: the label is empty"),
        (" Label", "a.txt, line 7: 'Label' is the head of a column and no label: remove the line"),
        ("good\u2028bad", r"a.txt, line 7: the label 'good\u2028bad' has a control character"),
        ("good\nbad", r"a.txt, line 7: the label 'good\nbad' has a control character: write it without"),
    ],
)
def test_what_is_no_label(label: str, said: str) -> None:
    assert said in refusal(labels.read, "a.txt, line 7", "text", label)


@pytest.mark.parametrize(
    ("train", "classes"),
    [
        (["1", "0", "1"], ["0", "1"]),
        (["3", "1", "2"], ["1", "2", "3"]),
        (["10", "9", "100"], ["9", "10", "100"]),
        (["02", "10", "01"], ["01", "02", "10"]),
        (["5", "1000", "7"], ["5", "7", "1000"]),
        (["odd", "bad", "good"], ["bad", "good", "odd"]),
        (["b", "10", "-1", "9", "a"], ["9", "10", "-1", "a", "b"]),
        (["1.0", "10.0", "2.0"], ["1.0", "10.0", "2.0"]),
        (["9" * 5000, "8" * 5000, "7"], ["7", "8" * 5000, "9" * 5000]),
        (["نمی‌خواهم", "می‌خواهم"], ["می‌خواهم", "نمی‌خواهم"]),
        (["Good", "good"], ["Good", "good"]),
    ],
)
def test_classes_are_the_labels_of_the_training_files_in_order(train: list[Any], classes: list[Any]) -> None:
    found = labels.by_training(entries("train.txt", train), entries("test.txt", reversed(train)))
    assert list(found) == classes
    assert list(found.values()) == list(range(len(classes)))


def test_a_label_that_was_not_trained_on_is_never_a_position() -> None:
    train = entries("train.txt", ["1", "2", "3"])
    for label in ("0", "4", "-1", "one"):
        said = refusal(labels.by_training, train, entries("test.txt", ["3", label]))
        assert said == (
            f"test.txt, line 2: label '{label}' is none of the 3 of the training files (1, 2, 3): correct it, or add "
            "training lines with it"
        )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "01"),
        ("1", "1.0"),
        ("1", "１"),
        ("caf\u00e9", "cafe\u0301"),
        ("good", "go\u200bod"),
        ("good", "\ufeffgood"),
        ("New York", "New  York"),
        ("New York", "New\u00a0York"),
    ],
)
def test_labels_that_look_alike_are_refused_in_all_files(one: str, other: str) -> None:
    said = (
        f"line 2: label {other!a} looks like {one!a} of train.txt, line 1, but is written otherwise: write both the"
    )
    train = entries("train.txt", [one, other])
    assert said in refusal(labels.by_training, train, [])
    train, test = entries("train.txt", [one, "else"]), entries("test.txt", ["else", other])
    assert f"test.txt, {said}" in refusal(labels.by_training, train, test)
    names = entries("names.txt", [one, other, "else"])
    assert f"label {other!a} looks like {one!a} of names.txt, line 1" in refusal(labels.by_names, names, train)


def test_with_names_all_labels_are_names_or_all_are_numbers() -> None:
    names = entries("names.txt", ["low", "high"])
    assert labels.by_names(names, entries("train.txt", ["high", "low", "high"])) == {"low": 0, "high": 1}
    assert labels.by_names(names, entries("train.txt", ["1", "0"])) == {"0": 0, "1": 1}


@pytest.mark.parametrize("wrong", ["1", "2", "middle"])
def test_a_label_that_fits_not_what_others_are_is_refused(wrong: str) -> None:
    names = entries("names.txt", ["low", "high"])
    said = refusal(
        labels.by_names, names, entries("train.txt", ["low", "high"]) + entries("test.txt", ["low", wrong])
    )
    assert said == (
        f"test.txt, line 2: label '{wrong}' does not fit: write in all files the names of the classes (low, high), "
        "or in all their numbers, 0 to 1"
    )


def test_numbers_that_fit_no_name_by_its_number_are_refused() -> None:
    names = entries("names.txt", ["low", "high"])
    for train, line in ((["0", "1", "low"], 3), (["1", "2"], 2), (["00"], 1), (["-1"], 1), (["1.0"], 1)):
        said = refusal(labels.by_names, names, entries("train.txt", train))
        assert f"train.txt, line {line}: label '{train[-1]}' does not fit" in said
    said = refusal(labels.by_names, entries("names.txt", ["caf\u00e9", "bar"]), entries("t.txt", ["cafe\u0301"]))
    assert r"t.txt, line 1: label 'cafe\u0301' looks like 'caf\xe9' of names.txt, line 1" in said


def test_names_of_digits_are_read_as_all_labels_fit_or_refused() -> None:
    counted, zeros = entries("n.txt", ["1", "2", "3"]), entries("n.txt", ["00", "01", "02"])
    assert labels.by_names(counted, entries("t.txt", ["3", "1", "2"])) == {"1": 0, "2": 1, "3": 2}
    assert labels.by_names(counted, entries("t.txt", ["0", "1", "2"])) == {"0": 0, "1": 1, "2": 2}
    assert labels.by_names(zeros, entries("t.txt", ["2", "0"])) == {"0": 0, "1": 1, "2": 2}
    assert labels.by_names(entries("n.txt", ["0", "1"]), entries("t.txt", ["1", "0"])) == {"0": 0, "1": 1}
    said = refusal(labels.by_names, entries("n.txt", ["0", "2", "1"]), entries("t.txt", ["0", "1", "2"]))
    assert said == (
        "t.txt, line 2: label '1' is the number of one class and the name of another: name the classes by more than "
        "digits"
    )


def test_a_name_of_two_classes_and_a_single_class() -> None:
    train = entries("t.txt", ["0", "0"])
    said = refusal(labels.by_names, entries("n.txt", ["low", "high", "low"]), train)
    assert said == "n.txt, line 3: 'low' stands in n.txt, line 1 too: name each class once"
    assert refusal(labels.by_training, train, []) == "t.txt, line 1: '0' is the only class: at least two are needed"
    assert "n.txt, line 1: 'low' is the only class" in refusal(labels.by_names, entries("n.txt", ["low"]), train)
