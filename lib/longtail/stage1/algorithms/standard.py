"""One batch a step, one forward and one backward pass."""

from longtail.stage1.learner import Stage1Learner as Learner

__all__ = ["Learner"]
