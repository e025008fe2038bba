-- What must never be in an event. Every ciphertext is XChaCha20-Poly1305 and bound to its row by associated data.

-- One key for each person; their personal data everywhere is sealed with it. Deleting the row erases the person.
CREATE TABLE person_keys (
    user_id     uuid        PRIMARY KEY,
    kek_id      text        NOT NULL,
    wrapped_key bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE credentials (
    user_id       uuid        PRIMARY KEY,
    password_hash text        NOT NULL, -- Argon2id, PHC string
    changed_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE sessions (
    session_id uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    device_id  text,
    auth_time  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE card_vault (
    card_id     uuid        PRIMARY KEY,
    kek_id      text        NOT NULL,
    wrapped_key bytea       NOT NULL, -- the card's own data key
    number      bytea       NOT NULL,
    cvv         bytea       NOT NULL,
    expiry      text        NOT NULL,
    fingerprint bytea       NOT NULL UNIQUE, -- keyed hash of the number: finds a number that was issued twice
    created_at  timestamptz NOT NULL DEFAULT now()
);
