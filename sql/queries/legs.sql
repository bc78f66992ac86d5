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
-- The person's legs of a call, in the order in which they were tried. person_in: where the phone screens the call, the
-- seconds of $2 that are left to the person.
SELECT id, attempt, route_kind, address, call_sid, status, given_up,
       CASE WHEN person_at IS NULL THEN $2 - extract(epoch FROM clock_timestamp() - robot_at)::double precision END AS person_in
FROM call_legs
WHERE call_id = $1 AND role = 'person' ORDER BY attempt;

-- name: give_up
-- A machine came on the line: the leg is no way to the person. Whether the call is listened to; nothing comes back when that
-- was known, or the machine is a phone that screens its calls.
UPDATE call_legs l SET given_up = 'machine', updated_at = now()
FROM active_calls c
WHERE l.call_id = $1 AND l.call_sid = $2 AND l.given_up IS NULL AND l.robot_at IS NULL
    AND c.tenant_id = l.tenant_id AND c.id = l.call_id
RETURNING c.decision = 'monitor';

-- name: robot_speaks
-- The phone on the newest leg screens the call; nothing comes back when that was known, or it is not the leg's beginning.
UPDATE call_legs l SET robot_at = clock_timestamp(), given_up = NULL, updated_at = now()
FROM active_calls c
WHERE c.id = $1 AND c.status = 'active' AND (c.connected_at IS NULL OR c.connected_at > clock_timestamp() - make_interval(secs => $2))
    AND l.tenant_id = c.tenant_id AND l.call_id = c.id AND l.role = 'person' AND l.robot_at IS NULL
    AND coalesce(l.given_up, 'machine') = 'machine'
    AND l.status NOT IN ('completed', 'busy', 'no-answer', 'failed', 'canceled')
    AND l.attempt = (SELECT max(n.attempt) FROM call_legs n
                     WHERE n.tenant_id = l.tenant_id AND n.call_id = l.call_id AND n.role = 'person')
RETURNING l.id;

-- name: screening
-- The leg on which a phone screens the call, if there is one.
SELECT id FROM call_legs WHERE call_id = $1 AND robot_at IS NOT NULL AND person_at IS NULL AND given_up IS NULL
    AND status NOT IN ('completed', 'busy', 'no-answer', 'failed', 'canceled');

-- name: person_speaks
-- The person has come on the line.
UPDATE call_legs SET person_at = clock_timestamp(), updated_at = now() WHERE id = $1 AND person_at IS NULL;

-- name: give_up_screening
-- Phones that have screened a call for $2 seconds, and no person came.
UPDATE call_legs SET given_up = 'screening', updated_at = now()
WHERE call_id = $1 AND person_at IS NULL AND given_up IS NULL AND robot_at <= clock_timestamp() - make_interval(secs => $2)
    AND status NOT IN ('completed', 'busy', 'no-answer', 'failed', 'canceled');

-- name: robot_left
-- Whether it was a phone that screened the call which hung up, and no person.
SELECT EXISTS (SELECT FROM call_legs WHERE call_id = $1 AND call_sid = $2 AND robot_at IS NOT NULL AND person_at IS NULL);

-- name: for_announcing
-- A leg on which a phone screens the call, or did.
SELECT l.call_sid, l.person_at IS NOT NULL AS person_came, l.status, c.conference_name, c.call_sid AS callers_sid
FROM call_legs l JOIN active_calls c ON c.tenant_id = l.tenant_id AND c.id = l.call_id
WHERE l.id = $1 AND c.status = 'active';

-- name: looped
-- The leg came back as the inbound leg $2.
UPDATE call_legs SET given_up = 'loop', looped_sid = $2, updated_at = now() WHERE id = $1;

-- name: not_dialled
-- Twilio could not be brought to dial what was asked for.
UPDATE call_legs SET status = 'failed', updated_at = now() WHERE call_id = $1 AND role = 'person' AND status = 'requested';

-- name: refuse
-- callguard may not dial this leg, and why.
UPDATE call_legs SET status = 'failed', refusal = $2, updated_at = now() WHERE id = $1;
