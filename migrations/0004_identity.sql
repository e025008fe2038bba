-- Identity and access: how people and programs prove who they are, and what was tried.

DROP FUNCTION append_units(
    integer[], text[], uuid[], bigint[], integer[], text[], uuid[], bigint[], uuid[], text[], smallint[], uuid[],
    uuid[], text[], text[], text[], integer[], text[], bytea[], uuid[]);

-- Appends a batch of units, each all or nothing, under one lock. A unit whose stream has moved on, or whose claim
-- somebody else has, is left out and named in the answer; the others are written.
--
-- The lock is what makes position order the commit order: it is held until the commit is on disk, so a reader that
-- sees position n can never later see an n - 1 that it missed.
--
-- s_*: one row for each stream of each unit, with the sequence that the writer saw last (0: no such stream).
-- e_*: one row for each event, in order. c_*: one row for each claim, taken or given back.
CREATE FUNCTION append_units(
    s_unit integer[], s_kind text[], s_id uuid[], s_expected bigint[],
    e_unit integer[], e_kind text[], e_aggregate uuid[], e_sequence bigint[], e_id uuid[], e_name text[],
    e_version smallint[], e_correlation uuid[], e_causation uuid[], e_traceparent text[], e_actor text[],
    e_data text[],
    c_unit integer[], c_scope text[], c_key bytea[], c_owner uuid[], c_release boolean[],
    OUT tail bigint, OUT stamp timestamptz, OUT moved integer[], OUT taken integer[]
) LANGUAGE plpgsql AS $$
DECLARE
    refused integer[];
BEGIN
    PERFORM pg_advisory_xact_lock(7310001);

    SELECT e.position, e.recorded_at INTO tail, stamp FROM events e ORDER BY e.position DESC LIMIT 1;
    tail := coalesce(tail, 0);
    stamp := greatest(clock_timestamp(), stamp);

    SELECT coalesce(array_agg(DISTINCT s.unit), '{}') INTO moved
      FROM unnest(s_unit, s_kind, s_id, s_expected) AS s (unit, kind, id, expected)
     WHERE s.expected <> coalesce(
               (SELECT max(e.sequence) FROM events e WHERE e.aggregate_id = s.id AND e.kind = s.kind), 0);
    refused := moved;
    taken := '{}';

    IF cardinality(c_unit) > 0 THEN
        SELECT coalesce(array_agg(DISTINCT c.unit), '{}') INTO taken
          FROM unnest(c_unit, c_scope, c_key, c_owner, c_release) AS c (unit, scope, key, owner, release)
          JOIN claims k ON k.scope = c.scope AND k.key = c.key AND k.owner <> c.owner
         WHERE c.unit <> ALL (moved) AND NOT c.release;
        refused := moved || taken;
        DELETE FROM claims k
         USING unnest(c_unit, c_scope, c_key, c_owner, c_release) AS c (unit, scope, key, owner, release)
         WHERE c.release AND c.unit <> ALL (refused)
           AND k.scope = c.scope AND k.key = c.key AND k.owner = c.owner;
        INSERT INTO claims (scope, key, owner)
        SELECT c.scope, c.key, c.owner
          FROM unnest(c_unit, c_scope, c_key, c_owner, c_release) AS c (unit, scope, key, owner, release)
         WHERE c.unit <> ALL (refused) AND NOT c.release
            ON CONFLICT DO NOTHING; -- only a claim that its owner has already
    END IF;

    INSERT INTO events (position, kind, aggregate_id, sequence, event_id, name, version, recorded_at,
                        correlation_id, causation_id, traceparent, actor, data)
    SELECT tail + row_number() OVER (ORDER BY e.ordinal), e.kind, e.aggregate, e.sequence, e.id, e.name, e.version,
           stamp, e.correlation, e.causation, e.traceparent, e.actor, e.data::json
      FROM unnest(e_unit, e_kind, e_aggregate, e_sequence, e_id, e_name, e_version, e_correlation, e_causation,
                  e_traceparent, e_actor, e_data)
           WITH ORDINALITY AS e (unit, kind, aggregate, sequence, id, name, version, correlation, causation,
                                 traceparent, actor, data, ordinal)
     WHERE e.unit <> ALL (refused);
END $$;

