"""What a run will take and how far it is: reads files only, and starts in a moment (no torch, no pandas)."""
