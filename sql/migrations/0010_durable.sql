-- Work is taken over from a process that is gone as soon as that is known, not only when its lease has run out.

-- A process holds a shared advisory lock for as long as it lives, on a connection that does nothing else but listen: the
-- database lets go of it when the process does, however that ended. `holder` is that lock's number, NULL where the process
-- had none just then.
ALTER TABLE work ADD COLUMN holder integer;

-- Whether somebody holds the lock of a process.
CREATE FUNCTION is_present(holder integer) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
    AS $$ SELECT EXISTS (SELECT FROM pg_locks l
                         WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND l.granted
                             AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                             AND l.classid = 1667329128 AND l.objid::bigint = holder) $$;

-- Takes due work, most urgent first: waiting rows, and running ones that are in nobody's hands any more. What waits behind
-- such a one stays where it is until that is done. In nobody's hands, if not in the taker's, is what runs
--   * beyond its lease;
--   * under the taker's own name: the reply to its claim was lost;
--   * under the name of a process that is gone. Two seconds pass before, so that what that one asked of others just before it
--     ended is found by who looks; and after the database itself started, everybody has time to come back to it.
DROP FUNCTION claim_work(text[], integer, interval);
CREATE FUNCTION claim_work(wanted text[], batch integer, lease interval, taker integer, in_hand bigint[]) RETURNS SETOF work
    LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
    AS $$
        WITH due AS MATERIALIZED (
            SELECT w.id FROM work w
            WHERE w.kind = ANY (wanted)
                AND (w.state = 'running' AND w.id <> ALL (in_hand)
                     AND (w.lease_until <= clock_timestamp()
                          OR w.holder = taker
                          OR w.holder <> coalesce(taker, -1)
                             AND w.claimed_at <= clock_timestamp() - interval '2 seconds'
                             AND pg_postmaster_start_time() <= clock_timestamp() - interval '5 seconds'
                             AND NOT is_present(w.holder))
                     OR w.state = 'pending' AND w.run_after <= clock_timestamp()
                        AND NOT EXISTS (SELECT FROM work r
                                        WHERE r.tenant_id = w.tenant_id AND r.kind = w.kind AND r.subject = w.subject
                                            AND r.state = 'running'))
            ORDER BY w.urgency, w.run_after
            LIMIT batch
            FOR UPDATE SKIP LOCKED)
        UPDATE work SET state = 'running', attempts = attempts + 1, fence = fence + 1, holder = taker,
                        claimed_at = clock_timestamp(), lease_until = clock_timestamp() + lease
        FROM due WHERE work.id = due.id
        RETURNING work.*
    $$;

GRANT CREATE ON SCHEMA public TO callguard_resolver;
DO $$
DECLARE
    claim text := 'claim_work(text[], integer, interval, integer, bigint[])';
    outsiders text := (SELECT concat_ws(', ', 'PUBLIC', string_agg(quote_ident(rolname), ', '))
                       FROM pg_roles WHERE rolname IN ('anon', 'authenticated'));
BEGIN
    EXECUTE format('REVOKE ALL ON FUNCTION is_present(integer) FROM %s', outsiders);
    GRANT EXECUTE ON FUNCTION is_present(integer) TO callguard_resolver;
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', claim, outsiders);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO callguard_app', claim);
    EXECUTE format('ALTER FUNCTION %s OWNER TO callguard_resolver', claim);
END $$;
REVOKE CREATE ON SCHEMA public FROM callguard_resolver;
