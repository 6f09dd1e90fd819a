//! Limits on what a request may carry, in one place, with the error that names the field.

use super::problem::Problem;
use crate::domain::id::OrderNo;

/// Largest request body.
pub const BODY_BYTES: usize = 1 << 20;
/// Longest time from the request to the head of its answer, seconds.
pub const ANSWER_S: u64 = 30;
pub const ORDER_NO_CHARS: usize = 64;
pub const MESSAGE_ID_CHARS: usize = 200;
/// The longest concatenated SMS has 255 parts of 67 characters; a completion SMS never has more than this.
pub const SMS_CHARS: usize = 2000;
pub const ADDRESS_CHARS: usize = 64;
pub const TEXT_CHARS: usize = 2000;
pub const LIST_ITEMS: usize = 100;

/// Trimmed; not empty, no longer than `max` characters, no control characters but line breaks and tabs.
pub fn text(field: &str, given: &str, max: usize) -> Result<String, Problem> {
    let given = given.trim();
    let length = given.chars().count();
    if length == 0 {
        return Err(Problem::invalid(field, "empty"));
    }
    if length > max {
        return Err(Problem::invalid(field, format!("{length} characters, at most {max} are taken")));
    }
    if given.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Problem::invalid(field, "holds control characters"));
    }
    Ok(given.to_owned())
}

/// As [`text`] for a field that may be left out; empty means left out.
pub fn maybe_text(field: &str, given: Option<String>) -> Result<Option<String>, Problem> {
    given.filter(|t| !t.trim().is_empty()).map(|t| text(field, &t, TEXT_CHARS)).transpose()
}

pub fn order_no(given: &str) -> Result<OrderNo, Problem> {
    let no = text("order_no", given, ORDER_NO_CHARS)?;
    if no.contains(char::is_whitespace) {
        return Err(Problem::invalid("order_no", "holds white space"));
    }
    Ok(OrderNo::new(no))
}

pub fn list(field: &str, given: Vec<String>) -> Result<Vec<String>, Problem> {
    if given.len() > LIST_ITEMS {
        return Err(Problem::invalid(field, format!("{} entries, at most {LIST_ITEMS} are taken", given.len())));
    }
    given.iter().map(|entry| text(field, entry, TEXT_CHARS)).collect()
}

/// Hours or yuan: finite and not negative.
pub fn amount(field: &str, given: Option<f64>) -> Result<Option<f64>, Problem> {
    match given {
        Some(value) if !value.is_finite() || value < 0.0 => {
            Err(Problem::invalid(field, format!("{value} is no amount")))
        }
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_trimmed_and_has_a_length_and_no_control_characters() {
        for (given, ok) in [
            ("甲", true),
            (" 甲乙 ", true),
            ("", false),
            ("  ", false),
            ("甲乙丙", false),
            ("a\0", false),
            ("a\n", true),
        ] {
            assert_eq!(text("f", given, 2).is_ok(), ok, "{given:?}");
        }
    }

    #[test]
    fn an_amount_is_finite_and_not_negative() {
        for (given, ok) in
            [(None, true), (Some(0.0), true), (Some(1234.5), true), (Some(-1.0), false), (Some(f64::NAN), false)]
        {
            assert_eq!(amount("f", given).is_ok(), ok, "{given:?}");
        }
    }

    #[test]
    fn an_order_number_is_one_word() {
        for (given, ok) in [("FW20250921001", true), (" FW-1 ", true), ("F W", false), ("", false)] {
            assert_eq!(order_no(given).is_ok(), ok, "{given:?}");
        }
    }
}
