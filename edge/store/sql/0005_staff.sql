-- How much of what a gate or zone counted turned out to be staff, in the minute in which that was known.

ALTER TABLE gate_window ADD COLUMN staff_entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate_window ADD COLUMN staff_exits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate_quarter ADD COLUMN staff_entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE gate_quarter ADD COLUMN staff_exits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE zone_window ADD COLUMN staff_visits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE zone_window ADD COLUMN staff_seconds REAL NOT NULL DEFAULT 0;
ALTER TABLE zone_quarter ADD COLUMN staff_visits INTEGER NOT NULL DEFAULT 0;
ALTER TABLE zone_quarter ADD COLUMN staff_seconds REAL NOT NULL DEFAULT 0;
