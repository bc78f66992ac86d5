-- The canary: a call that callguard places to itself for a person, to prove that protection is on.

-- canary: whether and when, by the person's own clock, the daily one is placed. Never at an hour at which a ringing phone
-- would frighten somebody: where forwarding is off, it rings.
ALTER TABLE users
    ADD COLUMN canary boolean NOT NULL DEFAULT false,
    ADD COLUMN canary_at time NOT NULL DEFAULT '11:00' CHECK (canary_at BETWEEN '09:00' AND '19:00');
-- Who gets the daily message; without such a contact the operator does.
ALTER TABLE emergency_contacts ADD COLUMN wants_canary boolean NOT NULL DEFAULT false;

-- One run, a time for each stage that it reached. words: what is said on the call, drawn for this run alone.
-- way: to the phone whose calls are forwarded, or straight to the Twilio number, which proves nothing of forwarding.
-- asked_at: when Twilio was first asked to place the call.
CREATE TABLE canary_runs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    origin text NOT NULL CHECK (origin IN ('schedule', 'command', 'api')),
    words text NOT NULL,
    way text CHECK (way IN ('phone', 'direct')),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'passed', 'failed')),
    failed_stage text CHECK (failed_stage IN ('called', 'arrived', 'transcribed', 'triggered', 'judged', 'texted', 'delivered')),
    error_code text,
    leg_sid text UNIQUE,
    call_id uuid,
    message_sid text UNIQUE,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_at timestamptz,
    called_at timestamptz,
    arrived_at timestamptz,
    transcribed_at timestamptz,
    triggered_at timestamptz,
    judged_at timestamptz,
    texted_at timestamptz,
    delivered_at timestamptz,
    finished_at timestamptz,
    CHECK ((state = 'failed') = (failed_stage IS NOT NULL)),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE SET NULL (call_id)
);
CREATE UNIQUE INDEX canary_runs_one_at_a_time ON canary_runs (tenant_id, user_id) WHERE state = 'running';
CREATE INDEX canary_runs_of_person ON canary_runs (tenant_id, user_id, created_at DESC);
CREATE INDEX canary_runs_call ON canary_runs (tenant_id, call_id);

-- Some work is about no call: a canary that is still to be placed.
ALTER TABLE work ALTER COLUMN call_id DROP NOT NULL;

DO $$
BEGIN
    IF to_regclass('operator_notices') IS NOT NULL THEN
        ALTER TABLE operator_notices
            ALTER COLUMN call_id DROP NOT NULL,
            ADD COLUMN user_id uuid,
            DROP CONSTRAINT operator_notices_kind_check,
            ADD FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE;
    END IF;
END $$;

-- A row of a table as JSON says it, by its key: the columns it names are set, all others are left as they are. Whoever
-- calls it may do no more than row-level security lets them.
CREATE FUNCTION put_row(target regclass, key text[], said jsonb) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp
AS $$
DECLARE
    names text := (SELECT string_agg(quote_ident(name), ', ') FROM jsonb_object_keys(said) name);
    keys text := (SELECT string_agg(quote_ident(name), ', ') FROM unnest(key) name);
    news text := (SELECT string_agg(format('%1$I = excluded.%1$I', name), ', ') FROM jsonb_object_keys(said) name);
    user_id uuid;
BEGIN
    EXECUTE format('INSERT INTO %1$s AS r (%2$s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, $1) '
                   'ON CONFLICT (%3$s) DO UPDATE SET %4$s RETURNING (to_jsonb(r) ->> ''id'')::uuid', target, names, keys, news)
        INTO user_id USING said;
    RETURN user_id;
END $$;

-- The tenant of a run.
CREATE FUNCTION resolve_canary(run uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT r.tenant_id FROM canary_runs r WHERE r.id = run $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE canary_runs ENABLE ROW LEVEL SECURITY;
    ALTER TABLE canary_runs FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON canary_runs USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON canary_runs FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON canary_runs TO callguard_app;
    GRANT SELECT ON canary_runs TO callguard_resolver;
    CREATE POLICY resolver ON canary_runs FOR SELECT TO callguard_resolver USING (true);
    EXECUTE format('REVOKE ALL ON FUNCTION resolve_canary(uuid) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION resolve_canary(uuid) TO callguard_app;
    ALTER FUNCTION resolve_canary(uuid) OWNER TO callguard_resolver;
    EXECUTE format('REVOKE ALL ON FUNCTION put_row(regclass, text[], jsonb) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION put_row(regclass, text[], jsonb) TO callguard_app;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
