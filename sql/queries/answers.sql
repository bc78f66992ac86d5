-- name: senders
-- The contacts who have a number, in whichever tenant.
SELECT tenant_id, contact_id, language, twilio_number, verified FROM resolve_sender($1);

-- name: open_alerts
-- The alerts that some contacts were sent within the last minutes, newest first.
SELECT a.id, a.tenant_id, a.contact_id, a.call_id, c.status = 'active' AS call_is_live, coalesce(e.language, u.language) AS language,
       c.dialled_directly,
       EXISTS (SELECT FROM call_steps s WHERE s.tenant_id = a.tenant_id AND s.call_id = a.call_id AND s.step = 'hold'
                   AND s.contact_id = a.contact_id AND s.state IN ('asked', 'done') AND s.undo_asked_at IS NULL) AS holds
FROM alerts a
JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
JOIN active_calls c ON c.tenant_id = a.tenant_id AND c.id = a.call_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE a.contact_id = ANY ($1::uuid[]) AND a.status NOT IN ('pending', 'skipped')
    AND a.created_at > clock_timestamp() - make_interval(mins => $2)
ORDER BY a.created_at DESC;

-- name: add
-- A reply or a key press; nothing comes back when its SID is known.
INSERT INTO answers (tenant_id, source_sid, contact_id, call_id, alert_id, action, told)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (source_sid) DO NOTHING
RETURNING id;

-- name: known
-- What was told after a reply that came before.
SELECT w.told, coalesce(e.language, u.language) AS language
FROM answers w
JOIN emergency_contacts e ON e.tenant_id = w.tenant_id AND e.id = w.contact_id
JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id
WHERE w.source_sid = $1;

-- name: close_alert
-- The contact answered, by SMS, key or link: the first way stays.
UPDATE alerts SET answered_at = coalesce(answered_at, clock_timestamp()), answered_by = coalesce(answered_by, $2) WHERE id = $1;

-- name: call_is_safe
-- A contact says that the call is fine.
UPDATE active_calls SET safe_at = coalesce(safe_at, clock_timestamp()) WHERE id = $1;

-- name: opt_out
-- The contact sent STOP; whose contact it is.
UPDATE emergency_contacts SET opted_out_at = coalesce(opted_out_at, clock_timestamp()) WHERE id = $1 RETURNING user_id;

-- name: opt_in
-- The contact takes STOP back; whose contact it is.
UPDATE emergency_contacts SET opted_out_at = NULL WHERE id = $1 RETURNING user_id;

-- name: to_carry_out
-- What ringing a contact about an alert needs; nothing comes back for a contact who was removed.
SELECT w.alert_id, w.created_at, e.phone_number AS to_number, u.name AS person_name, u.twilio_number,
       u.phone_number AS home_number, coalesce(e.language, u.language) AS language, a.level, f.fraud_type
FROM answers w
JOIN active_calls c ON c.tenant_id = w.tenant_id AND c.id = w.call_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
JOIN alerts a ON a.tenant_id = w.tenant_id AND a.id = w.alert_id
JOIN fraud_analyses f ON f.tenant_id = a.tenant_id AND f.id = a.fraud_analysis_id
JOIN emergency_contacts e ON e.tenant_id = w.tenant_id AND e.id = w.contact_id
WHERE w.id = $1;

-- name: to_alert
-- The alert behind a key press or a link, the call it is about, and whether it may still be answered.
SELECT a.id, a.tenant_id, a.contact_id, a.call_id, a.level, c.conference_name, c.status = 'active' AS call_is_live,
       a.created_at > clock_timestamp() - make_interval(mins => $2) AS is_open,
       c.dialled_directly, u.name AS person_name, coalesce(e.language, u.language) AS language, f.fraud_type
FROM alerts a
LEFT JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
JOIN active_calls c ON c.tenant_id = a.tenant_id AND c.id = a.call_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
JOIN fraud_analyses f ON f.tenant_id = a.tenant_id AND f.id = a.fraud_analysis_id
WHERE a.id = $1;
