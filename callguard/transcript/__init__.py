"""Words arrive: stored once, in order whatever order they come in, spooled while the database is away."""
