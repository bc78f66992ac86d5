-- What the caller's voice tells, from whichever process has the call's audio to whichever judges the call. No sound, and
-- nothing by which a voice could be known again, is stored here.

-- How synthetic it sounds, one row a media stream. state: 'measured', or why there is no score; reason: the detector's code.
CREATE TABLE voice_readings (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    stream_sid text NOT NULL,
    state text NOT NULL CHECK (state IN ('measured', 'too little speech', 'unsuitable', 'failed')),
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

-- How like an enrolled one it is. The row goes with the voiceprint.
CREATE TABLE voice_likenesses (
    tenant_id uuid NOT NULL,
    call_id uuid NOT NULL,
    stream_sid text NOT NULL,
    voiceprint_id uuid NOT NULL,
    match text NOT NULL CHECK (match IN ('same', 'other', 'replayed', 'undecided', 'too little speech')),
    similarity double precision CHECK (similarity BETWEEN -1 AND 1),
    model text NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, call_id, stream_sid, voiceprint_id),
    CHECK ((match = 'too little speech') = (similarity IS NULL)),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, voiceprint_id) REFERENCES voiceprints (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX voice_likenesses_voiceprint ON voice_likenesses (tenant_id, voiceprint_id);

-- The voiceprints of those whom the caller claims to be; one that was released since is simply not found.
ALTER TABLE active_calls ADD COLUMN claimed_voices uuid[] NOT NULL DEFAULT '{}';

-- What a process that has the audio of calls, of whichever tenants, may do with their voices by now: calls whose voice may be
-- judged, whether a keyword was heard (before one nothing leaves the house), and whom the caller claims to be.
CREATE FUNCTION judgeable_voices(calls uuid[]) RETURNS TABLE (call_id uuid, woken boolean, claimed_voices uuid[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        SELECT c.id, c.keyword_at IS NOT NULL, c.claimed_voices FROM active_calls c
        WHERE c.id = ANY (calls) AND c.decision_reason <> 'canary'
            AND (c.keyword_at IS NOT NULL OR c.analysis_policy <> 'after_keyword')
    $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    guarded text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH guarded IN ARRAY ARRAY['voice_readings', 'voice_likenesses'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY own_tenant ON %I USING (tenant_id = (SELECT current_tenant()))', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM %s', guarded, outsiders);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO callguard_app', guarded);
    END LOOP;
    EXECUTE format('REVOKE ALL ON FUNCTION judgeable_voices(uuid[]) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION judgeable_voices(uuid[]) TO callguard_app;
    ALTER FUNCTION judgeable_voices(uuid[]) OWNER TO callguard_resolver;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
