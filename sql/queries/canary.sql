-- name: resolve
-- The tenant of a run.
SELECT resolve_canary($1) AS tenant_id;

-- name: people
-- Whom a canary can be asked for: one person, or with NULL all who have a number.
SELECT u.id AS user_id, u.name, u.email, u.language, u.paused_until > clock_timestamp() AS paused,
       (SELECT count(*) FROM canary_runs r WHERE r.tenant_id = u.tenant_id AND r.user_id = u.id
            AND r.created_at > clock_timestamp() - interval '1 hour') AS lately
FROM users u WHERE u.twilio_number IS NOT NULL AND ($1::uuid IS NULL OR u.id = $1) ORDER BY u.name, u.id;

-- name: begin
-- A new run; nothing comes back where one is under way.
INSERT INTO canary_runs (tenant_id, user_id, origin, words) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, user_id) WHERE state = 'running' DO NOTHING
RETURNING id;

-- name: under_way
-- The person's run that is under way.
SELECT id FROM canary_runs WHERE user_id = $1 AND state = 'running';

-- name: unschedule
-- Takes back the daily canaries that are no longer wanted, or not at that hour.
DELETE FROM work w USING users u
WHERE w.kind = $1 AND w.state = 'pending' AND u.tenant_id = w.tenant_id AND u.id = w.subject
    AND NOT (u.canary AND w.payload ->> 'at' = concat_ws(' ', u.canary_at, u.time_zone));

-- name: unscheduled
-- People who want a daily canary, for whom none waits. hour: what it is scheduled by.
SELECT u.id AS user_id, u.canary_at, u.time_zone, concat_ws(' ', u.canary_at, u.time_zone) AS hour, clock_timestamp() AS now
FROM users u
WHERE u.canary AND u.twilio_number IS NOT NULL
    AND NOT EXISTS (SELECT FROM work w WHERE w.tenant_id = u.tenant_id AND w.kind = $1 AND w.subject = u.id
                        AND w.state IN ('pending', 'running'));

-- name: due
-- Whether the daily canary is still wanted, and what keeps it from being placed now.
SELECT policy_of(u) AS policy, clock_timestamp() AS now FROM users u WHERE u.id = $1 AND u.canary AND u.twilio_number IS NOT NULL;

-- name: for_calling
-- What placing the call needs.
SELECT r.state, r.leg_sid, r.asked_at, u.phone_number, u.twilio_number, u.time_zone, deliveries_of(u) AS deliveries, clock_timestamp() AS now
FROM canary_runs r JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
WHERE r.id = $1;

-- name: asked
-- Twilio is about to be asked to place the call.
UPDATE canary_runs SET way = coalesce(way, $2), asked_at = coalesce(asked_at, clock_timestamp()) WHERE id = $1;

-- name: called
-- Twilio took the call.
UPDATE canary_runs SET leg_sid = $2, called_at = coalesce(called_at, clock_timestamp()) WHERE id = $1;

-- name: known_call
-- Whether this inbound leg is known as a canary's.
SELECT EXISTS (SELECT FROM canary_runs r JOIN active_calls c ON c.tenant_id = r.tenant_id AND c.id = r.call_id WHERE c.call_sid = $1);

-- name: expected
-- The person's run whose call was placed a moment ago and has not come in yet.
SELECT id FROM canary_runs
WHERE user_id = $1 AND state = 'running' AND arrived_at IS NULL AND asked_at > clock_timestamp() - interval '1 minute';

-- name: open_call
-- The canary's own call, which is listened to like any other and delivered to nobody.
INSERT INTO active_calls (tenant_id, user_id, call_sid, conference_name, caller_number, called_number, forwarded_from,
                          language, decision, decision_reason)
VALUES ($1, $2, $3, '', $4, $5, $6, $7, 'monitor', 'canary')
ON CONFLICT (call_sid) DO NOTHING
RETURNING id;

-- name: arrived
-- The call came in.
UPDATE canary_runs SET arrived_at = clock_timestamp(), called_at = coalesce(called_at, clock_timestamp()), call_id = $2
WHERE id = $1 AND state = 'running' AND arrived_at IS NULL;

-- name: said
-- What the call says: its words only where it came in, since else somebody picked up.
SELECT r.words, r.arrived_at IS NOT NULL AS arrived, u.language
FROM canary_runs r JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
WHERE r.id = $1;

-- name: of_call
-- The run whose call this is, while its words were not found.
SELECT r.id, r.words FROM canary_runs r WHERE r.call_id = $1 AND r.state = 'running' AND r.judged_at IS NULL;

-- name: judged
-- The analyzer found the words drawn for this run; when they were stored and met the trigger stands with the call.
UPDATE canary_runs r SET judged_at = clock_timestamp(),
    transcribed_at = (SELECT min(e.created_at) FROM transcription_events e WHERE e.tenant_id = r.tenant_id AND e.call_id = r.call_id),
    triggered_at = (SELECT c.keyword_at FROM active_calls c WHERE c.tenant_id = r.tenant_id AND c.id = r.call_id)
