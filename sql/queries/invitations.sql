-- name: of_contact
-- Whether a contact may be invited: what is known of them, and what was sent to their number in the last days.
SELECT e.verified_at IS NOT NULL AS verified, e.opted_out_at IS NOT NULL AS opted_out,
       (SELECT count(*) FROM invitations i WHERE i.tenant_id = e.tenant_id AND i.phone_number = e.phone_number
            AND i.created_at > clock_timestamp() - interval '7 days') AS this_week,
       EXISTS (SELECT FROM invitations i WHERE i.tenant_id = e.tenant_id AND i.phone_number = e.phone_number
                   AND i.created_at > clock_timestamp() - interval '10 minutes') AS just_now,
       (SELECT count(*) FROM invitations i WHERE i.tenant_id = e.tenant_id
            AND i.created_at > clock_timestamp() - interval '1 day') AS tenants_today
FROM emergency_contacts e WHERE e.id = $1;

-- name: add
-- An invitation, to be sent.
INSERT INTO invitations (tenant_id, contact_id, phone_number)
SELECT tenant_id, id, phone_number FROM emergency_contacts WHERE tenant_id = $1 AND id = $2
RETURNING id;

-- name: for_sending
-- What sending an invitation needs; nothing comes back where the contact has another number by now.
SELECT i.id, i.status, i.created_at, e.phone_number AS to_number, e.opted_out_at IS NOT NULL AS opted_out,
       u.name AS person_name, u.twilio_number, u.phone_number AS home_number, coalesce(e.language, u.language) AS language
FROM invitations i
JOIN emergency_contacts e ON e.tenant_id = i.tenant_id AND e.id = i.contact_id AND e.phone_number = i.phone_number
JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id
WHERE i.id = $1;

-- name: advance
-- Moves an invitation forward from one of the statuses given.
UPDATE invitations SET status = $2, error_code = coalesce($4, error_code), message_sid = coalesce(message_sid, $5)
WHERE id = $1 AND status = ANY ($3::text[]);

-- name: open
-- The invitations that a contact may still answer. One that was accepted is accepted again, for a repeated webhook.
SELECT i.id FROM invitations i
JOIN emergency_contacts e ON e.tenant_id = i.tenant_id AND e.id = i.contact_id AND e.phone_number = i.phone_number
WHERE e.id = $1 AND i.wrong_codes < $3 AND i.created_at > clock_timestamp() - make_interval(days => $2);

-- name: wrong_code
-- Somebody answered with another code.
UPDATE invitations SET wrong_codes = wrong_codes + 1 WHERE id = ANY ($1::uuid[]);

-- name: accept
-- The contact agreed.
UPDATE invitations SET accepted_at = coalesce(accepted_at, clock_timestamp()) WHERE id = $1;

-- name: unconfirmed
-- The contacts whose number has not confirmed itself.
SELECT id FROM emergency_contacts WHERE verified_at IS NULL ORDER BY created_at, id;
