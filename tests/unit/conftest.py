"""Property tests bound their examples, not their time: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("callguard", deadline=None)
settings.load_profile("callguard")