WHERE r.id = $1;

-- name: for_texting
-- What the message needs; it goes to the first contact who asked for it and did not opt out.
SELECT r.state, r.created_at, r.message_sid, u.name AS person_name, u.language, u.twilio_number, e.phone_number AS contact_number
FROM canary_runs r
JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
LEFT JOIN LATERAL (
    SELECT * FROM emergency_contacts e
    WHERE e.tenant_id = u.tenant_id AND e.user_id = u.id AND e.wants_canary AND e.opted_out_at IS NULL
    ORDER BY e.priority, e.name, e.id LIMIT 1) e ON true
WHERE r.id = $1;

-- name: texted
-- Twilio took the message.
UPDATE canary_runs SET message_sid = coalesce(message_sid, $2), texted_at = coalesce(texted_at, clock_timestamp())
WHERE id = $1 AND state = 'running';

-- name: passed
-- The message was delivered, which closes the run and its call.
WITH closed AS (
    UPDATE canary_runs SET state = 'passed', message_sid = coalesce(message_sid, $2), texted_at = coalesce(texted_at, clock_timestamp()),
        delivered_at = clock_timestamp(), finished_at = clock_timestamp()
    WHERE id = $1 AND state = 'running' AND judged_at IS NOT NULL
    RETURNING tenant_id, call_id)
UPDATE active_calls c SET status = 'ended', ended_at = coalesce(c.ended_at, clock_timestamp())
FROM closed WHERE c.tenant_id = closed.tenant_id AND c.id = closed.call_id;

-- name: failed
-- A stage did not come. Nothing comes back where the run was over.
WITH closed AS (
    UPDATE canary_runs r SET state = 'failed', failed_stage = $2, error_code = $3, finished_at = clock_timestamp(),
        transcribed_at = coalesce(r.transcribed_at, (SELECT min(e.created_at) FROM transcription_events e
                                                     WHERE e.tenant_id = r.tenant_id AND e.call_id = r.call_id)),
        triggered_at = coalesce(r.triggered_at, (SELECT c.keyword_at FROM active_calls c
                                                 WHERE c.tenant_id = r.tenant_id AND c.id = r.call_id))
    WHERE r.id = $1 AND r.state = 'running'
    RETURNING tenant_id, user_id, call_id),
ended AS (
    UPDATE active_calls c SET status = 'ended', ended_at = coalesce(c.ended_at, clock_timestamp())
    FROM closed WHERE c.tenant_id = closed.tenant_id AND c.id = closed.call_id)
SELECT user_id FROM closed;

-- name: run
-- A run and how far it came; words and trigger are read from the call while the analyzer has not spoken.
SELECT r.id, r.user_id, u.name AS person_name, r.state, r.way, r.failed_stage, r.error_code, r.leg_sid, r.created_at, r.called_at, r.arrived_at,
       coalesce(r.transcribed_at, (SELECT min(e.created_at) FROM transcription_events e
                                   WHERE e.tenant_id = r.tenant_id AND e.call_id = r.call_id)) AS transcribed_at,
       coalesce(r.triggered_at, c.keyword_at) AS triggered_at,
       r.judged_at, r.texted_at, r.delivered_at, r.finished_at, clock_timestamp() AS now
FROM canary_runs r
JOIN users u ON u.tenant_id = r.tenant_id AND u.id = r.user_id
LEFT JOIN active_calls c ON c.tenant_id = r.tenant_id AND c.id = r.call_id
WHERE r.id = $1;

-- name: newest
-- For each person who wants a canary or had one: the newest run that ended, when one last passed, and whether one is under way.
SELECT u.id AS user_id, u.name AS person_name, u.canary AS scheduled,
       (SELECT max(p.finished_at) FROM canary_runs p WHERE p.tenant_id = u.tenant_id AND p.user_id = u.id AND p.state = 'passed')
           AS proven_at,
       EXISTS (SELECT FROM canary_runs b WHERE b.tenant_id = u.tenant_id AND b.user_id = u.id AND b.state = 'running') AS running,
       r.id, r.state, r.way, r.failed_stage, r.error_code, r.created_at, r.called_at, r.arrived_at, r.transcribed_at,
       r.triggered_at, r.judged_at, r.texted_at, r.delivered_at, r.finished_at
FROM users u
LEFT JOIN LATERAL (SELECT * FROM canary_runs r WHERE r.tenant_id = u.tenant_id AND r.user_id = u.id AND r.state <> 'running'
                   ORDER BY r.created_at DESC LIMIT 1) r ON true
WHERE u.tenant_id = $1 AND (u.canary OR r.id IS NOT NULL)
ORDER BY u.name, u.id;

-- name: tell_operator
-- Protection is off for a person.
INSERT INTO operator_notices (tenant_id, user_id, call_id, kind) VALUES ($1, $2, NULL, 'protection_off');
