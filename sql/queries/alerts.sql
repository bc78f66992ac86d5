-- name: told
-- Who was told of what in this call; what was held back for a reason may still follow.
SELECT contact_id, level FROM alerts
WHERE call_id = $1 AND contact_id IS NOT NULL AND NOT (status = 'skipped' AND error_code IS NOT NULL);

-- name: add
-- An alert to one contact; nothing comes back when it exists, unless it was held back before.
INSERT INTO alerts AS a (tenant_id, call_id, fraud_analysis_id, contact_id, alert_type, level)
VALUES ($1, $2, $3, $4, $6, $5)
ON CONFLICT (tenant_id, call_id, contact_id, level, alert_type) DO UPDATE
    SET status = 'pending', error_code = NULL, fraud_analysis_id = excluded.fraud_analysis_id, created_at = excluded.created_at
    WHERE a.status = 'skipped' AND a.error_code IS NOT NULL
RETURNING id;

-- name: hold_back
-- An alert that a contact does not get, and why: for people to see.
INSERT INTO alerts (tenant_id, call_id, fraud_analysis_id, contact_id, alert_type, level, status, error_code)
VALUES ($1, $2, $3, $4, $6, $5, 'skipped', $7)
ON CONFLICT (tenant_id, call_id, contact_id, level, alert_type) DO NOTHING;

-- name: reaches_nobody
-- An alert that there is nobody to send to: one visible failure for each call and level. A row comes back where that is news.
INSERT INTO alerts (tenant_id, call_id, fraud_analysis_id, alert_type, level, status, error_code)
SELECT $1, $2, $3, 'sms', $4, 'failed', 'no_recipient'
WHERE NOT EXISTS (SELECT FROM alerts WHERE tenant_id = $1 AND call_id = $2 AND level = $4 AND error_code = 'no_recipient')
RETURNING id;

-- name: circumstances
-- Whom an alert of this call must never go to, and how many warnings the tenant got in the last day. Nothing comes back
-- where a contact said that the call is safe.
SELECT array_remove(array[c.caller_number, u.phone_number, u.twilio_number]
                    || array(SELECT d.address FROM delivery_routes d WHERE d.tenant_id = u.tenant_id AND d.user_id = u.id)
                    || array(SELECT o.twilio_number FROM users o WHERE o.tenant_id = u.tenant_id), NULL) AS own_numbers,
       (SELECT count(*) FROM alerts a WHERE a.tenant_id = c.tenant_id AND a.level = 'warning' AND a.status <> 'skipped'
            AND a.created_at > clock_timestamp() - interval '1 day') AS tenant_warnings,
       clock_timestamp() AS now
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1 AND c.safe_at IS NULL;

-- name: resolve
-- The tenant of an alert.
SELECT resolve_alert($1) AS tenant_id;

-- name: also
-- The same alert to the same contact by other channels, where they can be reached so and were not yet; in the order given.
INSERT INTO alerts (tenant_id, call_id, fraud_analysis_id, contact_id, alert_type, level)
SELECT a.tenant_id, a.call_id, a.fraud_analysis_id, a.contact_id, other.channel, a.level
FROM alerts a
JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
CROSS JOIN unnest($2::text[]) WITH ORDINALITY AS other (channel, position)
WHERE a.id = $1 AND CASE other.channel
    WHEN 'email' THEN e.email IS NOT NULL
    WHEN 'app_notification' THEN EXISTS (SELECT FROM push_subscriptions p
                                         WHERE p.tenant_id = e.tenant_id AND p.contact_id = e.id)
    ELSE true END
ORDER BY other.position
ON CONFLICT (tenant_id, call_id, contact_id, level, alert_type) DO NOTHING
RETURNING id;

-- name: unreached
-- The contact of an alert, where none of the call's alerts got away to them, and none waits to.
SELECT a.contact_id FROM alerts a
WHERE a.id = $1 AND NOT EXISTS (SELECT FROM alerts o WHERE o.tenant_id = a.tenant_id AND o.call_id = a.call_id
                                    AND o.contact_id = a.contact_id AND o.status IN ('pending', 'sent', 'delivered'));

-- name: for_sending
-- What sending an alert needs; what was going on when it was decided; whether a danger overtook this warning, somebody answered since, or the call was called safe.
SELECT a.id, a.alert_type, a.status, a.level, a.created_at, a.contact_id, e.phone_number AS to_number, e.email,
       u.name AS person_name, u.twilio_number, u.phone_number AS home_number, coalesce(e.language, u.language) AS language,
       e.verified_at IS NOT NULL AS verified, u.quote_in_alerts, f.quotations, f.full_transcript,
       c.caller_number, f.fraud_type, c.safe_at IS NOT NULL AS is_safe,
       CASE WHEN EXISTS (SELECT FROM voicemails v WHERE v.tenant_id = c.tenant_id AND v.call_id = c.id) THEN 'message'
            WHEN c.ended_at <= a.created_at THEN 'over' ELSE 'live' END AS moment,
       (SELECT count(*) FROM alerts r WHERE r.tenant_id = a.tenant_id AND r.contact_id = a.contact_id AND r.alert_type = 'call'
            AND r.status <> 'skipped' AND r.created_at > clock_timestamp() - interval '1 hour') AS rung_lately,
       EXISTS (SELECT FROM alerts d WHERE d.tenant_id = a.tenant_id AND d.call_id = a.call_id AND d.level = 'danger'
                   AND a.level = 'warning') AS overtaken,
       EXISTS (SELECT FROM alerts d WHERE d.tenant_id = a.tenant_id AND d.call_id = a.call_id
                   AND d.answered_at >= a.created_at) AS answered
FROM alerts a
JOIN active_calls c ON c.tenant_id = a.tenant_id AND c.id = a.call_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
JOIN fraud_analyses f ON f.tenant_id = a.tenant_id AND f.id = a.fraud_analysis_id
LEFT JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
WHERE a.id = $1;

-- name: advance
-- Moves an alert forward from one of the statuses given; touches nothing where it is further already.
UPDATE alerts SET status = $2, error_code = coalesce($4, error_code), message_sid = coalesce(message_sid, $5),
    sent_at = CASE WHEN $2 IN ('sent', 'delivered', 'undelivered') THEN coalesce(sent_at, clock_timestamp()) ELSE sent_at END,
    delivered_at = CASE WHEN $2 = 'delivered' THEN coalesce(delivered_at, clock_timestamp()) ELSE delivered_at END
WHERE id = $1 AND status = ANY ($3::text[])
RETURNING call_id;

-- name: of_calls
-- The alerts of some calls, in the order they were decided.
SELECT a.call_id, a.id, a.alert_type, a.level, a.status, a.error_code, a.created_at, a.sent_at, a.delivered_at,
       coalesce(e.name, CASE a.error_code WHEN 'no_recipient' THEN 'nobody' ELSE 'a contact since removed' END) AS contact_name,
       a.answered_at, a.answered_by,
       (SELECT w.action FROM answers w WHERE w.tenant_id = a.tenant_id AND w.alert_id = a.id AND w.action IS NOT NULL
        ORDER BY w.created_at DESC LIMIT 1) AS answer
FROM alerts a LEFT JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
WHERE a.tenant_id = $1 AND a.call_id = ANY ($2::uuid[])
ORDER BY a.created_at, e.priority;
