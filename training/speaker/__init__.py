"""Makes callguard/voice/speaker/model and measures it: `python -m training.speaker --help`."""
