"""The voice itself, as float32 samples between -1 and 1: its sound, whether it is synthetic, whose it is."""
