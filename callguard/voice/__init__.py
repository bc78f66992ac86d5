"""The voice itself: its audio, its features, whether it is synthetic, whose it is."""
