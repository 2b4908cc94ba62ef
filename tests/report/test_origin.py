from longtail.report import origin

RECORD = {
    "commit": "abc",
    "versions": {"torch": "2.15.0", "python": "3.11.7"},
    "accelerator": None,
    "processor": "A CPU, 2 cores",
    "precision": "float32",
}


def test_the_sentences_contain_everything_that_a_reader_needs() -> None:
    text = " ".join(origin.sentences("slide 1", [0, 1], [RECORD, RECORD | {"commit": "def"}]))
    for part in ("slide 1", "0, 1", "abc; def", "python 3.11.7, torch 2.15.0", "A CPU, 2 cores", "float32"):
        assert part in text


def test_networks_from_elsewhere_are_counted() -> None:
    taken = RECORD | {"imported": {"source": "/far", "sha256": "0" * 64}}
    text = origin.sentences("", [0], [RECORD, taken, RECORD, taken])
    assert text[-1] == "Trained elsewhere and imported: 2 of 4 trainings."
    assert text[:-1] == origin.sentences("", [0], [RECORD])
    assert origin.line("", [0], [taken]).endswith(" Trained elsewhere and imported: 1 of 1 trainings.")


def test_weights_that_trainings_started_from_are_named() -> None:
    started = RECORD | {
        "weights": {"source": "results/weights/resnet50-11ad3fa6.pth", "sha256": "11ad3fa6" + "0" * 56}
    }
    text = origin.sentences("", [0], [RECORD, started, started])
    weights = "results/weights/resnet50-11ad3fa6.pth (sha256 11ad3fa6…)"
    assert text[-1] == f"Started from trained weights: 2 of 3 trainings, from {weights}."


def test_a_table_without_runs_says_so() -> None:
    assert "No run" in origin.sentences("slide 1", [0], [])[-1]


def test_a_table_without_printed_numbers_names_no_source() -> None:
    assert not any("Printed" in sentence for sentence in origin.sentences("", [0], [RECORD]))


def test_the_small_print_counts_runs_and_repeats_no_seed_list() -> None:
    text = origin.line("", [0, 1], [RECORD])
    assert text.startswith("n = 2 runs a method (seeds 0, 1), last epoch. Commit: abc.")
    assert text.count("0, 1") == 1


def test_the_small_print_names_the_source_of_printed_numbers() -> None:
    assert "Printed numbers: slide 1." in origin.line("slide 1", [0], [RECORD])


def test_the_small_print_says_where_some_method_has_fewer_runs() -> None:
    assert origin.line("", [0, 1], [RECORD], fewest=1).startswith(
        "n = 1 to 2 runs a method (seeds 0, 1), last epoch."
    )
    assert origin.line("", [0, 1], [RECORD], fewest=2).startswith("n = 2 runs a method (seeds 0, 1), last epoch.")
