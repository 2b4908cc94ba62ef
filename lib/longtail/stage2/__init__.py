"""Stage `stage2`: trains a re-balanced classifier on the frozen backbone of a Stage-1 run."""
