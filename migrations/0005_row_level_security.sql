-- The second wall. The api works in the role vc_api, which sees and changes rows of one person at a time: the one that
-- the transaction names in `vc.person`. Without a name it sees nobody's. A query that forgets its WHERE thus finds its
-- own person's rows at most. Workers and operators keep the role that owns the tables, for whom nothing changes.
--
-- It is a wall against our mistakes. Whoever can send any statement as vc_api can name any person.

-- Roles are the server's, not the database's: other systems there share this one, and may be making it just now.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'vc_api') THEN
        CREATE ROLE vc_api NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION 'the role vc_api is missing, and % may not create it', current_user
            USING HINT = 'As an administrator: CREATE ROLE vc_api NOLOGIN; then GRANT vc_api TO the user of the api.';
END $$;

-- A superuser may take any role. Others have to be members; an administrator may have seen to that already.
DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT vc_api TO %I', current_user);
    END IF;
EXCEPTION
    WHEN unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE NOTICE '% may not grant vc_api; the user of the api has to be a member of it', current_user;
END $$;

-- The person in whose name the transaction works. After a transaction that named one, the setting is '' and not absent.
CREATE FUNCTION acting_person() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT nullif(current_setting('vc.person', true), '')::uuid
$$;

-- Names the owner of a credential for the rest of the transaction: for those who come with a credential and nothing
-- else. Only who has the whole credential, or its hash, can ask. Null: there is none.
CREATE FUNCTION act_for_holder(credential text, key bytea) RETURNS uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    holder uuid;
BEGIN
    CASE credential
        WHEN 'refresh_token' THEN
            SELECT s.user_id INTO holder FROM refresh_tokens t JOIN sessions s USING (session_id) WHERE t.token_hash = key;
        WHEN 'api_key' THEN
            SELECT k.user_id INTO holder FROM api_keys k WHERE k.key_hash = key;
        WHEN 'passkey' THEN
            SELECT p.user_id INTO holder FROM passkeys p WHERE p.credential_id = key;
    END CASE;
    PERFORM set_config('vc.person', coalesce(holder::text, ''), true);
    RETURN holder;
END $$;

-- The wall around each table that has rows of people, told by their column `user_id`. Each migration that adds such a
-- table calls this again; a test finds the table that was forgotten.
CREATE FUNCTION guard_person_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    person_table text;
BEGIN
    FOR person_table IN
        SELECT c.relname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id' AND NOT a.attisdropped
         WHERE n.nspname = target AND c.relkind IN ('r', 'p')
           AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_rows')
    LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', target, person_table);
        EXECUTE format(
            'CREATE POLICY own_rows ON %I.%I TO vc_api USING (user_id = acting_person()) '
            'WITH CHECK (user_id = acting_person())', target, person_table);
    END LOOP;
END $$;

-- The read tables, wherever they are made: the api reads a person's rows, and how far the tables are.
ALTER FUNCTION create_read_tables(text) RENAME TO create_unguarded_read_tables;

CREATE FUNCTION guard_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM guard_person_tables(target);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO vc_api', target);
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO vc_api', target);
    EXECUTE format('REVOKE ALL ON %I.parked FROM vc_api', target);
END $$;

CREATE FUNCTION create_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM create_unguarded_read_tables(target);
    PERFORM guard_read_tables(target);
END $$;

SELECT guard_read_tables('read');

-- A card's secrets belong to somebody, too.
ALTER TABLE card_vault ADD COLUMN user_id uuid;
UPDATE card_vault v SET user_id = (
    SELECT (e.data ->> 'user_id')::uuid FROM events e
     WHERE e.aggregate_id = v.card_id AND e.kind = 'card' AND e.name = 'requested' LIMIT 1);
ALTER TABLE card_vault ALTER COLUMN user_id SET NOT NULL;
CREATE INDEX card_vault_of_user ON card_vault (user_id);

-- Refresh tokens belong to their session's person.
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON refresh_tokens TO vc_api
    USING (EXISTS (SELECT FROM sessions s WHERE s.session_id = refresh_tokens.session_id))
    WITH CHECK (EXISTS (SELECT FROM sessions s WHERE s.session_id = refresh_tokens.session_id));

-- Writing a row for anybody tells nothing about anybody: what is only ever put in needs no person.
CREATE POLICY put_in ON mail_queue FOR INSERT TO vc_api WITH CHECK (true);
CREATE POLICY put_in ON one_time FOR INSERT TO vc_api WITH CHECK (true);
CREATE POLICY put_in ON authentications FOR INSERT TO vc_api WITH CHECK (true);

SELECT guard_person_tables('public');

