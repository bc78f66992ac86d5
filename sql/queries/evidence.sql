-- name: of_alert
-- An alert that is not older than so many seconds, with its call and the verdict behind it. Nothing for a removed contact.
SELECT a.id, a.call_id, a.created_at, a.answered_at, a.created_at > clock_timestamp() - make_interval(mins => $3) AS is_open,
       u.name AS person_name, coalesce(e.language, u.language) AS language, coalesce(e.time_zone, u.time_zone) AS time_zone,
       c.started_at, c.ended_at, c.status = 'active' AS call_is_live, c.safe_at IS NOT NULL AS is_safe, c.caller_number,
       c.stir_verstat, f.fraud_score, f.verdict, f.fraud_type, f.quotations, f.contributions,
       f.versions, f.language AS heard_in, f.language_switched_from
FROM alerts a
JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
JOIN active_calls c ON c.tenant_id = a.tenant_id AND c.id = a.call_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
JOIN fraud_analyses f ON f.tenant_id = a.tenant_id AND f.id = a.fraud_analysis_id
WHERE a.id = $1 AND a.created_at > clock_timestamp() - make_interval(secs => $2);

-- name: callers_words
-- What the caller said, and when.
SELECT text, coalesce(spoken_at, created_at) AS spoken_at FROM transcription_events
WHERE call_id = $1 AND speaker = 'caller' AND is_final
ORDER BY coalesce(spoken_at, created_at), sequence_number;

-- name: answers
-- What was answered in a call, and by whom.
SELECT w.action, w.created_at, e.name FROM answers w
JOIN emergency_contacts e ON e.tenant_id = w.tenant_id AND e.id = w.contact_id
WHERE w.call_id = $1
ORDER BY w.created_at;

-- name: call
-- A call, for its story.
SELECT c.call_sid, u.name AS person_name, c.caller_number, c.started_at, c.ended_at, c.stir_verstat, c.language,
       c.language_switched_from, c.keywords
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;
