-- The centre's coupons in PostgreSQL: the same as coupons.sql's, where each column is explained. In a schema of
-- their own, so that who may read the figures need not be let in here.
CREATE SCHEMA IF NOT EXISTS coupons;

CREATE TABLE IF NOT EXISTS box_key (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL,
    signing TEXT NOT NULL, sealing TEXT NOT NULL,
    trusted INTEGER NOT NULL,
    first_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (tenant, store, box, signing, sealing)
);

CREATE TABLE IF NOT EXISTS member_list (
    tenant TEXT NOT NULL, "key" TEXT NOT NULL,
    version BIGINT NOT NULL, expires_at DOUBLE PRECISION NOT NULL,
    members INTEGER NOT NULL, pieces INTEGER NOT NULL,
    most_pieces INTEGER NOT NULL,
    PRIMARY KEY (tenant, "key")
);

CREATE TABLE IF NOT EXISTS member (
    tenant TEXT NOT NULL, "key" TEXT NOT NULL, version BIGINT NOT NULL,
    token BYTEA NOT NULL, member TEXT NOT NULL,
    PRIMARY KEY (tenant, "key", version, token)
);

CREATE TABLE IF NOT EXISTS member_piece (
    tenant TEXT NOT NULL, "key" TEXT NOT NULL, version BIGINT NOT NULL, number INTEGER NOT NULL,
    members TEXT NOT NULL,
    PRIMARY KEY (tenant, "key", version, number)
);

CREATE TABLE IF NOT EXISTS document (
    tenant TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, expires_at DOUBLE PRECISION NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);

CREATE TABLE IF NOT EXISTS taken (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL, upto BIGINT NOT NULL,
    PRIMARY KEY (tenant, store, box, epoch)
);

CREATE TABLE IF NOT EXISTS decision (
    tenant TEXT NOT NULL, store TEXT NOT NULL, box TEXT NOT NULL, epoch TEXT NOT NULL, seq BIGINT NOT NULL,
    "key" TEXT NOT NULL,
    proven INTEGER NOT NULL,
    nonce TEXT,
    verdict TEXT NOT NULL CHECK (verdict IN ('accepted', 'refused', 'late', 'suppressed', 'repeat')),
    reason TEXT,
    lane TEXT NOT NULL, rule TEXT, offer TEXT, member TEXT,
    at DOUBLE PRECISION NOT NULL, expires_at DOUBLE PRECISION,
    decided_at DOUBLE PRECISION NOT NULL, day INTEGER NOT NULL, week INTEGER NOT NULL,
    answer TEXT,
    replied_at DOUBLE PRECISION,
    code TEXT UNIQUE, use_until DOUBLE PRECISION,
    redeemed_at DOUBLE PRECISION, redeemed_by TEXT, amount DOUBLE PRECISION,
    PRIMARY KEY (tenant, store, box, epoch, seq)
);
CREATE UNIQUE INDEX IF NOT EXISTS decision_key ON decision (tenant, store, box, "key") WHERE proven = 1;
CREATE UNIQUE INDEX IF NOT EXISTS decision_nonce ON decision (tenant, store, box, nonce) WHERE proven = 1;
CREATE INDEX IF NOT EXISTS decision_member ON decision (tenant, member, week) WHERE verdict = 'accepted';
CREATE INDEX IF NOT EXISTS decision_offer ON decision (tenant, offer, day) WHERE verdict = 'accepted';
CREATE INDEX IF NOT EXISTS decision_waiting ON decision (tenant, store, box, expires_at)
    WHERE answer IS NOT NULL AND replied_at IS NULL;

CREATE TABLE IF NOT EXISTS redemption (
    "by" TEXT NOT NULL, "key" TEXT NOT NULL,
    code TEXT NOT NULL, at DOUBLE PRECISION NOT NULL,
    refusal TEXT,
    amount DOUBLE PRECISION,
    PRIMARY KEY ("by", "key")
);
