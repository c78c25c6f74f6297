-- What a database took over from the one before it, which was damaged, or older (a backup).

CREATE TABLE inherited (         -- messages of earlier epochs that wait for the centre's acknowledgement
    place INTEGER PRIMARY KEY,   -- the order in which they are sent, epoch by epoch
    epoch TEXT NOT NULL CHECK (length(epoch) <= 64),   -- they keep the identity under which they may have arrived
    stream TEXT NOT NULL CHECK (stream IN ('data', 'trigger')),
    seq INTEGER NOT NULL CHECK (seq > 0),
    "schema" TEXT NOT NULL CHECK (length("schema") <= 64),
    body TEXT NOT NULL CHECK (length(body) <= 262144 AND json_valid(body)),
    created_at REAL NOT NULL,
    expires_at REAL,
    UNIQUE (epoch, stream, seq)
) STRICT;

CREATE TABLE former_run (        -- runs of the main process whose minutes were told under an earlier epoch
    run TEXT NOT NULL PRIMARY KEY CHECK (length(run) <= 32)
) STRICT, WITHOUT ROWID;