-- The people's table has more columns. The tables are replaceable: dropped here, filled again from the log by the
-- worker, from position 0.
CREATE OR REPLACE FUNCTION create_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', target);
    EXECUTE format($ddl$
        CREATE TABLE %1$I.progress (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            position bigint  NOT NULL DEFAULT 0
        );
        INSERT INTO %1$I.progress DEFAULT VALUES;

        CREATE TABLE %1$I.parked (
            kind         text   NOT NULL,
            aggregate_id uuid   NOT NULL,
            position     bigint NOT NULL,
            reason       text   NOT NULL,
            PRIMARY KEY (aggregate_id, kind)
        );

        CREATE TABLE %1$I.users (
            user_id    uuid        PRIMARY KEY,
            email      text        NOT NULL, -- sealed, as are the names
            first_name text        NOT NULL,
            last_name  text        NOT NULL,
            created_at timestamptz NOT NULL,
            email_verified_at timestamptz,
            closed_at         timestamptz,
            erased_at         timestamptz
        );

        CREATE TABLE %1$I.kyc_verifications (
            case_id            uuid        PRIMARY KEY,
            user_id            uuid        NOT NULL,
            status             text        NOT NULL,
            document_type      text        NOT NULL,
            country            text        NOT NULL,
            provider           text,
            provider_reference text,
            reasons            text[]      NOT NULL DEFAULT '{}',
            submitted_at       timestamptz NOT NULL,
            decided_at         timestamptz,
            position           bigint      NOT NULL
        );
        CREATE INDEX ON %1$I.kyc_verifications (user_id, position DESC);
        CREATE INDEX ON %1$I.kyc_verifications (submitted_at) WHERE status IN ('pending', 'in_review');

        CREATE TABLE %1$I.cards (
            card_id           uuid        PRIMARY KEY,
            user_id           uuid        NOT NULL,
            card_type         text        NOT NULL,
            status            text        NOT NULL,
            currency          text        NOT NULL,
            monthly_limit     bigint      NOT NULL, -- minor units, as every amount here
            used              bigint      NOT NULL DEFAULT 0,
            used_window       date,
            last_four         text,
            expiry            text,
            issuer            text,
            issuer_reference  text,
            requested_at      timestamptz NOT NULL,
            position          bigint      NOT NULL
        );
        CREATE INDEX ON %1$I.cards (user_id, position DESC);
        CREATE INDEX ON %1$I.cards (requested_at) WHERE status = 'requested';

        CREATE TABLE %1$I.transactions (
            transaction_id    uuid        PRIMARY KEY,
            user_id           uuid        NOT NULL,
            card_id           uuid        NOT NULL,
            amount            bigint      NOT NULL,
            currency          text        NOT NULL,
            merchant          text        NOT NULL,
            merchant_category text        NOT NULL,
            status            text        NOT NULL,
            decline           jsonb,
            risk_score        double precision NOT NULL,
            gateway           text,
            gateway_reference text,
            created_at        timestamptz NOT NULL,
            updated_at        timestamptz NOT NULL,
            position          bigint      NOT NULL
        );
        CREATE INDEX ON %1$I.transactions (user_id, position DESC);
        CREATE INDEX ON %1$I.transactions (card_id, position DESC);
        CREATE INDEX ON %1$I.transactions (created_at) WHERE status = 'pending';
    $ddl$, target);
END $$;

DROP SCHEMA read CASCADE;
SELECT create_read_tables('read');

-- Who has, or had, a role that is given: few among many events.
CREATE INDEX events_of_roles ON events (aggregate_id) WHERE kind = 'user' AND name IN ('role_granted', 'role_revoked');

-- Sessions: with how they were opened, for whom, and within which rights.
ALTER TABLE sessions
    ADD COLUMN opened_at    timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN refreshed_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN proofs       text[]      NOT NULL DEFAULT '{password}',
    ADD COLUMN client_id    uuid,   -- the OAuth client that acts for the person; none: our own app
    ADD COLUMN scopes       text[]; -- what the client may do; none: all that the person may

CREATE INDEX sessions_of_client ON sessions (client_id, user_id) WHERE client_id IS NOT NULL;

