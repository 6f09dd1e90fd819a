-- Voices in files of their own beside a recording, as JSON: name, file, seconds, sha256.
ALTER TABLE recordings ADD COLUMN tracks TEXT NOT NULL DEFAULT '[]';
