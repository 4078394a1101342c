"""The flight recorder: what a recorded run decided, why, and what would have become of it otherwise."""
