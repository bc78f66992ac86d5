-- What a caller may meet: a screening question, an announcement that offers a connection nobody listens to, a voicemail,
-- and a person's own phone that screens the call.

-- unknown_callers: what happens to callers of whom the person said nothing. offer_unmonitored: the announcement offers a
-- key for a connection that isn't listened to. record_voicemail: the person's consent to recording messages; without it
-- a caller is only told. voicemail_unreachable: also where nobody could be reached.
ALTER TABLE users
    DROP CONSTRAINT users_blocked_callers_check,
    ADD CHECK (blocked_callers IN ('reject', 'tell', 'voicemail')),
    ADD COLUMN unknown_callers text NOT NULL DEFAULT 'bridge' CHECK (unknown_callers IN ('bridge', 'screen', 'voicemail')),
    ADD COLUMN offer_unmonitored boolean NOT NULL DEFAULT false,
    ADD COLUMN record_voicemail boolean NOT NULL DEFAULT false,
    ADD COLUMN voicemail_unreachable boolean NOT NULL DEFAULT false;

-- screening: how the question was answered; decision 'screen' is one that is still being asked. choice: what the caller
-- took of the announcement's offer.
ALTER TABLE active_calls
    DROP CONSTRAINT active_calls_decision_check,
    ADD CHECK (decision IN ('monitor', 'connect', 'screen', 'voicemail', 'reject', 'tell_unreachable', 'tell_later')),
    ADD COLUMN screening text CHECK (screening IN ('answered', 'silent')),
    ADD COLUMN screened_at timestamptz,
    ADD COLUMN choice text CHECK (choice IN ('unmonitored')),
    ADD COLUMN chosen_at timestamptz;

-- robot_at: when the words of a phone that screens its calls were first heard on the leg; person_at: when the person's own
-- came after them.
ALTER TABLE call_legs
    DROP CONSTRAINT call_legs_given_up_check,
    ADD CHECK (given_up IN ('machine', 'loop', 'screening')),
    ADD COLUMN robot_at timestamptz,
    ADD COLUMN person_at timestamptz;

ALTER TABLE operator_notices
    DROP CONSTRAINT operator_notices_kind_check,
    ADD CHECK (kind IN ('forwarding_loop', 'voicemail'));

-- Messages that callers left. The audio stays with the telephone company until it is deleted there; not_transcribed says
-- why nobody turned it into words.
CREATE TABLE voicemails (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    recording_sid text NOT NULL UNIQUE,
    seconds integer NOT NULL,
    not_transcribed text CHECK (not_transcribed IN ('not_installed', 'other_language', 'unreadable')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    transcribed_at timestamptz,
    deleted_at timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX voicemails_call ON voicemails (tenant_id, call_id);

DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE voicemails ENABLE ROW LEVEL SECURITY;
    ALTER TABLE voicemails FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON voicemails USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON voicemails FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON voicemails TO callguard_app;
END $$;

CREATE OR REPLACE FUNCTION policy_of(person users) RETURNS jsonb LANGUAGE sql STABLE
AS $$
    SELECT jsonb_build_object(
        'time_zone', person.time_zone, 'quiet_from', person.quiet_from, 'quiet_until', person.quiet_until,
        'paused_until', person.paused_until, 'blocked_callers', person.blocked_callers,
        'unknown_callers', person.unknown_callers, 'offer_unmonitored', person.offer_unmonitored,
        'record_voicemail', person.record_voicemail,
        'allowed', coalesce(jsonb_agg(r.number ORDER BY r.number) FILTER (WHERE r.rule = 'allow'), '[]'),
        'blocked', coalesce(jsonb_agg(r.number ORDER BY r.number) FILTER (WHERE r.rule = 'block'), '[]'))
    FROM caller_rules r WHERE r.tenant_id = person.tenant_id AND r.user_id = person.id
$$;
