-- What a figure rests on, and the figures of U-turns, parties, heat and occupancy. What was made before has NULL:
-- it was not measured then, which is not zero; a sum over such rows is NULL too.

ALTER TABLE crossing ADD COLUMN u_turn INTEGER NOT NULL DEFAULT 0 CHECK (u_turn IN (0, 1));
ALTER TABLE visit ADD COLUMN arrived INTEGER NOT NULL DEFAULT 1 CHECK (arrived IN (0, 1));

UPDATE meta SET value = '2' WHERE key = 'needs';   -- older versions insert into these two without naming columns

ALTER TABLE gate_window ADD COLUMN u_turns INTEGER;
ALTER TABLE gate_window ADD COLUMN parties INTEGER;
ALTER TABLE gate_quarter ADD COLUMN u_turns INTEGER;
ALTER TABLE gate_quarter ADD COLUMN parties INTEGER;
ALTER TABLE zone_window ADD COLUMN arrivals INTEGER;
ALTER TABLE zone_window ADD COLUMN pass_seconds REAL;
ALTER TABLE zone_quarter ADD COLUMN arrivals INTEGER;
ALTER TABLE zone_quarter ADD COLUMN pass_seconds REAL;
ALTER TABLE camera_window ADD COLUMN identities INTEGER;
ALTER TABLE camera_window ADD COLUMN broken INTEGER;
ALTER TABLE camera_quarter ADD COLUMN identities INTEGER;
ALTER TABLE camera_quarter ADD COLUMN broken INTEGER;

CREATE TABLE heat_window (       -- one UTC minute of a camera's heat map; kept only for a few days
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    unit TEXT NOT NULL CHECK (unit IN ('m', 'frame')),   -- cells of 0.5 m of the floor, or of 1/24 frame heights
    cells TEXT NOT NULL CHECK (length(cells) <= 131072 AND json_valid(cells)),   -- JSON list of [column, row,
                                 -- seconds of presence], empty cells left out
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE heat_hour (         -- the same summed by the UTC hour
    start INTEGER NOT NULL CHECK (start % 3600 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    unit TEXT NOT NULL CHECK (unit IN ('m', 'frame')),
    observed_seconds REAL NOT NULL,
    cells TEXT NOT NULL CHECK (length(cells) <= 524288 AND json_valid(cells)),
    PRIMARY KEY (start, camera, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE heat_day (          -- and by the UTC day, which is kept for longest
    start INTEGER NOT NULL CHECK (start % 86400 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    unit TEXT NOT NULL CHECK (unit IN ('m', 'frame')),
    observed_seconds REAL NOT NULL,
    cells TEXT NOT NULL CHECK (length(cells) <= 524288 AND json_valid(cells)),
    PRIMARY KEY (start, camera, unit)
) STRICT, WITHOUT ROWID;

CREATE TABLE occupancy_window (  -- one UTC minute of an area, by its gates
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),   -- '*': its gates may be of several
    id TEXT NOT NULL CHECK (length(id) <= 64),           -- the area
    observed_seconds REAL NOT NULL,
    person_seconds REAL NOT NULL,   -- integral of the number; over observed_seconds: the mean
    peak INTEGER NOT NULL,
    now INTEGER NOT NULL,        -- at the end
    drift INTEGER NOT NULL,      -- people whom the gates gave too many (above 0) or too few
    anchored INTEGER NOT NULL CHECK (anchored IN (0, 1)),   -- 1: the true number was known
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE occupancy_quarter (
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL,
    person_seconds REAL NOT NULL,
    peak INTEGER NOT NULL,
    now INTEGER NOT NULL,
    drift INTEGER NOT NULL,
    drifted INTEGER NOT NULL,    -- the same without its sign, minute by minute
    anchored INTEGER NOT NULL CHECK (anchored IN (0, 1)),
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;
