import json
import pickle
from typing import Any

import pytest
import yaml

from longtail.config.registry import CONFIG, merge
from longtail.graph.entries import Caption, Entries, Settings
from longtail.graph.graph import Graph
from longtail.results import FIGURES, TABLES
from longtail.runtime.errors import InputError


@pytest.mark.parametrize("configuration", ["config.yaml", "demo.yaml"])
def test_every_table_and_figure_has_one_label_and_no_two_have_the_same(configuration: str) -> None:
    config: dict[str, Any] = {}
    for name in ("config.yaml", configuration):
        config = merge(config, yaml.safe_load((CONFIG / name).read_text()))
    graph = Graph.of(config, [CONFIG / "config.yaml"])
    shown = [path for path in (*graph.targets.tables(), *graph.targets.figures()) if path.endswith((".html", ".svg"))]

    labels = [graph.entries.labels(path, "not planned") for path in shown]

    assert {tuple(label) for label in labels} == {("title",)}
    titles = {label["title"] for label in labels}
    assert len(titles) == len(shown)
    assert "not planned" not in titles


def test_entries_with_one_title_have_their_path_behind_it() -> None:
    titles = {f"{TABLES}/a.html": "Birds", f"{FIGURES}/similarity/a.svg": "Birds", f"{TABLES}/b.html": "Bees"}
    entries = Entries(lambda: titles)

    assert [entries.labels(path, "")["title"] for path in titles] == [
        "Birds (tables/a)",
        "Birds (figures/similarity/a)",
        "Bees",
    ]
    assert entries.labels(f"{FIGURES}/reliability/other.svg", "Of its own") == {"title": "Of its own"}
    with pytest.raises(InputError, match=r"2 entries of the report have the title 'Birds \(tables/a\)'"):
        Entries(lambda: titles | {f"{TABLES}/c.html": "Birds (tables/a)"}).labels(f"{TABLES}/b.html", "")


def test_settings_are_json_that_formats_as_words_and_arrives_as_plain_text() -> None:
    value = {
        "title": 'A "title" {x}',
        "bins": None,
        "rows": [{"label": "CE", "cells": [{"runs": ["results/runs/a"]}]}, {"label": "MiSLAS", "cells": []}],
        "panels": [["CE", "cRT"]],
        "runs": ["results/runs/a", "results/runs/b"],
        "evaluation": {"bins": 15, "exact": True},
    }
    settings = Settings(value)

    assert str(settings) == json.dumps(value, sort_keys=True)
    assert f"{settings}".replace("\N{WORD JOINER}", "") == (
        "title: A 'title' {x}; bins: none; rows: CE, MiSLAS; panels: CE with cRT; runs: 2 files; "
        "evaluation: bins 15, exact yes"
    )
    assert "{x}" not in f"{settings}"  # Snakemake would look for a wildcard of that name
    assert type(pickle.loads(pickle.dumps(settings))) is str
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert (str(Caption("What is drawn.")), f"{Caption('What is drawn.')}") == (
        "What is drawn.",
        "see the description",
    )
