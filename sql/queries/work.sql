-- name: add
-- Something to do after this transaction; one waits per kind and subject. One that waits already is held until this
-- transaction is committed, so that who takes it sees what was stored here, and keeps what it was told.
INSERT INTO work AS w (tenant_id, kind, subject, call_id, payload, urgency, run_after)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7))
ON CONFLICT (tenant_id, kind, subject) WHERE state = 'pending'
DO UPDATE SET run_after = least(w.run_after, excluded.run_after), urgency = least(w.urgency, excluded.urgency),
              payload = w.payload || excluded.payload;

-- name: claim
-- Due work for this worker, most urgent first.
SELECT id, tenant_id, kind, subject, coalesce(call_id, subject) AS call_id, payload, attempts, fence
FROM claim_work($1, $2, make_interval(secs => $3), $4, $5)
ORDER BY urgency, run_after;

-- name: finish
-- Done, if the lease still holds. The payload goes: it may hold a call token.
UPDATE work SET state = 'done', payload = '{}', lease_until = NULL, finished_at = clock_timestamp()
WHERE id = $1 AND fence = $2 AND state = 'running';

-- name: renew
-- A heartbeat: keeps the lease while a long piece of work goes on.
UPDATE work SET lease_until = clock_timestamp() + make_interval(secs => $3)
WHERE id = $1 AND fence = $2 AND state = 'running';

-- name: is_held
-- Whether the lease still holds.
SELECT EXISTS (SELECT FROM work WHERE id = $1 AND fence = $2 AND state = 'running');

-- name: retry
-- Back into the queue for later, if the lease still holds and no newer request of the subject waits.
UPDATE work w SET state = 'pending', lease_until = NULL, error_code = $3, run_after = clock_timestamp() + make_interval(secs => $4)
WHERE w.id = $1 AND w.fence = $2 AND w.state = 'running'
    AND NOT EXISTS (SELECT FROM work n WHERE n.tenant_id = w.tenant_id AND n.kind = w.kind AND n.subject = w.subject
                        AND n.state = 'pending');

-- name: hand_on
-- The newer request of the subject, which waits, takes over what this one was told.
UPDATE work n SET payload = w.payload || n.payload
FROM work w
WHERE w.id = $1 AND w.fence = $2 AND w.state = 'running'
    AND n.tenant_id = w.tenant_id AND n.kind = w.kind AND n.subject = w.subject AND n.state = 'pending';

-- name: fail
-- Given up: stays as a visible failure, without its payload.
UPDATE work SET state = 'failed', payload = '{}', lease_until = NULL, error_code = $3, finished_at = clock_timestamp()
WHERE id = $1 AND fence = $2 AND state = 'running';

-- name: drop
-- Takes back what has not begun.
DELETE FROM work WHERE tenant_id = $1 AND kind = $2 AND subject = $3 AND state = 'pending';

-- name: busy_calls
-- The calls, by the SID of the caller's leg, that have work waiting to run now, or running.
SELECT DISTINCT c.call_sid FROM work w JOIN active_calls c ON c.tenant_id = w.tenant_id AND c.id = w.call_id
WHERE w.tenant_id = $1 AND (w.state = 'running' OR w.state = 'pending' AND w.run_after <= clock_timestamp());

-- name: present
-- For as long as this connection lives, others can see that this process does.
SELECT pg_advisory_lock_shared(1667329128, $1);
