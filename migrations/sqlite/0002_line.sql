-- What the line added: instants off the wire, the far end's own reason, the number shown, and the SIP trace.
ALTER TABLE calls ADD COLUMN trying_at INTEGER;
ALTER TABLE calls ADD COLUMN acked_at INTEGER;
ALTER TABLE calls ADD COLUMN first_rtp_in_at INTEGER;
ALTER TABLE calls ADD COLUMN first_rtp_out_at INTEGER;
ALTER TABLE calls ADD COLUMN bye_at INTEGER;
ALTER TABLE calls ADD COLUMN sip_reason TEXT;

-- The number that the customer was shown: the same on every attempt.
ALTER TABLE visits ADD COLUMN caller_id TEXT;

-- Every SIP message of a call, as JSON in the order of the wire; plain text, about a kilobyte a message. The row outlives its
-- messages: once they are deleted `pruned_at` says when.
CREATE TABLE sip_traces (
    call_id   TEXT    NOT NULL PRIMARY KEY REFERENCES calls (id),
    messages  TEXT    NOT NULL,
    dropped   INTEGER NOT NULL CHECK (dropped >= 0),
    saved_at  INTEGER NOT NULL,
    pruned_at INTEGER
) STRICT;
CREATE INDEX sip_traces_by_age ON sip_traces (saved_at) WHERE pruned_at IS NULL;