GRANT USAGE ON SCHEMA public TO vc_api;
GRANT SELECT, INSERT, UPDATE ON sessions, refresh_tokens, api_keys, account_endings TO vc_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON credentials, totp_secrets, passkeys, linked_identities TO vc_api;
GRANT SELECT, INSERT, DELETE ON person_keys, password_history, recovery_codes TO vc_api;
GRANT SELECT, INSERT ON card_vault, authentications TO vc_api;
GRANT INSERT, DELETE ON one_time TO vc_api;
GRANT SELECT (user_id, purpose, created_at) ON one_time TO vc_api;
GRANT INSERT ON mail_queue TO vc_api;
-- These two know no people: keyed hashes of what was tried, and programs.
GRANT SELECT, INSERT, UPDATE, DELETE ON login_failures TO vc_api;
GRANT SELECT, INSERT, UPDATE ON client_secrets TO vc_api;
GRANT SELECT, INSERT ON clients TO vc_api;

-- The log, for everybody alike: streams by their id, and the end. Across streams only auditors read, by a function of
-- their own below.
CREATE FUNCTION stream_events(of_kind text, of_id uuid, after bigint) RETURNS SETOF events
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM events e
                  WHERE e.aggregate_id = of_id AND e.kind = of_kind AND e.sequence > after ORDER BY e.sequence;
END $$;

CREATE FUNCTION log_head() RETURNS bigint
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT coalesce(max(e.position), 0) FROM events e);
END $$;

CREATE FUNCTION stream_snapshot(of_kind text, of_id uuid, of_version integer, OUT sequence bigint, OUT state text)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT s.sequence, s.state::text INTO sequence, state FROM snapshots s
     WHERE s.aggregate_id = of_id AND s.kind = of_kind AND s.snapshot_version = of_version;
END $$;

-- Keeps the newer one. It has to be a snapshot of an event that is there, of a size that an aggregate may have: so no
-- stream can be hidden behind a snapshot of what has not happened, and none be grown without end. That the state is
-- what the events make of it is taken on trust: whoever can call this can also append events.
CREATE FUNCTION put_snapshot(of_kind text, of_id uuid, at_sequence bigint, of_version integer, new_state text)
    RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF of_version NOT BETWEEN 1 AND 1000 OR octet_length(new_state) > 4194304 THEN
        RAISE EXCEPTION 'no snapshot has this version or size' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM events e
                    WHERE e.aggregate_id = of_id AND e.kind = of_kind AND e.sequence = at_sequence) THEN
        RAISE EXCEPTION 'the snapshot is of no event of the log' USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO snapshots AS s (kind, aggregate_id, sequence, snapshot_version, state)
    VALUES (of_kind, of_id, at_sequence, of_version, new_state::json)
        ON CONFLICT (aggregate_id, kind) DO UPDATE
       SET sequence = excluded.sequence, snapshot_version = excluded.snapshot_version, state = excluded.state,
           taken_at = now()
     WHERE s.sequence < excluded.sequence OR s.snapshot_version < excluded.snapshot_version;
END $$;

-- Whose the claimed thing is, such as an e-mail address by its keyed hash.
CREATE FUNCTION claim_owner(of_scope text, of_key bytea) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT c.owner FROM claims c WHERE c.scope = of_scope AND c.key = of_key);
END $$;

-- The session, if it is open: asked on every request that Redis cannot answer.
CREATE FUNCTION open_session(of_id uuid) RETURNS SETOF sessions
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM sessions s
                  WHERE s.session_id = of_id AND s.revoked_at IS NULL AND s.expires_at > now();
END $$;

-- Whose an API key is, if it is open: asked where Redis cannot answer.
CREATE FUNCTION open_api_key(of_id uuid, OUT user_id uuid, OUT expires_at timestamptz)
    RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT k.user_id, k.expires_at FROM api_keys k
                  WHERE k.key_id = of_id AND k.revoked_at IS NULL AND k.expires_at > now();
END $$;

-- For auditors, page by page: what they may read is of everybody, by its nature.
CREATE FUNCTION audited_authentications(
    of_user uuid, of_action text, of_outcome text, since timestamptz, until timestamptz, before bigint, at_most bigint
) RETURNS SETOF authentications LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT * FROM authentications a
     WHERE a.entry_id < coalesce(before, 9223372036854775807)
       AND (of_user IS NULL OR a.user_id = of_user)
       AND (of_action IS NULL OR a.action = of_action)
       AND (of_outcome IS NULL OR a.outcome = of_outcome)
       AND (since IS NULL OR a.at >= since)
       AND (until IS NULL OR a.at < until)
     ORDER BY a.entry_id DESC LIMIT least(at_most, 1000);
END $$;

CREATE FUNCTION audited_events(after bigint, at_most bigint) RETURNS SETOF events
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT * FROM events e WHERE e.position > after ORDER BY e.position LIMIT least(at_most, 1000);
END $$;

-- Ends the sessions of an OAuth client, whoever they are for; those of which caches are to be told: an access token of one
-- that ended lately may live on where they were not.
CREATE FUNCTION end_sessions_of_client(of_client uuid) RETURNS SETOF uuid
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY UPDATE sessions s SET revoked_at = coalesce(s.revoked_at, now())
                  WHERE s.client_id = of_client AND s.expires_at > now()
                    AND (s.revoked_at IS NULL OR s.revoked_at > now() - interval '31 minutes')
                 RETURNING s.session_id;
