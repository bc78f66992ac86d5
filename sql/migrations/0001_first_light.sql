-- One call, end to end: people, their contacts, calls, words, verdicts, alerts, and the work between them.
-- Every table carries its tenant; row-level security is forced, so that even the owner sees only the tenant
-- named by the setting callguard.tenant, and nothing when it names none.

-- callguard_app serves; callguard_resolver owns the few functions that must look across tenants.
DO $$
DECLARE
    assume text := CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'callguard_app') THEN
        CREATE ROLE callguard_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'callguard_resolver') THEN
        CREATE ROLE callguard_resolver NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
    END IF;
    -- The migrating role may assume both: it serves as callguard_app where one login does everything. From Postgres 16 on
    -- whoever makes a role is a member of it without that right.
    IF NOT pg_has_role(current_user, 'callguard_app', assume) THEN
        EXECUTE format('GRANT callguard_app TO %I', current_user);
    END IF;
    IF NOT pg_has_role(current_user, 'callguard_resolver', assume) THEN
        EXECUTE format('GRANT callguard_resolver TO %I', current_user);
    END IF;
END $$;

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE
AS $$ SELECT nullif(current_setting('callguard.tenant', true), '')::uuid $$;

-- An organisation: one family, a care home, a carrier, a bank.
CREATE TABLE tenants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The protected people.
CREATE TABLE users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    email text NOT NULL,
    name text NOT NULL,
    phone_number text NOT NULL,
    twilio_number text UNIQUE,
    language text NOT NULL DEFAULT 'en',
    announce boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, email),
    UNIQUE (tenant_id, phone_number)
);

CREATE TABLE emergency_contacts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    name text NOT NULL,
    phone_number text NOT NULL,
    relationship text,
    priority integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, user_id, phone_number),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- Calls, live and ended. keyword_at is when the first keyword was stored: before it no scorer runs.
CREATE TABLE active_calls (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    call_sid text NOT NULL UNIQUE,
    conference_name text NOT NULL,
    caller_number text NOT NULL,
    called_number text NOT NULL,
    forwarded_from text,
    stir_verstat text,
    attestation text CHECK (attestation IN ('A', 'B', 'C')),
    language text NOT NULL,
    announced boolean NOT NULL DEFAULT false,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'ended')),
    connected_at timestamptz,
    transcription_state text NOT NULL DEFAULT 'waiting'
        CHECK (transcription_state IN ('waiting', 'started', 'stopped', 'failed')),
    keywords text[] NOT NULL DEFAULT '{}',
    keyword_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX active_calls_recent ON active_calls (tenant_id, started_at DESC);

-- Outbound legs of a call: who was dialled into it, and how far that got.
CREATE TABLE call_legs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('person')),
    call_sid text UNIQUE,
    status text NOT NULL DEFAULT 'requested'
        CHECK (status IN ('requested', 'queued', 'initiated', 'ringing', 'in-progress',
                          'completed', 'busy', 'no-answer', 'failed', 'canceled')),
    used_call_token boolean NOT NULL DEFAULT false,
    token_refused text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, call_id, role),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);

-- What the recogniser heard. match_text is transient: the trigger reads it and sets it to NULL before the row is written.
CREATE TABLE transcription_events (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    transcription_sid text NOT NULL,
    sequence_number integer NOT NULL,
    speaker text NOT NULL CHECK (speaker IN ('caller', 'callee')),
    text text NOT NULL,
    match_text text,
    is_final boolean NOT NULL DEFAULT false,
    confidence double precision,
    stability double precision,
    language text NOT NULL,
    keywords text[],
    spoken_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, transcription_sid, sequence_number),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX transcription_events_call ON transcription_events (tenant_id, call_id, sequence_number);

-- What was judged, from which words and which signals. fraud_score is the risk, 0-100.
CREATE TABLE fraud_analyses (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    triggered_by_keywords text[] NOT NULL,
    full_transcript text NOT NULL,
    llm_analysis jsonb NOT NULL,
    fraud_score double precision NOT NULL CHECK (fraud_score BETWEEN 0 AND 100),
    fraud_detected boolean NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('SAFE', 'UNSURE', 'SUSPECT', 'SCAM')),
    fraud_type text,
    explanation text NOT NULL,
    quotations text[] NOT NULL DEFAULT '{}',
    contributions jsonb NOT NULL,
    turns_heard integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX fraud_analyses_call ON fraud_analyses (tenant_id, call_id, created_at DESC);

