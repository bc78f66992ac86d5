-- Voices that people enrolled, so that a caller who claims to be one of them can be compared. What is kept of the recordings
-- is sealed by a key that is not in the database; the recordings themselves are kept nowhere.

-- Who agreed to what, when: it outlives the voiceprint, not the person. wording: the version of the words that were agreed to.
-- withdrawn_at: from then on there is no voiceprint under this consent.
CREATE TABLE voice_consents (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    contact_id uuid,
    given_by text NOT NULL CHECK (char_length(given_by) BETWEEN 1 AND 200),
    wording text NOT NULL,
    given_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at timestamptz,
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX voice_consents_person ON voice_consents (tenant_id, user_id, contact_id);

-- One voice of each person, and of each contact of theirs (contact_id). sealed: the voiceprint, AES-256-GCM, by the key key_id,
-- bound to this row. Pending until it holds three samples. model: the network its embeddings come from.
CREATE TABLE voiceprints (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    contact_id uuid,
    consent_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'active')),
    samples integer NOT NULL CHECK (samples > 0),
    quality double precision NOT NULL CHECK (quality BETWEEN 0 AND 1),
    sealed bytea NOT NULL,
    key_id text NOT NULL,
    model text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (tenant_id, id),
    UNIQUE NULLS NOT DISTINCT (tenant_id, user_id, contact_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, contact_id) REFERENCES emergency_contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, consent_id) REFERENCES voice_consents (tenant_id, id) ON DELETE CASCADE
);

DO $$
DECLARE
    guarded text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    FOREACH guarded IN ARRAY ARRAY['voice_consents', 'voiceprints'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY own_tenant ON %I USING (tenant_id = (SELECT current_tenant()))', guarded);
        EXECUTE format('REVOKE ALL ON %I FROM %s', guarded, outsiders);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO callguard_app', guarded);
    END LOOP;
END $$;
