"""The HTTP API: one module a subject, one shape of errors."""
