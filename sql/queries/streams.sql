-- name: admit
-- A stream shows its token; nothing comes back when the token was used before.
INSERT INTO media_streams (tenant_id, call_id, token_id, stream_sid) VALUES ($1, $2, $3, $4)
ON CONFLICT (token_id) DO NOTHING
RETURNING id;

-- name: progress
-- How much was heard so far.
UPDATE media_streams SET caller_speech_ms = $3, callee_speech_ms = $4, received_ms = $5, lost_ms = $6
WHERE call_id = $1 AND stream_sid = $2;

-- name: end
-- The stream is closed.
UPDATE media_streams SET ended_at = clock_timestamp() WHERE call_id = $1 AND stream_sid = $2;
