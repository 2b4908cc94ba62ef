import numpy as np

from longtail.data.sources import made_titles

SETTINGS = {"titles": {"length": 24, "dimensions": 5}}


def test_made_titles_are_always_the_same_and_no_two_splits_share_one() -> None:
    one, same = made_titles.read(SETTINGS, None), made_titles.read(SETTINGS, None)
    assert np.array_equal(one.train_titles, same.train_titles)
    assert one.train_titles.shape == (640, 24)
    assert np.bincount(one.train_labels).tolist() == list(made_titles.CLASS_SIZES)
    assert one.vectors.shape == (26 + 2, 5)
    splits = [
        {row.tobytes() for row in split} for split in (one.train_titles, one.validation_titles, one.test_titles)
    ]
    assert not splits[0] & splits[2]
