-- name: admit
-- A stream shows its token; nothing comes back when the token was used before.
INSERT INTO media_streams (tenant_id, call_id, token_id, stream_sid) VALUES ($1, $2, $3, $4)
ON CONFLICT (token_id) DO NOTHING
RETURNING id;

-- name: progress
-- How much was heard so far, and how that compares with the results that came from outside: whether there are new ones,
-- how much the caller said since, and how long that is ago.
WITH results AS (
    SELECT count(*)::integer AS told, max(e.created_at) AS newest FROM transcription_events e
    WHERE e.tenant_id = $1 AND e.call_id = $2 AND NOT starts_with(e.transcription_sid, 'local-')),
before AS (
    SELECT m.id, m.results_seen, m.heard_until_ms FROM media_streams m
    WHERE m.tenant_id = $1 AND m.call_id = $2 AND m.stream_sid = $3),
written AS (
    UPDATE media_streams m SET caller_speech_ms = $4, callee_speech_ms = $5, received_ms = $6, lost_ms = $7,
        seen_at = clock_timestamp(),
        results_seen = r.told, heard_until_ms = CASE WHEN r.told > b.results_seen THEN $4 ELSE b.heard_until_ms END
    FROM before b, results r WHERE m.id = b.id
    RETURNING m.heard_until_ms)
SELECT r.told > b.results_seen AS told, $4 - w.heard_until_ms AS unheard_ms, c.transcription_state,
       extract(epoch FROM clock_timestamp() - r.newest)::double precision AS silent_seconds,
       coalesce(n.faults, '{}') AS faults, coalesce(n.remedies, '{}') AS remedies, u.recognise_afterwards
FROM results r, before b, written w,
     active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id,
     (SELECT array_agg(kind) AS faults, array_agg(DISTINCT remedy) FILTER (WHERE kind <> 'audio_lost') AS remedies
      FROM notices WHERE tenant_id = $1 AND call_id = $2 AND kind = ANY ($8::text[]) AND ended_at IS NULL) n
WHERE c.tenant_id = $1 AND c.id = $2;

-- name: end
-- The stream is closed.
UPDATE media_streams SET ended_at = clock_timestamp(), end_reason = $3 WHERE call_id = $1 AND stream_sid = $2;

-- name: for_watching
-- How a call that is to be listened to is; a stream reports every five seconds.
SELECT c.call_sid, c.status, c.language, c.transcription_state, c.transcription_restarts, c.stream_restarts, c.language_switches,
       coalesce(c.transcription_state = 'waiting' AND c.language_switched_at > clock_timestamp() - interval '10 seconds', false)
           AS is_changing_language,
       EXISTS (SELECT FROM media_streams m WHERE m.tenant_id = c.tenant_id AND m.call_id = c.id AND m.ended_at IS NULL
                   AND m.seen_at > clock_timestamp() - interval '12 seconds') AS streaming
FROM active_calls c WHERE c.id = $1 AND c.decision = 'monitor';

-- name: restarted
-- One more stream was asked for.
UPDATE active_calls SET stream_restarts = stream_restarts + 1 WHERE id = $1;
