"""How parts explain themselves on the pages of methods."""

from pathlib import Path

import pytest

from longtail.config.registry import PARTS, Registry, named_parts
from longtail.handbook import method_parts
from longtail.runtime import parts


def test_parts_are_found_at_any_depth() -> None:
    smooth, balanced = {"name": "label_aware_smoothing"}, {"name": "class_balanced"}
    stage = {"recipe": "X", "mixing": None, "loss": smooth, "deferred": {"from": 160, "sampler": balanced}}

    assert list(named_parts({"stage1": stage})) == [
        ("stage1.loss", "losses", smooth),
        ("stage1.deferred.sampler", "samplers", balanced),
    ]


def test_a_deferred_part_is_explained_and_what_defers_it_is_listed(shipped: Registry) -> None:
    deferred = {"from": 160, "sampler": {"name": "class_balanced"}}
    method = {"stage1": shipped.methods["ce"]["stage1"] | {"deferred": deferred}}

    text = method_parts.explained(method)

    assert "### Deferred sampler: [`class_balanced`](../../lib/longtail/samplers/class_balanced.py)" in text
    assert "| `deferred.from` | `160` |" in text
    assert "deferred.sampler" not in text


def test_a_part_says_what_it_is_and_how_it_is_set(shipped: Registry) -> None:
    text = method_parts.explained(shipped.methods["re_lws_las"])

    assert "### Loss: [`label_aware_smoothing`](../../lib/longtail/losses/label_aware_smoothing.py)" in text
    assert "the more images a class has, the softer its label" in text
    assert "ε_y follows `head`, `tail` and `form`" in text
    assert "| `head` | `0.3` | ε of the largest class |" in text
    assert "### Generator" not in text
    assert "- Generator: [`real`]" in text
    assert "| `classifier.scale_rate` | `1.0` | learning rate of s" in text


def test_a_method_of_plain_parts_alone_has_a_line_each_and_no_heading(shipped: Registry) -> None:
    lines = method_parts.explained(shipped.methods["ce"]).splitlines()

    assert [line.split("`")[1] for line in lines] == [*("cross_entropy", "instance_balanced", "linear", "standard")]


def test_the_default_sampler_of_stage_2_is_not_taken_for_a_plain_one(shipped: Registry) -> None:
    assert "### Sampler: [`class_aware`]" in method_parts.explained(shipped.methods["crt"])


def test_the_class_speaks_where_no_function_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "losses").mkdir()
    (tmp_path / "losses" / "own.py").write_text(
        '"""A loss."""\nimport nowhere\nclass _Hidden:\n  """No."""\nclass Own:\n  """What it does."""\n'
    )
    monkeypatch.setattr(parts, "LIB", tmp_path)

    assert method_parts.docstrings("losses", "own") == ["A loss.", "What it does."]


def test_every_part_has_something_to_say() -> None:
    for package in PARTS.values():
        for name in parts.names(package):
            assert len(method_parts.docstrings(package, name)) == 2, name


def test_prose_escapes_tags_but_not_code_and_links_cards() -> None:
    text = 'λ < τ, `a < b`\n(methods card "LADC_Average", methods card 1.7, methods card "none").'

    assert method_parts.prose(text) == (
        'λ \\< τ, `a < b`\n([methods card "LADC_Average"](../methods.md#ladc_average-and-dc), '
        '[methods card 1.7](../methods.md#17-samplers), methods card "none").'
    )


def test_prose_leaves_errors_to_the_code() -> None:
    assert method_parts.prose("One.\nRaises InputError when two\nlines go wrong.\n\nTwo.") == "One.\n\nTwo."


def test_every_card_that_the_code_cites_is_there() -> None:
    cited = {match for file in parts.LIB.rglob("*.py") for match in method_parts._CARD.finditer(file.read_text())}

    assert len(cited) > 20
    assert [match[0] for match in cited if not method_parts._linked(match).startswith("[")] == []
