import numpy as np
import torch
from tests.stage2.generators import references

from longtail.stage2.generators import real


def test_rows_give_their_own_features() -> None:
    features, labels = references.digits()
    draw = real.build({"name": "real"}, features, labels, references.COUNTS)
    rows = np.array([416, 0, 3, 3])
    assert torch.equal(draw(rows, torch.Generator()), features[[416, 0, 3, 3]])
