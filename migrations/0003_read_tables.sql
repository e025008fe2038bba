-- The relational read tables: complete, made from the log, and replaceable as a whole. They live in a schema of
-- their own so that a rebuild fills a second set and swaps schemas in one transaction.
CREATE FUNCTION create_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
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
            created_at timestamptz NOT NULL
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

SELECT create_read_tables('read');
