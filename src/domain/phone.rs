//! Telephone numbers. A number never reaches a log unmasked: `Debug` and `Display` print the masked form.
//!
//! Contract: a [`Phone`] that exists can be dialled. Mainland numbers follow rules of our own (the metadata of the `phonenumber` crate
//! know no short codes, and a wrong guess there would dial a stranger); numbers of other countries are checked by that crate.
//! Emergency numbers are never dialable. Not here: which prefixes a trunk may dial (config) and whether the customer lives there.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A number in E.164 (`+8613812345678`), or a bare mainland short code (`95588`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Phone(String);

#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a dialable phone number: {masked}: {fault}")]
pub struct BadPhone {
    masked: String,
    fault: PhoneFault,
}

/// What is wrong with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneFault {
    #[error("empty")]
    Empty,
    #[error("too long")]
    TooLong,
    #[error("not only digits")]
    NotDigits,
    #[error("an extension cannot be dialled")]
    Extension,
    #[error("more than one number")]
    SeveralNumbers,
    #[error("an emergency number")]
    Emergency,
    #[error("a short code has no country code")]
    ShortCodeAbroad,
    #[error("no such number abroad")]
    UnknownAbroad,
    #[error("wrong length or prefix")]
    WrongLength,
}

impl BadPhone {
    /// For people, masked.
    pub fn text_zh(&self) -> String {
        let fault = match self.fault {
            PhoneFault::Empty => return "没有号码".to_string(),
            PhoneFault::TooLong => "太长",
            PhoneFault::NotDigits => "含有数字以外的字符",
            PhoneFault::Extension => "带分机号，不能直拨",
            PhoneFault::SeveralNumbers => "不止一个号码",
            PhoneFault::Emergency => "是紧急号码",
            PhoneFault::ShortCodeAbroad => "短号码前面不能加国家码",
            PhoneFault::UnknownAbroad => "没有这样的境外号码",
            PhoneFault::WrongLength => "位数或号段不对",
        };
        format!("{}（{fault}）", self.masked)
    }
}

/// Nobody writes more.
const CHARS_MAX: usize = 40;
/// Never dialled by a machine.
const EMERGENCY: [&str; 8] = ["110", "112", "119", "120", "122", "911", "999", "12395"];

impl Phone {
    /// Reads a mainland number in any everyday form, E.164, or another country's number with `+` or `00`.
    ///
    /// # Errors
    /// Letters, extensions, two numbers in one text, wrong lengths and emergency numbers.
    pub fn parse(text: &str) -> Result<Self, BadPhone> {
        let bad = |fault| BadPhone { masked: mask(&digits_only(text)), fault };
        let dialled = dialled(text).map_err(bad)?;
        if EMERGENCY.contains(&dialled.as_str()) {
            return Err(bad(PhoneFault::Emergency));
        }
        if let Some(abroad) = dialled.strip_prefix('+').filter(|d| !d.starts_with("86")) {
            let known = phonenumber::parse(None, format!("+{abroad}")).is_ok_and(|number| number.is_valid());
            return if known { Ok(Self(format!("+{abroad}"))) } else { Err(bad(PhoneFault::UnknownAbroad)) };
        }
        let national = dialled.strip_prefix("+86").unwrap_or(&dialled);
        let national = national.strip_prefix('0').filter(|_| national.len() > 5).unwrap_or(national);
        match mainland(national) {
            Some(Kind::ShortCode) if dialled.starts_with('+') => Err(bad(PhoneFault::ShortCodeAbroad)),
            Some(Kind::ShortCode) => Ok(Self(national.to_string())),
            Some(Kind::Mobile | Kind::Landline | Kind::Service) => Ok(Self(format!("+86{national}"))),
            None => Err(bad(PhoneFault::WrongLength)),
        }
    }

    /// The E.164 text, for dialling and storing only; a short code as it is.
    pub fn e164(&self) -> &str {
        &self.0
    }

    /// The significant national number without trunk prefix: `13812345678`, `1062345678`, `4006589888`.
    pub fn national(&self) -> &str {
        self.0.strip_prefix("+86").unwrap_or(&self.0)
    }

    /// As dialled inside the mainland: `13812345678`, `01062345678`, `4006589888`, `95588`, `0085223456789`.
    pub fn as_dialled(&self) -> String {
        match (self.0.strip_prefix("+86"), self.0.strip_prefix('+')) {
            (Some(national), _) if matches!(mainland(national), Some(Kind::Landline)) => format!("0{national}"),
            (Some(national), _) => national.to_string(),
            (None, Some(abroad)) => format!("00{abroad}"),
            (None, None) => self.0.clone(),
        }
    }

