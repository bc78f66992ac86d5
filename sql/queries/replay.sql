-- name: only_read
-- From here on this transaction can change nothing.
SET TRANSACTION READ ONLY;

-- name: calls
-- Calls that ended and of which words are stored, since a moment, oldest first; whether their person lets them be tried again.
SELECT c.id, c.language, c.started_at, c.stir_verstat, u.replay_calls,
       (SELECT max(f.fraud_score) FROM fraud_analyses f WHERE f.tenant_id = c.tenant_id AND f.call_id = c.id) AS told
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.tenant_id = $1 AND c.status = 'ended' AND c.decision_reason IS DISTINCT FROM 'canary'
    AND ($2::timestamptz IS NULL OR c.started_at >= $2)
    AND EXISTS (SELECT FROM transcription_events e WHERE e.tenant_id = c.tenant_id AND e.call_id = c.id AND e.text <> '')
ORDER BY c.started_at, c.id;

-- name: keywords
-- What wakes the analyzer in the tenant's calls, by language.
SELECT k.language, k.phrases FROM unnest(ARRAY['en', 'es', 'fr', 'de', 'pt']) spoken, catalogue_in_force($1, spoken) k;
