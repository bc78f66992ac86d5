-- name: open
-- Stores a call that arrived, with how it is answered; no row comes back when it is known already. A rejected one is over.
INSERT INTO active_calls (tenant_id, user_id, call_sid, conference_name, caller_number, called_number, forwarded_from,
                          stir_verstat, attestation, language, announced, started_at, decision, decision_reason,
                          announcement, analysis_policy, status, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
        -- The canary proves the trigger, whatever the person chose.
        coalesce((SELECT u.analysis_policy FROM users u WHERE u.tenant_id = $1 AND u.id = $2 AND $14 <> 'canary'), 'after_keyword'),
        CASE $13 WHEN 'reject' THEN 'ended' ELSE 'active' END, CASE $13 WHEN 'reject' THEN clock_timestamp() END)
ON CONFLICT (call_sid) DO NOTHING
RETURNING id;

-- name: known
-- A call that arrived before, by the SID of the caller's leg.
SELECT id, conference_name, announcement, decision, decision_reason FROM active_calls WHERE call_sid = $1;

-- name: carried_out
-- The database was too slow, and what was carried out without it was another decision.
UPDATE active_calls SET decision = $2 WHERE id = $1;

-- name: for_screening
-- What concludes the screening of a caller, or came of it, with what the person who is called wants.
SELECT c.tenant_id, c.conference_name, c.language, c.decision, c.decision_reason, c.announcement, u.announce, policy_of(u) AS policy
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;

-- name: screened
-- How an unknown caller answered, and what follows; touches nothing where that was known.
UPDATE active_calls SET decision = $2, screening = $3, screened_at = $4, announced = $5, announcement = $6
WHERE id = $1 AND decision = 'screen';

-- name: dials_now
-- Whether the caller was offered a choice, and the person was not rung yet.
SELECT EXISTS (SELECT FROM active_calls c
               WHERE c.id = $1 AND c.status = 'active' AND starts_with(c.announcement, 'listening_choice.')
                   AND NOT EXISTS (SELECT FROM call_legs l WHERE l.tenant_id = c.tenant_id AND l.call_id = c.id
                                       AND l.asked_at IS NOT NULL));

-- name: choose_unmonitored
-- The caller took the offer of a connection that isn't listened to; touches nothing where it was known or not made.
UPDATE active_calls SET decision = 'connect', decision_reason = 'chosen', choice = 'unmonitored', chosen_at = clock_timestamp()
WHERE id = $1 AND decision = 'monitor' AND starts_with(announcement, 'listening_choice.');

-- name: who_calls
-- Who calls whom, for a phone that asks.
SELECT c.caller_number, u.language, u.name AS person_name
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;

-- name: resolve
-- A call by the SID of any of its legs, in whichever tenant.
SELECT tenant_id, call_id, language FROM resolve_call($1);

-- name: looping
-- The call whose dialling comes back as the inbound leg $3, with the leg that did. A loop shows within 30 s, while the person
-- has not answered, by the same caller, by our own number or the dialled one as the caller, or, where nobody has a number,
-- by the line that forwarded it. Told again, it is the same leg, and no news; nor is it where nothing was dialled yet.
SELECT c.id AS call_id, l.id AS leg_id, l.route_kind, l.address, l.asked_at IS NOT NULL AND l.looped_sid IS DISTINCT FROM $3 AS is_new
FROM active_calls c
LEFT JOIN LATERAL (
    SELECT * FROM call_legs l WHERE l.tenant_id = c.tenant_id AND l.call_id = c.id AND l.role = 'person'
    ORDER BY coalesce(l.looped_sid = $3, false) DESC, coalesce(l.address = $4, false) DESC, l.attempt DESC LIMIT 1) l ON true
WHERE c.user_id = $1 AND c.call_sid <> $3 AND c.status = 'active' AND c.connected_at IS NULL
    AND c.decision IN ('monitor', 'connect') AND c.decision_reason <> 'canary'
    AND greatest(c.started_at, l.asked_at) > now() - interval '30 seconds'
    AND (l.looped_sid = $3
         OR $2 <> 'withheld' AND ($2 = c.caller_number OR $2 = c.called_number OR $2 = l.address)
         OR $2 = 'withheld' AND c.caller_number = 'withheld' AND l.asked_at IS NOT NULL AND l.address = $4)
ORDER BY c.started_at DESC LIMIT 1;

-- name: leg_dialled
-- Twilio took the leg that was asked for: its SID, and whether the caller's own number could be shown.
UPDATE call_legs SET call_sid = $2, used_call_token = $3, token_refused = $4, updated_at = now(),
    status = CASE WHEN status = 'requested' THEN 'queued' ELSE status END
WHERE call_id = $1 AND role = 'person' AND (call_sid = $2 OR call_sid IS NULL AND status = 'requested');

-- name: leg_changed
-- The status of a leg of the person, which only moves forward: a late or repeated one touches nothing. It can be told before
-- the reply that carries the leg's SID has come: then it is the leg that was asked for.
UPDATE call_legs l SET status = $3, call_sid = coalesce(call_sid, $2), updated_at = now()
WHERE l.call_id = $1 AND l.role = 'person' AND l.status = ANY ($4::text[])
    AND (l.call_sid = $2
         OR l.call_sid IS NULL AND l.status = 'requested'
            AND NOT EXISTS (SELECT FROM call_legs o WHERE o.tenant_id = l.tenant_id AND o.call_sid = $2));

