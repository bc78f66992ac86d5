-- More ways to reach people, and one table of notices: what isn't about a verdict, who was told of it, and how that went.

-- The person may ask for notices by SMS to their own number; a contact by e-mail, or by SMS without an address.
ALTER TABLE users ADD COLUMN notify_person boolean NOT NULL DEFAULT false;
ALTER TABLE emergency_contacts
    ADD COLUMN email text CHECK (email ~ '^[^@[:space:]]+@[^@[:space:]]+$'),
    ADD COLUMN wants_notices boolean NOT NULL DEFAULT false;

ALTER TABLE alerts
    DROP CONSTRAINT alerts_alert_type_check,
    ADD CONSTRAINT alerts_alert_type_check CHECK (alert_type IN ('sms', 'call', 'app_notification', 'email'));

-- The browsers in which a contact asked for web push. Whoever has a row's secrets can write to that browser.
CREATE TABLE push_subscriptions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    endpoint text NOT NULL CHECK (starts_with(endpoint, 'https://')),
    p256dh text NOT NULL,
    auth text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, contact_id, endpoint),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE CASCADE
);

-- Work that is about no call: notices, for instance.
ALTER TABLE work ALTER COLUMN call_id DROP NOT NULL;

-- Rows are moved in no tenant's name.
ALTER TABLE notices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE operator_notices NO FORCE ROW LEVEL SECURITY;
ALTER TABLE active_calls NO FORCE ROW LEVEL SECURITY;

-- kind is open: what each means, who is told of it and in which words stands in the application. A notice about a call, or
-- about a contact in it, is one row per kind; one about no call stands until it ends. told_at: when messages about it were
-- asked for.
ALTER TABLE notices RENAME COLUMN fault TO kind;
ALTER TABLE notices
    DROP CONSTRAINT notices_fault_check,
    DROP CONSTRAINT notices_remedy_check,
    DROP CONSTRAINT notices_tenant_id_call_id_fault_key,
    ALTER COLUMN call_id DROP NOT NULL,
    ADD CHECK (kind ~ '^[a-z][a-z_]*$'),
    ADD COLUMN user_id uuid,
    ADD COLUMN contact_id uuid,
    ADD COLUMN level text NOT NULL DEFAULT 'notice' CHECK (level = 'notice'),
    ADD COLUMN told_at timestamptz;
UPDATE notices n SET user_id = c.user_id, told_at = n.began_at
FROM active_calls c WHERE c.tenant_id = n.tenant_id AND c.id = n.call_id;
INSERT INTO notices (tenant_id, user_id, call_id, kind, began_at, told_at)
SELECT o.tenant_id, c.user_id, o.call_id, o.kind, min(o.created_at), min(o.created_at)
FROM operator_notices o JOIN active_calls c ON c.tenant_id = o.tenant_id AND c.id = o.call_id
GROUP BY o.tenant_id, c.user_id, o.call_id, o.kind;
DROP TABLE operator_notices;
ALTER TABLE notices
    ALTER COLUMN user_id SET NOT NULL,
    ADD FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    ADD FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE CASCADE;
CREATE UNIQUE INDEX notices_of_call ON notices (tenant_id, call_id, kind, contact_id) NULLS NOT DISTINCT
    WHERE call_id IS NOT NULL;
CREATE UNIQUE INDEX notices_standing ON notices (tenant_id, user_id, kind, contact_id) NULLS NOT DISTINCT
    WHERE call_id IS NULL AND ended_at IS NULL;
CREATE INDEX notices_untold ON notices (tenant_id, user_id) WHERE told_at IS NULL;
CREATE INDEX notices_recent ON notices (tenant_id, began_at DESC);

ALTER TABLE notices FORCE ROW LEVEL SECURITY;
ALTER TABLE active_calls FORCE ROW LEVEL SECURITY;

-- A message that carries one or several notices about a person to the operator, to the person, or to a contact.
CREATE TABLE notice_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    recipient text NOT NULL CHECK (recipient IN ('operator', 'person', 'contact')),
    contact_id uuid,
    channel text NOT NULL CHECK (channel IN ('sms', 'email')),
    kinds text[] NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'skipped')),
    message_sid text UNIQUE,
    error_code text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    delivered_at timestamptz,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX notice_messages_recent ON notice_messages (tenant_id, created_at DESC);

DO $$
DECLARE
    guarded text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH guarded IN ARRAY ARRAY['push_subscriptions', 'notice_messages'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY own_tenant ON %I USING (tenant_id = (SELECT current_tenant()))', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM %s', guarded, outsiders);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO callguard_app', guarded);
    END LOOP;
END $$;
