-- name: judgeable
-- Those of the calls whose caller's voice may be judged by now, in whichever tenants.
SELECT call_id, woken, claimed_voices FROM judgeable_voices($1);

-- name: keep_reading
-- How synthetic a stream's voice has sounded so far.
INSERT INTO voice_readings (tenant_id, call_id, stream_sid, state, score, low, high, speech_seconds, windows, reason, model)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (tenant_id, call_id, stream_sid) DO UPDATE SET
    state = excluded.state, score = excluded.score, low = excluded.low, high = excluded.high,
    speech_seconds = excluded.speech_seconds, windows = excluded.windows, reason = excluded.reason, model = excluded.model,
    updated_at = clock_timestamp();

-- name: keep_likeness
-- How like an enrolled voice a stream's one is; touches nothing where that voiceprint was released meanwhile.
INSERT INTO voice_likenesses (tenant_id, call_id, stream_sid, voiceprint_id, match, similarity, model)
SELECT $1, $2, $3, v.id, $5, $6, $7 FROM voiceprints v WHERE v.tenant_id = $1 AND v.id = $4
ON CONFLICT (tenant_id, call_id, stream_sid, voiceprint_id) DO UPDATE SET
    match = excluded.match, similarity = excluded.similarity, model = excluded.model, updated_at = clock_timestamp();

-- name: reading_of_call
-- Of a call's streams (one that broke was started again) the reading that weighs most: the most synthetic with speech enough.
SELECT r.state, r.score, r.speech_seconds, r.model FROM voice_readings r
WHERE r.call_id = $1
ORDER BY r.score * least(1, r.speech_seconds / 10) DESC NULLS LAST, r.updated_at DESC
LIMIT 1;

-- name: enrolled_near
-- The contacts of a person whose voices are enrolled and complete.
SELECT v.id, e.name, e.relationship, e.phone_number FROM voiceprints v
JOIN emergency_contacts e ON e.tenant_id = v.tenant_id AND e.id = v.contact_id
WHERE v.user_id = $1 AND v.status = 'active'
ORDER BY v.created_at, v.id;

-- name: claim
-- Whose voices the caller of a call claims to have.
UPDATE active_calls SET claimed_voices = $2 WHERE id = $1;

-- name: likenesses_of_call
-- How like the claimed voices a call's caller is: of each the newest comparison.
SELECT DISTINCT ON (l.voiceprint_id) l.match, l.similarity, l.model FROM voice_likenesses l
WHERE l.call_id = $1 AND l.voiceprint_id = ANY ($2::uuid[])
ORDER BY l.voiceprint_id, l.updated_at DESC;

-- name: voiceprints
-- Enrolled voices, sealed.
SELECT v.id, v.sealed, v.key_id, v.model FROM voiceprints v WHERE v.tenant_id = $1 AND v.id = ANY ($2::uuid[]) AND v.status = 'active';

-- name: is_news
-- Whether a call's voice has told anything that no verdict knows; what was stored within half a second before one may be unknown to it.
SELECT EXISTS (
    SELECT FROM (SELECT max(f.created_at) AS at FROM fraud_analyses f WHERE f.call_id = $1) newest
    WHERE newest.at IS NULL
        OR EXISTS (SELECT FROM voice_readings r WHERE r.call_id = $1 AND r.updated_at > newest.at - interval '0.5 seconds')
        OR EXISTS (SELECT FROM voice_likenesses l WHERE l.call_id = $1 AND l.updated_at > newest.at - interval '0.5 seconds'));
