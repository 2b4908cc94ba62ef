"""What backbones for titles share: characters that start from trained vectors, and how their repository draws weights."""

from torch import nn

from longtail.models.network import TitleInputs

DROPOUT = 0.5


def characters(inputs: TitleInputs) -> nn.Embedding:
    """The vectors [V, D] of characters, learnt on; that of padding is no exception (methods card 1.3)."""
    return nn.Embedding.from_pretrained(inputs.vectors.clone(), freeze=False)


def draw_xavier(module: nn.Module) -> None:
    """Weights from xavier_normal and biases 0, but for embeddings (`init_network` of the repository)."""
    for part in module.modules():
        if isinstance(part, nn.Embedding):
            continue
        for name, value in part.named_parameters(recurse=False):
            if "bias" in name:
                nn.init.zeros_(value)
            elif isinstance(part, nn.Conv1d):
                # There a filter is one channel's k x D, which counts more outputs than k-wide filters of D channels.
                nn.init.xavier_normal_(value.unsqueeze(1))
            else:
                nn.init.xavier_normal_(value)
