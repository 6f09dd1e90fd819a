//! Spoken Chinese numbers: 五百零六, 两千三, 一万二, 三千二百来, 506.
//!
//! Contract: pure; `None` for anything that is no number. Approximations (来, 多, 几) keep the stated figure.

const DIGITS: &str = "零一二三四五六七八九";

/// Value of one character: 0..=9.
fn digit(c: char) -> Option<u64> {
    match c {
        '〇' | '洞' => Some(0),
        '两' => Some(2),
        '幺' => Some(1),
        _ => c.to_digit(10).map(u64::from).or_else(|| DIGITS.chars().position(|d| d == c).map(|p| p as u64)),
    }
}

fn unit(c: char) -> Option<u64> {
    Some(match c {
        '十' => 10,
        '百' => 100,
        '千' => 1_000,
        '万' => 10_000,
        _ => return None,
    })
}

/// True for every character that may stand inside a spoken number.
pub fn is_number_char(c: char) -> bool {
    digit(c).is_some() || unit(c).is_some()
}

/// Reads a whole text as one number.
pub fn parse(text: &str) -> Option<u64> {
    let chars: Vec<char> = text.chars().filter(|c| !matches!(c, ',' | '，' | ' ')).collect();
    if chars.is_empty() || chars.len() > 16 || !chars.iter().all(|c| is_number_char(*c)) {
        return None;
    }
    if chars.iter().all(|c| unit(*c).is_none()) {
        return chars.iter().try_fold(0u64, |n, c| n.checked_mul(10)?.checked_add(digit(*c)?));
    }
    with_units(&chars)
}

/// 一万二 = 12000, 两千三 = 2300: a bare last digit takes the place below the last unit.
fn with_units(chars: &[char]) -> Option<u64> {
    let (mut total, mut section, mut number) = (0u64, 0u64, 0u64);
    let (mut last_unit, mut after_zero, mut pending) = (0u64, false, false);
    for c in chars {
        if let Some(d) = digit(*c) {
            number = if c.is_ascii_digit() && pending { number.checked_mul(10)?.checked_add(d)? } else { d };
            after_zero |= d == 0;
            pending = true;
            continue;
        }
        let u = unit(*c)?;
        if u == 10_000 {
            total = section.checked_add(number)?.max(1).checked_mul(u)?;
            section = 0;
        } else {
            let count = if pending { number } else { 1 };
            section = section.checked_add(count.checked_mul(u)?)?;
        }
        (number, pending, last_unit, after_zero) = (0, false, u, false);
    }
    if pending {
        let scale = if after_zero || last_unit <= 10 { 1 } else { last_unit / 10 };
        section = section.checked_add(number.checked_mul(scale)?)?;
    }
    total.checked_add(section)
}

/// Every number in the text: value, and its characters as a range.
pub fn find_all(text: &str) -> Vec<(u64, std::ops::Range<usize>)> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| is_number_char(**c)).count();
        if run == 0 {
            at += 1;
            continue;
        }
        let word: String = chars[at..at + run].iter().collect();
        if let Some(value) = parse(&word) {
            found.push((value, at..at + run));
        }
        at += run;
    }
    found
}

/// Runs of digits, spoken or written, with nothing but spaces, dashes and points between them: 四零零 658-9888 → 4006589888.
pub fn digit_runs(text: &str) -> Vec<String> {
    let mut runs = vec![String::new()];
    for c in text.chars() {
        match digit(c).and_then(|d| char::from_digit(d as u32, 10)) {
            Some(d) => {
                if let Some(run) = runs.last_mut() {
                    run.push(d);
                }
            }
            None if matches!(c, ' ' | '-' | '—' | '.' | '，' | ',' | '、') => {}
            None => runs.push(String::new()),
        }
    }
    runs.retain(|r| !r.is_empty());
    runs
}

/// Digits only, spoken or written, in order: 四零零 658 → 400658.
pub fn digits_of(text: &str) -> String {
    text.chars().filter_map(digit).filter_map(|d| char::from_digit(d as u32, 10)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spoken_numbers_are_read_as_they_are_meant() {
        let check = |text: &str, want: Option<u64>| assert_eq!(parse(text), want, "{text}");
        check("五百零六", Some(506));
        check("三千二百", Some(3200));
        check("两千三", Some(2300));
        check("一万二", Some(12000));
        check("一万零五十", Some(10050));
        check("十五", Some(15));
        check("二十", Some(20));
        check("九百八十六", Some(986));
        check("506", Some(506));
        check("3千5", Some(3500));
        check("二零二六", Some(2026));
        check("两千一百五十", Some(2150));
        check("一百零五", Some(105));
        check("小时", None);
        check("", None);
    }

    #[test]
    fn c26_digits_run_on_over_spaces_and_end_at_words() {
        assert_eq!(digit_runs("拨打四零零 658-9888祝您一路平安"), ["4006589888", "1"]);
        assert_eq!(digit_runs("没有"), Vec::<String>::new());
    }

    #[test]
    fn an_endless_number_is_no_number() {
        assert_eq!(parse(&"九".repeat(40)), None);
        assert_eq!(parse("千千千千千千千千千千千千千千千千千"), None);
    }
}
