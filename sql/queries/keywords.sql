-- name: ship
-- Puts a shipped catalogue in force for every tenant that has none of its own; false where it was shipped before.
SELECT ship_catalogue($1, $2, $3, $4, $5);

-- name: in_force
-- The catalogue that a tenant's calls in a language meet.
SELECT version, said, hints, created_at FROM catalogue_in_force($1, $2);

-- name: hints
-- What the recogniser of a tenant's calls in a language is told to expect.
SELECT hints FROM catalogue_in_force($1, $2);

-- name: versions
-- Every version that a tenant may go back to in a language, newest first, the shipped one last.
SELECT version, published, created_at, cardinality(phrases) AS phrases, tenant_id IS NULL AS shipped
FROM keyword_catalogues
WHERE language = $2 AND (tenant_id = $1 OR tenant_id IS NULL AND published)
ORDER BY tenant_id IS NULL, created_at DESC;

-- name: withdraw
-- No version of the tenant's own is in force in a language: the shipped one is.
UPDATE keyword_catalogues SET published = false WHERE tenant_id = $1 AND language = $2 AND published;

-- name: publish
-- Puts another version of the tenant's in force, none of which is now.
INSERT INTO keyword_catalogues (tenant_id, language, version, said, phrases, hints, published)
SELECT $1, $2, 'v' || count(*) + 1, $3, $4, $5, true FROM keyword_catalogues WHERE tenant_id = $1 AND language = $2
RETURNING version;

-- name: restore
-- Puts an older version of the tenant's in force again, none of which is now; without one of this name the shipped one is.
UPDATE keyword_catalogues SET published = true WHERE tenant_id = $1 AND language = $2 AND version = $3;

-- name: said
-- A version of the tenant's in a language as it was written; without a name the shipped one.
SELECT said FROM keyword_catalogues
WHERE language = $2 AND CASE WHEN $3::text IS NULL THEN tenant_id IS NULL AND published ELSE tenant_id = $1 AND version = $3 END;
