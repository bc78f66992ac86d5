-- name: add
-- A verdict with everything that explains it; nothing comes back where the call's newest one says the same.
INSERT INTO fraud_analyses (tenant_id, call_id, triggered_by_keywords, full_transcript, llm_analysis, fraud_score,
                            fraud_detected, verdict, fraud_type, explanation, quotations, contributions, turns_heard)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13
WHERE NOT EXISTS (
    SELECT FROM (SELECT * FROM fraud_analyses WHERE tenant_id = $1 AND call_id = $2 ORDER BY created_at DESC LIMIT 1) newest
    WHERE newest.fraud_score = $6 AND newest.quotations = $11 AND newest.contributions = $12 AND newest.llm_analysis = $5)
RETURNING id;

-- name: standing
-- The verdict that stands for each of some calls: the highest risk reached, the newest among equals.
SELECT DISTINCT ON (call_id) call_id, id, fraud_score, verdict, fraud_type, explanation, quotations, contributions, created_at
FROM fraud_analyses
WHERE tenant_id = $1 AND call_id = ANY ($2::uuid[])
ORDER BY call_id, fraud_score DESC, created_at DESC;

-- name: llm_standing
-- What the LLM judge last found in a call, or else why it found nothing.
SELECT llm_analysis FROM fraud_analyses
WHERE tenant_id = $1 AND call_id = $2
    AND (llm_analysis ->> 'state' <> 'measured' OR llm_analysis ? 'addresses_the_listener')
ORDER BY (llm_analysis ->> 'state' = 'measured') DESC, created_at DESC LIMIT 1;
