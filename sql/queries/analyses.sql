-- name: add
-- A verdict on a call as it stands, under a person's answer if there is one; nothing comes back where the newest one says the same.
INSERT INTO fraud_analyses (tenant_id, call_id, triggered_by_keywords, full_transcript, llm_analysis, fraud_score,
                            fraud_detected, verdict, fraud_type, explanation, quotations, contributions, turns_heard,
                            answer, language, language_switched_from)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, c.answer, c.language, c.language_switched_from
FROM (SELECT language, language_switched_from,
             coalesce(claimed_identity_answer, CASE WHEN safe_at IS NOT NULL THEN 'safe' END) AS answer
      FROM active_calls WHERE tenant_id = $1 AND id = $2) c
WHERE NOT EXISTS (
    SELECT FROM (SELECT * FROM fraud_analyses WHERE tenant_id = $1 AND call_id = $2 ORDER BY created_at DESC LIMIT 1) newest
    WHERE newest.fraud_score = $6 AND newest.quotations = $11 AND newest.contributions = $12 AND newest.llm_analysis = $5
        AND newest.answer IS NOT DISTINCT FROM c.answer AND newest.language = c.language)
RETURNING id;

-- name: complete
-- What explains a verdict later: what was measured, when each turn was told, and by which versions it was judged.
UPDATE fraud_analyses SET measured_score = $2, turn_times = $3, versions = $4 WHERE id = $1;

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

-- name: llm_standing
-- What the LLM judge last found in a call, or else why it found nothing.
SELECT llm_analysis FROM fraud_analyses
WHERE tenant_id = $1 AND call_id = $2
    AND (llm_analysis ->> 'state' <> 'measured' OR llm_analysis ? 'addresses_the_listener')
ORDER BY (llm_analysis ->> 'state' = 'measured') DESC, created_at DESC LIMIT 1;
