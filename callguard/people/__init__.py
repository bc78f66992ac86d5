"""The people as an operator writes them down: a file says it, and the database is made to say the same."""
