-- Queues: each wait, the minutes of a queue, and their quarter-hours.

CREATE TABLE wait (              -- somebody's time in a queue
    t_out REAL NOT NULL,         -- its end, which decides its minute
    t_in REAL NOT NULL,
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    zone TEXT NOT NULL CHECK (length(zone) <= 64),
    track INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('served', 'abandoned', 'balked', 'left', 'lost', 'closed')),
    censored INTEGER NOT NULL CHECK (censored IN (0, 1)),   -- 1: to be served would have taken longer
    counted INTEGER,             -- start of the committed minute that holds it; NULL: in none yet
    PRIMARY KEY (t_out, camera, zone, track, t_in)
) STRICT, WITHOUT ROWID;
CREATE INDEX wait_uncounted ON wait (t_out) WHERE counted IS NULL;

CREATE TABLE queue_window (      -- one UTC minute of a queue; waits count where they ended
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL CHECK (observed_seconds >= 0),   -- 0: blind, which is not "nobody waited"
    length_seconds REAL NOT NULL,   -- integral of the length; over observed_seconds: the mean length
    peak INTEGER NOT NULL,       -- most people at once
    lengths TEXT NOT NULL CHECK (length(lengths) <= 256 AND json_valid(lengths)),   -- once a second, by
                                 -- LENGTH_EDGES: JSON list of counts, zeros at its end left out
    waits INTEGER NOT NULL,      -- all that ended, without the balked
    served INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    balked INTEGER NOT NULL,
    over_limit INTEGER NOT NULL,
    wait TEXT NOT NULL CHECK (length(wait) <= 256 AND json_valid(wait)),   -- served, by DWELL_EDGES_S
    wait_censored TEXT NOT NULL CHECK (length(wait_censored) <= 256 AND json_valid(wait_censored)),
    wait_seconds REAL NOT NULL,  -- sum of all waits' lengths
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE queue_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    length_seconds REAL NOT NULL,
    peak INTEGER NOT NULL,
    waits INTEGER NOT NULL,
    served INTEGER NOT NULL,
    abandoned INTEGER NOT NULL,
    balked INTEGER NOT NULL,
    over_limit INTEGER NOT NULL,
    wait_seconds REAL NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE wait_quarter (      -- waits by length, only bins that have any
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    bin INTEGER NOT NULL,        -- index into DWELL_EDGES_S
    complete INTEGER NOT NULL,
    censored INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE length_quarter (    -- seconds at each length, only bins that have any
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    bin INTEGER NOT NULL,        -- index into LENGTH_EDGES
    seconds INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id, bin)
) STRICT, WITHOUT ROWID;
