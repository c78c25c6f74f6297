-- Parking: stays, coupon decisions, and how many cars got none and why. Times are UTC seconds.
-- No column takes a plate: tokens are hexadecimal, names are small letters, and nothing takes a capital or a
-- Chinese character.

CREATE TABLE parking_session (   -- a car's stay
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) <= 32 AND id NOT GLOB '*[^0-9a-f]*'),
    told_at REAL NOT NULL,       -- when something was last told of it
    entry_lane TEXT NOT NULL CHECK (length(entry_lane) <= 64 AND entry_lane NOT GLOB '*[^a-z0-9-]*'),
                                 -- '': nobody saw it come
    entered_at REAL,
    boot TEXT NOT NULL CHECK (length(boot) <= 36 AND boot NOT GLOB '*[^0-9a-f-]*'),
    boot_s REAL,                 -- its entry by the machine's own counter since that boot, which never steps
    exit_lane TEXT NOT NULL CHECK (length(exit_lane) <= 64 AND exit_lane NOT GLOB '*[^a-z0-9-]*'),
    left_at REAL,
    parked_s REAL,
    ending TEXT CHECK (ending IN ('left', 'missed_exit', 'expired', 'dropped')),   -- NULL: inside
    amount REAL,                 -- the fee, where a parking system told it
    member INTEGER CHECK (member IN (0, 1)),   -- NULL: nobody knows
    names TEXT CHECK (length(names) <= 400 AND names NOT GLOB '*[^0-9a-f ;]*'),
                                 -- keyed tokens of its plate; NULL: unread, or gone for a while
    ref TEXT CHECK (length(ref) <= 32 AND ref NOT GLOB '*[^0-9a-f]*')   -- token of the parking system's number
) STRICT, WITHOUT ROWID;
CREATE INDEX parking_session_told ON parking_session (told_at);
CREATE INDEX parking_session_inside ON parking_session (id) WHERE ending IS NULL;

CREATE TABLE coupon_trigger (    -- a rule decided upon a car: issued, or held back by a cap
    "key" TEXT NOT NULL PRIMARY KEY CHECK (length("key") <= 64 AND "key" NOT GLOB '*[^0-9a-f]*'),
    t REAL NOT NULL,
    day INTEGER NOT NULL,        -- of the store's calendar
    session TEXT NOT NULL CHECK (length(session) <= 32 AND session NOT GLOB '*[^0-9a-f]*'),
    direction TEXT NOT NULL CHECK (direction IN ('arrival', 'exit')),
    lane TEXT NOT NULL CHECK (length(lane) <= 64 AND lane NOT GLOB '*[^a-z0-9-]*'),
    rule TEXT NOT NULL CHECK (length(rule) <= 64 AND rule NOT GLOB '*[^a-z0-9-]*'),
    offer TEXT NOT NULL CHECK (length(offer) <= 64 AND offer NOT GLOB '*[^a-z0-9-]*'),
    reason TEXT CHECK (length(reason) <= 32 AND reason NOT GLOB '*[^a-z_]*'),   -- NULL: issued
    expires_at REAL NOT NULL,
    visitor TEXT CHECK (length(visitor) <= 32 AND visitor NOT GLOB '*[^0-9a-f]*'),   -- token under a day's key
    member INTEGER CHECK (member IN (0, 1)),
    parked_s REAL,
    worth INTEGER NOT NULL,      -- hundredths of the store's currency
    told TEXT NOT NULL CHECK (told IN ('no', 'waits', 'yes', 'refused', 'given_up'))   -- to the parking system
) STRICT, WITHOUT ROWID;
CREATE INDEX coupon_trigger_t ON coupon_trigger (t);
CREATE UNIQUE INDEX coupon_trigger_stay ON coupon_trigger (session, direction);

CREATE TABLE coupon_count (      -- cars by what came of them, each quarter of an hour
    start INTEGER NOT NULL CHECK (start % 900 = 0),
    lane TEXT NOT NULL CHECK (length(lane) <= 64 AND lane NOT GLOB '*[^a-z0-9-]*'),
    outcome TEXT NOT NULL CHECK (length(outcome) <= 32 AND outcome NOT GLOB '*[^a-z_]*'),   -- issued, or why not
    cars INTEGER NOT NULL,
    PRIMARY KEY (start, lane, outcome)
) STRICT, WITHOUT ROWID;
