from longtail.report import origin

RECORD = {
    "commit": "abc",
    "versions": {"torch": "2.15.0", "python": "3.11.7"},
    "accelerator": None,
    "processor": "A CPU, 2 cores",
    "settings": {"compute": {"precision": "auto"}},
}


def test_everything_a_reader_needs_is_told():
    told = " ".join(origin.sentences("slide 1", [0, 1], [RECORD, RECORD | {"commit": "def"}]))
    for part in ("slide 1", "0, 1", "abc; def", "python 3.11.7, torch 2.15.0", "A CPU, 2 cores", "float32"):
        assert part in told


def test_a_table_without_runs_says_so():
    assert "No run" in origin.sentences("slide 1", [0], [])[-1]
