-- name: person
-- A person as notices need them: their own number where they asked for notices, and whether they are on the phone.
SELECT u.name, u.language, u.twilio_number, CASE WHEN u.notify_person THEN u.phone_number END AS phone_number,
       EXISTS (SELECT FROM active_calls c WHERE c.tenant_id = u.tenant_id AND c.user_id = u.id AND c.status = 'active')
           AS is_on_the_phone
FROM users u WHERE u.id = $1;

-- name: contacts
-- The contacts of a person who asked for notices, with what they may be written to by; first those who are asked first.
SELECT id, email, CASE WHEN verified_at IS NOT NULL AND opted_out_at IS NULL THEN phone_number END AS phone_number
FROM emergency_contacts
WHERE user_id = $1 AND wants_notices ORDER BY priority, created_at, id;

-- name: sent_today
-- How many messages of notices about a person went to this recipient in the last 24 hours.
SELECT count(*) FROM notice_messages
WHERE user_id = $1 AND recipient = $2 AND contact_id IS NOT DISTINCT FROM $3 AND status <> 'skipped'
    AND created_at > clock_timestamp() - interval '24 hours';

-- name: add
-- A message to be sent, or one that is not: then with the reason.
INSERT INTO notice_messages (tenant_id, user_id, recipient, contact_id, channel, kinds, status, error_code)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id;

-- name: for_sending
-- What sending it needs.
SELECT m.id, m.user_id, m.recipient, m.channel, m.kinds, m.status, m.created_at, e.phone_number, e.email, e.language
FROM notice_messages m LEFT JOIN emergency_contacts e ON e.tenant_id = m.tenant_id AND e.id = m.contact_id
WHERE m.id = $1;

-- name: advance
-- Moves a message forward from one of the statuses given; touches nothing where it is further already.
UPDATE notice_messages SET status = $2, error_code = coalesce($4, error_code), message_sid = coalesce(message_sid, $5),
    sent_at = CASE WHEN $2 IN ('sent', 'delivered', 'undelivered') THEN coalesce(sent_at, clock_timestamp()) ELSE sent_at END,
    delivered_at = CASE WHEN $2 = 'delivered' THEN coalesce(delivered_at, clock_timestamp()) ELSE delivered_at END
WHERE id = $1 AND status = ANY ($3::text[]);

-- name: recent
-- What became of the last day's messages: how many got how far, by recipient and channel.
SELECT recipient, channel, status, count(*)::integer AS count FROM notice_messages
WHERE tenant_id = $1 AND created_at > now() - interval '24 hours'
GROUP BY recipient, channel, status ORDER BY recipient, channel, status;
