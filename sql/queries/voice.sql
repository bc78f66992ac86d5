-- name: may_be_judged
-- Those of the calls whose caller's voice may be judged by now.
SELECT c.id FROM active_calls c
WHERE c.id = ANY ($1::uuid[]) AND (c.keyword_at IS NOT NULL OR c.analysis_policy <> 'after_keyword') AND c.decision_reason <> 'canary';

-- name: keep
-- What a stream's voice has told so far.
INSERT INTO voice_readings (tenant_id, call_id, stream_sid, state, score, low, high, speech_seconds, windows, reason, model)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (tenant_id, call_id, stream_sid) DO UPDATE SET
    state = excluded.state, score = excluded.score, low = excluded.low, high = excluded.high,
    speech_seconds = excluded.speech_seconds, windows = excluded.windows, reason = excluded.reason, model = excluded.model,
    updated_at = clock_timestamp();

-- name: of_call
-- The reading that counts most: of a call's streams (one that broke was started again) the most synthetic one with speech enough.
SELECT r.state, r.score, r.low, r.high, r.speech_seconds, r.reason, r.model FROM voice_readings r
WHERE r.call_id = $1
ORDER BY r.score * least(1, r.speech_seconds / 10) DESC NULLS LAST, r.updated_at DESC
LIMIT 1;