-- One message to one contact: once per contact, level and channel in a call.
CREATE TABLE alerts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    fraud_analysis_id uuid NOT NULL,
    contact_id uuid,
    alert_type text NOT NULL CHECK (alert_type IN ('sms', 'call', 'app_notification')),
    level text NOT NULL CHECK (level IN ('warning', 'danger')),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'sending', 'sent', 'delivered', 'undelivered', 'failed', 'skipped')),
    message_sid text UNIQUE,
    error_code text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    delivered_at timestamptz,
    UNIQUE (tenant_id, id),
    UNIQUE (tenant_id, call_id, contact_id, level, alert_type),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, fraud_analysis_id) REFERENCES fraud_analyses (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id)
        ON DELETE SET NULL (contact_id)
);

-- Media streams: how much was heard, never what. A token admits one stream, once.
CREATE TABLE media_streams (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    token_id uuid NOT NULL UNIQUE,
    stream_sid text NOT NULL,
    caller_speech_ms integer NOT NULL DEFAULT 0,
    callee_speech_ms integer NOT NULL DEFAULT 0,
    received_ms integer NOT NULL DEFAULT 0,
    lost_ms integer NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX media_streams_call ON media_streams (tenant_id, call_id);

-- Words that wake the analyzer: each tenant's own, normalised as the app normalises what it hears.
CREATE TABLE keywords (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    language text NOT NULL,
    phrase text NOT NULL,
    tactic text NOT NULL,
    PRIMARY KEY (tenant_id, language, phrase)
);

-- Everything that must happen after a transaction: analyses, dialling, alerts. A worker holds a row by a lease on the
-- database's clock and a fencing token; of each subject one row waits and one runs at the most.
CREATE TABLE work (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    kind text NOT NULL,
    subject uuid NOT NULL,
    call_id uuid NOT NULL,
    payload jsonb NOT NULL DEFAULT '{}',
    urgency smallint NOT NULL DEFAULT 5,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'running', 'done', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    fence integer NOT NULL DEFAULT 0,
    run_after timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until timestamptz,
    error_code text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    claimed_at timestamptz,
    finished_at timestamptz,
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX work_one_waiting ON work (tenant_id, kind, subject) WHERE state = 'pending';
CREATE INDEX work_due ON work (urgency, run_after) WHERE state = 'pending';
CREATE INDEX work_held ON work (kind, subject, lease_until) WHERE state = 'running';
CREATE INDEX work_call ON work (tenant_id, call_id);

-- The keyword trigger. Keywords that the call has not yet shown wake the analyzer; once it is awake each result, partial
-- or final, asks it to look again, since the words that decide often come after the keyword. Only a request that did not
-- wait already is notified: NOTIFY holds a lock over the commit, polling finds the rest.
CREATE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    heard text := ' ' || NEW.match_text || ' ';
    known text[];
    awake boolean;
    fresh boolean;
    requested boolean;
BEGIN
    NEW.match_text := NULL;
    SELECT array_agg(k.phrase ORDER BY k.phrase) INTO NEW.keywords
        FROM keywords k
        WHERE k.tenant_id = NEW.tenant_id AND k.language = NEW.language
            AND strpos(heard, ' ' || k.phrase || ' ') > 0;
    SELECT c.keywords, c.keyword_at IS NOT NULL INTO known, awake
        FROM active_calls c WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.call_id;
    fresh := NOT (coalesce(NEW.keywords, '{}') <@ known);
    IF fresh THEN
        UPDATE active_calls c
            SET keywords = (SELECT array_agg(DISTINCT p ORDER BY p) FROM unnest(c.keywords || NEW.keywords) p),
                keyword_at = coalesce(c.keyword_at, clock_timestamp())
            WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.call_id;
    END IF;
    IF fresh OR awake THEN
        -- A request that waits already is held until these words are committed, so that who takes it reads them too.
        INSERT INTO work AS w (tenant_id, kind, subject, call_id, urgency)
            VALUES (NEW.tenant_id, 'analyse', NEW.call_id, NEW.call_id, 3)
            ON CONFLICT (tenant_id, kind, subject) WHERE state = 'pending'
            DO UPDATE SET run_after = least(w.run_after, excluded.run_after)
            RETURNING xmax = 0 INTO requested;
        IF requested AND current_setting('callguard.notify', true) IS DISTINCT FROM 'off' THEN
            PERFORM pg_notify('keyword_detected',
                json_build_object('call_id', NEW.call_id, 'transcript_id', NEW.id)::text);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transcript_keyword_monitor BEFORE INSERT ON transcription_events
    FOR EACH ROW EXECUTE FUNCTION hear();

-- Row-level security, the same rule everywhere. Supabase opens the public schema to its own roles by default: callguard is
-- the only door.
DO $$
DECLARE
    guarded text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    EXECUTE format('REVOKE ALL ON tenants FROM %s', outsiders);
    EXECUTE format('REVOKE ALL ON SEQUENCE work_id_seq FROM %s', outsiders);
    FOREACH guarded IN ARRAY ARRAY['users', 'emergency_contacts', 'active_calls', 'call_legs', 'transcription_events',
                                   'fraud_analyses', 'alerts', 'media_streams', 'keywords', 'work'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY own_tenant ON %I USING (tenant_id = (SELECT current_tenant()))', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM %s', guarded, outsiders);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO callguard_app', guarded);
    END LOOP;
END $$;
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenants USING (id = (SELECT current_tenant()));
GRANT SELECT, INSERT, UPDATE ON tenants TO callguard_app;

-- Look-ups across tenants: the role sees what it needs by policies of its own, and only through these functions.
GRANT SELECT ON tenants, users, active_calls, call_legs, alerts TO callguard_resolver;
GRANT SELECT, UPDATE ON work TO callguard_resolver;
CREATE POLICY resolver ON tenants FOR SELECT TO callguard_resolver USING (true);
CREATE POLICY resolver ON users FOR SELECT TO callguard_resolver USING (true);
CREATE POLICY resolver ON active_calls FOR SELECT TO callguard_resolver USING (true);
CREATE POLICY resolver ON call_legs FOR SELECT TO callguard_resolver USING (true);
CREATE POLICY resolver ON alerts FOR SELECT TO callguard_resolver USING (true);
CREATE POLICY resolver ON work TO callguard_resolver USING (true);

CREATE FUNCTION resolve_number(number text)
    RETURNS TABLE (tenant_id uuid, user_id uuid, phone_number text, language text, announce boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT u.tenant_id, u.id, u.phone_number, u.language, u.announce FROM users u WHERE u.twilio_number = number $$;

-- A call by the SID of any of its legs.
CREATE FUNCTION resolve_call(sid text) RETURNS TABLE (tenant_id uuid, call_id uuid, language text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.tenant_id, c.id, c.language FROM active_calls c WHERE c.call_sid = sid
        UNION ALL
        SELECT c.tenant_id, c.id, c.language FROM call_legs l JOIN active_calls c ON c.id = l.call_id WHERE l.call_sid = sid
        LIMIT 1
    $$;

CREATE FUNCTION resolve_alert(alert uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT a.tenant_id FROM alerts a WHERE a.id = alert $$;

-- Every number and the phone behind it: what a server keeps so that calls connect while the database is away.
CREATE FUNCTION route_book()
    RETURNS TABLE (twilio_number text, user_id uuid, phone_number text, language text, announce boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT u.twilio_number, u.id, u.phone_number, u.language, u.announce
          FROM users u WHERE u.twilio_number IS NOT NULL $$;

CREATE FUNCTION tenant_ids() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT id FROM tenants ORDER BY created_at, id $$;

-- Takes due work, most urgent first: waiting rows, and running ones whose worker let the lease run out. What waits behind
-- such a one stays where it is until that is done.
CREATE FUNCTION claim_work(wanted text[], batch integer, lease interval) RETURNS SETOF work
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH due AS MATERIALIZED (
            SELECT w.id FROM work w
            WHERE w.kind = ANY (wanted)
                AND (w.state = 'running' AND w.lease_until <= clock_timestamp()
                     OR w.state = 'pending' AND w.run_after <= clock_timestamp()
                        AND NOT EXISTS (SELECT FROM work r
                                        WHERE r.tenant_id = w.tenant_id AND r.kind = w.kind AND r.subject = w.subject
                                            AND r.state = 'running'))
            ORDER BY w.urgency, w.run_after
            LIMIT batch
            FOR UPDATE SKIP LOCKED)
        UPDATE work SET state = 'running', attempts = attempts + 1, fence = fence + 1,
                        claimed_at = clock_timestamp(), lease_until = clock_timestamp() + lease
        FROM due WHERE work.id = due.id
        RETURNING work.*
    $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    resolver text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH resolver IN ARRAY ARRAY['resolve_number(text)', 'resolve_call(text)', 'resolve_alert(uuid)', 'route_book()',
                                    'tenant_ids()', 'claim_work(text[], integer, interval)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', resolver, outsiders);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO callguard_app', resolver);
        EXECUTE format('ALTER FUNCTION %s OWNER TO callguard_resolver', resolver);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
GRANT USAGE ON SCHEMA public TO callguard_app, callguard_resolver;
