-- Answers to alerts: what contacts reply by SMS or press on the keypad, who opted out, and calls that were called safe.

-- Since when a contact has sent STOP: alerts then go by spoken call.
ALTER TABLE emergency_contacts ADD COLUMN opted_out_at timestamptz;
CREATE INDEX emergency_contacts_number ON emergency_contacts (phone_number);

-- A contact's SAFE silences the call's alerts; its score stays as it is.
ALTER TABLE active_calls ADD COLUMN safe_at timestamptz;

-- When the contact answered: by a reply or a key press. message_sid holds the CallSid of a spoken alert.
ALTER TABLE alerts ADD COLUMN answered_at timestamptz;

-- Each reply and key press, once by the SID it came with: the MessageSid, or the CallSid of the spoken alert.
-- An answer 'safe' is also the feedback on the verdict. told is the acknowledgement by name.
CREATE TABLE answers (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    source_sid text NOT NULL UNIQUE,
    contact_id uuid,
    call_id uuid,
    alert_id uuid,
    action text CHECK (action IN ('hang_up', 'safe', 'call', 'join', 'hold', 'stop', 'start', 'help')),
    told text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE SET NULL (contact_id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, alert_id) REFERENCES alerts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX answers_call ON answers (tenant_id, call_id);

-- The contacts who have a number, in whichever tenant: who sends a reply.
GRANT SELECT ON emergency_contacts TO callguard_resolver;
CREATE POLICY resolver ON emergency_contacts FOR SELECT TO callguard_resolver USING (true);
CREATE FUNCTION resolve_sender(number text)
    RETURNS TABLE (tenant_id uuid, contact_id uuid, language text, twilio_number text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT e.tenant_id, e.id, u.language, u.twilio_number
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
    ALTER TABLE answers ENABLE ROW LEVEL SECURITY;
    ALTER TABLE answers FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON answers USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON answers FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON answers TO callguard_app;
    EXECUTE format('REVOKE ALL ON FUNCTION resolve_sender(text) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION resolve_sender(text) TO callguard_app;
    ALTER FUNCTION resolve_sender(text) OWNER TO callguard_resolver;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
