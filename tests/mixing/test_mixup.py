import torch

from longtail.mixing import mixup


def test_labels_share_as_pixels_do() -> None:
    share = torch.tensor(0.3, dtype=torch.float64)
    assert mixup.build({"alpha": 1.0}, [5, 1])(share, torch.tensor([0, 1]), torch.tensor([1, 1])) is share