-- name: life
-- How far a call is, held until this transaction ends: whether it is over, whether somebody came on the line, whether there
-- is something to judge by a keyword or by the person's policy, whether the leg
-- $2 was given up or still is a phone's robot, and whether a person is on the line by another.
SELECT c.status = 'ended' AS is_over, c.connected_at IS NOT NULL AS is_connected,
       c.keyword_at IS NOT NULL
           OR c.analysis_policy <> 'after_keyword'
              AND EXISTS (SELECT FROM transcription_events e WHERE e.tenant_id = c.tenant_id AND e.call_id = c.id) AS is_awake,
       EXISTS (SELECT FROM call_legs l WHERE l.tenant_id = c.tenant_id AND l.call_id = c.id
                   AND l.call_sid = $2
                   AND (l.given_up IS NOT NULL OR l.robot_at IS NOT NULL AND l.person_at IS NULL)) AS given_up,
       EXISTS (SELECT FROM call_legs l WHERE l.tenant_id = c.tenant_id AND l.call_id = c.id
                   AND l.role = 'person' AND l.status = 'in-progress' AND l.given_up IS NULL
                   AND (l.robot_at IS NULL OR l.person_at IS NOT NULL)) AS has_person
FROM active_calls c WHERE c.id = $1 FOR UPDATE OF c;

-- name: live
-- A call moves on: whether it is over, and whether somebody came on the line.
UPDATE active_calls SET status = CASE WHEN $2 THEN 'ended' ELSE status END,
    ended_at = CASE WHEN $2 THEN coalesce(ended_at, clock_timestamp()) END,
    connected_at = CASE WHEN $3 THEN coalesce(connected_at, now()) END
WHERE id = $1;

-- name: for_dialling
-- What dialling the person needs.
SELECT call_sid, conference_name, caller_number, called_number, status, connected_at,
       decision IN ('monitor', 'connect') AS bridges
FROM active_calls WHERE id = $1;

-- name: quiet_seconds
-- The caller's leg of a call that still runs, and for how long nothing was heard of it.
SELECT c.call_sid, extract(epoch FROM clock_timestamp() - greatest(
           c.started_at,
           (SELECT max(l.updated_at) FROM call_legs l WHERE l.tenant_id = c.tenant_id AND l.call_id = c.id),
           (SELECT max(e.created_at) FROM transcription_events e WHERE e.tenant_id = c.tenant_id AND e.call_id = c.id)
       ))::double precision AS seconds
FROM active_calls c WHERE c.id = $1 AND c.status = 'active';

-- name: caller_leg
-- The caller's leg of a call that still runs and has not reached the person; whether it is listened to, and whether the
-- person lets messages be recorded in such a case.
SELECT c.call_sid, c.language, c.decision = 'monitor' AS monitored,
       u.voicemail_unreachable AND u.record_voicemail AS takes_message
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1 AND c.status = 'active' AND c.connected_at IS NULL;

-- name: transcription_changed
-- The state of the transcription; stopped and failed are final, unless another session was asked for, and what is told late
-- of the one before says nothing.
UPDATE active_calls SET transcription_state = $2, transcription_sid = coalesce(transcription_sid, $3)
WHERE id = $1 AND (transcription_state = 'waiting' OR transcription_state = 'started' AND $2 <> 'started')
    AND ($3::text IS NULL OR $3 IS DISTINCT FROM replaced_transcription);

-- name: replace_transcription
-- Another session of the transcription is to be asked for, $2 times in a call; nothing is touched beyond that.
UPDATE active_calls SET transcription_restarts = transcription_restarts + 1, transcription_state = 'waiting',
    replaced_transcription = transcription_sid, transcription_sid = NULL
WHERE id = $1 AND status = 'active' AND transcription_restarts < $2;

-- name: for_analysis
-- What a verdict needs beside the words.
SELECT c.id, c.user_id, c.caller_number, c.attestation, c.stir_verstat, c.language, c.language_switched_from, c.keywords,
       c.keyword_at, c.decision_reason, c.status, c.claimed_identity_answer, c.analysis_policy, c.catalogue_version, c.suspected_at,
       c.claimed_voices, u.name AS person_name, u.phone_number, u.twilio_number
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;

-- name: suspected
-- The local scorer suspects something: since when stays.
UPDATE active_calls SET suspected_at = coalesce(suspected_at, clock_timestamp()) WHERE id = $1;

-- name: recent
-- Live calls, and those that ended in the last hours: newest first. Those of the canary are nobody's.
SELECT c.id, c.call_sid, u.name AS person_name, c.caller_number, c.attestation, c.status, c.started_at, c.ended_at, c.keywords,
       c.language, c.language_switched_from,
       coalesce((SELECT sum(m.caller_speech_ms) FROM media_streams m WHERE m.tenant_id = c.tenant_id AND m.call_id = c.id), 0)
           AS caller_speech_ms
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE (c.status = 'active' OR c.started_at > now() - interval '12 hours') AND c.decision_reason <> 'canary'
ORDER BY (c.status = 'active') DESC, c.started_at DESC
LIMIT $1;

-- name: by_sid
-- One call's id and state, by the SID of the caller's leg.
SELECT id, status, keywords FROM active_calls WHERE call_sid = $1;
