-- name: open
-- Stores a call that arrived; no row comes back when it is known already.
INSERT INTO active_calls (tenant_id, user_id, call_sid, conference_name, caller_number, called_number, forwarded_from,
                          stir_verstat, attestation, language, announced, started_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (call_sid) DO NOTHING
RETURNING id;

-- name: known
-- A call that arrived before, by the SID of the caller's leg.
SELECT id, conference_name, announced FROM active_calls WHERE call_sid = $1;

-- name: resolve
-- A call by the SID of any of its legs, in whichever tenant.
SELECT tenant_id, call_id, language FROM resolve_call($1);

-- name: still_dialling
-- Whether the same caller is waiting, within the last 30 s, for a person who has not answered yet: the sign of a forwarding loop.
SELECT EXISTS (
    SELECT FROM active_calls c
    WHERE c.user_id = $1 AND c.caller_number = $2 AND c.call_sid <> $3 AND c.caller_number <> 'withheld'
        AND c.status = 'active' AND c.connected_at IS NULL
        AND c.started_at > now() - interval '30 seconds');

-- name: expect_leg
-- The person's leg, before it is dialled.
INSERT INTO call_legs (tenant_id, call_id, role) VALUES ($1, $2, 'person') ON CONFLICT DO NOTHING;

-- name: leg_dialled
-- Twilio took the person's leg: its SID, and whether the caller's own number could be shown.
UPDATE call_legs SET call_sid = $2, used_call_token = $3, token_refused = $4, updated_at = now(),
    status = CASE WHEN status = 'requested' THEN 'queued' ELSE status END
WHERE call_id = $1 AND role = 'person';

-- name: leg_changed
-- The status of the person's leg, which only moves forward: a late or repeated one touches nothing. It can be told before
-- the reply that carries the leg's SID has come.
UPDATE call_legs SET status = $3, call_sid = coalesce(call_sid, $2), updated_at = now()
WHERE call_id = $1 AND role = 'person' AND status = ANY ($4::text[]);

-- name: connected
-- The person answered.
UPDATE active_calls SET connected_at = coalesce(connected_at, now()) WHERE id = $1;

-- name: for_dialling
-- What dialling the person needs.
SELECT c.call_sid, c.conference_name, c.caller_number, c.called_number, c.status, u.phone_number, l.call_sid AS leg_sid
FROM active_calls c
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
JOIN call_legs l ON l.tenant_id = c.tenant_id AND l.call_id = c.id AND l.role = 'person'
WHERE c.id = $1;

-- name: caller_leg
-- The caller's leg of a call that still runs and has not reached the person.
SELECT call_sid, language FROM active_calls WHERE id = $1 AND status = 'active' AND connected_at IS NULL;

-- name: transcription_changed
-- The state of the transcription; stopped and failed are final.
UPDATE active_calls SET transcription_state = $2
WHERE id = $1 AND (transcription_state = 'waiting' OR transcription_state = 'started' AND $2 <> 'started');

-- name: end
-- The caller's leg is over; nothing comes back when that was known.
UPDATE active_calls SET status = 'ended', ended_at = clock_timestamp()
WHERE id = $1 AND status = 'active'
RETURNING keyword_at IS NOT NULL AS awake;

-- name: for_analysis
-- What a verdict needs beside the words.
SELECT c.id, c.user_id, c.caller_number, c.attestation, c.stir_verstat, c.language, c.keywords, c.keyword_at,
       u.name AS person_name, u.phone_number, u.twilio_number
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;

-- name: recent
-- Live calls, and those that ended in the last hours: newest first.
SELECT c.id, c.call_sid, u.name AS person_name, c.caller_number, c.attestation, c.status, c.started_at, c.ended_at, c.keywords,
       coalesce((SELECT sum(m.caller_speech_ms) FROM media_streams m WHERE m.tenant_id = c.tenant_id AND m.call_id = c.id), 0)
           AS caller_speech_ms
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.status = 'active' OR c.started_at > now() - interval '12 hours'
ORDER BY (c.status = 'active') DESC, c.started_at DESC
LIMIT $1;

-- name: by_sid
-- One call's id and state, by the SID of the caller's leg.
SELECT id, status, keywords FROM active_calls WHERE call_sid = $1;
