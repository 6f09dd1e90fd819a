-- A08: every plan asks whether a visit that waits has a number that a call for another one found wrong.
CREATE INDEX calls_that_found_it_wrong ON calls (phone, claimed_at)
    WHERE outcome = 'invalid_number' OR conversation = '{"kind":"wrong_number"}';
