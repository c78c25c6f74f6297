-- Attended and unattended time of counters that have a staff zone.

CREATE TABLE counter_window (
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    attended_seconds REAL NOT NULL,
    unattended_seconds REAL NOT NULL,
    waiting_seconds REAL NOT NULL,   -- of the unattended, with customers there
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    attended_seconds REAL NOT NULL,
    unattended_seconds REAL NOT NULL,
    waiting_seconds REAL NOT NULL,   -- of the unattended, with customers there
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;
