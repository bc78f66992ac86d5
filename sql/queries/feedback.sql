-- name: tenant_of_call
-- Whose a call is.
SELECT tenant_of_call($1);

-- name: call_of_analysis
-- Whose a verdict is, and about which call.
SELECT tenant_id, call_id FROM call_of_analysis($1);

-- name: about
-- The verdict that stands for a call, the highest risk reached; no row where the call isn't known, or was a test.
SELECT f.id AS analysis_id, coalesce(f.fraud_detected, false) AS fraud_detected
FROM active_calls c
LEFT JOIN LATERAL (SELECT * FROM fraud_analyses f WHERE f.tenant_id = c.tenant_id AND f.call_id = c.id
                   ORDER BY f.fraud_score DESC, f.created_at DESC LIMIT 1) f ON true
WHERE c.tenant_id = $1 AND c.id = $2 AND c.decision_reason <> 'canary';

-- name: add
-- What somebody says a call was.
INSERT INTO feedback (tenant_id, call_id, analysis_id, source, who, contact_id, answer, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING id;

-- name: of_calls
-- What stands of each contact, and of each other door, about some calls: the newest, in the order in which it was said.
SELECT n.call_id, n.source, n.who, n.answer, n.created_at, e.name AS contact_name
FROM (SELECT DISTINCT ON (call_id, coalesce(contact_id::text, who || source)) * FROM feedback
      WHERE tenant_id = $1 AND call_id = ANY ($2::uuid[])
      ORDER BY call_id, coalesce(contact_id::text, who || source), created_at DESC) n
LEFT JOIN emergency_contacts e ON e.tenant_id = n.tenant_id AND e.id = n.contact_id
ORDER BY n.created_at;

-- name: judged_calls
-- Each call about which somebody said something since a moment, with the highest risk reached, 0 where nothing woke the judge.
SELECT c.id AS call_id, coalesce(max(f.fraud_score), 0) AS risk, count(f.id) > 0 AS is_judged
FROM active_calls c LEFT JOIN fraud_analyses f ON f.tenant_id = c.tenant_id AND f.call_id = c.id
WHERE c.tenant_id = $1 AND EXISTS (SELECT FROM feedback b WHERE b.tenant_id = c.tenant_id AND b.call_id = c.id
                                       AND b.created_at >= coalesce($2, '-infinity'::timestamptz))
GROUP BY c.id;
