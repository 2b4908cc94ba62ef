"""The three backbones for titles, against PyTorch's own layers and against sums by hand."""

import math

import pytest
import torch
from torch import nn

from longtail.models import network, textcnn, textrnn, transformer, transformer_mixed_heads
from longtail.models._titles import Halved, TitleInputs
from longtail.runtime.errors import InputError

LENGTH, WIDTH, SIZE = 8, 20, 50


@pytest.fixture
def inputs() -> TitleInputs:
    return TitleInputs(torch.randn(SIZE, WIDTH, generator=torch.Generator().manual_seed(0)), LENGTH)


@pytest.fixture
def titles() -> torch.Tensor:
    return torch.randint(0, SIZE, (6, LENGTH), generator=torch.Generator().manual_seed(1), dtype=torch.int32)


@pytest.mark.parametrize(
    ("name", "features"),
    [("textcnn", 768), ("textrnn", 256), ("transformer", 160), ("transformer_mixed_heads", 160)],
)
def test_features_have_the_sizes_of_the_cards(
    inputs: TitleInputs, titles: torch.Tensor, name: str, features: int
) -> None:
    built = network.build(name, inputs, 10, seed=0)
    assert built.backbone.feature_dim == features
    assert built.eval().backbone(titles).shape == (6, features)
    assert built(titles).shape == (6, 10)


