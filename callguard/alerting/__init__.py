"""Help is called: a verdict becomes messages to contacts, sent once each, followed until they are
delivered.
"""
