"""Standard training: each step is one forward and one backward pass of a batch."""

from longtail.stage1.learner import Stage1Learner


class Learner(Stage1Learner):
    """Training with the head, loss, mixing, sampler and weights of the `stage1` block."""
