-- What third parties tell us by webhook. Each delivery is put down here before anything is made of it, and once only:
-- the hash stays for ever, the body until its time is over.
CREATE TABLE webhook_deliveries (
    delivery_id   uuid        PRIMARY KEY,
    source        text        NOT NULL,
    delivery_hash bytea       NOT NULL, -- keyed hash of the sender's own id of the delivery, or of the body
    body          bytea,                -- sealed under a key of its own, which is wrapped as the vault's are
    kek_id        text,
    wrapped_key   bytea,
    received_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    handled_at    timestamptz,
    UNIQUE (source, delivery_hash)
);

CREATE INDEX webhook_deliveries_open ON webhook_deliveries (received_at) WHERE handled_at IS NULL AND body IS NOT NULL;
CREATE INDEX webhook_deliveries_kept ON webhook_deliveries (received_at) WHERE body IS NOT NULL;

-- The api puts deliveries in and notes what was made of them. What is in them it has in its hands; workers read.
GRANT INSERT, SELECT (delivery_id), UPDATE (handled_at) ON webhook_deliveries TO vc_api;

-- What a case is called at the verification provider, put down as it becomes known: before the next step there is taken.
CREATE TABLE kyc_checks (
    case_id    uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    provider   text        NOT NULL,
    applicant  text,
    run        text,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX kyc_checks_of_user ON kyc_checks (user_id);
CREATE UNIQUE INDEX kyc_checks_by_applicant ON kyc_checks (provider, applicant);
CREATE UNIQUE INDEX kyc_checks_by_run ON kyc_checks (provider, run);

GRANT SELECT, INSERT, UPDATE ON kyc_checks TO vc_api;

-- Whose check the provider speaks of: it knows our people by its own names only, or by the case.
CREATE FUNCTION kyc_check_owner(of_provider text, of_reference text) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT c.user_id FROM kyc_checks c WHERE c.provider = of_provider AND c.run = of_reference
            UNION SELECT c.user_id FROM kyc_checks c WHERE c.provider = of_provider AND c.applicant = of_reference
            UNION SELECT c.user_id FROM kyc_checks c WHERE c.provider = of_provider AND c.case_id::text = of_reference
            LIMIT 1);
END $$;

REVOKE ALL ON FUNCTION kyc_check_owner(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kyc_check_owner(text, text) TO vc_api;

SELECT guard_person_tables('public');
