"""The way to Postgres: connections in a tenant's name, named queries, migrations, LISTEN, the queue."""
