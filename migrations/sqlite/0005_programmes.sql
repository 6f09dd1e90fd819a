-- Programmes with several visits: what began a visit, which of its programme's visits it is, by which version, in whose calendar.
ALTER TABLE visits ADD COLUMN trigger_kind TEXT NOT NULL DEFAULT 'sms';
ALTER TABLE visits ADD COLUMN stage TEXT NOT NULL DEFAULT 'first';
ALTER TABLE visits ADD COLUMN programme_version TEXT NOT NULL DEFAULT '';
ALTER TABLE visits ADD COLUMN branch TEXT;

-- One order has one open visit of each kind, no longer one at all.
DROP INDEX visits_one_open_per_order;
CREATE UNIQUE INDEX visits_one_open_per_stage ON visits (order_no, programme, stage) WHERE state IN ('waiting', 'calling');

-- What happened to an order, as another system reported it. `answer` is what it was told: a repeated report gets the same again.
CREATE TABLE order_events (
    order_no  TEXT    NOT NULL REFERENCES orders (no),
    kind      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    stored_at INTEGER NOT NULL,
    answer    TEXT    NOT NULL,
    PRIMARY KEY (order_no, kind, at)
) STRICT;

-- 抽样: which orders were chosen for a visit and why, also those that were not. `month` is local, `class` why somebody is always visited.
CREATE TABLE selections (
    order_no   TEXT    NOT NULL REFERENCES orders (no),
    programme  TEXT    NOT NULL,
    stage      TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    month      TEXT    NOT NULL,
    dealer     TEXT    NOT NULL,
    why        TEXT    NOT NULL CHECK (why IN ('everybody', 'class', 'sampled', 'not_sampled')),
    class      TEXT,
    decided_at INTEGER NOT NULL,
    PRIMARY KEY (order_no, programme, stage, at),
    CHECK ((why = 'class') = (class IS NOT NULL))
) STRICT;
CREATE INDEX selections_by_group ON selections (programme, stage, month, dealer);
