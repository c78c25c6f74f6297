-- By what the box has counted time, so that what was counted with a wrong clock can be given its true time.
-- Seconds below 1,000,000,000 (2001) belong to no day: the time of day was not known (edge/clock_trust.py).

CREATE TABLE clock_stretch (     -- one for each boot whose times are not sure yet, and for this boot
    boot TEXT NOT NULL PRIMARY KEY CHECK (length(boot) <= 64),   -- the kernel's number
    zero REAL NOT NULL,          -- box seconds at which the machine's counter stood at 0
    trust TEXT NOT NULL CHECK (trust IN ('synced', 'plausible', 'unknown')),
    begun REAL NOT NULL,         -- box seconds from which on it counted so
    first_minute INTEGER NOT NULL CHECK (first_minute % 60 = 0)   -- the first minute that is its alone
) STRICT, WITHOUT ROWID;
