-- name: told
-- Who was told of what in this call.
SELECT contact_id, level FROM alerts WHERE call_id = $1 AND contact_id IS NOT NULL;

-- name: add
-- An alert to one contact; nothing comes back when it exists.
INSERT INTO alerts (tenant_id, call_id, fraud_analysis_id, contact_id, alert_type, level)
VALUES ($1, $2, $3, $4, $6, $5)
ON CONFLICT (tenant_id, call_id, contact_id, level, alert_type) DO NOTHING
RETURNING id;

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
-- What sending an alert needs; whether a danger overtook this warning, somebody answered since, or the call was called safe.
SELECT a.id, a.alert_type, a.status, a.level, a.created_at, a.contact_id, e.phone_number AS to_number, e.email,
       u.name AS person_name, u.twilio_number, u.language, c.caller_number, f.fraud_type, c.safe_at IS NOT NULL AS is_safe,
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
SELECT a.call_id, a.id, coalesce(e.name, 'a contact since removed') AS contact_name, a.alert_type, a.level, a.status,
       a.created_at, a.sent_at, a.delivered_at
FROM alerts a LEFT JOIN emergency_contacts e ON e.tenant_id = a.tenant_id AND e.id = a.contact_id
WHERE a.tenant_id = $1 AND a.call_id = ANY ($2::uuid[])
ORDER BY a.created_at, e.priority;
