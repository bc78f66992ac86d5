-- name: first_alert
-- The first message of a call that left, with the turns and keywords known to the verdict behind it.
SELECT a.message_sid, f.turns_heard, f.triggered_by_keywords
FROM alerts a JOIN fraud_analyses f ON f.tenant_id = a.tenant_id AND f.id = a.fraud_analysis_id
WHERE a.call_id = $1 AND a.sent_at IS NOT NULL
ORDER BY a.sent_at LIMIT 1;

-- name: highest_level
-- The highest level of which a message left.
SELECT level FROM alerts WHERE call_id = $1 AND sent_at IS NOT NULL ORDER BY level = 'danger' DESC LIMIT 1;
