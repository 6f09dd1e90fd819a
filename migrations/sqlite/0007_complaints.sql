-- 投诉: one row for each. `state_data` is the state with its data (JSON), `signs` what the grade was decided on; `due_at` the earliest
-- instant by which something must have been done, `next_alarm_at` the next one that nobody was told of, `urgency` the order of F20.
CREATE TABLE complaints (
    id              TEXT    NOT NULL PRIMARY KEY,
    source          TEXT    NOT NULL
                    CHECK (source IN ('call', 'wrap_up', 'order', 'hotline', 'written', 'in_person', 'other')),
    call_id         TEXT    UNIQUE REFERENCES calls (id),
    visit_id        TEXT    REFERENCES visits (id),
    order_no        TEXT    REFERENCES orders (no),
    phone           TEXT,
    machine_no      TEXT,
    dealer          TEXT,
    engineer        TEXT,
    branch          TEXT,
    opened_at       INTEGER NOT NULL,
    opened_by       TEXT    NOT NULL,
    text            TEXT    NOT NULL CHECK (length(text) > 0),
    quotes          TEXT    NOT NULL,
    signs           TEXT    NOT NULL,
    kind            TEXT    NOT NULL
                    CHECK (kind IN ('injury', 'return', 'replace', 'compensation', 'exposure', 'fault', 'service')),
    grade           TEXT    NOT NULL CHECK (grade IN ('A', 'B', 'C', 'D', 'E')),
    grade_why       TEXT    NOT NULL,
    graded_by       TEXT,
    side            TEXT    CHECK (side IN ('service', 'sales')),
    reasonable      INTEGER CHECK (reasonable IN (0, 1)),
    form            TEXT    NOT NULL,
    decision        TEXT,
    reply_due_at    INTEGER,
    reply           TEXT,
    site_visit      TEXT,
    solution        TEXT,
    handled_at      INTEGER,
    rounds          INTEGER NOT NULL CHECK (rounds >= 0),
    second_visit_id TEXT    REFERENCES visits (id),
    recurrence      TEXT,
    marked_from     INTEGER,
    checked         TEXT,
    state           TEXT    NOT NULL
                    CHECK (state IN ('open', 'awaiting_approval', 'handling', 'with_department', 'handled', 'closed')),
    state_at        INTEGER NOT NULL,
    department      TEXT,
    state_data      TEXT    NOT NULL,
    closed_at       INTEGER,
    close_cause     TEXT,
    due_at          INTEGER,
    next_alarm_at   INTEGER,
    urgency         INTEGER NOT NULL,
    version         INTEGER NOT NULL CHECK (version >= 1),
    CHECK ((solution IS NULL) = (handled_at IS NULL)),
    CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CHECK ((closed_at IS NULL) = (close_cause IS NULL)),
    -- Nothing that is not over lies without a time by which it must go on.
    CHECK ((state = 'closed') = (due_at IS NULL))
) STRICT;
CREATE UNIQUE INDEX complaints_one_per_order ON complaints (order_no) WHERE source = 'order';
CREATE INDEX complaints_by_age ON complaints (opened_at, id);
CREATE INDEX complaints_by_urgency ON complaints (urgency, id);
CREATE INDEX complaints_by_phone ON complaints (phone, opened_at);
CREATE INDEX complaints_by_machine ON complaints (machine_no, opened_at);
CREATE INDEX complaints_by_second_visit ON complaints (second_visit_id);
CREATE INDEX complaints_to_alarm ON complaints (next_alarm_at) WHERE next_alarm_at IS NOT NULL;

-- What was done to a complaint, step by step; rows are only ever added.
CREATE TABLE complaint_steps (
    complaint_id TEXT    NOT NULL REFERENCES complaints (id),
    n            INTEGER NOT NULL CHECK (n >= 1),
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    step         TEXT    NOT NULL,
    from_state   TEXT,
    to_state     TEXT    NOT NULL,
    detail       TEXT    NOT NULL,
    PRIMARY KEY (complaint_id, n)
) STRICT;

-- Alarms that were told, each once.
CREATE TABLE complaint_alarms (
    complaint_id TEXT    NOT NULL REFERENCES complaints (id),
    kind         TEXT    NOT NULL,
    since        INTEGER NOT NULL,
    raised_at    INTEGER NOT NULL,
    PRIMARY KEY (complaint_id, kind, since)
) STRICT;

-- The earlier orders of a customer: has the fault come back?
CREATE INDEX orders_by_phone ON orders (phone, updated_at);
