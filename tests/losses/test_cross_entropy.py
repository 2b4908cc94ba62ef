import numpy as np
import torch

from longtail.losses import cross_entropy

LOSS = cross_entropy.build({"name": "cross_entropy"}, [5, 3])


def test_each_image_has_its_own_negative_log_likelihood() -> None:
    logits = np.log(np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.25, 0.25, 0.5]])) + 7
    found = LOSS(torch.tensor(logits), torch.tensor([0, 1, 2]))
    np.testing.assert_allclose(found, [np.log(2), np.log(10), np.log(2)], rtol=1e-12)


def test_certain_and_wrong_stays_finite() -> None:
    found = LOSS(torch.tensor([[2000.0, -2000.0]] * 2), torch.tensor([1, 0]))
    assert found.tolist() == [4000.0, 0.0]
