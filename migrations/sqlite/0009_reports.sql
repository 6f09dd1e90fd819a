-- 回访台账 (G11): the number that a visit has among those of its month, counted from 1 without a gap. A row is never changed or removed.
CREATE TABLE ledger (
    visit_id   TEXT    NOT NULL PRIMARY KEY REFERENCES visits (id),
    -- Local month in which the clock of the visit starts, e.g. `2026-11`.
    month      TEXT    NOT NULL CHECK (length(month) = 7),
    n          INTEGER NOT NULL CHECK (n >= 1),
    entered_at INTEGER NOT NULL,
    UNIQUE (month, n)
) STRICT;
CREATE INDEX visits_by_clock ON visits (clock_starts_at, id);

-- Who handed in which monthly report when (G06–G10). The first one of a month is what counts; later ones stay beside it.
CREATE TABLE report_submissions (
    id           TEXT    NOT NULL PRIMARY KEY,
    report       TEXT    NOT NULL,
    month        TEXT    NOT NULL CHECK (length(month) = 7),
    submitted_at INTEGER NOT NULL,
    submitted_by TEXT    NOT NULL,
    note         TEXT
) STRICT;
CREATE INDEX report_submissions_by_month ON report_submissions (month, report, submitted_at);

-- Coverage asks for all choices of a month, whatever the programme.
CREATE INDEX selections_by_month ON selections (month, programme, stage);
