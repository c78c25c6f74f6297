-- What was given up or made coarser for want of room, so that it can be told.

CREATE TABLE thinned (           -- by kind, since the database was made
    kind TEXT NOT NULL PRIMARY KEY CHECK (kind IN ('detail', 'quarters', 'waiting', 'given_up')),
    minutes INTEGER NOT NULL,    -- of detail: minutes that have only their quarter-hour left, of quarters: that
                                 -- have not even that; of waiting: that the centre gets as a part of an hour;
                                 -- of given_up: that it will never get
    gone INTEGER NOT NULL,       -- rows, or of the last two messages
    at REAL NOT NULL,            -- when last
    since INTEGER,               -- the oldest of the minutes and the end of the newest, UTC seconds
    until INTEGER,
    untold INTEGER NOT NULL,     -- of the minutes, those that no event has told yet
    untold_gone INTEGER NOT NULL,
    untold_first INTEGER,        -- their first, UTC seconds, and the end of their last
    untold_last INTEGER
) STRICT, WITHOUT ROWID;
INSERT INTO thinned VALUES
    ('detail', 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL), ('quarters', 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL),
    ('waiting', 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL), ('given_up', 0, 0, 0, NULL, NULL, 0, 0, NULL, NULL);

CREATE INDEX outbox_minute ON outbox (substr(body, 11, 16), seq)   -- by which minute it is: the body begins
                                 -- with {"start":"2026-03-01T10:27
    WHERE stream = 'data' AND "schema" = 'storeedge/minute/1';
CREATE INDEX outbox_hour ON outbox (created_at) WHERE stream = 'data' AND "schema" = 'storeedge/hour/1';
