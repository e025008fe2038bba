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
    run_asked_at timestamptz, -- as far as it is not known that it was not begun
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX kyc_checks_of_user ON kyc_checks (user_id);
CREATE UNIQUE INDEX kyc_checks_by_applicant ON kyc_checks (provider, applicant);
CREATE UNIQUE INDEX kyc_checks_by_run ON kyc_checks (provider, run);

GRANT SELECT, INSERT, UPDATE ON kyc_checks TO vc_api;

-- Applicants that providers are known to have, each until it is deleted there: those of a case that another took the place of, too.
-- They outlive the erasure of their person here: a worker has them deleted.
CREATE TABLE kyc_applicants (
    provider   text        NOT NULL,
    applicant  text        NOT NULL, -- as the provider calls them
    user_id    uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (provider, applicant)
);

CREATE INDEX kyc_applicants_of_user ON kyc_applicants (user_id);
GRANT SELECT, INSERT, DELETE ON kyc_applicants TO vc_api;

-- Which case the provider speaks of: by its own names for the run and the applicant, or by ours for the case; the
-- narrowest name decides. A case keeps its names for ever, so that of an earlier case never leads to a later one.
CREATE FUNCTION kyc_check_of(of_provider text, of_run text, of_applicant text, of_case uuid)
    RETURNS TABLE (user_id uuid, case_id uuid)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY SELECT c.user_id, c.case_id FROM kyc_checks c WHERE c.provider = of_provider AND c.run = of_run;
    IF FOUND THEN RETURN; END IF;
    RETURN QUERY SELECT c.user_id, c.case_id FROM kyc_checks c
                  WHERE c.provider = of_provider AND c.applicant = of_applicant;
    IF FOUND THEN RETURN; END IF;
    RETURN QUERY SELECT c.user_id, c.case_id FROM kyc_checks c WHERE c.provider = of_provider AND c.case_id = of_case;
END $$;

REVOKE ALL ON FUNCTION kyc_check_of(text, text, text, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION kyc_check_of(text, text, text, uuid) TO vc_api;

SELECT guard_person_tables('public');

-- The read tables know levels, the end of approvals, and who has taken a review. They are replaceable: dropped here,
-- filled again from the log by the worker, from position 0.
ALTER FUNCTION create_unguarded_read_tables(text) RENAME TO create_read_tables_before_levels;

CREATE FUNCTION create_unguarded_read_tables(target text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM create_read_tables_before_levels(target);
    EXECUTE format($ddl$
        ALTER TABLE %1$I.kyc_verifications
            ADD COLUMN level       text NOT NULL,
            ADD COLUMN valid_until timestamptz,
            ADD COLUMN assigned_to uuid,
            ADD COLUMN expiry_announced boolean NOT NULL DEFAULT false,
            ADD COLUMN has_open_hit boolean NOT NULL DEFAULT false, -- a watch list's, which waits for operators
            ADD COLUMN approval_ended boolean NOT NULL DEFAULT false; -- by operators, who rejected this or a later case
        CREATE INDEX ON %1$I.kyc_verifications (valid_until) WHERE status = 'approved';
        CREATE INDEX ON %1$I.kyc_verifications (position) WHERE status = 'in_review' OR has_open_hit;
    $ddl$, target);
END $$;

DROP SCHEMA read CASCADE;
SELECT create_read_tables('read');

-- The pictures of documents and faces. Sealed under the person's key and bound to person, case, document and kind.
CREATE TABLE kyc_documents (
    document_id uuid        PRIMARY KEY,
    user_id     uuid        NOT NULL,
    case_id     uuid        NOT NULL,
    kind        text        NOT NULL,
    format      text        NOT NULL,
    content     bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Already compressed, and then encrypted: trying to compress it again is lost time.
ALTER TABLE kyc_documents ALTER COLUMN content SET STORAGE EXTERNAL;
CREATE INDEX kyc_documents_of_user ON kyc_documents (user_id, case_id);
CREATE INDEX kyc_documents_by_age ON kyc_documents (created_at);

SELECT guard_person_tables('public');
GRANT SELECT, INSERT, DELETE ON kyc_documents TO vc_api;

-- For operators, page by page: the cases that wait for them, the oldest first, those of people whom a watch list names
-- among them, whatever became of the case. They are of everybody but the operator.
CREATE FUNCTION kyc_work_list(of_operator uuid, after bigint, only_taken boolean, at_most bigint)
    RETURNS TABLE (case_id uuid, user_id uuid, level text, country text, reasons text[], assigned_to uuid,
                   submitted_at timestamptz, "position" bigint)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN QUERY
    SELECT k.case_id, k.user_id, k.level, k.country,
           CASE WHEN k.has_open_hit THEN array_prepend('watchlist_hit', array_remove(k.reasons, 'watchlist_hit'))
                ELSE k.reasons END,
           k.assigned_to, k.submitted_at, k.position
      FROM read.kyc_verifications k
     WHERE (k.status = 'in_review' OR k.has_open_hit) AND k.position > after AND k.user_id <> of_operator
       AND (NOT only_taken OR k.assigned_to = of_operator)
       AND NOT EXISTS (SELECT FROM read.users u WHERE u.user_id = k.user_id AND u.erased_at IS NOT NULL)
     ORDER BY k.position LIMIT least(at_most, 1000);
END $$;

-- Whose case it is.
CREATE FUNCTION kyc_case_owner(of_case uuid) RETURNS uuid
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT c.user_id FROM kyc_checks c WHERE c.case_id = of_case);
END $$;

-- Pictures go with the key they are sealed under.
ALTER FUNCTION destroy_person(uuid) RENAME TO destroy_person_but_pictures;

CREATE FUNCTION destroy_person(of_id uuid) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM destroy_person_but_pictures(of_id);
    DELETE FROM kyc_documents WHERE user_id = of_id;
    DELETE FROM kyc_checks WHERE user_id = of_id;
END $$;

-- It is a part now, and runs with the rights of the whole.
ALTER FUNCTION destroy_person_but_pictures(uuid) SECURITY INVOKER;
REVOKE ALL ON FUNCTION destroy_person_but_pictures(uuid) FROM vc_api;

DO $$
DECLARE
    narrow regprocedure;
BEGIN
    FOREACH narrow IN ARRAY ARRAY[
        'kyc_work_list(uuid, bigint, boolean, bigint)', 'kyc_case_owner(uuid)', 'destroy_person(uuid)']::regprocedure[]
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', narrow);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO vc_api', narrow);
    END LOOP;
END $$;