    /// What kind of number it is, for people.
    pub fn kind_zh(&self) -> &'static str {
        match (self.0.strip_prefix("+86").map(mainland), self.0.starts_with('+')) {
            (Some(Some(Kind::Mobile)), _) => "手机号码",
            (Some(Some(Kind::Landline)), _) => "固定电话",
            (Some(Some(Kind::Service)), _) => "400/800 号码",
            (Some(Some(Kind::ShortCode) | None), _) | (None, false) => "短号码",
            (None, true) => "境外号码",
        }
    }

    /// `138****5678`: what logs and unprivileged readers see.
    pub fn masked(&self) -> String {
        mask(self.national())
    }
}

/// Digits, with `+` in front of a country code. Refuses what is not one number.
fn dialled(text: &str) -> Result<String, PhoneFault> {
    let text = text.trim();
    if text.chars().count() > CHARS_MAX {
        return Err(PhoneFault::TooLong);
    }
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let mut number = String::new();
    for c in text.chars().map(half_width) {
        match c {
            '0'..='9' => number.push(c),
            '+' if number.is_empty() => number.push(c),
            ' ' | '-' | '(' | ')' | '.' | '\u{a0}' | '–' | '—' => {}
            '转' | '轉' | 'x' | 'X' | '#' => return Err(PhoneFault::Extension),
            '/' | ',' | '、' | ';' => return Err(PhoneFault::SeveralNumbers),
            _ => return Err(PhoneFault::NotDigits),
        }
    }
    if number.trim_start_matches('+').is_empty() {
        return Err(PhoneFault::Empty);
    }
    Ok(match number.strip_prefix("00") {
        Some(abroad) => format!("+{abroad}"),
        // 86138… without a plus: a mainland mobile number is never 13 digits long.
        None if number.len() == 13 && number.starts_with("861") => format!("+{number}"),
        None => number,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Mobile,
    Landline,
    /// 400, 800.
    Service,
    ShortCode,
}

/// The numbering plan of the mainland, without trunk prefix: mobile 1[3-9] and 9 digits; area code 10, 2x or three digits with 7 or 8;
/// 400 and 800 with 7; short codes 1xxxx, 95xxx, 96xxx and their longer forms.
fn mainland(national: &str) -> Option<Kind> {
    let digit = |i: usize| national.as_bytes().get(i).copied().unwrap_or(b' ');
    if !national.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let local_ok = |from: usize| !matches!(digit(from), b'0' | b'1' | b' ');
    match (national.len(), digit(0), digit(1)) {
        (11, b'1', b'3'..=b'9') => Some(Kind::Mobile),
        (10, b'4' | b'8', b'0') if digit(2) == b'0' => Some(Kind::Service),
        (10, b'1', b'0') | (10, b'2', b'0'..=b'9') if local_ok(2) => Some(Kind::Landline),
        (10 | 11, b'3'..=b'9', b'1'..=b'9') if local_ok(3) => Some(Kind::Landline),
        (5, b'1', b'0' | b'1' | b'2') => Some(Kind::ShortCode),
        (5..=8, b'9', b'5' | b'6') => Some(Kind::ShortCode),
        _ => None,
    }
}

/// Full-width forms of ASCII.
fn half_width(c: char) -> char {
    match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        c => c,
    }
}

fn digits_only(text: &str) -> String {
    text.chars().map(half_width).filter(char::is_ascii_digit).collect()
}

/// Keeps the first three and last four characters at most.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let (head, tail) = if chars.len() >= 11 { (3, 4) } else { (1, 2) };
    if chars.len() <= head + tail {
        return "*".repeat(chars.len());
    }
    let hidden = chars.len() - head - tail;
    chars[..head].iter().chain(std::iter::repeat_n(&'*', hidden)).chain(&chars[chars.len() - tail..]).collect()
}

