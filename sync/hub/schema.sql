CREATE TABLE IF NOT EXISTS box (          -- the newest birth document, goodbye or last will of each box
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL,
    epoch TEXT NOT NULL, online INTEGER NOT NULL, connected_at TEXT NOT NULL,
    state TEXT NOT NULL,                  -- JSON as it came
    seen_at REAL NOT NULL,                -- UTC seconds
    PRIMARY KEY (tenant, store, box)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stream (       -- how far the messages of a stream are complete
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL,
    upto INTEGER NOT NULL,                -- every seq up to here is held, or the box no longer had it
    given_up INTEGER NOT NULL DEFAULT 0,  -- messages that the box lost or gave up before we had them
    begun INTEGER,                        -- `upto` at first
    PRIMARY KEY (tenant, store, box, epoch, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS message (      -- every message, once
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL, stream TEXT NOT NULL,
    seq INTEGER NOT NULL,
    "schema" TEXT NOT NULL,               -- '' where only the envelope was sound: see set_aside;
                                          -- 'in an hour': the box told it as part of an hour instead;
                                          -- 'aside:' and its name: not understood, see `storeedge hub retry`
    sent_at TEXT NOT NULL, received_at REAL NOT NULL,
    body TEXT,                            -- JSON; NULL where set aside or in an hour
    PRIMARY KEY (tenant, store, box, epoch, stream, seq)
) STRICT, WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS message_not_understood ON message (received_at)
WHERE substr("schema", 1, 6) = 'aside:';

CREATE TABLE IF NOT EXISTS set_aside (    -- what could not be used, and why
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL, digest TEXT NOT NULL, reason TEXT NOT NULL,
    payload BLOB NOT NULL,                -- its first 64 KiB
    first_at REAL NOT NULL, last_at REAL NOT NULL, times INTEGER NOT NULL DEFAULT 1,
    UNIQUE (topic, digest)
) STRICT;

-- The windows of storeedge/minute/1, one table for each scope; counts are NULL where nobody observed.
-- A later message about the same minute replaces, never adds. Beside each, made by sqlite_tables.py: {scope}_merged,
-- what came as minutes of an hour together (storeedge/hour/1), and the view {scope}_told: both, to be added up.
CREATE TABLE IF NOT EXISTS gate_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL, entries INTEGER, exits INTEGER, inferred INTEGER,
    staff_entries INTEGER, staff_exits INTEGER,   -- of both, told in the minute in which it was known
    u_turns INTEGER,                      -- pairs of both; footfall = entries - staff_entries - u_turns
    parties INTEGER,                      -- groups that came in
    quality TEXT,                         -- JSON object, in every scope but heat: how far to trust the row
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS zone_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL, visits INTEGER, passes INTEGER, person_seconds REAL, peak INTEGER,
    dwell TEXT, dwell_censored TEXT,      -- JSON arrays, one count for each bin
    dwell_seconds REAL, staff_visits INTEGER, staff_seconds REAL, arrivals INTEGER, pass_seconds REAL,
    quality TEXT,
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS queue_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL, length_seconds REAL, peak INTEGER,
    lengths TEXT,                         -- JSON arrays, one count for each bin
    waits INTEGER, served INTEGER, abandoned INTEGER, balked INTEGER, over_limit INTEGER,
    wait TEXT, wait_censored TEXT,
    wait_seconds REAL, quality TEXT,
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS counter_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL,
    attended_seconds REAL, unattended_seconds REAL, waiting_seconds REAL, quality TEXT,
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS camera_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL, frames INTEGER, person_seconds REAL, peak INTEGER,
    identities INTEGER, broken INTEGER, quality TEXT,
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS lane_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL,
    up INTEGER, down INTEGER, "left" INTEGER, "right" INTEGER, wrong_way INTEGER, quality TEXT,
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS heat_minute (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL,
    unit TEXT,                            -- m: cells of 0.5 m of the floor; frame: of 1/24 frame heights
    cells TEXT,                           -- JSON array of [column, row, seconds of presence]
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS occupancy_minute (   -- camera is '*': an area's gates may be of several
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL,
    camera TEXT NOT NULL, id TEXT NOT NULL, start INTEGER NOT NULL, seq INTEGER NOT NULL,
    observed_seconds REAL NOT NULL,
    person_seconds REAL, peak INTEGER,
    now INTEGER,                          -- at the minute's end
    drift INTEGER,                        -- people whom the gates gave too many, found in this minute
    anchored INTEGER, quality TEXT,
    PRIMARY KEY (tenant, store, box, camera, id, start, epoch)
) STRICT, WITHOUT ROWID;

CREATE VIEW IF NOT EXISTS event AS
SELECT tenant, store, box, epoch, seq,
       json_extract(body, '$.at') AS at, json_extract(body, '$.name') AS name,
       json_extract(body, '$.camera') AS camera, json_extract(body, '$.scope') AS scope,
       json_extract(body, '$.ended_at') AS ended_at, json_extract(body, '$.detail') AS detail
FROM message WHERE "schema" = 'storeedge/event/1';
