"""Stage `stage2`: a re-balanced classifier on the frozen backbone of a Stage-1 run."""
