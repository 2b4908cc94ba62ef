"""The training engine that both stages share: examples, batches, steps, schedules, checkpoints and the loop."""
