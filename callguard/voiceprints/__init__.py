"""The voices that people enrolled: with their consent, sealed, and gone when they say so."""
