-- name: add
-- A question to the LLM judge and what became of it; nothing comes back where the day's spent budget was told already.
INSERT INTO llm_requests (tenant_id, call_id, work_id, outcome, model, prompt_version, caller_words, local_risk, requests, ms,
                          prompt_tokens, completion_tokens, tokens_estimated, cost_micro_usd, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (tenant_id, on_day) WHERE outcome = 'budget_spent' DO NOTHING
RETURNING id;

-- name: last_asked
-- The last question about a call that is not to be asked again, and how many seconds ago it was.
SELECT caller_words, local_risk, extract(epoch FROM clock_timestamp() - created_at)::float8 AS seconds_ago
FROM llm_requests WHERE tenant_id = $1 AND call_id = $2 AND outcome <> ALL ($3::text[])
ORDER BY id DESC LIMIT 1;

-- name: used_today
-- What an organisation used today (UTC).
SELECT coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint AS tokens,
       coalesce(sum(cost_micro_usd), 0)::bigint AS micro_usd
FROM llm_requests WHERE tenant_id = $1 AND on_day = (clock_timestamp() AT TIME ZONE 'UTC')::date;

-- name: usage
-- What an organisation used in the last days (UTC), day by day and model by model, the newest first.
SELECT on_day AS day, model, count(*) FILTER (WHERE outcome <> 'budget_spent') AS questions,
       count(*) FILTER (WHERE outcome = 'answered') AS answered, sum(requests)::int AS requests,
       sum(prompt_tokens)::bigint AS prompt_tokens, sum(completion_tokens)::bigint AS completion_tokens,
       bool_or(tokens_estimated) AS is_estimated, sum(cost_micro_usd)::bigint AS micro_usd,
       coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY ms) FILTER (WHERE outcome <> 'budget_spent'), 0)::int AS median_ms,
       bool_or(outcome = 'budget_spent') AS budget_spent
FROM llm_requests
WHERE tenant_id = $1 AND on_day > (clock_timestamp() AT TIME ZONE 'UTC')::date - $2::int
GROUP BY on_day, model ORDER BY on_day DESC, model;
