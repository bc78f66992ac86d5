-- name: expect
-- The person's next leg, before it is dialled.
INSERT INTO call_legs (tenant_id, call_id, role, attempt, route_kind, address) VALUES ($1, $2, 'person', $3, $4, $5)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: ask
-- Twilio is about to be asked to dial this leg: whether it was asked before.
UPDATE call_legs l SET asked_at = coalesce(l.asked_at, clock_timestamp())
FROM call_legs before WHERE l.id = $1 AND before.tenant_id = l.tenant_id AND before.id = l.id
RETURNING before.asked_at IS NOT NULL;

-- name: of_call
-- The person's legs of a call, in the order in which they were tried.
SELECT id, attempt, route_kind, address, call_sid, status, given_up FROM call_legs
WHERE call_id = $1 AND role = 'person' ORDER BY attempt;

-- name: give_up
-- A machine came on the line: the leg is no way to the person. Nothing is touched when that was known.
UPDATE call_legs SET given_up = 'machine', updated_at = now() WHERE call_id = $1 AND call_sid = $2 AND given_up IS NULL;

-- name: looped
-- The leg came back as the inbound leg $2.
UPDATE call_legs SET given_up = 'loop', looped_sid = $2, updated_at = now() WHERE id = $1;

-- name: not_dialled
-- Twilio could not be brought to dial what was asked for.
UPDATE call_legs SET status = 'failed', updated_at = now() WHERE call_id = $1 AND role = 'person' AND status = 'requested';

-- name: refuse
-- callguard may not dial this leg, and why.
UPDATE call_legs SET status = 'failed', refusal = $2, updated_at = now() WHERE id = $1;
