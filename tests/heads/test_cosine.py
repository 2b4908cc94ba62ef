import numpy as np
import torch

from longtail.heads import cosine


def build(features=5, classes=4, scale=30.0):
    torch.manual_seed(0)
    return cosine.build({"name": "cosine", "scale": scale}, features, classes)


def test_logits_are_s_times_the_cosines() -> None:
    head = build().double()
    features = np.random.default_rng(0).normal(0, 3, (6, 5))
    with torch.no_grad():
        head.weight.mul_(torch.tensor([[0.1], [1.0], [2.0], [30.0]]))  # as training would leave them
    weight = head.weight.detach().numpy()
    expected = [[30 * x @ w / np.sqrt((x @ x) * (w @ w)) for w in weight] for x in features]
    np.testing.assert_allclose(head(torch.tensor(features)).detach(), expected, rtol=1e-12)


def test_logits_by_hand() -> None:
    head = build(2, 3, scale=10.0)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[7.0, 0.0], [0.0, 0.5], [-3.0, -4.0]]))
    torch.testing.assert_close(head(torch.tensor([[6.0, 8.0]])), torch.tensor([[6.0, 8.0, -10.0]]))


def test_weights_begin_with_a_length_of_1_and_no_bias() -> None:
    head = build(64, 100)
    torch.testing.assert_close(head.weight.norm(dim=1), torch.ones(100))
    assert [name for name, _ in head.named_parameters()] == ["weight"]
    # From a cube: no coordinate is beyond √(1/Σu²), where the length of 64 uniform draws is near √(64/3).
    assert 1.5 < float(head.weight.detach().abs().max() * np.sqrt(64)) < 2.5


def test_a_feature_of_zeros_is_like_no_class() -> None:
    logits = build()(torch.zeros(1, 5, requires_grad=True))
    assert logits.tolist() == [[0.0] * 4]
    logits.sum().backward()
