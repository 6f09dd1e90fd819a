-- What the voices of a recorded call came to, for the agents' score cards; and why a comparison was adopted or dropped.
CREATE TABLE call_talk (
    call_id     TEXT    NOT NULL PRIMARY KEY REFERENCES calls (id),
    agent_s     REAL    NOT NULL CHECK (agent_s >= 0),
    customer_s  REAL    NOT NULL CHECK (customer_s >= 0),
    cut_ins     INTEGER NOT NULL CHECK (cut_ins >= 0),
    talk_over_s REAL    NOT NULL CHECK (talk_over_s >= 0)
) STRICT;

ALTER TABLE rescorings ADD COLUMN decided_why TEXT;
