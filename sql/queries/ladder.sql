-- name: standing
-- What a person lets the policy do in a call that goes on, whether a contact called it safe, and what was asked for already.
SELECT u.ladder_whisper, u.ladder_hold, u.ladder_bring_in, u.ladder_end,
       ARRAY[c.caller_number, u.phone_number, u.twilio_number] AS excluded, c.safe_at IS NOT NULL AS is_safe,
       coalesce((SELECT jsonb_agg(jsonb_build_object('step', s.step, 'wording', s.wording)) FROM call_steps s
                 WHERE s.tenant_id = c.tenant_id AND s.call_id = c.id AND s.asked_by = 'policy'), '[]') AS asked
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1 AND c.status = 'active';

-- name: ask
-- A step is asked for; nothing comes back where the policy, or this answer, asked for it before.
INSERT INTO call_steps (tenant_id, call_id, step, wording, asked_by, contact_id, answer_id, state)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: to_take
-- A step, its call and whom it concerns. is_ripe: its hold is to end, since somebody asked for that or $2 seconds are over.
SELECT s.id, s.step, s.wording, s.asked_by, s.contact_id, s.state, s.asked_at,
       s.undo_asked_at IS NOT NULL OR s.asked_at + make_interval(secs => $2) <= clock_timestamp() AS is_ripe,
       c.call_sid, c.conference_name, c.language AS callers_language, u.language, c.status = 'active' AS is_live, c.safe_at IS NOT NULL AS is_safe,
       NOT c.dialled_directly AS has_conference, u.twilio_number, u.phone_number AS home_number,
       e.phone_number AS to_number
FROM call_steps s
JOIN active_calls c ON c.tenant_id = s.tenant_id AND c.id = s.call_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
LEFT JOIN emergency_contacts e ON e.tenant_id = s.tenant_id AND e.id = s.contact_id
WHERE s.id = $1;

-- name: advance
-- Moves a step forward from one of the states given; whether its end was asked for meanwhile.
UPDATE call_steps SET state = $2, error_code = coalesce($4, error_code),
    done_at = CASE WHEN $2 IN ('taken', 'done') THEN coalesce(done_at, clock_timestamp()) ELSE done_at END,
    undone_at = CASE WHEN $2 = 'undone' THEN clock_timestamp() ELSE undone_at END
WHERE id = $1 AND state = ANY ($3::text[])
RETURNING undo_asked_at IS NOT NULL;

-- name: end_holds
-- The holds of a call that are in force, or soon will be, are to end.
UPDATE call_steps SET undo_asked_at = coalesce(undo_asked_at, clock_timestamp())
WHERE call_id = $1 AND step = 'hold' AND state IN ('asked', 'done', 'failed') AND undone_at IS NULL
RETURNING id;

-- name: was_warned
-- Whether the person was told, or is about to be, that something is wrong with this call.
SELECT EXISTS (SELECT FROM call_steps WHERE call_id = $1 AND wording IN ('warning', 'danger')
                   AND state IN ('asked', 'taken', 'done'));

-- name: resolve
-- The tenant of a step.
SELECT resolve_step($1) AS tenant_id;

-- name: fetched
-- Twilio fetches the announcement of a whisper: it speaks it now. Another request for it than the first comes to nothing.
UPDATE call_steps SET state = 'done', done_at = coalesce(done_at, clock_timestamp()), spoken_for = coalesce(spoken_for, $2)
WHERE id = $1 AND step = 'whisper' AND (spoken_for IS NULL OR spoken_for = $2) AND state IN ('asked', 'taken', 'done')
RETURNING id;

-- name: contact_moved
-- A contact who was brought in comes on the line, or leaves it; told late or twice it changes nothing.
UPDATE call_steps SET state = $3,
    done_at = CASE WHEN $3 = 'done' THEN clock_timestamp() ELSE done_at END,
    undone_at = CASE WHEN $3 = 'undone' THEN clock_timestamp() ELSE undone_at END
WHERE call_id = $1 AND step = 'bring_in' AND 'contact-' || contact_id = $2 AND state = ANY ($4::text[]);

-- name: dialled_directly
-- The call has no conference: Twilio dialled the person itself.
UPDATE active_calls SET dialled_directly = true WHERE id = $1;

-- name: of_calls
-- The steps of some calls, in the order they were asked for.
SELECT s.call_id, s.id, s.step, s.wording, s.asked_by, e.name AS contact_name, s.state, s.asked_at, s.done_at, s.undone_at
FROM call_steps s LEFT JOIN emergency_contacts e ON e.tenant_id = s.tenant_id AND e.id = s.contact_id
WHERE s.tenant_id = $1 AND s.call_id = ANY ($2::uuid[])
ORDER BY s.asked_at;
