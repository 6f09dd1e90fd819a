-- 质检. One review for every judged call; `why` is null where nobody has to listen. `mean` repeats the index in force for look-ups.
CREATE TABLE reviews (
    call_id      TEXT    NOT NULL PRIMARY KEY REFERENCES calls (id),
    seat         TEXT,
    month        TEXT    NOT NULL,
    why          TEXT CHECK (why IN ('alarm', 'disagreement', 'sampled', 'agent_minimum')),
    alarms       INTEGER NOT NULL CHECK (alarms >= 0),
    disagreement INTEGER NOT NULL CHECK (disagreement IN (0, 1)),
    mean         REAL,
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'claimed', 'reviewed')),
    reviewer     TEXT,
    state_at     INTEGER,
    version      INTEGER NOT NULL CHECK (version >= 1),
    CHECK ((state = 'waiting') = (reviewer IS NULL)),
    CHECK ((reviewer IS NULL) = (state_at IS NULL))
) STRICT;
CREATE INDEX reviews_by_agent ON reviews (seat, month);
CREATE INDEX reviews_by_state ON reviews (state, why);

-- 质检表 of a call: every version, the form beside the marks. `item` and `why` say what a person changed.
CREATE TABLE qa_sheets (
    call_id TEXT    NOT NULL REFERENCES calls (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    sheet   TEXT    NOT NULL,
    made_by TEXT    NOT NULL,
    item    TEXT,
    why     TEXT,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (call_id, version),
    CHECK ((item IS NULL) = (why IS NULL))
) STRICT;

-- 异议. `stage` repeats the last step, so that one item has one dispute at a time; the steps are only ever added.
CREATE TABLE disputes (
    id        TEXT    NOT NULL PRIMARY KEY,
    call_id   TEXT    NOT NULL REFERENCES calls (id),
    item      TEXT    NOT NULL,
    stage     TEXT    NOT NULL CHECK (stage IN ('open', 'answered', 'upheld', 'dismissed', 'withdrawn')),
    opened_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX disputes_one_pending_per_item ON disputes (call_id, item) WHERE stage IN ('open', 'answered');
CREATE INDEX disputes_by_age ON disputes (opened_at, id);

CREATE TABLE dispute_steps (
    dispute_id TEXT    NOT NULL REFERENCES disputes (id),
    n          INTEGER NOT NULL CHECK (n >= 1),
    step       TEXT    NOT NULL,
    PRIMARY KEY (dispute_id, n)
) STRICT;

-- 校准: who fills the sheet of a call without seeing the others', on which form, and what was handed in.
CREATE TABLE calibrations (
    id        TEXT    NOT NULL PRIMARY KEY,
    call_id   TEXT    NOT NULL REFERENCES calls (id),
    form      TEXT    NOT NULL,
    opened_by TEXT    NOT NULL,
    opened_at INTEGER NOT NULL,
    reviewers TEXT    NOT NULL,
    closed_at INTEGER
) STRICT;
CREATE INDEX calibrations_by_age ON calibrations (opened_at, id);

CREATE TABLE calibration_sheets (
    calibration_id TEXT    NOT NULL REFERENCES calibrations (id),
    reviewer       TEXT    NOT NULL,
    marks          TEXT    NOT NULL,
    handed_in_at   INTEGER NOT NULL,
    PRIMARY KEY (calibration_id, reviewer)
) STRICT;

-- 重评: what another keyword table made of the calls of a period, and whether it was adopted. `changes` is JSON: calls and their cells.
CREATE TABLE rescorings (
    id         TEXT    NOT NULL PRIMARY KEY,
    from_at    INTEGER NOT NULL,
    before_at  INTEGER NOT NULL,
    rubric     TEXT    NOT NULL,
    calls      INTEGER NOT NULL CHECK (calls >= 0),
    changes    TEXT    NOT NULL,
    made_by    TEXT    NOT NULL,
    made_at    INTEGER NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('proposed', 'adopted', 'dropped')),
    decided_by TEXT,
    decided_at INTEGER,
    CHECK ((state = 'proposed') = (decided_by IS NULL)),
    CHECK ((decided_by IS NULL) = (decided_at IS NULL))
) STRICT;
CREATE INDEX rescorings_by_age ON rescorings (made_at, id);
