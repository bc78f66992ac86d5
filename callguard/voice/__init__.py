"""What a voice says by its sound alone: pure functions on float32 mono samples in [-1, 1] with their rate."""
