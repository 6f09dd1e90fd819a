//! One byte range of a file (RFC 9110 §14): arithmetic only.
//!
//! A header that cannot be read, another unit, or several ranges at once are answered with the whole file, as the RFC allows.

/// What to send of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    Whole,
    /// First and last byte, both sent.
    Part {
        first: u64,
        last: u64,
    },
    /// 416.
    Outside,
}

/// Reads a `Range` header for a file of `len` bytes.
pub fn slice(header: &str, len: u64) -> Slice {
    match parse(header) {
        None => Slice::Whole,
        Some((Some(first), last)) => match last {
            Some(last) if last < first => Slice::Whole,
            _ if first >= len => Slice::Outside,
            last => Slice::Part { first, last: last.unwrap_or(u64::MAX).min(len - 1) },
        },
        Some((None, None)) => Slice::Whole,
        Some((None, Some(suffix))) if suffix == 0 || len == 0 => Slice::Outside,
        Some((None, Some(suffix))) => Slice::Part { first: len.saturating_sub(suffix), last: len - 1 },
    }
}

/// `bytes=FIRST-LAST`, either may be missing; `None` when it is anything else.
fn parse(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (unit, spec) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = spec.trim().split_once('-')?;
    Some((number(first)?, number(last)?))
}

/// Outer `None`: not a number.
fn number(text: &str) -> Option<Option<u64>> {
    let text = text.trim();
    if text.is_empty() {
        return Some(None);
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    // More digits than a u64 holds is still a number, and lies outside every file.
    digits.then(|| Some(text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, len: u64, expected: Slice) {
        assert_eq!(slice(header, len), expected, "{header} of {len}");
    }

    fn part(first: u64, last: u64) -> Slice {
        Slice::Part { first, last }
    }

    #[test]
    fn a_range_is_cut_to_the_file_and_counts_its_last_byte() {
        check("bytes=0-0", 100, part(0, 0));
        check("bytes=0-99", 100, part(0, 99));
        check("bytes=10-19", 100, part(10, 19));
        check("bytes=10-1000", 100, part(10, 99));
        check("bytes=99-", 100, part(99, 99));
        check("bytes=0-", 100, part(0, 99));
        check("Bytes = 5 - 6 ", 100, part(5, 6));
    }

    #[test]
    fn a_suffix_counts_from_the_end() {
        check("bytes=-1", 100, part(99, 99));
        check("bytes=-100", 100, part(0, 99));
        check("bytes=-1000", 100, part(0, 99));
    }

    #[test]
    fn a_range_that_begins_behind_the_end_is_refused() {
        check("bytes=100-", 100, Slice::Outside);
        check("bytes=100-200", 100, Slice::Outside);
        check("bytes=-0", 100, Slice::Outside);
        check("bytes=0-", 0, Slice::Outside);
        check("bytes=-5", 0, Slice::Outside);
        check("bytes=99999999999999999999999-", 100, Slice::Outside);
    }

    #[test]
    fn what_is_not_one_range_of_bytes_is_answered_with_the_whole() {
        for header in
            ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=+1-2"]
        {
            check(header, 100, Slice::Whole);
        }
    }
}
