-- The hub's tables in PostgreSQL: the same as schema.sql's. {scope}_minute, {scope}_merged, {scope}_told and
-- {scope}_hour are made from the records' fields by postgres_tables.py and postgres_rollups.py. Keys compare by bytes ("C"): several times as fast.
CREATE TABLE IF NOT EXISTS made (         -- for which versions of these tables all has been made
    digest TEXT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS box (          -- the newest birth document, goodbye or last will of each box
    tenant TEXT COLLATE "C" NOT NULL, store TEXT COLLATE "C" NOT NULL, box TEXT COLLATE "C" NOT NULL,
    epoch TEXT NOT NULL, online BOOLEAN NOT NULL, connected_at TIMESTAMPTZ NOT NULL,
    state JSON NOT NULL,                  -- as it came
    seen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (tenant, store, box)
);

CREATE TABLE IF NOT EXISTS stream (       -- how far the messages of a stream are complete
    tenant TEXT COLLATE "C" NOT NULL, store TEXT COLLATE "C" NOT NULL, box TEXT COLLATE "C" NOT NULL,
    epoch TEXT COLLATE "C" NOT NULL, stream TEXT COLLATE "C" NOT NULL,
    upto BIGINT,                          -- every seq up to here is held, or the box no longer had it;
                                          -- NULL: its birth document was not seen yet
    given_up BIGINT NOT NULL DEFAULT 0,   -- messages that the box lost or gave up before we had them
    PRIMARY KEY (tenant, store, box, epoch, stream)
) WITH (fillfactor = 70);                 -- updated by every batch, without touching the index
ALTER TABLE stream ADD COLUMN IF NOT EXISTS begun BIGINT;      -- `upto` at first
ALTER TABLE stream ADD COLUMN IF NOT EXISTS hours BIGINT NOT NULL DEFAULT 0;  -- messages storeedge/hour/1

CREATE TABLE IF NOT EXISTS message (      -- every message, once
    tenant TEXT COLLATE "C" NOT NULL, store TEXT COLLATE "C" NOT NULL, box TEXT COLLATE "C" NOT NULL,
    epoch TEXT COLLATE "C" NOT NULL, stream TEXT COLLATE "C" NOT NULL,
    seq BIGINT NOT NULL,
    "schema" TEXT NOT NULL,               -- '' where only the envelope was sound: see set_aside;
                                          -- 'in an hour': the box told it as part of an hour instead;
                                          -- 'aside:' and its name: not understood, see `storeedge hub retry`
    sent_at TIMESTAMPTZ NOT NULL, received_at TIMESTAMPTZ NOT NULL,
    body JSON,                            -- text for text; NULL where set aside or in an hour
    PRIMARY KEY (tenant, store, box, epoch, stream, seq)
);

CREATE INDEX IF NOT EXISTS message_not_understood ON message (received_at)
WHERE substr("schema", 1, 6) = 'aside:';

CREATE TABLE IF NOT EXISTS set_aside (    -- what could not be used, and why
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic TEXT NOT NULL, digest TEXT NOT NULL, reason TEXT NOT NULL,
    payload BYTEA NOT NULL,               -- its first 64 KiB
    first_at TIMESTAMPTZ NOT NULL, last_at TIMESTAMPTZ NOT NULL, times BIGINT NOT NULL DEFAULT 1,
    UNIQUE (topic, digest)
);

CREATE TABLE IF NOT EXISTS due_hour (     -- hours that changed since they were added up; as often as they did
    scope TEXT NOT NULL,
    tenant TEXT COLLATE "C" NOT NULL, store TEXT COLLATE "C" NOT NULL, box TEXT COLLATE "C" NOT NULL,
    camera TEXT COLLATE "C" NOT NULL, id TEXT COLLATE "C" NOT NULL, start BIGINT NOT NULL,
    epoch TEXT COLLATE "C" NOT NULL
);

CREATE TABLE IF NOT EXISTS horizon (      -- minutes before this were pruned; their hours stay as they are
    minutes_from BIGINT NOT NULL
);

CREATE INDEX IF NOT EXISTS message_by_arrival ON message USING brin (received_at);

CREATE OR REPLACE VIEW event AS
SELECT tenant, store, box, epoch, seq,
       (body ->> 'at')::timestamptz AS at, body ->> 'name' AS name, body ->> 'camera' AS camera,
       body ->> 'scope' AS scope, (body ->> 'ended_at')::timestamptz AS ended_at, body -> 'detail' AS detail
FROM message WHERE "schema" = 'storeedge/event/1';
