import random
from pathlib import Path

import pytest
import yaml

from longtail.config import schema
from longtail.config.registry import CONFIG
from longtail.runtime.errors import InputError
from longtail.runtime.fingerprint import ROOT

TOKENS = b"no|off: |010|1:30|~|*a|&a |!!int |<<: |- |? |\t|\n  |[|]|{|}|: |#|>\n|'|\"|%|\0|---\n|2024-01-01".split(
    b"|"
)
SHIPPED = sorted([*CONFIG.rglob("*.yaml"), *(ROOT / "benchmarks").rglob("*.yaml")])


def read(folder: Path, text: str | bytes) -> object:
    path = folder / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return schema.read_yaml(path)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("recipes: {}\nseeds: {}\nrecipes: {}\n", 3, "the key 'recipes' stands in line 1 already: merge the two"),
        ("rows:\n- {method: ce, method: cb}\n", 2, "the key 'method' stands in line 2 already: merge the two"),
        ("a: 1\n'a': 2\n", 2, "the key 'a' stands in line 1 already"),
        ("seeds:\n  runs: [010]\n", 2, "010 is an octal number to YAML: leave out the leading 0, or quote it"),
        ("a: -007", 1, "-007 is an octal number to YAML"),
        ("a: 1:30", 1, "1:30 is a number of base 60 to YAML: quote it"),
        ("a: 1:30.5", 1, "1:30.5 is a number of base 60 to YAML: quote it"),
        ("off: {title: x}", 1, "the key off is not text to YAML: quote it"),
        ("true: x", 1, "the key true is not text to YAML: quote it"),
        ("a:\n  2024: x", 2, "the key 2024 is not text to YAML: quote it"),
        ("2024-01-01: x", 1, "the key 2024-01-01 is not text to YAML: quote it"),
        ("~: x", 1, "the key ~ is not text to YAML: quote it"),
        ("? \n: x", 1, "the key null is not text to YAML: quote it"),
        ("? [a]\n: x", 1, "a list or a mapping is no key: write text"),
        ("a: no", 1, "no is false to YAML: quote it, or write false"),
        ("a: [x, On]", 1, "On is true to YAML: quote it, or write true"),
        ("a: 2024-01-01", 1, "2024-01-01 is a timestamp to YAML: quote it"),
        ("a: =", 1, "= is a value to YAML: quote it"),
        ("a: !!int x", 1, "the tag tag:yaml.org,2002:int has no meaning here: remove it"),
        ("a: !!set {b}", 1, "the tag tag:yaml.org,2002:set has no meaning here: remove it"),
        ("a: !own [b]", 1, "the tag !own has no meaning here: remove it"),
        ("a: &a [*a]", 1, "this is repeated within itself: write it out"),
        (b"a: 1\ntitle: V\xf6gel\n", 2, "this is not UTF-8: save the file with that encoding"),
    ],
)
def test_values_that_yaml_misreads_are_refused(tmp_path: Path, text: str | bytes, line: int, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)

    assert str(caught.value).startswith(f"{tmp_path}/mine.yaml, line {line}: {problem}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 'no'\n'off': \"010\"\n'1': 1", {"a": "no", "off": "010", "1": 1}),
        ("a: [true, False, null, ~, 0, -3, 2.0e-4, 1_000, .5]", [True, False, None, None, 0, -3, 2e-4, 1000, 0.5]),
        ("a: [2e-4, 08, 1:2:x]", ["2e-4", "08", "1:2:x"]),
        ("a: &x {b: 1}\nc: {<<: *x, d: [*x, *x]}", {"a": {"b": 1}, "c": {"b": 1, "d": [{"b": 1}, {"b": 1}]}}),
        ("# nothing\n", {}),
        (b"\xef\xbb\xbfa: V\xc3\xb6gel", {"a": "Vögel"}),
        ('{"a":\t[1,\n\t2]}', {"a": [1, 2]}),
    ],
)
def test_values_that_yaml_reads_as_they_look_are_read(tmp_path: Path, text: str | bytes, value: object) -> None:
    found = read(tmp_path, text)

    assert found == (value if isinstance(value, dict) else {"a": value})


@pytest.mark.parametrize(
    "text", ["a: " + "[" * 200_000, "a: " + "{b: " * 300, "- " * 300, "a: " + "[" * 100 + "]" * 100]
)
def test_deep_nesting_is_refused_and_does_not_end_the_process(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml, line 1: this is nested more than 100 deep: remove brackets"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "9" * 4998, "-" + "1_0" * 1667, "9" * 101])
def test_a_number_too_long_to_be_printed_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml, line 1: \S{20}… has [\d,]+ digits: write a shorter number"):
        read(tmp_path, f"a: {text}")


def test_some_nesting_is_read(tmp_path: Path) -> None:
    assert repr(read(tmp_path, "a: " + "[" * 99 + "]" * 99)["a"]) == "[" * 99 + "]" * 99


@pytest.mark.parametrize("text", ["[a]", "a", "0", "false", "''"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"mine\.yaml is not a mapping of keys to values: write it like"):
        read(tmp_path, text)


def test_the_shipped_files_are_read_as_by_yaml_itself() -> None:
    read_otherwise = [path for path in SHIPPED if schema.read_yaml(path) != yaml.safe_load(path.read_text())]
    assert read_otherwise == []


def mutated(text: bytes, rng: random.Random) -> bytes:
    """A text with some stretches lost, repeated or replaced by what YAML gives a meaning."""
    for _ in range(rng.randint(1, 6)):
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.choice([0, 0, 1, 5, 40]))
        text = text[:start] + rng.choice([*TOKENS, b"\xe9", b"", text[start:stop] * 2]) + text[stop:]
    return text


def test_whatever_a_file_holds_it_is_read_or_refused_in_a_sentence(tmp_path: Path) -> None:
    rng = random.Random(0)
    texts = [path.read_bytes() for path in SHIPPED if path.stat().st_size < 4000]
    refusals = []
    for _ in range(1000):
        try:
            read(tmp_path, mutated(rng.choice(texts), rng))
        except InputError as error:
            refusals.append(str(error))
    assert 100 < len(refusals) < 900
    assert [text for text in refusals if "\n" in text or not text.startswith(f"{tmp_path}/mine.yaml")] == []
