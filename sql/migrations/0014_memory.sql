-- What callers are remembered by, and what people say of calls once they know.

-- A contact may answer an alert with what they know by now: that it is a scam.
ALTER TABLE answers
    DROP CONSTRAINT answers_action_check,
    ADD CONSTRAINT answers_action_check
        CHECK (action IN ('hang_up', 'safe', 'scam', 'call', 'join', 'hold', 'resume', 'stop', 'start', 'help'));

-- What somebody says a call was. All is kept; of each contact, and of each other door, the newest counts.
-- analysis_id: the verdict that it was said about. note: in their own words, for the operator alone.
CREATE TABLE feedback (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    analysis_id uuid,
    source text NOT NULL CHECK (source IN ('sms', 'key', 'evidence', 'dashboard', 'api', 'cli')),
    who text NOT NULL CHECK (who IN ('contact', 'person', 'operator', 'api')),
    contact_id uuid,
    answer text NOT NULL CHECK (answer IN ('scam', 'not_scam', 'unsure')),
    note text CHECK (char_length(note) <= 500),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, analysis_id) REFERENCES fraud_analyses (tenant_id, id) ON DELETE SET NULL (analysis_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE SET NULL (contact_id)
);
CREATE INDEX feedback_call ON feedback (tenant_id, call_id, created_at DESC);

-- A call that says something about its caller: it was judged a fraud, or people said what it was. It outlives the call's own
-- row and goes with the person. number_hash and script can't be read, nor compared with another tenant's: they are made by
-- keys that are not in the database. number_hash is NULL for a withheld number, script where too little was said.
CREATE TABLE remembered_calls (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    call_id uuid,
    number_hash bytea,
    script bytea,
    verdict text CHECK (verdict IN ('SAFE', 'UNSURE', 'SUSPECT', 'SCAM')),
    people_say text CHECK (people_say IN ('scam', 'not_scam', 'unsure')),
    people_said_at timestamptz,
    began_at timestamptz NOT NULL,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, call_id),
    CHECK ((people_say IS NULL) = (people_said_at IS NULL)),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE SET NULL (call_id)
);
CREATE INDEX remembered_calls_number ON remembered_calls (tenant_id, number_hash);
CREATE INDEX remembered_calls_person ON remembered_calls (tenant_id, user_id);

-- Where calls of one script meet: such two share a band.
CREATE TABLE script_bands (
    tenant_id uuid NOT NULL,
    band bigint NOT NULL,
    memory_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, band, memory_id),
    FOREIGN KEY (tenant_id, memory_id) REFERENCES remembered_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX script_bands_memory ON script_bands (tenant_id, memory_id);

-- The tenant of a call, and of a verdict.
CREATE FUNCTION tenant_of_call(call uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT c.tenant_id FROM active_calls c WHERE c.id = call $$;
CREATE FUNCTION call_of_analysis(analysis uuid) RETURNS TABLE (tenant_id uuid, call_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT f.tenant_id, f.call_id FROM fraud_analyses f WHERE f.id = analysis $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
GRANT SELECT ON fraud_analyses TO callguard_resolver;
CREATE POLICY resolver ON fraud_analyses FOR SELECT TO callguard_resolver USING (true);
DO $$
DECLARE
    guarded text;
    finder text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH guarded IN ARRAY ARRAY['feedback', 'remembered_calls', 'script_bands'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY own_tenant ON %I USING (tenant_id = (SELECT current_tenant()))', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM %s', guarded, outsiders);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO callguard_app', guarded);
    END LOOP;
    FOREACH finder IN ARRAY ARRAY['tenant_of_call(uuid)', 'call_of_analysis(uuid)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', finder, outsiders);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO callguard_app', finder);
        EXECUTE format('ALTER FUNCTION %s OWNER TO callguard_resolver', finder);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
