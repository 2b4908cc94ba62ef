"""How two images and their labels are mixed, one file each, found by name.

All mix pixels alike: x̃ = λ·x + (1−λ)·x[π] with one λ ~ Beta(α, α) and one permutation π a batch. They differ in the
share of its own label that a mixed image keeps: `build(settings, counts)` gives that function of λ (a scalar tensor),
the labels and the partners' labels [B]. Settings are named in `SETTINGS`, a literal; `alpha` is among them.
"""
