-- name: add
-- A verdict with everything that explains it; nothing comes back where the call's newest one says the same.
INSERT INTO fraud_analyses (tenant_id, call_id, triggered_by_keywords, full_transcript, llm_analysis, fraud_score,
                            fraud_detected, verdict, fraud_type, explanation, quotations, contributions, turns_heard,
                            measured_score, answer, turn_times, language, language_switched_from, versions)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19
WHERE NOT EXISTS (
    SELECT FROM (SELECT * FROM fraud_analyses WHERE tenant_id = $1 AND call_id = $2 ORDER BY created_at DESC LIMIT 1) newest
    WHERE newest.fraud_score = $6 AND newest.quotations = $11 AND newest.contributions = $12 AND newest.llm_analysis = $5
        AND newest.answer IS NOT DISTINCT FROM $15 AND newest.language = $17)
RETURNING id;

-- name: steady_of
-- What stands of a call so far, and what a person answered; the call waits for this transaction.
SELECT steady, coalesce(claimed_identity_answer, CASE WHEN safe_at IS NOT NULL THEN 'safe' END) AS answer
FROM active_calls WHERE id = $1 FOR NO KEY UPDATE;

-- name: hold_steady
-- What stands of a call from now on.
UPDATE active_calls SET steady = $2 WHERE id = $1;

-- name: standing
-- The verdict that stands for each of some calls: the risk of the newest, as explained when it was last measured.
SELECT DISTINCT ON (f.call_id) f.call_id, f.id, f.fraud_score, f.verdict, f.fraud_type, f.explanation, f.quotations,
       f.contributions, f.created_at, newest.measured_score, newest.answer
FROM fraud_analyses f
JOIN (SELECT DISTINCT ON (call_id) call_id, fraud_score, measured_score, answer FROM fraud_analyses
      WHERE tenant_id = $1 AND call_id = ANY ($2::uuid[]) ORDER BY call_id, created_at DESC) newest
    ON newest.call_id = f.call_id AND newest.fraud_score = f.fraud_score
WHERE f.tenant_id = $1 AND f.call_id = ANY ($2::uuid[])
ORDER BY f.call_id, (f.measured_score = f.fraud_score) DESC, f.created_at DESC;

-- name: of_call
-- Every verdict of a call, the first one first.
SELECT id, created_at, triggered_by_keywords, full_transcript, turn_times, fraud_score, measured_score, verdict, answer,
       fraud_type, explanation, quotations, contributions, llm_analysis, language, language_switched_from, versions
FROM fraud_analyses WHERE tenant_id = $1 AND call_id = $2
ORDER BY created_at;
