"""What a run will cost and how far it is: reads only files, and starts quickly (no torch, no pandas)."""
