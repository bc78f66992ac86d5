"""Whose voice it is: embeddings of speech, voiceprints made of them, and how like one a voice is."""
