-- name: neighbours
-- Whether the result is known, and the words of the finals just before and after it on its track.
SELECT EXISTS (SELECT FROM transcription_events e
               WHERE e.tenant_id = $1 AND e.transcription_sid = $2 AND e.sequence_number = $3) AS known,
       (SELECT e.text FROM transcription_events e
        WHERE e.tenant_id = $1 AND e.call_id = $5 AND e.transcription_sid = $2 AND e.sequence_number < $3
            AND e.speaker = $4 AND e.is_final
        ORDER BY e.sequence_number DESC LIMIT 1) AS before,
       (SELECT e.text FROM transcription_events e
        WHERE e.tenant_id = $1 AND e.call_id = $5 AND e.transcription_sid = $2 AND e.sequence_number > $3
            AND e.speaker = $4 AND e.is_final
        ORDER BY e.sequence_number LIMIT 1) AS after;

-- name: add
-- A result; the trigger matches match_text and clears it.
INSERT INTO transcription_events (tenant_id, call_id, transcription_sid, sequence_number, speaker, text, match_text,
                                  is_final, confidence, stability, language, spoken_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (tenant_id, transcription_sid, sequence_number) DO NOTHING;

-- name: of_calls
-- Every result of some calls, with the seconds into the call at which it was told. A session's place in the call is given by
-- its earliest word.
SELECT e.call_id, e.transcription_sid, e.sequence_number, e.speaker, e.text, e.is_final,
       min(coalesce(e.spoken_at, e.created_at)) OVER (PARTITION BY e.transcription_sid) AS session_start,
       greatest(0, extract(epoch FROM coalesce(e.spoken_at, e.created_at) - c.started_at))::double precision AS spoken_at
FROM transcription_events e JOIN active_calls c ON c.tenant_id = e.tenant_id AND c.id = e.call_id
WHERE e.tenant_id = $1 AND e.call_id = ANY ($2::uuid[]);

-- name: not_the_persons
-- What was heard on the callee's side since a leg was dialled was not the person: that results came is all that stays.
UPDATE transcription_events e SET text = '', keywords = NULL FROM call_legs l
WHERE l.id = $1 AND e.tenant_id = l.tenant_id AND e.call_id = l.call_id AND e.speaker = 'callee' AND e.created_at >= l.created_at;

-- name: missing
-- How many results of some calls never came. Twilio numbers the events of a session, of which the first says that it
-- started; what came in the last $3 seconds does not count, since what was sent before it may still be under way.
SELECT call_id, sum(missing)::integer AS missing
FROM (SELECT call_id, max(sequence_number) - 1 - count(*) FILTER (WHERE sequence_number > 1) AS missing
      FROM transcription_events
      WHERE tenant_id = $1 AND call_id = ANY ($2::uuid[]) AND transcription_sid LIKE 'GT%'
          AND created_at <= clock_timestamp() - make_interval(secs => $3)
      GROUP BY call_id, transcription_sid) of_sessions
WHERE missing > 0
GROUP BY call_id;
