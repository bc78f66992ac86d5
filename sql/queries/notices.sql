-- name: declare
-- Something fails in a call that goes on; a row comes back where that is news.
INSERT INTO notices (tenant_id, call_id, fault)
SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM active_calls WHERE id = $2 AND status = 'active')
ON CONFLICT (tenant_id, call_id, fault) DO UPDATE SET ended_at = NULL, remedy = NULL, began_at = clock_timestamp()
    WHERE notices.ended_at IS NOT NULL
RETURNING id;

-- name: clear
-- It works again.
UPDATE notices SET ended_at = clock_timestamp() WHERE call_id = $1 AND fault = ANY ($2::text[]) AND ended_at IS NULL;

-- name: remedied
-- What was done about the words that nobody heard.
UPDATE notices SET remedy = $2
WHERE call_id = $1 AND fault = ANY ($3::text[]) AND ended_at IS NULL AND remedy IS DISTINCT FROM $2;

-- name: of_calls
-- What fails in some calls, oldest first.
SELECT call_id, fault, remedy FROM notices
WHERE tenant_id = $1 AND call_id = ANY ($2::uuid[]) AND ended_at IS NULL
ORDER BY began_at;

-- name: settled
-- What became of audio that was kept for after the call.
UPDATE notices SET remedy = $2 WHERE call_id = $1 AND remedy = 'afterwards';

-- name: ended_long_ago
-- Whether a call has ended more than so many seconds ago.
SELECT EXISTS (SELECT FROM active_calls WHERE id = $1 AND ended_at < clock_timestamp() - make_interval(secs => $2));
