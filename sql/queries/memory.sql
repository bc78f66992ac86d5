-- name: of_call
-- What is to be remembered of a call, once its words and what people say are added; nothing for a test call.
SELECT c.user_id, c.caller_number, c.started_at, u.name AS person_name,
       (SELECT f.verdict FROM fraud_analyses f WHERE f.tenant_id = c.tenant_id AND f.call_id = c.id
        ORDER BY f.fraud_score DESC, f.created_at DESC LIMIT 1) AS verdict
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.tenant_id = $1 AND c.id = $2 AND c.decision_reason <> 'canary';

-- name: put
-- A call is remembered, or what is remembered of it is brought up to date.
INSERT INTO remembered_calls AS m (tenant_id, user_id, call_id, number_hash, script, verdict, people_say, people_said_at, began_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (tenant_id, call_id) DO UPDATE SET
    number_hash = excluded.number_hash, script = excluded.script, verdict = excluded.verdict,
    people_say = excluded.people_say, people_said_at = excluded.people_said_at
RETURNING id;

-- name: drop
-- Nothing is to be remembered of a call any more.
DELETE FROM remembered_calls WHERE tenant_id = $1 AND call_id = $2;

-- name: clear_bands
-- The script of a remembered call is another now.
DELETE FROM script_bands WHERE tenant_id = $1 AND memory_id = $2;

-- name: put_bands
-- Where a remembered call's script is found.
INSERT INTO script_bands (tenant_id, band, memory_id)
SELECT DISTINCT $1::uuid, b, $3::uuid FROM unnest($2::bigint[]) b ON CONFLICT DO NOTHING;

-- name: linked
-- Earlier calls by the same number, or that may have the same script, the newest first. days: since they were spoken about, or
-- since they began where nobody said what they were.
SELECT m.number_hash IS NOT DISTINCT FROM $2 AND $2 IS NOT NULL AS same_number, m.script, m.verdict, m.people_say, m.user_id,
       (extract(epoch FROM clock_timestamp() - CASE WHEN m.people_say IN ('scam', 'not_scam') THEN m.people_said_at
                                                     ELSE m.began_at END) / 86400)::double precision AS days
FROM remembered_calls m
WHERE m.tenant_id = $1 AND m.call_id IS DISTINCT FROM $4
    AND m.id IN (SELECT r.id FROM remembered_calls r WHERE r.tenant_id = $1 AND r.number_hash = $2
                 UNION SELECT b.memory_id FROM script_bands b WHERE b.tenant_id = $1 AND b.band = ANY ($3::bigint[]))
ORDER BY coalesce(m.people_said_at, m.began_at) DESC
LIMIT 200;

-- name: fade
-- Forgets what has no weight any more: verdicts after $2 days, what people said after $3.
DELETE FROM remembered_calls
WHERE tenant_id = $1 AND began_at < now() - make_interval(days => $2)
    AND (people_said_at IS NULL OR people_said_at < now() - make_interval(days => $3));

-- name: of_number
-- What is remembered of a number, the newest first.
SELECT m.began_at, m.verdict, m.people_say, m.people_said_at, m.script IS NOT NULL AS has_script, u.name AS person_name,
       (extract(epoch FROM clock_timestamp() - CASE WHEN m.people_say IN ('scam', 'not_scam') THEN m.people_said_at
                                                     ELSE m.began_at END) / 86400)::double precision AS days
FROM remembered_calls m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
WHERE m.tenant_id = $1 AND m.number_hash = $2
ORDER BY m.began_at DESC;

-- name: forget_number
-- Forgets a number, and the scripts of its calls.
DELETE FROM remembered_calls WHERE tenant_id = $1 AND number_hash = $2;

-- name: forget_person
-- Forgets what the calls to a person left.
DELETE FROM remembered_calls m USING users u
WHERE m.tenant_id = $1 AND u.tenant_id = m.tenant_id AND u.id = m.user_id AND lower(u.email) = lower($2);

-- name: forget_all
-- Forgets every caller of a tenant.
DELETE FROM remembered_calls WHERE tenant_id = $1;