impl TryFrom<String> for Phone {
    type Error = BadPhone;
    fn try_from(text: String) -> Result<Self, BadPhone> {
        Self::parse(&text)
    }
}
impl From<Phone> for String {
    fn from(phone: Phone) -> String {
        phone.0
    }
}
impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_forms_are_read_and_dialled_back() {
        for (text, e164, dialled) in [
            ("13812345678", "+8613812345678", "13812345678"),
            ("138 1234 5678", "+8613812345678", "13812345678"),
            ("138-1234-5678", "+8613812345678", "13812345678"),
            ("+86 138 1234 5678", "+8613812345678", "13812345678"),
            ("0086-13812345678", "+8613812345678", "13812345678"),
            ("8613812345678", "+8613812345678", "13812345678"),
            ("013812345678", "+8613812345678", "13812345678"),
            ("１３８１２３４５６７８", "+8613812345678", "13812345678"),
            ("（138）12345678", "+8613812345678", "13812345678"),
            ("tel:+8613812345678", "+8613812345678", "13812345678"),
            ("19912345678", "+8619912345678", "19912345678"),
            ("010-62345678", "+861062345678", "01062345678"),
            ("(021) 62345678", "+862162345678", "02162345678"),
            ("0536-7606988", "+865367606988", "05367606988"),
            ("0755 86013388", "+8675586013388", "075586013388"),
            ("+86 536 760 6988", "+865367606988", "05367606988"),
            ("400 658 9888", "+864006589888", "4006589888"),
            ("800-810-0888", "+868008100888", "8008100888"),
            ("95588", "95588", "95588"),
            ("10086", "10086", "10086"),
            ("96315", "96315", "96315"),
            ("9510532", "9510532", "9510532"),
            ("+852 2345 6789", "+85223456789", "0085223456789"),
            ("0085223456789", "+85223456789", "0085223456789"),
            ("+81 3-1234-5678", "+81312345678", "0081312345678"),
        ] {
            let phone = Phone::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((phone.e164(), phone.as_dialled().as_str()), (e164, dialled), "{text}");
            assert_eq!(Phone::parse(phone.e164()).as_ref(), Ok(&phone), "stored form of {text}");
            assert_eq!(Phone::parse(&phone.as_dialled()).as_ref(), Ok(&phone), "dialled form of {text}");
        }
    }

    #[test]
    fn what_is_not_one_dialable_number_is_refused_with_a_reason_and_never_shown() {
        for (text, reason) in [
            ("", "empty"),
            ("——", "empty"),
            ("1381234567", "wrong length"),
            ("138123456789", "wrong length"),
            ("12812345678", "wrong length"),
            ("62345678", "wrong length"),
            ("0536-7606988转802", "extension"),
            ("0536-7606988 x802", "extension"),
            ("13812345678/13912345678", "more than one"),
            ("13812345678、13912345678", "more than one"),
            ("1381234S678", "only digits"),
            ("电话13812345678", "only digits"),
            ("138****5678", "only digits"),
            ("110", "emergency"),
            ("119", "emergency"),
            ("１２０", "emergency"),
            ("+8695588", "short code"),
            ("+1 555", "abroad"),
            ("+", "empty"),
            ("++8613812345678", "only digits"),
            (&"1".repeat(100), "too long"),
        ] {
            let error = Phone::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{text}: {error}");
            assert!(!error.contains("3812345678"), "leaks: {error}");
        }
    }

    #[test]
    fn a_number_says_what_kind_it_is() {
        for (text, kind) in [
            ("13812345678", "手机号码"),
            ("010-62345678", "固定电话"),
            ("400 658 9888", "400/800 号码"),
            ("95588", "短号码"),
            ("+85223456789", "境外号码"),
        ] {
            assert_eq!(Phone::parse(text).unwrap().kind_zh(), kind, "{text}");
        }
    }

    #[test]
    fn debug_and_display_are_masked() {
        for (text, masked) in [
            ("13812345678", "138****5678"),
            ("010-62345678", "1*******78"),
            ("95588", "9**88"),
            ("+85223456789", "+85*****6789"),
        ] {
            let phone = Phone::parse(text).unwrap();
            assert_eq!(format!("{phone} {phone:?}"), format!("{masked} Phone({masked})"));
        }
    }

    #[test]
    fn a_stored_number_is_checked_again_when_it_is_read() {
        let phone: Phone = serde_json::from_str("\"+8613812345678\"").unwrap();
        assert_eq!(serde_json::to_string(&phone).unwrap(), "\"+8613812345678\"");
        let error = serde_json::from_str::<Phone>("\"138\"").unwrap_err().to_string();
        assert!(error.contains("not a dialable phone number"), "{error}");
    }
}