-- Refresh tokens, of which a session has one at a time. Used ones stay as long as the session, so that a second use
-- is recognised as theft.
CREATE TABLE refresh_tokens (
    token_hash bytea       PRIMARY KEY, -- SHA-256 of 256 random bits
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Everything that may be used once and within a time: mailed tokens, half-done logins, passkey ceremonies, step-ups,
-- authorization codes. Taking one deletes it.
CREATE TABLE one_time (
    token_hash bytea       PRIMARY KEY, -- SHA-256 of 256 random bits
    purpose    text        NOT NULL,
    user_id    uuid,
    data       bytea       NOT NULL, -- sealed under the key that the token itself makes
    attempts   integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);

CREATE INDEX one_time_of_user ON one_time (user_id, purpose);
CREATE INDEX one_time_by_expiry ON one_time (expires_at);

-- Finds what a registration that failed has left.
CREATE INDEX person_keys_by_age ON person_keys (created_at);

-- A password that was replaced before its event is in the log: changed, reset. A worker writes what a crash left out.
ALTER TABLE credentials ADD COLUMN unrecorded text;

CREATE INDEX credentials_unrecorded ON credentials (changed_at) WHERE unrecorded IS NOT NULL;

-- The hashes of a person's last passwords, the current one included.
CREATE TABLE password_history (
    user_id       uuid        NOT NULL,
    password_hash text        NOT NULL,
    set_at        timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX password_history_of_user ON password_history (user_id, set_at DESC);

CREATE TABLE totp_secrets (
    user_id      uuid        PRIMARY KEY,
    secret       text        NOT NULL, -- sealed under the person's key
    created_at   timestamptz NOT NULL DEFAULT now(),
    confirmed_at timestamptz,
    last_step    bigint      NOT NULL DEFAULT 0 -- the last time step that was used: a step counts once (RFC 6238 §5.2)
);

CREATE TABLE recovery_codes (
    user_id   uuid        NOT NULL,
    set_id    uuid        NOT NULL, -- those of the set that the log names count, and no others
    code_hash bytea       NOT NULL, -- keyed hash
    issued_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, set_id, code_hash)
);

CREATE TABLE passkeys (
    passkey_id    uuid        PRIMARY KEY,
    user_id       uuid        NOT NULL,
    credential_id bytea       NOT NULL UNIQUE, -- as the authenticator names it
    credential    json        NOT NULL, -- public key, counter and flags
    label         text        NOT NULL, -- sealed under the person's key
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz
);

CREATE INDEX passkeys_of_user ON passkeys (user_id);

CREATE TABLE linked_identities (
    identity_id  uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL,
    provider     text        NOT NULL,
    subject_hash bytea       NOT NULL, -- keyed hash of issuer and subject; the claim on it says whose it is
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz
);

CREATE INDEX linked_identities_of_user ON linked_identities (user_id);

CREATE TABLE api_keys (
    key_id       uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL,
    key_hash     bytea       NOT NULL UNIQUE, -- SHA-256 of 256 random bits
    label        text        NOT NULL, -- sealed under the person's key
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz
);

CREATE INDEX api_keys_of_user ON api_keys (user_id);

-- The ids of all OAuth clients, in the order of their registration. What they are stands in the log.
CREATE TABLE clients (
    number    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    client_id uuid   NOT NULL UNIQUE
);

CREATE TABLE client_secrets (
    secret_id   uuid        PRIMARY KEY,
    client_id   uuid        NOT NULL,
    secret_hash bytea       NOT NULL, -- SHA-256 of 256 random bits
    created_at  timestamptz NOT NULL DEFAULT now(),
    revoked_at  timestamptz
);

CREATE INDEX client_secrets_of_client ON client_secrets (client_id);

-- Accounts that are being closed or erased: put down before the event, taken out by a worker once nothing is left to do.
CREATE TABLE account_endings (
    user_id  uuid        PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Failed logins: what Redis may forget, this does not.
CREATE TABLE login_failures (
    subject      bytea       PRIMARY KEY, -- keyed hash of an account's address or of a network
    failures     integer     NOT NULL,
    last_failure timestamptz NOT NULL,
    locked_until timestamptz
);

CREATE INDEX login_failures_by_age ON login_failures (last_failure);

-- Mail that waits to be sent. Deleted once the provider has taken it.
CREATE TABLE mail_queue (
    mail_id    uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    content    text        NOT NULL, -- sealed under the person's key
    queued_at  timestamptz NOT NULL DEFAULT now(),
    due_at     timestamptz NOT NULL DEFAULT now(),
    attempts   integer     NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL
);

CREATE INDEX mail_queue_by_due ON mail_queue (due_at);

-- Every attempt to prove who one is, and every use of a credential: who, what, when, from where, with what outcome
-- (PCI DSS 4.0.1, 10.2.1 and 10.2.2). Append only; rows leave by age, through `forget_authentications`.
CREATE TABLE authentications (
    entry_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL DEFAULT now(),
    action     text        NOT NULL,
    outcome    text        NOT NULL, -- success, failure, locked
    reason     text,
    user_id    uuid,
    client_id  uuid,
    subject    bytea,      -- keyed hash of the address that was tried, known or not
    session_id uuid,
    device_id  text,
    address    inet,
    request_id uuid        NOT NULL
);

CREATE INDEX authentications_of_user ON authentications (user_id, entry_id DESC);
CREATE INDEX authentications_by_age ON authentications (at);

CREATE FUNCTION refuse_authentication_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('vc.forget_authentications', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'authentications are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER authentications_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON authentications
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_authentication_change();
