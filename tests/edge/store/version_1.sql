-- A box's file as version 1 of the schema (step 0001) left it: made once by that version, never edited.
BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'storeedge','0001_records','2026-11-22 05:32:27.086998+00:00');
CREATE TABLE camera_window (     -- one UTC minute of a whole camera
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL CHECK (observed_seconds >= 0),
    frames INTEGER NOT NULL,
    person_seconds REAL NOT NULL,
    peak INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE crossing (          -- a person walked through a gate
    t REAL NOT NULL,             -- when
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    gate TEXT NOT NULL CHECK (length(gate) <= 64),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    track INTEGER NOT NULL,      -- a number without meaning outside its camera and process
    inferred INTEGER NOT NULL CHECK (inferred IN (0, 1)),   -- 1: the step over the line was not seen
    counted INTEGER,             -- start of the committed minute that holds it; NULL: in none yet
    PRIMARY KEY (t, camera, gate, track, direction)
) STRICT, WITHOUT ROWID;
INSERT INTO "crossing" VALUES(1790000045.0,'cam-1','door','in',1,0,1790000040);
CREATE TABLE event (             -- something that a person should act on
    t REAL NOT NULL,
    name TEXT NOT NULL CHECK (length(name) <= 64),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),      -- '': about no camera (NULL would break the key)
    scope TEXT NOT NULL CHECK (length(scope) <= 64),        -- gate, zone or lane; '': none
    t_end REAL,                  -- NULL: has no end, or goes on
    detail TEXT NOT NULL CHECK (length(detail) <= 2000 AND json_valid(detail)),   -- JSON object of small values
    PRIMARY KEY (t, name, camera, scope)
) STRICT, WITHOUT ROWID;
CREATE TABLE gate_window (       -- one UTC minute of a gate
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL CHECK (observed_seconds >= 0),   -- 0: blind, which is not "nobody came"
    entries INTEGER NOT NULL,
    exits INTEGER NOT NULL,
    inferred INTEGER NOT NULL,   -- of both, how many were inferred
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "gate_window" VALUES(1790000040,'cam-1','door',60.0,2,0,0);
INSERT INTO "gate_window" VALUES(1790000100,'cam-1','door',60.0,3,1,0);
CREATE TABLE lane_window (       -- one UTC minute of a lane: vehicles by direction in the picture
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL CHECK (observed_seconds >= 0),
    "up" INTEGER NOT NULL,
    "down" INTEGER NOT NULL,
    "left" INTEGER NOT NULL,
    "right" INTEGER NOT NULL,
    wrong_way INTEGER NOT NULL,
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE meta (              -- facts about this database itself
    key TEXT NOT NULL PRIMARY KEY CHECK (length(key) <= 64),
    value TEXT NOT NULL CHECK (length(value) <= 256)
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('box','box-01');
INSERT INTO "meta" VALUES('closed','yes');
INSERT INTO "meta" VALUES('epoch','00c0ffee00c0ffee');
INSERT INTO "meta" VALUES('needs','1');
INSERT INTO "meta" VALUES('store','sz-futian');
INSERT INTO "meta" VALUES('tenant','rainbow');
CREATE TABLE minute (            -- which minutes are committed, and by which run of the main process
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    run TEXT NOT NULL CHECK (length(run) <= 32),
    committed_at REAL NOT NULL,
    PRIMARY KEY (start, run)
) STRICT, WITHOUT ROWID;
INSERT INTO "minute" VALUES(1790000040,'1111111111111111',1790000110.0);
INSERT INTO "minute" VALUES(1790000100,'1111111111111111',1790000170.0);
CREATE TABLE outbox (            -- messages that wait for the centre's acknowledgement
    stream TEXT NOT NULL CHECK (stream IN ('data', 'trigger')),
    seq INTEGER NOT NULL CHECK (seq > 0),   -- (box, epoch, stream, seq) is a message's identity for ever
    "schema" TEXT NOT NULL CHECK (length("schema") <= 64),
    body TEXT NOT NULL CHECK (length(body) <= 262144 AND json_valid(body)),   -- exactly as it will be sent
    created_at REAL NOT NULL,
    expires_at REAL,             -- after it, a trigger is not worth sending
    PRIMARY KEY (stream, seq)
) STRICT;
INSERT INTO "outbox" VALUES('data',7,'storeedge/minute/1','{}',1790000170.0,NULL);
CREATE TABLE outbox_stream (     -- outlives its rows, so that a number is never given twice
    stream TEXT NOT NULL PRIMARY KEY CHECK (stream IN ('data', 'trigger')),
    last_seq INTEGER NOT NULL,   -- the last number given; 0: none yet
    acked_seq INTEGER NOT NULL,  -- the centre holds everything up to it
    acked_at REAL,               -- when the centre last acknowledged
    dropped INTEGER NOT NULL     -- rows given up unacknowledged because the disk was full
) STRICT, WITHOUT ROWID;
INSERT INTO "outbox_stream" VALUES('data',7,6,1790000110.0,0);
INSERT INTO "outbox_stream" VALUES('trigger',0,0,NULL,0);
CREATE TABLE vehicle_passage (   -- a vehicle drove through a lane's picture
    t REAL NOT NULL,
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    lane TEXT NOT NULL CHECK (length(lane) <= 64),
    direction TEXT NOT NULL CHECK (direction IN ('up', 'down', 'left', 'right')),
    track INTEGER NOT NULL,
    wrong_way INTEGER NOT NULL CHECK (wrong_way IN (0, 1)),
    counted INTEGER,
    PRIMARY KEY (t, camera, lane, track, direction)
) STRICT, WITHOUT ROWID;
CREATE TABLE visit (             -- a stay in a zone, at least the zone's min_stay long
    t_out REAL NOT NULL,         -- its end, which decides its minute
    t_in REAL NOT NULL,
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    zone TEXT NOT NULL CHECK (length(zone) <= 64),
    track INTEGER NOT NULL,
    censored INTEGER NOT NULL CHECK (censored IN (0, 1)),   -- 1: the real stay may have been longer
    end_reason TEXT NOT NULL CHECK (end_reason IN ('left', 'lost', 'closed')),
    staff TEXT NOT NULL CHECK (staff IN ('staff', 'customer', 'unknown')),
    counted INTEGER,
    PRIMARY KEY (t_out, camera, zone, track, t_in)
) STRICT, WITHOUT ROWID;
CREATE TABLE zone_window (       -- one UTC minute of a zone; visits count where they ended
    start INTEGER NOT NULL CHECK (start % 60 = 0),
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    id TEXT NOT NULL CHECK (length(id) <= 64),
    observed_seconds REAL NOT NULL CHECK (observed_seconds >= 0),
    visits INTEGER NOT NULL,
    passes INTEGER NOT NULL,     -- stays too short for a visit
    person_seconds REAL NOT NULL,
    peak INTEGER NOT NULL,       -- most people at once
    dwell TEXT NOT NULL CHECK (length(dwell) <= 256 AND json_valid(dwell)),   -- complete visits by length: JSON
                                 -- list of counts for DWELL_EDGES_S, zeros at its end left out
    dwell_censored TEXT NOT NULL CHECK (length(dwell_censored) <= 256 AND json_valid(dwell_censored)),
    dwell_seconds REAL NOT NULL, -- sum of all visits' lengths
    PRIMARY KEY (start, camera, id)
) STRICT, WITHOUT ROWID;
INSERT INTO "zone_window" VALUES(1790000040,'cam-1','lancome',60.0,1,0,0.0,2,'[0,0,1]','[]',4.0);
INSERT INTO "zone_window" VALUES(1790000100,'cam-1','lancome',60.0,2,0,0.0,1,'[0,0,0,0,0,0,0,0,0,1]','[0,0,1]',74.0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX crossing_uncounted ON crossing (t) WHERE counted IS NULL;
CREATE INDEX visit_uncounted ON visit (t_out) WHERE counted IS NULL;
CREATE INDEX vehicle_passage_uncounted ON vehicle_passage (t) WHERE counted IS NULL;
COMMIT;
