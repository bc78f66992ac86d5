-- name: add
-- A message that a caller left; nothing comes back when it is known.
INSERT INTO voicemails (tenant_id, call_id, recording_sid, seconds) VALUES ($1, $2, $3, $4)
ON CONFLICT (recording_sid) DO NOTHING
RETURNING id;

-- name: for_transcribing
-- A message whose words are not known yet.
SELECT v.recording_sid, c.call_sid, c.language, v.created_at
FROM voicemails v JOIN active_calls c ON c.tenant_id = v.tenant_id AND c.id = v.call_id
WHERE v.id = $1 AND v.transcribed_at IS NULL AND v.not_transcribed IS NULL;

-- name: transcribed
-- Its words are stored.
UPDATE voicemails SET transcribed_at = clock_timestamp() WHERE id = $1;

-- name: not_transcribed
-- Nobody could turn it into words, and why.
UPDATE voicemails SET not_transcribed = $2 WHERE id = $1;

-- name: to_delete
-- A recording that still lies at the telephone company.
SELECT recording_sid FROM voicemails WHERE id = $1 AND deleted_at IS NULL;

-- name: deleted
-- It lies there no longer.
UPDATE voicemails SET deleted_at = clock_timestamp() WHERE id = $1;
