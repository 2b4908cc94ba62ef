import numpy as np
import pytest
import torch

from longtail.data.arrays import Titles
from longtail.engine import sets
from longtail.engine.titles import TitleSet
from longtail.models.network import TitleInputs
from longtail.runtime.errors import InputError

CPU = torch.device("cpu")
ROWS = np.arange(28, dtype=np.int32).reshape(7, 4)
LABELS = np.arange(7) % 2


@pytest.fixture
def data():
    vectors = np.ones((28, 3), np.float32)
    return Titles(ROWS, LABELS, ROWS[:3], LABELS[:3], ROWS[5:], LABELS[5:], vectors, ["a", "b"])


def test_batches_are_the_titles_named_from_any_batch_on():
    order = np.array([6, 0, 3, 3, 1])
    whole = list(TitleSet(ROWS, CPU).batches(order, 2, (0, 1, 2, 1)))
    assert [len(batch) for batch in whole] == [2, 2, 1]
    assert torch.cat(whole).tolist() == ROWS[order].tolist()
    later = list(TitleSet(ROWS, CPU).batches(order, 2, (0, 1, 2, 1), first=1))
    assert [batch.tolist() for batch in later] == [batch.tolist() for batch in whole[1:]]


def test_what_augments_images_is_refused():
    with pytest.raises(InputError, match="defined on images, not on titles: set randaugment: null"):
        next(TitleSet(ROWS, CPU).batches(np.arange(2), 2, (0, 1, 2, 1), policy=lambda pixels, positions: pixels))


def test_splits_of_titles_and_what_a_backbone_is_told(data):
    assert len(sets.training(data, np.array([1, 4]), {}, CPU, augment=True, workers=0)) == 2
    assert len(sets.testing(data, {}, CPU, 0)) == 3
    images, labels = sets.validation(data, CPU)
    assert images.titles.tolist() == ROWS[5:].tolist()
    assert labels.tolist() == LABELS[5:].tolist()
    found = sets.inputs(data, {})
    assert isinstance(found, TitleInputs)
    assert (found.length, found.vectors.shape) == (4, (28, 3))
    rows = torch.from_numpy(ROWS)
    assert sets.normaliser(data, {}, CPU)(rows) is rows
