"""Words arrive: stored once and in order whatever the order they come in, spooled while the database is
away.
"""
