//! Character error rates: letters only, digits as people say them.

#[derive(Clone, Copy, Default)]
pub struct Errors {
    wrong: usize,
    of: usize,
}

impl Errors {
    pub fn between(said: &str, heard: &str) -> Self {
        let (said, heard) = (characters(said), characters(heard));
        Self { wrong: distance(&said, &heard), of: said.len() }
    }
    pub fn add(&mut self, other: Self) {
        self.wrong += other.wrong;
        self.of += other.of;
    }
    pub fn percent(self) -> f64 {
        100.0 * self.wrong as f64 / self.of.max(1) as f64
    }
}

/// Letters only; a number in digits as people say it, so that 3200 equals 三千二百.
fn characters(text: &str) -> Vec<char> {
    let mut out = Vec::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.extend(spoken(&digits).chars());
        digits.clear();
        if c.is_alphanumeric() {
            out.push(if c == '两' { '二' } else { c });
        }
    }
    out
}

fn spoken(digits: &str) -> String {
    let name = |d: u8| "零一二三四五六七八九".chars().nth(usize::from(d - b'0')).unwrap_or('零');
    if digits.len() > 4 {
        return digits.bytes().map(name).collect();
    }
    let units = ["", "十", "百", "千"];
    let mut out = String::new();
    for (i, d) in digits.bytes().enumerate() {
        let place = digits.len() - 1 - i;
        match d {
            b'0' if out.ends_with('零') || digits[i..].bytes().all(|d| d == b'0') => {}
            b'0' => out.push('零'),
            b'1' if place == 1 && i == 0 => out.push('十'),
            d => {
                out.push(name(d));
                out.push_str(units[place]);
            }
        }
    }
    if digits == "0" { "零".into() } else { out }
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
