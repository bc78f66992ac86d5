"""Help is called: a verdict becomes messages to contacts, sent once each and followed to their end."""
