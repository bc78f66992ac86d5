"""The voice itself: pure functions on float32 mono arrays in [-1, 1] with their rate."""
