-- name: ids
-- Every tenant, oldest first.
SELECT tenant_ids() AS id;

-- name: create
-- A new organisation, under an id chosen by the caller, who has entered it.
INSERT INTO tenants (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING;

-- name: silence
-- This transaction's trigger does not notify: the notification queue is full, polling finds the work.
SELECT set_config('callguard.notify', 'off', true);

-- name: name
-- What an organisation is called.
SELECT name FROM tenants WHERE id = $1;
