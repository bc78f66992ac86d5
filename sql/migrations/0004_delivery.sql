-- Whom a person's calls are let through to, how they are answered, and by which ways they are delivered.

-- What the person wants of callers. Quiet hours are by the person's own clock; a pause of protection always ends.
-- blocked_callers: whether a blocked caller is rejected unanswered, or told that the person can't be reached.
ALTER TABLE users
    ADD COLUMN time_zone text NOT NULL DEFAULT 'UTC',
    ADD COLUMN quiet_from time,
    ADD COLUMN quiet_until time,
    ADD COLUMN paused_until timestamptz CHECK (isfinite(paused_until)),
    ADD COLUMN blocked_callers text NOT NULL DEFAULT 'reject' CHECK (blocked_callers IN ('reject', 'tell')),
    ADD CHECK ((quiet_from IS NULL) = (quiet_until IS NULL));

-- Callers whom the person knows, and those they never want to hear.
CREATE TABLE caller_rules (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    number text NOT NULL CHECK (number <> 'withheld'),
    rule text NOT NULL CHECK (rule IN ('allow', 'block')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, number),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- Where the person is rung, in their order. The same number has no address of its own: it is the person's phone number.
-- looping: a call dialled there came back; it is tried after all others.
CREATE TABLE delivery_routes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('second_number', 'sip', 'client', 'same_number')),
    address text,
    position integer NOT NULL DEFAULT 1,
    looping boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (tenant_id, user_id, address),
    CHECK (CASE kind WHEN 'same_number' THEN address IS NULL
                     WHEN 'sip' THEN coalesce(address ~ '^sips?:.', false)
                     WHEN 'client' THEN coalesce(address ~ '^client:.', false)
                     ELSE coalesce(address ~ '^\+[1-9][0-9]{6,14}$', false) END),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);

-- How a call was answered and why, and which announcement its caller heard.
ALTER TABLE active_calls
    ADD COLUMN decision text NOT NULL DEFAULT 'monitor'
        CHECK (decision IN ('monitor', 'connect', 'reject', 'tell_unreachable', 'tell_later')),
    ADD COLUMN decision_reason text NOT NULL DEFAULT 'unknown',
    ADD COLUMN announcement text;

-- One leg for each route that was tried. asked_at: when Twilio was first asked to dial it. given_up: why callguard itself
-- gave the leg up; looped_sid: the inbound leg as which it came back.
ALTER TABLE call_legs
    DROP CONSTRAINT call_legs_tenant_id_call_id_role_key,
    ADD COLUMN attempt integer NOT NULL DEFAULT 1,
    ADD COLUMN route_kind text,
    ADD COLUMN address text,
    ADD COLUMN asked_at timestamptz,
    ADD COLUMN given_up text CHECK (given_up IN ('machine', 'loop')),
    ADD COLUMN looped_sid text,
    ADD UNIQUE (tenant_id, call_id, role, attempt);

-- What the operator must know and act upon.
CREATE TABLE operator_notices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('forwarding_loop')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX operator_notices_call ON operator_notices (tenant_id, call_id);

DO $$
DECLARE
    guarded text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH guarded IN ARRAY ARRAY['caller_rules', 'delivery_routes', 'operator_notices'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY own_tenant ON %I USING (tenant_id = (SELECT current_tenant()))', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM %s', guarded, outsiders);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO callguard_app', guarded);
    END LOOP;
END $$;
GRANT SELECT ON caller_rules, delivery_routes TO callguard_resolver;
CREATE POLICY resolver ON caller_rules FOR SELECT TO callguard_resolver USING (true);
CREATE POLICY resolver ON delivery_routes FOR SELECT TO callguard_resolver USING (true);

-- A person's wishes and ways as the application reads them; whoever asks sees what row-level security lets them.
CREATE FUNCTION policy_of(person users) RETURNS jsonb LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object(
        'time_zone', person.time_zone, 'quiet_from', person.quiet_from, 'quiet_until', person.quiet_until,
        'paused_until', person.paused_until, 'blocked_callers', person.blocked_callers,
        'allowed', coalesce(jsonb_agg(r.number ORDER BY r.number) FILTER (WHERE r.rule = 'allow'), '[]'),
        'blocked', coalesce(jsonb_agg(r.number ORDER BY r.number) FILTER (WHERE r.rule = 'block'), '[]'))
    FROM caller_rules r WHERE r.tenant_id = person.tenant_id AND r.user_id = person.id
$$;
CREATE FUNCTION deliveries_of(person users) RETURNS jsonb LANGUAGE sql STABLE
AS $$
    SELECT coalesce(jsonb_agg(jsonb_build_object('kind', d.kind, 'address', coalesce(d.address, person.phone_number),
                                                 'looping', d.looping) ORDER BY d.position, d.created_at, d.id), '[]')
    FROM delivery_routes d WHERE d.tenant_id = person.tenant_id AND d.user_id = person.id
$$;

DROP FUNCTION resolve_number(text);
CREATE FUNCTION resolve_number(number text)
    RETURNS TABLE (tenant_id uuid, user_id uuid, phone_number text, language text, announce boolean,
                   policy jsonb, deliveries jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT u.tenant_id, u.id, u.phone_number, u.language, u.announce, policy_of(u), deliveries_of(u)
          FROM users u WHERE u.twilio_number = number $$;

-- Every number, the phones behind it and who is let through: what a server keeps for calls that come while the database
-- is away.
DROP FUNCTION route_book();
CREATE FUNCTION route_book()
    RETURNS TABLE (twilio_number text, user_id uuid, phone_number text, language text, announce boolean,
                   policy jsonb, deliveries jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT u.twilio_number, u.id, u.phone_number, u.language, u.announce, policy_of(u), deliveries_of(u)
          FROM users u WHERE u.twilio_number IS NOT NULL $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    resolver text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH resolver IN ARRAY ARRAY['resolve_number(text)', 'route_book()'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', resolver, outsiders);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO callguard_app', resolver);
        EXECUTE format('ALTER FUNCTION %s OWNER TO callguard_resolver', resolver);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
