-- 主管接手 (F18): who took the angry customer over, when, and the words with which he apologised (JSON).
ALTER TABLE complaints ADD COLUMN taken_over TEXT;

-- A monthly report as it was when it was handed in (JSON), and the SHA-256 of those bytes; empty for what was handed in before.
ALTER TABLE report_submissions ADD COLUMN content TEXT;
ALTER TABLE report_submissions ADD COLUMN sha256 TEXT CHECK ((sha256 IS NULL) = (content IS NULL));
