-- Catalogues of keywords in versions, a trigger that reads them fast, and how early each person's calls are judged.

-- The words of a phrase, all of which must occur: what a tsvector of words is asked first. A word that ends in * stands for
-- all words that begin so.
CREATE FUNCTION phrase_query(phrase text) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT string_agg(CASE WHEN right(word, 1) = '*' THEN rtrim(word, '*') || ':*' ELSE word END, ' & ')::tsquery
    FROM unnest(string_to_array(phrase, ' ')) word
$$;
-- In which order they must stand, for phrases of several words; the query says all about a single one.
CREATE FUNCTION phrase_pattern(phrase text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT CASE WHEN strpos(phrase, ' ') > 0 THEN '\m' || replace(phrase, '*', '[a-z0-9]*') || '\M' END $$;
CREATE FUNCTION phrase_queries(phrases text[]) RETURNS tsquery[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT array_agg(phrase_query(p.phrase) ORDER BY p.place) FROM unnest(phrases) WITH ORDINALITY AS p (phrase, place) $$;
CREATE FUNCTION phrase_patterns(phrases text[]) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT array_agg(phrase_pattern(p.phrase) ORDER BY p.place) FROM unnest(phrases) WITH ORDINALITY AS p (phrase, place) $$;
CREATE FUNCTION any_phrase_query(phrases text[]) RETURNS tsquery LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT string_agg(format('(%s)', phrase_query(phrase)), ' | ')::tsquery FROM unnest(phrases) phrase $$;

-- One version of a language's catalogue: a tenant's own, or the one that ships with callguard, which is nobody's and serves
-- every tenant that has published none. Versions never change; published is the one in force. said: as people wrote it;
-- phrases: in the form in which words are compared; hints: what the recogniser is told to expect, as it is spelled.
-- any_phrase: one query, in an array, since a tsquery of its own would have to fit a page.
CREATE TABLE keyword_catalogues (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid REFERENCES tenants (id) ON DELETE CASCADE,
    language text NOT NULL CHECK (language IN ('en', 'es', 'fr', 'de', 'pt')),
    version text NOT NULL CHECK (version ~ CASE WHEN tenant_id IS NULL THEN '^shipped-[0-9a-f]{12}$' ELSE '^v[1-9][0-9]*$' END),
    said jsonb NOT NULL,
    phrases text[] NOT NULL CHECK (cardinality(phrases) > 0 AND array_to_string(phrases, ' ', '') ~ '^[a-z0-9]+\*?( [a-z0-9]+\*?)*$'),
    hints text[] NOT NULL,
    published boolean NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    any_phrase tsquery[] GENERATED ALWAYS AS (ARRAY[any_phrase_query(phrases)]) STORED,
    queries tsquery[] GENERATED ALWAYS AS (phrase_queries(phrases)) STORED,
    patterns text[] GENERATED ALWAYS AS (phrase_patterns(phrases)) STORED,
    UNIQUE NULLS NOT DISTINCT (tenant_id, language, version)
);
CREATE UNIQUE INDEX keyword_catalogues_in_force ON keyword_catalogues (tenant_id, language) NULLS NOT DISTINCT WHERE published;
-- Read for each result that is heard: not worth unpacking each time.
ALTER TABLE keyword_catalogues
    ALTER COLUMN any_phrase SET STORAGE EXTERNAL,
    ALTER COLUMN phrases SET STORAGE EXTERNAL,
    ALTER COLUMN queries SET STORAGE EXTERNAL,
    ALTER COLUMN patterns SET STORAGE EXTERNAL;

-- How early a person's calls are judged: after_keyword: nothing is judged before a keyword; local_always: callguard itself
-- judges each final result, and others are asked after a keyword or once it suspects something; always: from the first word.
ALTER TABLE users
    ADD COLUMN analysis_policy text NOT NULL DEFAULT 'after_keyword'
        CHECK (analysis_policy IN ('after_keyword', 'local_always', 'always'));
-- The policy in force when the call came; which catalogue's keyword woke it; since when the local scorer suspects something.
ALTER TABLE active_calls
    ADD COLUMN analysis_policy text NOT NULL DEFAULT 'after_keyword'
        CHECK (analysis_policy IN ('after_keyword', 'local_always', 'always')),
    ADD COLUMN catalogue_version text,
    ADD COLUMN suspected_at timestamptz;

-- The catalogue in force for a tenant: its own, or the shipped one.
CREATE FUNCTION catalogue_in_force(tenant uuid, spoken text) RETURNS SETOF keyword_catalogues LANGUAGE sql STABLE
AS $$
    SELECT * FROM keyword_catalogues k
    WHERE k.published AND k.language = spoken AND (k.tenant_id = tenant OR k.tenant_id IS NULL)
    ORDER BY k.tenant_id NULLS LAST LIMIT 1
$$;

-- The keyword trigger. Most results hold no keyword, and one query about their words says so; of the rest the phrases of
-- several words are looked for in their order. A keyword that the call has not yet shown wakes it; once it is awake, or from
-- the start by the person's policy, each result asks for an analysis, partials too, since the words that decide often come
-- after the keyword. Only a request that did not wait already is notified: NOTIFY holds a lock over the commit, polling finds
-- the rest.
CREATE OR REPLACE FUNCTION hear() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    heard text := NEW.match_text;
    words tsvector;
    catalogue text;
    known text[];
    awake boolean;
    fresh boolean;
    requested boolean;
BEGIN
    NEW.match_text := NULL;
    -- A word that is longer than a tsvector's may be is no keyword.
    IF length(heard) > 2000 THEN
        heard := regexp_replace(heard, '\m[a-z0-9]{200,}', '0', 'g');
    END IF;
    words := array_to_tsvector(array_remove(string_to_array(heard, ' '), ''));
    SELECT k.version, CASE WHEN words @@ k.any_phrase[1] THEN
               (SELECT array_agg(p.phrase ORDER BY p.phrase)
                FROM unnest(k.phrases, k.queries, k.patterns) AS p (phrase, query, pattern)
                WHERE CASE WHEN NOT words @@ p.query THEN false WHEN p.pattern IS NULL THEN true ELSE heard ~ p.pattern END)
           END
        INTO catalogue, NEW.keywords
        FROM catalogue_in_force(NEW.tenant_id, NEW.language) k;
    SELECT c.keywords,
           c.keyword_at IS NOT NULL OR c.suspected_at IS NOT NULL OR c.analysis_policy = 'always'
               OR c.analysis_policy = 'local_always' AND NEW.is_final
        INTO known, awake
        FROM active_calls c WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.call_id;
    fresh := NOT (coalesce(NEW.keywords, '{}') <@ known);
    IF fresh THEN
        UPDATE active_calls c
            SET keywords = (SELECT array_agg(DISTINCT p ORDER BY p) FROM unnest(c.keywords || NEW.keywords) p),
                keyword_at = coalesce(c.keyword_at, clock_timestamp()),
                catalogue_version = coalesce(c.catalogue_version, NEW.language || '/' || catalogue)
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

-- The phrases of before were copies of the shipped ones, which nobody had a door to change.
DROP TABLE keywords;

-- Puts the catalogue that ships with this version of callguard in force, once; one that was shipped before stays as it is, so
-- that an older server that starts beside a newer one takes nothing back.
CREATE FUNCTION ship_catalogue(spoken text, version text, said jsonb, phrases text[], hints text[]) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('callguard: shipped catalogue ' || spoken, 0));
    IF EXISTS (SELECT FROM keyword_catalogues k
               WHERE k.tenant_id IS NULL AND k.language = spoken AND k.version = ship_catalogue.version) THEN
        RETURN false;
    END IF;
    UPDATE keyword_catalogues k SET published = false WHERE k.tenant_id IS NULL AND k.language = spoken AND k.published;
    INSERT INTO keyword_catalogues (tenant_id, language, version, said, phrases, hints, published)
        VALUES (NULL, spoken, version, said, phrases, hints, true);
    RETURN true;
END $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    ship text := 'ship_catalogue(text, text, jsonb, text[], text[])';
    private text;
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE keyword_catalogues ENABLE ROW LEVEL SECURITY;
    ALTER TABLE keyword_catalogues FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON keyword_catalogues USING (tenant_id = (SELECT current_tenant()));
    CREATE POLICY shipped ON keyword_catalogues FOR SELECT TO callguard_app USING (tenant_id IS NULL);
    EXECUTE format('REVOKE ALL ON keyword_catalogues FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON keyword_catalogues TO callguard_app;
    GRANT SELECT, INSERT, UPDATE ON keyword_catalogues TO callguard_resolver;
    CREATE POLICY resolver ON keyword_catalogues TO callguard_resolver USING (tenant_id IS NULL);
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', ship, outsiders);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO callguard_app', ship);
    EXECUTE format('ALTER FUNCTION %s OWNER TO callguard_resolver', ship);
    FOREACH private IN ARRAY ARRAY['phrase_query(text)', 'phrase_pattern(text)', 'phrase_queries(text[])', 'phrase_patterns(text[])',
                                   'any_phrase_query(text[])', 'catalogue_in_force(uuid, text)'] LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', private, outsiders);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO callguard_app, callguard_resolver', private);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
