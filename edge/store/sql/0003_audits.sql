-- A person counted a gate by hand for a while, and how the box's own count compared. Sums of audits of the same
-- drawing are an audit again, so everything that the interval is made of is kept, not only the interval.

CREATE TABLE audit (
    begun REAL NOT NULL,         -- from when to when the person watched
    ended REAL NOT NULL,
    camera TEXT NOT NULL CHECK (length(camera) <= 64),
    gate TEXT NOT NULL CHECK (length(gate) <= 64),
    direction TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    drawing TEXT NOT NULL CHECK (length(drawing) <= 64),   -- digest of the gate's line, floor and mask; another
                                 -- one than today's: the audit says nothing about today's counts
    who TEXT NOT NULL CHECK (length(who) <= 64),           -- as they called themselves; '': did not say
    made_at REAL NOT NULL,
    by_hand INTEGER NOT NULL,
    counted INTEGER NOT NULL,
    matched INTEGER NOT NULL,
    wrong_way INTEGER NOT NULL,  -- counted in the other direction
    accuracy REAL,               -- of this audit alone, as were the interval of the bias (90 %) and the verdict
    bias_low REAL,               -- NULL: nobody walked through
    bias_high REAL,
    verdict TEXT NOT NULL CHECK (verdict IN ('pass', 'fail', 'undecided')),
    windows INTEGER NOT NULL,    -- quarter-hours, and the sums that WAPE, MAPE and the errors' spread are made of
    window_error INTEGER NOT NULL,
    full_windows INTEGER NOT NULL,
    full_window_error REAL NOT NULL,
    minutes INTEGER NOT NULL,
    errors_squared INTEGER NOT NULL,
    errors_by_true INTEGER NOT NULL,
    true_squared INTEGER NOT NULL,
    PRIMARY KEY (camera, gate, direction, begun)
) STRICT, WITHOUT ROWID;
