-- 免打扰: a customer's wish not to be called, by number. Rows are never deleted; a withdrawal is written beside the wish.
CREATE TABLE opt_outs (
    id             TEXT    NOT NULL PRIMARY KEY,
    phone          TEXT    NOT NULL,
    scope          TEXT    NOT NULL CHECK (scope IN ('visit', 'programme', 'never')),
    visit_id       TEXT REFERENCES visits (id),
    programme      TEXT,
    source         TEXT    NOT NULL CHECK (source IN ('said', 'key', 'hand')),
    call_id        TEXT REFERENCES calls (id),
    seat           TEXT,
    quote          TEXT,
    at_s           REAL,
    asked_at       INTEGER NOT NULL,
    made_by        TEXT    NOT NULL,
    why            TEXT    NOT NULL,
    withdrawn_at   INTEGER,
    withdrawn_by   TEXT,
    withdrawn_why  TEXT,
    -- A call leaves one wish; whoever hands the same result in again makes no second.
    UNIQUE (call_id),
    CHECK ((scope = 'visit') = (visit_id IS NOT NULL)),
    CHECK ((scope = 'programme') = (programme IS NOT NULL)),
    CHECK ((source = 'hand') = (call_id IS NULL)),
    CHECK ((source = 'key') = (seat IS NOT NULL)),
    CHECK ((source = 'said') = (quote IS NOT NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_why IS NULL))
) STRICT;
CREATE INDEX opt_outs_in_force ON opt_outs (phone) WHERE withdrawn_at IS NULL;
CREATE INDEX opt_outs_by_age ON opt_outs (asked_at, id);

-- 承诺: what somebody promised to tell a customer. `settled_*` is what was told (kept), who confirmed (confirmed) or why it was taken
-- back (withdrawn); `settled_at` of a kept one is when the customer was told.
CREATE TABLE promises (
    id           TEXT    NOT NULL PRIMARY KEY,
    kind         TEXT    NOT NULL CHECK (kind IN ('call_back', 'confirmation')),
    order_no     TEXT    NOT NULL REFERENCES orders (no),
    call_id      TEXT REFERENCES calls (id),
    visit_id     TEXT UNIQUE REFERENCES visits (id),
    what         TEXT    NOT NULL CHECK (length(what) > 0),
    promised_by  TEXT    NOT NULL,
    owner        TEXT    NOT NULL,
    promised_at  INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    source       TEXT    NOT NULL CHECK (source IN ('heard', 'agent', 'hand', 'rule')),
    -- Who is to do it: of one call there is one promise of each.
    doer         TEXT,
    quote        TEXT,
    from_s       REAL,
    to_s         REAL,
    overdue_at   INTEGER,
    state        TEXT    NOT NULL CHECK (state IN ('open', 'kept', 'confirmed', 'withdrawn')),
    settled_at   INTEGER,
    settled_by   TEXT,
    settled_text TEXT,
    version      INTEGER NOT NULL CHECK (version >= 1),
    UNIQUE (call_id, doer),
    CHECK ((source IN ('heard', 'agent')) = (doer IS NOT NULL)),
    CHECK (doer IS NULL OR call_id IS NOT NULL),
    CHECK ((quote IS NULL) = (from_s IS NULL)),
    CHECK ((quote IS NULL) = (to_s IS NULL)),
    CHECK ((state = 'open') = (settled_at IS NULL)),
    CHECK ((state = 'open') = (settled_by IS NULL)),
    CHECK ((state = 'open') = (settled_text IS NULL)),
    -- A18, A20: who is told and who confirms are two different things.
    CHECK (state <> 'kept' OR (kind = 'call_back' AND length(settled_text) > 0)),
    CHECK (state <> 'confirmed' OR kind = 'confirmation')
) STRICT;
CREATE INDEX promises_by_age ON promises (promised_at, id);
CREATE INDEX promises_open_by_due ON promises (due_at) WHERE state = 'open';
CREATE INDEX promises_by_order ON promises (order_no);
-- A18: an order is confirmed once, however often its completion is reported.
CREATE UNIQUE INDEX promises_one_confirmation ON promises (order_no) WHERE kind = 'confirmation';

-- Each promise has a visit of its own, so of these an order may have several open ones.
DROP INDEX visits_one_open_per_stage;
CREATE UNIQUE INDEX visits_one_open_per_stage ON visits (order_no, programme, stage)
    WHERE state IN ('waiting', 'calling') AND trigger_kind <> 'promise';
