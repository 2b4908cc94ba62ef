"""The training engine both stages share: resident images, schedules, checkpoints and the epoch loop."""
