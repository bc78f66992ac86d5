-- name: declare
-- Something happened in a call, to one of the person's contacts perhaps; with $5 only while the call goes on. A row comes
-- back where that is news: it is told of once in a call, and shown again when it comes back.
INSERT INTO notices (tenant_id, user_id, call_id, kind, contact_id)
SELECT c.tenant_id, c.user_id, c.id, $3, $4 FROM active_calls c
WHERE c.tenant_id = $1 AND c.id = $2 AND (c.status = 'active' OR NOT $5)
ON CONFLICT (tenant_id, call_id, kind, contact_id) WHERE call_id IS NOT NULL
DO UPDATE SET ended_at = NULL, remedy = NULL, began_at = clock_timestamp() WHERE notices.ended_at IS NOT NULL
RETURNING user_id, told_at IS NULL AS is_untold;

-- name: stand
-- Something about a person and no call of theirs, to one of their contacts perhaps; nothing comes back while it stands.
INSERT INTO notices (tenant_id, user_id, kind, contact_id) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, user_id, kind, contact_id) WHERE call_id IS NULL AND ended_at IS NULL DO NOTHING
RETURNING id;

-- name: settle
-- What stood about a person stands no longer; $4 names a contact, or nobody.
UPDATE notices SET ended_at = clock_timestamp()
WHERE tenant_id = $1 AND user_id = $2 AND kind = ANY ($3::text[]) AND contact_id IS NOT DISTINCT FROM $4
    AND call_id IS NULL AND ended_at IS NULL;

-- name: clear
-- It works again.
UPDATE notices SET ended_at = clock_timestamp() WHERE call_id = $1 AND kind = ANY ($2::text[]) AND ended_at IS NULL;

-- name: remedied
-- What was done about the words that nobody heard.
UPDATE notices SET remedy = $2
WHERE call_id = $1 AND kind = ANY ($3::text[]) AND ended_at IS NULL AND remedy IS DISTINCT FROM $2;

-- name: of_calls
-- What fails in some calls, of the kinds given, oldest first.
SELECT call_id, kind, remedy FROM notices
WHERE tenant_id = $1 AND call_id = ANY ($2::uuid[]) AND kind = ANY ($3::text[]) AND ended_at IS NULL
ORDER BY began_at;

-- name: untold
-- What nobody was told about a person yet, oldest first; held until this transaction ends.
SELECT id, kind FROM notices WHERE tenant_id = $1 AND user_id = $2 AND told_at IS NULL ORDER BY began_at, id FOR UPDATE;

-- name: told
-- Messages about these were asked for.
UPDATE notices SET told_at = clock_timestamp() WHERE id = ANY ($1::uuid[]);

-- name: recent
-- What the dashboard lists: the last day's, and what still stands.
SELECT n.id, n.kind, n.remedy, n.began_at, n.ended_at, u.name AS person_name, e.name AS contact_name
FROM notices n JOIN users u ON u.tenant_id = n.tenant_id AND u.id = n.user_id
LEFT JOIN emergency_contacts e ON e.tenant_id = n.tenant_id AND e.id = n.contact_id
WHERE n.tenant_id = $1 AND (n.began_at > now() - interval '24 hours' OR n.call_id IS NULL AND n.ended_at IS NULL)
ORDER BY n.began_at DESC LIMIT $2;
-- name: settled
-- What became of audio that was kept for after the call.
UPDATE notices SET remedy = $2 WHERE call_id = $1 AND remedy = 'afterwards';

-- name: ended_long_ago
-- Whether a call has ended more than so many seconds ago.
SELECT EXISTS (SELECT FROM active_calls WHERE id = $1 AND ended_at < clock_timestamp() - make_interval(secs => $2));
