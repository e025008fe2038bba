-- Purchases that the card network brings, and what became of a payment's money.

-- The sums of a payment's events (`payment::Tally`), minor units of its currency, and what the network told of it.
ALTER FUNCTION create_unguarded_read_tables(text) RENAME TO create_read_tables_before_network;

CREATE FUNCTION add_network_to_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %I.transactions ADD COLUMN network jsonb, '
                   'ADD COLUMN tally jsonb NOT NULL DEFAULT ''{}''', target);
    -- Purchases that hold something still.
    EXECUTE format('CREATE INDEX ON %I.transactions (updated_at) WHERE network IS NOT NULL '
                   'AND (tally ->> ''authorized'')::bigint '
                   '> (tally ->> ''captured'')::bigint + (tally ->> ''released'')::bigint', target);
END $$;

CREATE FUNCTION create_unguarded_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM create_read_tables_before_network(target);
    PERFORM add_network_to_read_tables(target);
END $$;

SELECT add_network_to_read_tables('read');

-- Until now a payment was captured whole or not at all, and a declined one gave back what it held, which it did where
-- the gateway was asked. All the fields, as a rebuild writes them.
UPDATE read.transactions SET tally = jsonb_build_object(
    'authorized', CASE WHEN status <> 'declined' OR decline ->> 'code' LIKE 'gateway%' THEN amount ELSE 0 END,
    'captured', CASE WHEN status = 'captured' THEN amount ELSE 0 END,
    'released', CASE WHEN status = 'declined' AND decline ->> 'code' LIKE 'gateway%' THEN amount ELSE 0 END,
    'returned', 0, 'confirmed', false, 'declined', status = 'declined', 'expired', false);

-- What issuers call the people who hold cards of theirs. No name of ours: it tells nothing once the person is erased.
-- Without a reference the issuer was asked to make the person known, and has not answered.
CREATE TABLE issuer_holders (
    user_id     uuid        NOT NULL,
    issuer      text        NOT NULL,
    reference   text,
    asked_at    timestamptz NOT NULL,
    PRIMARY KEY (user_id, issuer)
);
SELECT guard_person_tables('public');
GRANT SELECT, INSERT, UPDATE, DELETE ON issuer_holders TO vc_api;
