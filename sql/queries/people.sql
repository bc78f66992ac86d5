-- name: resolve_number
-- Whose number was dialled, in whichever tenant.
SELECT tenant_id, user_id, phone_number, language, announce, policy, deliveries FROM resolve_number($1);

-- name: route_book
-- Every number, the phones behind it and who is let through, for calls that come while the database is away.
SELECT twilio_number, user_id, phone_number, language, announce, policy, deliveries FROM route_book();

-- name: add_person
-- A protected person; adding one whose e-mail is known updates the numbers.
INSERT INTO users (tenant_id, email, name, phone_number, twilio_number, language, announce)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant_id, email) DO UPDATE
    SET name = excluded.name, phone_number = excluded.phone_number, twilio_number = excluded.twilio_number,
        language = excluded.language, announce = excluded.announce, updated_at = now()
RETURNING id;

-- name: add_contact
-- An emergency contact of a person; adding a known number updates the rest.
INSERT INTO emergency_contacts (tenant_id, user_id, name, phone_number, relationship, priority)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant_id, user_id, phone_number) DO UPDATE
    SET name = excluded.name, relationship = excluded.relationship, priority = excluded.priority
RETURNING id;

-- name: verify_contact
-- The contact has shown that the number is theirs and that they want to be told.
UPDATE emergency_contacts SET verified_at = coalesce(verified_at, clock_timestamp()) WHERE id = $1;

-- name: contacts_of_call
-- The contacts of the person who is called, their wishes, and the warnings they were sent in the last hour and day.
SELECT e.id, e.name, e.phone_number, e.priority, e.opted_out_at IS NOT NULL AS opted_out,
       e.verified_at IS NOT NULL AS verified, e.least_level = 'danger' AS danger_only,
       coalesce(e.time_zone, u.time_zone) AS time_zone, e.quiet_from, e.quiet_until,
       (SELECT count(*) FROM alerts a WHERE a.tenant_id = e.tenant_id AND a.contact_id = e.id AND a.level = 'warning'
            AND a.status <> 'skipped' AND a.created_at > clock_timestamp() - interval '1 hour') AS warned_this_hour,
       (SELECT count(*) FROM alerts a WHERE a.tenant_id = e.tenant_id AND a.contact_id = e.id AND a.level = 'warning'
            AND a.status <> 'skipped' AND a.created_at > clock_timestamp() - interval '1 day') AS warned_this_day
FROM emergency_contacts e
JOIN active_calls c ON c.tenant_id = e.tenant_id AND c.user_id = e.user_id
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.id = $1;

-- name: put
-- A row of a table, by its key, as JSON says it.
SELECT put_row($1::text::regclass, $2, $3);

-- name: described
-- Every person of the tenant with everything that was said of them, oldest first.
SELECT to_jsonb(u) AS person,
       coalesce((SELECT jsonb_agg(to_jsonb(e) ORDER BY e.priority, e.name, e.id) FROM emergency_contacts e
                 WHERE e.tenant_id = u.tenant_id AND e.user_id = u.id), '[]') AS contacts,
       coalesce((SELECT jsonb_agg(to_jsonb(d) ORDER BY d.position, d.created_at, d.id) FROM delivery_routes d
                 WHERE d.tenant_id = u.tenant_id AND d.user_id = u.id), '[]') AS deliveries,
       policy_of(u) -> 'allowed' AS allowed, policy_of(u) -> 'blocked' AS blocked
FROM users u ORDER BY u.created_at, u.id;

-- name: forget_contacts
-- Takes away the contacts of a person that have none of these numbers.
DELETE FROM emergency_contacts WHERE user_id = $1 AND phone_number <> ALL ($2::text[]);

-- name: forget_deliveries
-- Takes away the ways to a person that are none of these; the same number has no address.
DELETE FROM delivery_routes WHERE user_id = $1 AND coalesce(address, '') <> ALL ($2::text[]);

-- name: forget_rules
-- Takes away the rules of a person about callers that are none of these.
DELETE FROM caller_rules WHERE user_id = $1 AND number <> ALL ($2::text[]);
