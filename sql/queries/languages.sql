-- name: heard
-- The language of a call, and what else the caller said since it last changed, as finals of the session in force, oldest first:
-- text, and the language in which it counted. follows: the call is listened to, and these words are not a replaced session's.
SELECT c.language, c.language_switches,
       c.decision = 'monitor' AND c.status = 'active' AND $2 IS DISTINCT FROM c.replaced_transcription AS follows,
       coalesce((SELECT jsonb_agg(jsonb_build_object('text', f.text, 'language', f.language) ORDER BY f.created_at)
                 FROM (SELECT e.text, e.language, e.created_at FROM transcription_events e
                       WHERE e.tenant_id = c.tenant_id AND e.call_id = c.id AND e.speaker = 'caller' AND e.is_final AND e.text <> ''
                           AND e.transcription_sid IS DISTINCT FROM c.replaced_transcription
                           AND (e.transcription_sid, e.sequence_number) <> ($2, $3)
                           AND (c.language_switched_at IS NULL OR e.created_at > c.language_switched_at)
                       ORDER BY e.created_at DESC LIMIT 12) f), '[]') AS said
FROM active_calls c WHERE c.id = $1;

-- name: switch
-- The call goes on in language $3, unless somebody has seen to that. Twilio's session that is to end comes back, if one runs.
UPDATE active_calls c SET language = $3, language_switched_from = $2, language_switches = c.language_switches + 1,
    language_switched_at = clock_timestamp(),
    transcription_state = CASE WHEN c.transcription_state = 'started' THEN 'waiting' ELSE c.transcription_state END,
    replaced_transcription = CASE WHEN c.transcription_state = 'started' THEN c.transcription_sid ELSE c.replaced_transcription END,
    transcription_sid = CASE WHEN c.transcription_state = 'started' THEN NULL ELSE c.transcription_sid END
FROM active_calls before
WHERE c.id = $1 AND c.language = $2 AND before.tenant_id = c.tenant_id AND before.id = c.id
RETURNING CASE WHEN before.transcription_state = 'started' THEN before.transcription_sid END;
