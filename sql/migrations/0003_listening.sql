-- When a call is not listened to as it should be: what fails, since when, and what was done about it.

-- A call is degraded while one of its notices is open; what is open when the call ends stays so.
CREATE TABLE notices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    fault text NOT NULL CHECK (fault IN ('transcription_missing', 'transcription_failed', 'transcription_stopped',
                                         'transcription_silent', 'unheard', 'audio_lost')),
    remedy text CHECK (remedy IN ('local', 'at_capacity', 'not_installed', 'other_language')),
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    UNIQUE (tenant_id, call_id, fault),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);

-- A stream that breaks off is restarted, a few times at the most.
ALTER TABLE active_calls ADD COLUMN stream_restarts integer NOT NULL DEFAULT 0;

-- heard_until_ms: how much the caller had spoken on this stream when the newest result from outside came, and
-- results_seen how many of those there were. Speech beyond it that brings no result is a transcription gone silent.
-- seen_at: a stream whose server was killed is nobody's, though it was never ended.
ALTER TABLE media_streams
    ADD COLUMN seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ADD COLUMN end_reason text CHECK (end_reason IN ('stopped', 'disconnected', 'idle', 'protocol', 'server_stops')),
    ADD COLUMN results_seen integer NOT NULL DEFAULT 0,
    ADD COLUMN heard_until_ms integer NOT NULL DEFAULT 0;

DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE notices ENABLE ROW LEVEL SECURITY;
    ALTER TABLE notices FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON notices USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON notices FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON notices TO callguard_app;
END $$;
