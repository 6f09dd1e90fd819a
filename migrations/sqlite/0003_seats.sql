-- 坐席: one row for every agent's place; `id` is the user's name. `until_at` ends a look at the order or a wrap-up, `next` is what begins
-- afterwards. A seat that is signed in has a lease, so that it ends by itself when nobody renews it.
CREATE TABLE seats (
    id          TEXT    NOT NULL PRIMARY KEY CHECK (length(id) > 0),
    phone       TEXT    NOT NULL,
    skills      TEXT    NOT NULL,
    -- What its desk phone registers with, as digests of one realm (JSON); kept like a password.
    secret      TEXT,
    state       TEXT    NOT NULL CHECK (state IN ('signed_out', 'available', 'reserved', 'in_call', 'wrap_up', 'break')),
    since       INTEGER NOT NULL,
    idle_since  INTEGER NOT NULL,
    visit_id    TEXT REFERENCES visits (id),
    call_id     TEXT,
    preview     INTEGER CHECK (preview IN (0, 1)),
    until_at    INTEGER,
    reason      TEXT,
    next        TEXT    NOT NULL,
    lease_until INTEGER,
    version     INTEGER NOT NULL CHECK (version >= 1),
    CHECK (state = 'signed_out' OR lease_until IS NOT NULL),
    CHECK ((state IN ('reserved', 'in_call', 'wrap_up')) = (visit_id IS NOT NULL)),
    CHECK (call_id IS NULL OR visit_id IS NOT NULL),
    CHECK (state NOT IN ('in_call', 'wrap_up') OR call_id IS NOT NULL),
    CHECK ((state = 'reserved') = (preview IS NOT NULL)),
    CHECK (until_at IS NULL OR state IN ('reserved', 'wrap_up')),
    CHECK (state <> 'wrap_up' OR until_at IS NOT NULL),
    CHECK ((state = 'break') = (reason IS NOT NULL)),
    -- The call of a seat is a call of the very visit that it holds.
    FOREIGN KEY (visit_id, call_id) REFERENCES calls (visit_id, id) DEFERRABLE INITIALLY DEFERRED
) STRICT;
-- A visit is held by one seat at most; a wrap-up only speaks of its visit, which may be given to another meanwhile.
CREATE UNIQUE INDEX seats_one_per_visit ON seats (visit_id) WHERE state IN ('reserved', 'in_call');

-- The agent of a call, what he wrote down, and his form as JSON.
ALTER TABLE calls ADD COLUMN seat TEXT;
ALTER TABLE calls ADD COLUMN note TEXT;
ALTER TABLE calls ADD COLUMN form TEXT NOT NULL DEFAULT '{}';

-- Agents who looked at the visit and gave it back, as JSON: seat, reason, at.
ALTER TABLE visits ADD COLUMN declined_by TEXT NOT NULL DEFAULT '[]';

-- The earlier calls of a customer, for his agent.
CREATE INDEX calls_by_phone ON calls (phone, claimed_at);
