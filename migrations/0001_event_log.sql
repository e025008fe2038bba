-- The event log: the truth. Everything else can be made from it, except secrets.
CREATE TABLE events (
    position       bigint      PRIMARY KEY,
    kind           text        NOT NULL,
    aggregate_id   uuid        NOT NULL,
    sequence       bigint      NOT NULL CHECK (sequence > 0),
    event_id       uuid        NOT NULL,
    name           text        NOT NULL,
    version        smallint    NOT NULL,
    recorded_at    timestamptz NOT NULL,
    correlation_id uuid        NOT NULL,
    causation_id   uuid,
    traceparent    text,
    actor          text        NOT NULL,
    data           json        NOT NULL, -- json, not jsonb: the bytes stay as they were written
    UNIQUE (aggregate_id, kind, sequence)
);

COMMENT ON TABLE events IS 'Append only. position is 1, 2, 3 … in commit order without holes.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Things that may be had once, such as an e-mail address: claimed in the transaction of the events that need them.
CREATE TABLE claims (
    scope text  NOT NULL,
    key   bytea NOT NULL,
    owner uuid  NOT NULL,
    PRIMARY KEY (scope, key)
);

-- A shortcut to an aggregate's state. May be deleted at any time.
CREATE TABLE snapshots (
    kind             text        NOT NULL,
    aggregate_id     uuid        NOT NULL,
    sequence         bigint      NOT NULL,
    snapshot_version integer     NOT NULL,
    state            json        NOT NULL,
    taken_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (aggregate_id, kind)
);

-- Appends a batch of units, each all or nothing, under one lock. A unit whose stream has moved on, or whose claim
-- somebody else has, is left out and named in the answer; the others are written.
--
-- The lock is what makes position order the commit order: it is held until the commit is on disk, so a reader that
-- sees position n can never later see an n - 1 that it missed.
--
-- s_*: one row for each stream of each unit, with the sequence that the writer saw last (0: no such stream).
-- e_*: one row for each event, in order. c_*: one row for each claim.
CREATE FUNCTION append_units(
    s_unit integer[], s_kind text[], s_id uuid[], s_expected bigint[],
    e_unit integer[], e_kind text[], e_aggregate uuid[], e_sequence bigint[], e_id uuid[], e_name text[],
    e_version smallint[], e_correlation uuid[], e_causation uuid[], e_traceparent text[], e_actor text[],
    e_data text[],
    c_unit integer[], c_scope text[], c_key bytea[], c_owner uuid[],
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
          FROM unnest(c_unit, c_scope, c_key, c_owner) AS c (unit, scope, key, owner)
          JOIN claims k ON k.scope = c.scope AND k.key = c.key AND k.owner <> c.owner
         WHERE c.unit <> ALL (moved);
        refused := moved || taken;
        INSERT INTO claims (scope, key, owner)
        SELECT c.scope, c.key, c.owner
          FROM unnest(c_unit, c_scope, c_key, c_owner) AS c (unit, scope, key, owner)
         WHERE c.unit <> ALL (refused)
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

-- Who did what, when, to what: the log itself, as auditors ask for it.
CREATE VIEW audit_logs AS
SELECT position, recorded_at AS at, actor, kind || '.' || name AS action, kind AS resource_type,
       aggregate_id AS resource_id, correlation_id AS request_id
  FROM events;
