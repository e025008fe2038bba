-- Key-encryption keys that are gone for good. A process that has not heard of it yet would wrap new data keys with one,
-- and nobody could open them: it is refused. The ids are never used again.
CREATE TABLE retired_keks (
    kek_id     text        PRIMARY KEY,
    retired_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION refuse_retired_kek() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM retired_keks r WHERE r.kek_id = NEW.kek_id) THEN
        RAISE EXCEPTION '% is retired', NEW.kek_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- On every table with wrapped keys, told by their column `kek_id`. Each migration that adds such a table calls this
-- again; a test finds the table that was forgotten.
CREATE FUNCTION guard_wrapped_keys() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    wrapping text;
BEGIN
    FOR wrapping IN
        SELECT c.relname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'kek_id' AND NOT a.attisdropped
         WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname <> 'retired_keks'
           AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = 'no_retired_kek')
    LOOP
        EXECUTE format(
            'CREATE TRIGGER no_retired_kek BEFORE INSERT OR UPDATE OF kek_id ON %I '
            'FOR EACH ROW EXECUTE FUNCTION refuse_retired_kek()', wrapping);
    END LOOP;
END $$;

SELECT guard_wrapped_keys();

REVOKE ALL ON FUNCTION refuse_retired_kek(), guard_wrapped_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refuse_retired_kek() TO vc_api;

-- Finds cards that have ended, whose secrets nobody needs.
CREATE INDEX events_of_ended_cards ON events (aggregate_id) WHERE kind = 'card' AND name = 'terminated';
