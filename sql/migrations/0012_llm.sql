-- What the LLM judge was asked, and what that cost: no word of a call, nobody's name or number.

-- One question, with all its tries. outcome: 'answered', why there was no answer, or 'budget_spent' where it was not asked.
-- requests: HTTP requests of it; caller_words, local_risk: how much of the call there was to judge then.
-- cost_micro_usd: millionths of a US dollar by the operator's prices, NULL without them. request_id: the server's own name.
CREATE TABLE llm_requests (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    call_id uuid,
    work_id bigint NOT NULL,
    on_day date NOT NULL DEFAULT (clock_timestamp() AT TIME ZONE 'UTC')::date,
    outcome text NOT NULL CHECK (outcome ~ '^[a-z_]{1,40}$'),
    model text NOT NULL,
    prompt_version text NOT NULL,
    caller_words integer NOT NULL,
    local_risk smallint NOT NULL CHECK (local_risk BETWEEN 0 AND 100),
    requests smallint NOT NULL,
    ms integer NOT NULL,
    prompt_tokens integer NOT NULL,
    completion_tokens integer NOT NULL,
    tokens_estimated boolean NOT NULL,
    cost_micro_usd bigint,
    request_id text,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    FOREIGN KEY (tenant_id, call_id) REFERENCES active_calls (tenant_id, id) ON DELETE SET NULL (call_id)
);
CREATE INDEX llm_requests_day ON llm_requests (tenant_id, on_day);
CREATE INDEX llm_requests_call ON llm_requests (tenant_id, call_id, id DESC);
-- That a day's budget is spent is written down, and told, once.
CREATE UNIQUE INDEX llm_requests_spent ON llm_requests (tenant_id, on_day) WHERE outcome = 'budget_spent';

DO $$
DECLARE
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    ALTER TABLE llm_requests ENABLE ROW LEVEL SECURITY;
    ALTER TABLE llm_requests FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON llm_requests USING (tenant_id = (SELECT current_tenant()));
    EXECUTE format('REVOKE ALL ON llm_requests FROM %s', outsiders);
    EXECUTE format('REVOKE ALL ON SEQUENCE llm_requests_id_seq FROM %s', outsiders);
    GRANT SELECT, INSERT, UPDATE, DELETE ON llm_requests TO callguard_app;
END $$;
