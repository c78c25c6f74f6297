-- What the centre has sent down: members, offers, coupon rules. Nothing of the box's own is in here.

CREATE TABLE document (          -- the version of each document that is in use
    name TEXT NOT NULL PRIMARY KEY CHECK (length(name) <= 64 AND name NOT GLOB '*[^a-z0-9-]*'),
    "schema" TEXT NOT NULL CHECK (length("schema") <= 64),
    version INTEGER NOT NULL,
    pieces INTEGER NOT NULL,
    expires_at REAL NOT NULL,    -- UTC seconds
    taken_at REAL NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE document_piece (    -- of versions in use, arriving, or waiting to be deleted
    name TEXT NOT NULL CHECK (length(name) <= 64 AND name NOT GLOB '*[^a-z0-9-]*'),
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,     -- from 1
    pieces INTEGER NOT NULL,
    body TEXT NOT NULL CHECK (length(body) <= 262144 AND body GLOB '{*'),   -- JSON as it came
    PRIMARY KEY (name, version, number)
) STRICT;