END $$;

-- Uses a one-time token up.
CREATE FUNCTION redeem_one_time(of_hash bytea, of_purpose text, OUT owner uuid, OUT content bytea, OUT in_time boolean)
    RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY DELETE FROM one_time o WHERE o.token_hash = of_hash AND o.purpose = of_purpose
                 RETURNING o.user_id, o.data, o.expires_at > now();
END $$;

-- Looks at a one-time token and counts the attempt.
CREATE FUNCTION attempt_one_time(of_hash bytea, of_purpose text, at_most integer, OUT owner uuid, OUT content bytea)
    RETURNS SETOF record LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY UPDATE one_time o SET attempts = o.attempts + 1
                  WHERE o.token_hash = of_hash AND o.purpose = of_purpose AND o.attempts < at_most
                    AND o.expires_at > now()
                 RETURNING o.user_id, o.data;
END $$;

-- Looks at a one-time token and counts nothing.
CREATE FUNCTION peek_one_time(of_hash bytea, of_purpose text, OUT owner uuid, OUT content bytea)
    RETURNS SETOF record LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT o.user_id, o.data FROM one_time o
                  WHERE o.token_hash = of_hash AND o.purpose = of_purpose AND o.expires_at > now();
END $$;

-- Destroys every secret of a person, if their erasure is in the log: the key under which they are sealed, and all by
-- which they or their cards could act.
CREATE FUNCTION destroy_person(of_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM events e WHERE e.aggregate_id = of_id AND e.kind = 'user' AND e.name = 'erased') THEN
        RAISE EXCEPTION 'the person is not erased' USING ERRCODE = 'restrict_violation';
    END IF;
    DELETE FROM person_keys WHERE user_id = of_id;
    DELETE FROM credentials WHERE user_id = of_id;
    DELETE FROM password_history WHERE user_id = of_id;
    DELETE FROM totp_secrets WHERE user_id = of_id;
    DELETE FROM recovery_codes WHERE user_id = of_id;
    DELETE FROM passkeys WHERE user_id = of_id;
    DELETE FROM claims c USING linked_identities l
     WHERE l.user_id = of_id AND c.scope = 'identity' AND c.key = l.subject_hash AND c.owner = of_id;
    DELETE FROM linked_identities WHERE user_id = of_id;
    DELETE FROM api_keys WHERE user_id = of_id;
    DELETE FROM sessions WHERE user_id = of_id; -- and their refresh tokens
    DELETE FROM one_time WHERE user_id = of_id;
    DELETE FROM mail_queue WHERE user_id = of_id;
    DELETE FROM card_vault WHERE user_id = of_id;
END $$;

-- Appending is the only way into the log. No rights on its tables go with it.
ALTER FUNCTION append_units(
    integer[], text[], uuid[], bigint[], integer[], text[], uuid[], bigint[], uuid[], text[], smallint[], uuid[],
    uuid[], text[], text[], text[], integer[], text[], bytea[], uuid[], boolean[])
    SECURITY DEFINER SET search_path = public, pg_temp;

-- What runs with the owner's rights is for the api and for nobody else. Named one by one: a function that somebody else
-- makes is not handed to the api by this. Each migration that adds one does the same for it; a test finds the one that
-- was forgotten.
REVOKE ALL ON FUNCTION
    act_for_holder(text, bytea),
    append_units(
        integer[], text[], uuid[], bigint[], integer[], text[], uuid[], bigint[], uuid[], text[], smallint[], uuid[],
        uuid[], text[], text[], text[], integer[], text[], bytea[], uuid[], boolean[]),
    attempt_one_time(bytea, text, integer),
    audited_authentications(uuid, text, text, timestamptz, timestamptz, bigint, bigint),
    audited_events(bigint, bigint),
    claim_owner(text, bytea),
    destroy_person(uuid),
    end_sessions_of_client(uuid),
    log_head(),
    open_api_key(uuid),
    open_session(uuid),
    peek_one_time(bytea, text),
    put_snapshot(text, uuid, bigint, integer, text),
    redeem_one_time(bytea, text),
    stream_events(text, uuid, bigint),
    stream_snapshot(text, uuid, integer)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    act_for_holder(text, bytea),
    append_units(
        integer[], text[], uuid[], bigint[], integer[], text[], uuid[], bigint[], uuid[], text[], smallint[], uuid[],
        uuid[], text[], text[], text[], integer[], text[], bytea[], uuid[], boolean[]),
    attempt_one_time(bytea, text, integer),
    audited_authentications(uuid, text, text, timestamptz, timestamptz, bigint, bigint),
    audited_events(bigint, bigint),
    claim_owner(text, bytea),
    destroy_person(uuid),
    end_sessions_of_client(uuid),
    log_head(),
    open_api_key(uuid),
    open_session(uuid),
    peek_one_time(bytea, text),
    put_snapshot(text, uuid, bigint, integer, text),
    redeem_one_time(bytea, text),
    stream_events(text, uuid, bigint),
    stream_snapshot(text, uuid, integer)
TO vc_api;
