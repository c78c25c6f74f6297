-- The centre's coupons, in a file of their own beside what the boxes sent: commands and the hub both write here.
-- Times are UTC seconds; days are ordinals of the centre's calendar.

CREATE TABLE IF NOT EXISTS box_key (      -- the keys by which boxes sign
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL,
    signing TEXT NOT NULL, sealing TEXT NOT NULL,   -- base64
    trusted INTEGER NOT NULL,             -- 0: told by the box, not yet accepted here
    first_at REAL NOT NULL,
    PRIMARY KEY (tenant, store, box, signing, sealing)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS member_list (  -- the list in use, for each key
    tenant TEXT NOT NULL, "key" TEXT NOT NULL,
    version INTEGER NOT NULL, expires_at REAL NOT NULL,
    members INTEGER NOT NULL, pieces INTEGER NOT NULL,
    most_pieces INTEGER NOT NULL,         -- that any version had: what may still lie at the broker
    PRIMARY KEY (tenant, "key")
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS member (       -- whose car has which token
    tenant TEXT NOT NULL, "key" TEXT NOT NULL, version INTEGER NOT NULL,
    token BLOB NOT NULL, member TEXT NOT NULL,
    PRIMARY KEY (tenant, "key", version, token)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS member_piece ( -- the list as it goes down to the boxes
    tenant TEXT NOT NULL, "key" TEXT NOT NULL, version INTEGER NOT NULL, number INTEGER NOT NULL,
    members TEXT NOT NULL,                -- base64 of truncated tokens
    PRIMARY KEY (tenant, "key", version, number)
) STRICT;

CREATE TABLE IF NOT EXISTS document (     -- offers and coupon rules
    tenant TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, expires_at REAL NOT NULL,
    body TEXT NOT NULL,                   -- JSON array
    PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS taken (        -- up to where each box's triggers have been decided
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL, upto INTEGER NOT NULL,
    PRIMARY KEY (tenant, store, box, epoch)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS decision (     -- what became of each trigger: the books
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL, seq INTEGER NOT NULL,
    "key" TEXT NOT NULL,
    proven INTEGER NOT NULL,              -- signed by the box, and the first with this key
    nonce TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'refused', 'late', 'suppressed', 'repeat')),
    reason TEXT,
    lane TEXT NOT NULL, rule TEXT, offer TEXT, member TEXT,
    at REAL NOT NULL, expires_at REAL,
    decided_at REAL NOT NULL, day INTEGER NOT NULL, week INTEGER NOT NULL,
    answer TEXT,                          -- JSON, signed
    replied_at REAL,                      -- the box has the answer
    code TEXT UNIQUE, use_until REAL,
    redeemed_at REAL, redeemed_by TEXT, amount REAL,
    PRIMARY KEY (tenant, store, box, epoch, seq)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS decision_key ON decision (tenant, store, box, "key") WHERE proven = 1;
CREATE UNIQUE INDEX IF NOT EXISTS decision_nonce ON decision (tenant, store, box, nonce) WHERE proven = 1;
CREATE INDEX IF NOT EXISTS decision_member ON decision (tenant, member, week) WHERE verdict = 'accepted';
CREATE INDEX IF NOT EXISTS decision_offer ON decision (tenant, offer, day) WHERE verdict = 'accepted';
CREATE INDEX IF NOT EXISTS decision_waiting ON decision (tenant, store, box, expires_at)
    WHERE answer IS NOT NULL AND replied_at IS NULL;

CREATE TABLE IF NOT EXISTS redemption (   -- every attempt to use a coupon
    "by" TEXT NOT NULL, "key" TEXT NOT NULL,   -- the same attempt again is the same attempt
    code TEXT NOT NULL, at REAL NOT NULL,
    refusal TEXT,                         -- NULL: it was used
    amount REAL,
    PRIMARY KEY ("by", "key")
) STRICT, WITHOUT ROWID;
