"""The way to Postgres: connections under a tenant's name, the named queries, migrations, notifications, the
queue.
"""
