"""What must hold when nothing else does: keys, sealing, and what may be written to a log."""