@pytest.mark.parametrize("name", ["textcnn", "textrnn", "transformer"])
def test_the_seed_settles_every_weight_and_vectors_are_learnt(inputs: TitleInputs, name: str) -> None:
    one, same, other = (network.build(name, inputs, 10, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["classifier.weight"], other["classifier.weight"])
    assert torch.equal(one["backbone.embedding.weight"], inputs.vectors)
    built = network.build(name, inputs, 10, 0)
    assert built.backbone.embedding.weight.requires_grad
    built.backbone.embedding.weight.data.zero_()
    assert inputs.vectors.any(), "two networks would share one table"


@pytest.mark.parametrize("name", ["textcnn", "textrnn"])
def test_weights_are_drawn_as_xavier_and_biases_are_zero(inputs: TitleInputs, name: str) -> None:
    built = network.build(name, TitleInputs(torch.randn(SIZE, 200), 32), 10, seed=0)
    assert not built.classifier.bias.any()
    expected = math.sqrt(2 / (built.backbone.feature_dim + 10))
    assert float(built.classifier.weight.detach().std()) == pytest.approx(expected, rel=0.1)
    for key, value in built.backbone.named_parameters():
        assert "bias" not in key or not value.any(), key


def test_filters_are_drawn_as_those_of_one_channel() -> None:
    network = textcnn.build(TitleInputs(torch.zeros(SIZE, 200), 32))
    for width, part in zip(textcnn.WIDTHS, network.filters, strict=True):
        as_upstream = torch.empty(256, 1, width, 200)
        expected = math.sqrt(2 / sum(nn.init._calculate_fan_in_and_fan_out(as_upstream)))
        assert float(part.weight.detach().std()) == pytest.approx(expected, rel=0.02)


def test_textcnn_is_the_largest_of_windows(inputs: TitleInputs, titles: torch.Tensor) -> None:
    network = textcnn.build(inputs).eval()
    for part in network.filters:
        nn.init.normal_(part.bias)
    vectors = inputs.vectors[titles.long()]
    found, at = network(titles), 0
    for width, part in zip(textcnn.WIDTHS, network.filters, strict=True):
        windows = torch.stack([vectors[:, i : i + width] for i in range(LENGTH - width + 1)], 1)
        scores = torch.einsum("bnkd,fdk->bnf", windows, part.weight) + part.bias
        expected = scores.clamp(min=0).amax(1)
        assert torch.allclose(found[:, at : at + 256], expected, atol=1e-5)
        at += 256


def test_textrnn_is_a_two_layer_lstm_of_pytorch(inputs: TitleInputs, titles: torch.Tensor) -> None:
    network = textrnn.build(inputs).eval()
    whole = nn.LSTM(WIDTH, 128, 2, batch_first=True, bidirectional=True)
    weights = network.first.state_dict()
    for part, end in ((network.forwards, "_l1"), (network.backwards, "_l1_reverse")):
        weights |= {key.replace("_l0", end): value for key, value in part.state_dict().items()}
    whole.load_state_dict(weights)
    expected = whole(inputs.vectors[titles.long()])[0][:, -1]
    assert torch.allclose(network(titles), expected, atol=1e-6)


def test_a_layer_is_pytorchs_own_in_evaluation(inputs: TitleInputs) -> None:
    layer = transformer.Layer(WIDTH, mixed=False).eval()
    theirs = nn.TransformerEncoderLayer(WIDTH, 5, 1024, batch_first=True).eval()
    cut = layer.attention
    theirs.load_state_dict(
        {
            "self_attn.in_proj_weight": torch.cat([cut.query.weight, cut.key.weight, cut.value.weight]),
            "self_attn.in_proj_bias": torch.cat([cut.query.bias, cut.key.bias, cut.value.bias]),
            "self_attn.out_proj.weight": cut.out.weight,
            "self_attn.out_proj.bias": cut.out.bias,
            "linear1.weight": layer.wide.weight,
            "linear1.bias": layer.wide.bias,
            "linear2.weight": layer.narrow.weight,
            "linear2.bias": layer.narrow.bias,
        }
        | {f"norm{i}.{key}": value for i in (1, 2) for key, value in getattr(layer, f"norm{i}").state_dict().items()}
    )
    x = torch.randn(3, LENGTH, WIDTH)
    assert torch.allclose(layer(x), theirs(x), atol=1e-5)


def test_mixed_heads_are_cut_by_the_place_in_memory(inputs: TitleInputs, titles: torch.Tensor) -> None:
    attention = transformer.Attention(WIDTH, mixed=True)
    x = torch.randn(2, LENGTH, WIDTH)
    query, key, value = (
        part(x).view(2 * 5, LENGTH, WIDTH // 5) for part in (attention.query, attention.key, attention.value)
    )
    weights = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(WIDTH // 5), -1)
    expected = attention.out((weights @ value).view(2, LENGTH, WIDTH))
    assert torch.allclose(attention(x), expected, atol=1e-6)
    right, mixed = (module.build(inputs).eval() for module in (transformer, transformer_mixed_heads))
    mixed.load_state_dict(right.state_dict())
    assert not torch.allclose(right(titles), mixed(titles), atol=1e-2)


def test_positions_are_sines_and_cosines() -> None:
    table = transformer.sinusoids(3, 4)
    assert table[0].tolist() == [0, 1, 0, 1]
    assert table[2].tolist() == pytest.approx([math.sin(2), math.cos(2), math.sin(2 / 100), math.cos(2 / 100)])


def test_vectors_that_heads_cannot_share_are_refused() -> None:
    with pytest.raises(
        InputError, match=r"5 heads cannot share vectors of 64 numbers: name 'titles\.vectors' .* of a multiple of 5"
    ):
        transformer.build(TitleInputs(torch.zeros(SIZE, 64), LENGTH))


def test_halved_keeps_one_half_and_the_mean() -> None:
    torch.manual_seed(0)
    part, x = Halved(), torch.full((101, 999), 3.0)
    kept = part(x)
    assert set(kept.unique().tolist()) == {0.0, 6.0}
    assert float(kept.mean()) == pytest.approx(3, rel=0.01)
    # Neighbours, which share a byte, are as independent as others.
    assert float((kept[:, 1:] * kept[:, :-1]).mean()) == pytest.approx(9, rel=0.02)
    assert torch.equal(part.eval()(x), x)
    assert part.train()(x.bfloat16()).dtype == torch.bfloat16
