"""How the voice models are made: what they learn from, what a telephone does to it, the fitting."""
