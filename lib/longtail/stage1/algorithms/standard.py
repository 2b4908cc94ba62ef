"""One batch a step, one forward and one backward pass."""

from longtail.stage1.learner import Stage1Learner


class Learner(Stage1Learner):
    """The head, loss, mixing, sampler and weights of the `stage1` block, and nothing besides."""
