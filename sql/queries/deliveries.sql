-- name: of_call
-- The ways to the person who is called, and their phone number.
SELECT deliveries_of(u) AS deliveries, u.phone_number
FROM active_calls c JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;

-- name: looping
-- A way from which our own dialling comes back: tried after all others from now on.
INSERT INTO delivery_routes (tenant_id, user_id, kind, address, looping)
VALUES ($1, $2, $3, CASE WHEN $3 <> 'same_number' THEN $4 END, true)
ON CONFLICT (tenant_id, user_id, address) DO UPDATE SET looping = true;
