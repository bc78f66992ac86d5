-- name: add
-- Something that the operator must know.
INSERT INTO operator_notices (tenant_id, call_id, kind) VALUES ($1, $2, $3);
