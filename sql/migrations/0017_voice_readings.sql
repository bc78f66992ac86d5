-- How synthetic the caller of a call sounds, told by whichever process has its audio to whichever judges it.

-- One row a media stream. state: 'measured', or why there is no score; reason: the detector's code for that.
CREATE TABLE voice_readings (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    stream_sid text NOT NULL,
    state text NOT NULL CHECK (state IN ('measured', 'too little speech', 'unsuitable')),
    score double precision CHECK (score BETWEEN 0 AND 1),
    low double precision CHECK (low BETWEEN 0 AND 1),
    high double precision CHECK (high BETWEEN 0 AND 1),
    speech_seconds double precision NOT NULL CHECK (speech_seconds >= 0),
    windows integer NOT NULL CHECK (windows >= 0),
    reason text,
    model text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, call_id, stream_sid),
    CHECK ((state = 'measured') = (score IS NOT NULL)),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE
);

ALTER TABLE voice_readings ENABLE ROW LEVEL SECURITY;
ALTER TABLE voice_readings FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON voice_readings USING (tenant_id = (SELECT current_tenant()));
DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    EXECUTE format('REVOKE ALL ON voice_readings FROM %s', outsiders);
END $$;
GRANT SELECT, INSERT, UPDATE, DELETE ON voice_readings TO callguard_app;
