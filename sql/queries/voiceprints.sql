-- name: whose
-- Whose voice a name, e-mail address or id may mean: people of the tenant, and contacts of theirs.
SELECT u.id AS user_id, NULL::uuid AS contact_id, u.name FROM users u
WHERE u.id::text = lower($1) OR lower(u.name) = lower($1) OR lower(u.email) = lower($1)
UNION ALL
SELECT e.user_id, e.id, e.name FROM emergency_contacts e
WHERE e.id::text = lower($1) OR lower(e.name) = lower($1);

-- name: meant
-- The voiceprints that a name, e-mail address or id may mean: their own id, the person's or the contact's.
SELECT v.id FROM voiceprints v
JOIN users u ON u.tenant_id = v.tenant_id AND u.id = v.user_id
LEFT JOIN emergency_contacts e ON e.tenant_id = v.tenant_id AND e.id = v.contact_id
WHERE v.tenant_id = $1
    AND (v.id::text = lower($2)
         OR (v.contact_id IS NULL AND (u.id::text = lower($2) OR lower(u.name) = lower($2) OR lower(u.email) = lower($2)))
         OR e.id::text = lower($2) OR lower(e.name) = lower($2))
ORDER BY v.created_at, v.id;

-- name: agree
-- Somebody agrees to the enrolment of a voice.
INSERT INTO voice_consents (tenant_id, user_id, contact_id, given_by, wording) VALUES ($1, $2, $3, $4, $5) RETURNING id;

-- name: of
-- The voiceprint of a person, or of a contact of theirs; nobody else changes it in the meantime.
SELECT id, sealed, key_id, model, consent_id FROM voiceprints
WHERE tenant_id = $1 AND user_id = $2 AND contact_id IS NOT DISTINCT FROM $3 FOR UPDATE;

-- name: put
-- A voiceprint, or what it has become.
INSERT INTO voiceprints (id, tenant_id, user_id, contact_id, consent_id, status, samples, quality, sealed, key_id, model)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (id) DO UPDATE SET
    consent_id = excluded.consent_id, status = excluded.status, samples = excluded.samples, quality = excluded.quality,
    sealed = excluded.sealed, key_id = excluded.key_id, model = excluded.model, updated_at = clock_timestamp();

-- name: by_id
-- A voiceprint as it is kept.
SELECT sealed, key_id, model FROM voiceprints WHERE tenant_id = $1 AND id = $2;

-- name: enrolled
-- The voices of a person ($2) and their contacts, or of everybody in the tenant; oldest first.
SELECT v.id, v.user_id, v.contact_id, coalesce(e.name, u.name) AS name, v.status, v.samples, v.quality, v.key_id, v.model,
       c.given_by, c.wording, c.given_at, v.created_at
FROM voiceprints v
JOIN users u ON u.tenant_id = v.tenant_id AND u.id = v.user_id
JOIN voice_consents c ON c.tenant_id = v.tenant_id AND c.id = v.consent_id
LEFT JOIN emergency_contacts e ON e.tenant_id = v.tenant_id AND e.id = v.contact_id
WHERE v.tenant_id = $1 AND ($2::uuid IS NULL OR v.user_id = $2)
ORDER BY v.created_at, v.id;

-- name: release
-- A consent is withdrawn: the voiceprint goes, and that it was withdrawn is kept.
WITH gone AS (DELETE FROM voiceprints WHERE tenant_id = $1 AND id = $2 RETURNING user_id, contact_id)
UPDATE voice_consents c SET withdrawn_at = clock_timestamp() FROM gone
WHERE c.tenant_id = $1 AND c.user_id = gone.user_id AND c.contact_id IS NOT DISTINCT FROM gone.contact_id
    AND c.withdrawn_at IS NULL;

-- name: erase
-- A voiceprint and all consents to it go: nothing is left of them.
WITH gone AS (DELETE FROM voiceprints WHERE tenant_id = $1 AND id = $2 RETURNING user_id, contact_id)
DELETE FROM voice_consents c USING gone
WHERE c.tenant_id = $1 AND c.user_id = gone.user_id AND c.contact_id IS NOT DISTINCT FROM gone.contact_id;

-- name: sealed_by_others
-- Voiceprints that are not sealed by the key in force.
SELECT id, sealed, key_id FROM voiceprints WHERE tenant_id = $1 AND key_id <> $2 FOR UPDATE;

-- name: seal_again
-- The same voiceprint, sealed by another key.
UPDATE voiceprints SET sealed = $3, key_id = $4 WHERE tenant_id = $1 AND id = $2;
