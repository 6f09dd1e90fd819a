-- The first schema. Times are epoch milliseconds (UTC), ids and JSON are TEXT, there are no booleans: the statements that use
-- these tables run unchanged on PostgreSQL. STRICT makes SQLite hold every column to its type.

-- 服务订单. `claims` and `customer` are the domain types as JSON; `phone` repeats the customer's number for look-ups by caller.
CREATE TABLE orders (
    no           TEXT    NOT NULL PRIMARY KEY CHECK (length(no) > 0),
    service_type TEXT    NOT NULL,
    phone        TEXT    NOT NULL,
    customer     TEXT    NOT NULL,
    claims       TEXT    NOT NULL,
    version      INTEGER NOT NULL CHECK (version >= 1),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX orders_by_age ON orders (created_at, no);

-- 报完工短信, every one of them. `answer` is what the sender was told: a repeated message id gets the same answer again.
CREATE TABLE sms (
    message_id  TEXT    NOT NULL PRIMARY KEY CHECK (length(message_id) > 0),
    sender      TEXT    NOT NULL,
    recipient   TEXT    NOT NULL,
    body        TEXT    NOT NULL,
    received_at INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    answer      TEXT    NOT NULL
) STRICT;

-- SMS that no template could read, until a person completes or dismisses them.
CREATE TABLE inbox (
    id          TEXT    NOT NULL PRIMARY KEY,
    message_id  TEXT    NOT NULL UNIQUE REFERENCES sms (message_id) DEFERRABLE INITIALLY DEFERRED,
    reason      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    resolved_at INTEGER,
    resolved_by TEXT,
    order_no    TEXT REFERENCES orders (no),
    CHECK ((resolved_at IS NULL) = (resolved_by IS NULL)),
    CHECK (order_no IS NULL OR resolved_at IS NOT NULL)
) STRICT;
CREATE INDEX inbox_by_age ON inbox (created_at, id);

-- 回访任务. `state_at` is the instant that the state carries: not_before, since or at. `reason` is why it waits or was closed.
CREATE TABLE visits (
    id               TEXT    NOT NULL PRIMARY KEY,
    order_no         TEXT    NOT NULL REFERENCES orders (no),
    programme        TEXT    NOT NULL,
    sms_at           INTEGER NOT NULL,
    clock_starts_at  INTEGER NOT NULL,
    due_at           INTEGER NOT NULL,
    deadline_at      INTEGER NOT NULL,
    attempts         INTEGER NOT NULL CHECK (attempts >= 0),
    first_attempt_at INTEGER,
    escalated_at     INTEGER,
    late_cause       TEXT,
    tries            TEXT    NOT NULL,
    redial_guard     INTEGER,
    state            TEXT    NOT NULL CHECK (state IN ('waiting', 'calling', 'completed', 'closed')),
    state_at         INTEGER NOT NULL,
    call_id          TEXT,
    reason           TEXT,
    version          INTEGER NOT NULL CHECK (version >= 1),
    CHECK (due_at <= deadline_at),
    CHECK ((attempts = 0) = (first_attempt_at IS NULL)),
    CHECK ((state IN ('calling', 'completed')) = (call_id IS NOT NULL)),
    CHECK ((state IN ('waiting', 'closed')) = (reason IS NOT NULL)),
    -- The call that holds or completed a visit is a call of this very visit.
    FOREIGN KEY (id, call_id) REFERENCES calls (visit_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
-- One order is visited once at a time.
CREATE UNIQUE INDEX visits_one_open_per_order ON visits (order_no) WHERE state IN ('waiting', 'calling');
CREATE INDEX visits_by_order ON visits (order_no, sms_at);
CREATE INDEX visits_by_age ON visits (sms_at, id);
CREATE INDEX visits_by_state ON visits (state, state_at);

-- 通话: one row for every INVITE. Unique (visit, attempt) is what makes dialling at most once per attempt (invariant 2).
CREATE TABLE calls (
    id             TEXT    NOT NULL PRIMARY KEY,
    visit_id       TEXT    NOT NULL REFERENCES visits (id),
    order_no       TEXT    NOT NULL REFERENCES orders (no),
    attempt        INTEGER NOT NULL CHECK (attempt >= 1),
    phone          TEXT    NOT NULL,
    trunk          TEXT,
    programme      TEXT    NOT NULL,
    claimed_at     INTEGER NOT NULL,
    invited_at     INTEGER,
    ringing_at     INTEGER,
    early_media_at INTEGER,
    answered_at    INTEGER,
    ended_at       INTEGER,
    outcome        TEXT CHECK (outcome IN ('answered', 'busy', 'no_answer', 'declined', 'hung_up', 'unreachable',
                                           'invalid_number', 'trunk_failure', 'auth_failed', 'recorder_failed', 'cancelled')),
    fault          TEXT,
    sip_status     INTEGER CHECK (sip_status BETWEEN 100 AND 699),
    detail         TEXT,
    hung_up_by     TEXT,
    conversation   TEXT,
    legs           TEXT    NOT NULL,
    journal        TEXT    NOT NULL,
    UNIQUE (visit_id, attempt),
    UNIQUE (visit_id, id),
    CHECK (outcome IS NULL OR ended_at IS NOT NULL)
) STRICT;
-- A visit has at most one call in progress.
CREATE UNIQUE INDEX calls_one_open_per_visit ON calls (visit_id) WHERE outcome IS NULL;
CREATE INDEX calls_by_age ON calls (claimed_at, id);
CREATE INDEX calls_by_order ON calls (order_no, claimed_at);

-- 录音: what is on disk. The id is the call's id; the row outlives the file (state `pruned`).
CREATE TABLE recordings (
    id            TEXT    NOT NULL PRIMARY KEY REFERENCES calls (id),
    file          TEXT    NOT NULL UNIQUE,
    seconds       REAL    NOT NULL CHECK (seconds >= 0),
    answered_at_s REAL,
    sha256        TEXT    NOT NULL,
    channels      INTEGER NOT NULL,
    sample_rate   INTEGER NOT NULL,
    gaps          TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('open', 'complete', 'repaired', 'pruned', 'missing')),
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    CHECK (state <> 'complete' OR length(sha256) = 64)
) STRICT;
CREATE INDEX recordings_by_age ON recordings (created_at, id);

-- What was made of a call. Nothing is overwritten: a new result is a new version.
CREATE TABLE transcripts (
    call_id  TEXT    NOT NULL REFERENCES calls (id),
    version  INTEGER NOT NULL CHECK (version >= 1),
    engine   TEXT    NOT NULL,
    model    TEXT    NOT NULL,
    segments TEXT    NOT NULL,
    made_at  INTEGER NOT NULL,
    PRIMARY KEY (call_id, version)
) STRICT;

CREATE TABLE scorecards (
    call_id   TEXT    NOT NULL REFERENCES calls (id),
    version   INTEGER NOT NULL CHECK (version >= 1),
    rubric    TEXT    NOT NULL,
    card      TEXT    NOT NULL,
    made_by   TEXT    NOT NULL,
    indicator TEXT,
    why       TEXT,
    made_at   INTEGER NOT NULL,
    PRIMARY KEY (call_id, version),
    -- An override says which indicator and why; the machine says neither.
    CHECK ((indicator IS NULL) = (why IS NULL))
) STRICT;

CREATE TABLE facts (
    call_id TEXT    NOT NULL REFERENCES calls (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    made_by TEXT    NOT NULL,
    facts   TEXT    NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (call_id, version)
) STRICT;

CREATE TABLE audit_runs (
    call_id TEXT    NOT NULL REFERENCES calls (id),
    version INTEGER NOT NULL CHECK (version >= 1),
    made_by TEXT    NOT NULL,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (call_id, version)
) STRICT;

CREATE TABLE findings (
    call_id  TEXT    NOT NULL,
    version  INTEGER NOT NULL,
    n        INTEGER NOT NULL,
    rule     TEXT    NOT NULL,
    severity TEXT    NOT NULL CHECK (severity IN ('pass', 'info', 'amber', 'red')),
    seen     TEXT    NOT NULL,
    expected TEXT    NOT NULL,
    from_s   REAL,
    to_s     REAL,
    PRIMARY KEY (call_id, version, n),
    FOREIGN KEY (call_id, version) REFERENCES audit_runs (call_id, version)
) STRICT;
CREATE INDEX findings_by_rule ON findings (rule, severity);

-- Work to be done after a call. Unique (kind, subject): asking twice for the same work is one job.
CREATE TABLE jobs (
    id          TEXT    NOT NULL PRIMARY KEY,
    kind        TEXT    NOT NULL,
    subject     TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'failed')),
    run_at      INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER,
    attempts    INTEGER NOT NULL CHECK (attempts >= 0),
    last_error  TEXT,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    UNIQUE (kind, subject),
    CHECK ((state = 'leased') = (lease_owner IS NOT NULL)),
    CHECK ((lease_owner IS NULL) = (lease_until IS NULL)),
    CHECK ((state IN ('done', 'failed')) = (finished_at IS NOT NULL))
) STRICT;
CREATE INDEX jobs_to_run ON jobs (kind, state, run_at);

CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    name          TEXT    NOT NULL UNIQUE CHECK (length(name) > 0),
    role          TEXT    NOT NULL CHECK (role IN ('admin', 'supervisor', 'reviewer', 'agent', 'service')),
    password_hash TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    disabled_at   INTEGER
) STRICT;

-- API tokens. Only the SHA-256 of a token is kept. `user_id` is null for a token of a machine.
CREATE TABLE tokens (
    id         TEXT    NOT NULL PRIMARY KEY,
    hash       TEXT    NOT NULL UNIQUE CHECK (length(hash) = 64),
    name       TEXT    NOT NULL,
    role       TEXT    NOT NULL CHECK (role IN ('admin', 'supervisor', 'reviewer', 'agent', 'service')),
    user_id    TEXT REFERENCES users (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX tokens_by_age ON tokens (created_at, id);

-- Requests that may be repeated. `status` is null while the first one is still at work.
CREATE TABLE idempotency (
    route        TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    request_hash TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    status       INTEGER,
    body         TEXT,
    PRIMARY KEY (route, key),
    CHECK ((status IS NULL) = (body IS NULL))
) STRICT;
CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- What happened, in order: the audit log of commands and overrides, and the feed of `GET /events`.
CREATE TABLE events (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    visit_id TEXT,
    call_id  TEXT,
    detail   TEXT    NOT NULL
) STRICT;
CREATE INDEX events_by_visit ON events (visit_id, seq);
CREATE INDEX events_by_call ON events (call_id, seq);
