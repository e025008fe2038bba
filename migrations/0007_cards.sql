-- Cards with a life: what they are for, what they replace and are replaced by, what their issuer knows of them, and each
-- step from one state to another. The read tables are made anew from the log.
ALTER FUNCTION create_unguarded_read_tables(text) RENAME TO create_read_tables_without_card_lives;

CREATE FUNCTION create_unguarded_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM create_read_tables_without_card_lives(target);
    EXECUTE format($ddl$
        ALTER TABLE %1$I.cards
            ADD COLUMN purpose          text NOT NULL DEFAULT 'standard',
            ADD COLUMN predecessor      uuid,
            ADD COLUMN successor        uuid,
            ADD COLUMN issuer_status    text,        -- what the issuer lets it do, once it has made it
            ADD COLUMN expires_on       date,        -- the day after its last one
            ADD COLUMN expiry_announced boolean NOT NULL DEFAULT false,
            ADD COLUMN changed_at       timestamptz, -- of the last step
            -- Whether the issuer has to be told what the card is now.
            ADD COLUMN untold boolean GENERATED ALWAYS AS (
                issuer_status <> CASE status
                    WHEN 'active' THEN 'active'
                    WHEN 'inactive' THEN 'inactive'
                    WHEN 'frozen' THEN 'inactive'
                    WHEN 'expired' THEN 'canceled'
                    WHEN 'terminated' THEN 'canceled'
                    ELSE issuer_status
                END) STORED;
        CREATE INDEX ON %1$I.cards (changed_at) WHERE untold;
        CREATE INDEX ON %1$I.cards (expires_on) WHERE status IN ('active', 'inactive', 'frozen');

        CREATE TABLE %1$I.card_transitions (
            position   bigint      PRIMARY KEY,
            card_id    uuid        NOT NULL,
            user_id    uuid        NOT NULL,
            transition text        NOT NULL, -- the event's name
            status     text        NOT NULL, -- what the card was then
            authority  text        NOT NULL,
            reason     text,
            actor      text        NOT NULL,
            at         timestamptz NOT NULL
        );
        CREATE INDEX ON %1$I.card_transitions (card_id, position);
    $ddl$, target);
END $$;

DROP SCHEMA read CASCADE;
SELECT create_read_tables('read');
