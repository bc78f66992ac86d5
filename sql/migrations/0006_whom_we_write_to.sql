-- What contacts get and whom we may write to: a contact's own wishes, numbers that have confirmed themselves, and how an
-- alert was answered.

-- language and time_zone: the person's where they are NULL. least_level: who wants danger alone gets no warnings; quiet
-- hours, by the contact's own clock, hold warnings back too. Contacts who are here already have been written to all along:
-- the default marks them, and then goes, so that new ones have to answer an invitation.
ALTER TABLE emergency_contacts
    ADD COLUMN language text,
    ADD COLUMN time_zone text,
    ADD COLUMN least_level text NOT NULL DEFAULT 'warning' CHECK (least_level IN ('warning', 'danger')),
    ADD COLUMN quiet_from time,
    ADD COLUMN quiet_until time,
    ADD COLUMN verified_at timestamptz DEFAULT now(),
    ADD CHECK ((quiet_from IS NULL) = (quiet_until IS NULL));
ALTER TABLE emergency_contacts ALTER COLUMN verified_at DROP DEFAULT;

-- Another number has confirmed nothing yet.
CREATE FUNCTION unconfirmed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.verified_at := NULL;
    NEW.opted_out_at := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER another_number BEFORE UPDATE OF phone_number ON emergency_contacts
    FOR EACH ROW WHEN (OLD.phone_number IS DISTINCT FROM NEW.phone_number) EXECUTE FUNCTION unconfirmed();

-- Whether messages may quote what the caller said.
ALTER TABLE users ADD COLUMN quote_in_alerts boolean NOT NULL DEFAULT false;

-- By which way the contact answered.
ALTER TABLE alerts ADD COLUMN answered_by text CHECK (answered_by IN ('sms', 'key', 'link'));

-- Why callguard itself did not dial a leg.
ALTER TABLE call_legs ADD COLUMN refusal text;

-- Invitations are sent outside of any call.
ALTER TABLE work ALTER COLUMN call_id DROP NOT NULL;

-- A message that asks a contact to confirm their number with its code. It is good for the number that it went to alone.
CREATE TABLE invitations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    phone_number text NOT NULL,
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'sending', 'sent', 'delivered', 'undelivered', 'failed')),
    message_sid text UNIQUE,
    error_code text,
    wrong_codes integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    accepted_at timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX invitations_contact ON invitations (tenant_id, contact_id);
CREATE INDEX invitations_recent ON invitations (tenant_id, created_at DESC);
CREATE INDEX alerts_contact ON alerts (tenant_id, contact_id, created_at DESC);

-- The contacts who have a number, in whichever tenant, and whether it has confirmed itself.
DROP FUNCTION resolve_sender(text);
CREATE FUNCTION resolve_sender(number text)
    RETURNS TABLE (tenant_id uuid, contact_id uuid, language text, twilio_number text, verified boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT e.tenant_id, e.id, coalesce(e.language, u.language), u.twilio_number, e.verified_at IS NOT NULL
        FROM emergency_contacts e JOIN users u ON u.tenant_id = e.tenant_id AND u.id = e.user_id
        WHERE e.phone_number = number
        ORDER BY e.created_at, e.id
    $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE invitations ENABLE ROW LEVEL SECURITY;
    ALTER TABLE invitations FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON invitations USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON invitations FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON invitations TO callguard_app;
    EXECUTE format('REVOKE ALL ON FUNCTION resolve_sender(text) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION resolve_sender(text) TO callguard_app;
    ALTER FUNCTION resolve_sender(text) OWNER TO callguard_resolver;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
