-- Quarter-hour sums of the minute windows, kept in the same transaction: a day or a year is read in
-- milliseconds, and the figures outlive the minutes. A quarter, because every time zone's hours are made of
-- whole UTC quarters.

CREATE TABLE gate_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    entries INTEGER NOT NULL,
    exits INTEGER NOT NULL,
    inferred INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE zone_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    visits INTEGER NOT NULL,
    passes INTEGER NOT NULL,
    person_seconds REAL NOT NULL,
    peak INTEGER NOT NULL,
    dwell_seconds REAL NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dwell_quarter (     -- visits by length, only bins that have any
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    bin INTEGER NOT NULL,        -- index into DWELL_EDGES_S
    complete INTEGER NOT NULL,
    censored INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE camera_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    frames INTEGER NOT NULL,
    person_seconds REAL NOT NULL,
    peak INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    "up" INTEGER NOT NULL,
    "down" INTEGER NOT NULL,
    "left" INTEGER NOT NULL,
    "right" INTEGER NOT NULL,
    wrong_way INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

INSERT INTO gate_quarter
SELECT start - start % 900, camera, id, sum(observed_seconds), sum(entries), sum(exits), sum(inferred)
FROM gate_window GROUP BY 1, 2, 3;

INSERT INTO zone_quarter
SELECT start - start % 900, camera, id, sum(observed_seconds), sum(visits), sum(passes),
    sum(person_seconds), max(peak), sum(dwell_seconds)
FROM zone_window GROUP BY 1, 2, 3;

INSERT INTO dwell_quarter
SELECT quarter, camera, id, bin, sum(complete), sum(censored) FROM (
    SELECT start - start % 900 AS quarter, camera, zone_window.id, each.key AS bin, each.value AS complete, 0 AS censored
    FROM zone_window, json_each(dwell) AS each
    UNION ALL
    SELECT start - start % 900, camera, zone_window.id, each.key, 0, each.value
    FROM zone_window, json_each(dwell_censored) AS each
) GROUP BY 1, 2, 3, 4 HAVING sum(complete) + sum(censored) > 0;

INSERT INTO camera_quarter
SELECT start - start % 900, camera, id, sum(observed_seconds), sum(frames), sum(person_seconds), max(peak)
FROM camera_window GROUP BY 1, 2, 3;

INSERT INTO lane_quarter
SELECT start - start % 900, camera, id, sum(observed_seconds), sum("up"), sum("down"), sum("left"),
    sum("right"), sum(wrong_way)
FROM lane_window GROUP BY 1, 2, 3;
