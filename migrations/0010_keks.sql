-- Which key each key-encryption key's number stands for, by a keyed check that tells nothing of the key. Put down by the
-- first process that has the key; whoever has another one under the same number is refused (`keks.rs` in the store).
-- Numbers stay here for ever, also of keys that are retired, so that none is given twice.
CREATE TABLE keks (
    number      bigint      PRIMARY KEY,
    check_value bytea       NOT NULL,
    known_since timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT ON keks TO vc_api;
