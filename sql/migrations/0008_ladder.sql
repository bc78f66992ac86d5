-- What is done on the line itself while a call goes on, and what becomes of words that could not be heard in time.

-- Which steps of the ladder the person has opted in to; a contact's own reply needs none of them.
-- recognise_afterwards: whether the caller's audio may be kept in memory until the call has ended, where nobody hears the
-- words of a call in time.
ALTER TABLE users
    ADD COLUMN ladder_whisper boolean NOT NULL DEFAULT false,
    ADD COLUMN ladder_hold boolean NOT NULL DEFAULT false,
    ADD COLUMN ladder_bring_in boolean NOT NULL DEFAULT false,
    ADD COLUMN ladder_end boolean NOT NULL DEFAULT false,
    ADD COLUMN recognise_afterwards boolean NOT NULL DEFAULT true;

-- dialled_directly: the call has no conference, so that of the ladder it can only be ended.
-- transcription_sid: Twilio's session in force; replaced_transcription: the one that was given up for it, whose late events
-- say nothing any more.
ALTER TABLE active_calls
    ADD COLUMN dialled_directly boolean NOT NULL DEFAULT false,
    ADD COLUMN transcription_sid text,
    ADD COLUMN replaced_transcription text,
    ADD COLUMN transcription_restarts integer NOT NULL DEFAULT 0;

-- One step of the ladder in one call: who asked for it, how far it is, and when. The policy asks for each step, and for each
-- wording of a whisper, once a call; a contact asks by an answer. taken: Twilio was asked and said yes, and the rest is
-- told later: an announcement is fetched, a contact comes on the line. spoken_for: the request that fetched the announcement.
CREATE TABLE call_steps (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    step text NOT NULL CHECK (step IN ('whisper', 'hold', 'bring_in', 'end')),
    wording text CHECK (wording IN ('warning', 'danger', 'all_clear', 'on_hold')),
    asked_by text NOT NULL CHECK (asked_by IN ('policy', 'contact')),
    contact_id uuid,
    answer_id uuid UNIQUE,
    state text NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'taken', 'done', 'undone', 'skipped', 'failed')),
    spoken_for text,
    error_code text,
    asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz,
    undo_asked_at timestamptz,
    undone_at timestamptz,
    CHECK ((step = 'whisper') = (wording IS NOT NULL)),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE SET NULL (contact_id)
);
CREATE INDEX call_steps_call ON call_steps (tenant_id, call_id);
CREATE UNIQUE INDEX call_steps_once ON call_steps (tenant_id, call_id, step, coalesce(wording, '')) WHERE asked_by = 'policy';

-- A caller who was put on hold is taken back by RESUME.
ALTER TABLE answers
    DROP CONSTRAINT answers_action_check,
    ADD CONSTRAINT answers_action_check
        CHECK (action IN ('hang_up', 'safe', 'call', 'join', 'hold', 'resume', 'stop', 'start', 'help'));

-- afterwards: the audio is kept in memory and recognised when the call has ended; recognised_afterwards: that was done;
-- audio_dropped: it was lost before that, for want of memory or with its server.
ALTER TABLE notices
    DROP CONSTRAINT IF EXISTS notices_remedy_check,
    ADD CONSTRAINT notices_remedy_check
        CHECK (remedy IN ('local', 'at_capacity', 'not_installed', 'other_language', 'afterwards', 'recognised_afterwards',
                          'audio_dropped'));

-- The tenant of a step: Twilio fetches an announcement by the step's id alone.
GRANT SELECT ON call_steps TO callguard_resolver;
CREATE POLICY resolver ON call_steps FOR SELECT TO callguard_resolver USING (true);
CREATE FUNCTION resolve_step(step_id uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$ SELECT tenant_id FROM call_steps WHERE id = step_id $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE call_steps ENABLE ROW LEVEL SECURITY;
    ALTER TABLE call_steps FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON call_steps USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON call_steps FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON call_steps TO callguard_app;
    EXECUTE format('REVOKE ALL ON FUNCTION resolve_step(uuid) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION resolve_step(uuid) TO callguard_app;
    ALTER FUNCTION resolve_step(uuid) OWNER TO callguard_resolver;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
