-- name: subscribe
-- A browser in which a contact wants to be told; a known one brings new keys. Nothing is touched where they have $6 others.
INSERT INTO push_subscriptions (tenant_id, contact_id, endpoint, p256dh, auth)
SELECT $1, $2, $3, $4, $5
WHERE EXISTS (SELECT FROM emergency_contacts WHERE tenant_id = $1 AND id = $2)
    AND (SELECT count(*) FROM push_subscriptions WHERE tenant_id = $1 AND contact_id = $2 AND endpoint <> $3) < $6
ON CONFLICT (tenant_id, contact_id, endpoint) DO UPDATE SET p256dh = excluded.p256dh, auth = excluded.auth;

-- name: unsubscribe
-- That browser no longer.
DELETE FROM push_subscriptions WHERE contact_id = $1 AND endpoint = $2;

-- name: of_contact
-- The browsers of a contact.
SELECT endpoint, p256dh, auth FROM push_subscriptions WHERE contact_id = $1 ORDER BY created_at, id;

-- name: contact
-- A contact and whom they look after, for the page on which they subscribe.
SELECT u.language, u.name AS person_name FROM emergency_contacts e JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id
WHERE e.id = $1;
