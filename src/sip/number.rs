//! How a trunk wants numbers written (key `number_format`), and what is dialled before them (key `number_prefix`).
//!
//! Pure. Short codes (`95588`) are the same in every format: they have no country code. Which numbers a trunk may dial at all is
//! `allowed_prefixes`, which are compared with E.164 whatever is written here.

use crate::config;
use crate::domain::phone::Phone;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberFormat {
    /// As dialled inside the mainland: `13812345678`, `01062345678`, `4006589888`, `0085223456789`.
    National,
    /// The same with a 0 before mobile numbers, as some fixed-line trunks want it: `013812345678`.
    ZeroNational,
    /// `8613812345678`, `85223456789`.
    E164,
    /// `+8613812345678`, `+85223456789`.
    PlusE164,
}

impl NumberFormat {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "national" => Self::National,
            "zero_national" => Self::ZeroNational,
            "e164" => Self::E164,
            "plus_e164" => Self::PlusE164,
            _ => return None,
        })
    }
}

/// Writes numbers for one trunk.
#[derive(Clone, Debug)]
pub struct Dialling {
    format: NumberFormat,
    prefix: String,
}

impl Dialling {
    /// The error is the key, its value and what is wanted.
    pub fn from_config(config: &config::Trunk) -> Result<Self, (&'static str, String, &'static str)> {
        let (format, prefix) = (&config.number_format, &config.number_prefix);
        let parsed = NumberFormat::parse(format).ok_or((
            "number_format",
            format.clone(),
            "want national, zero_national, e164 or plus_e164",
        ))?;
        let bad_prefix = |want| Err(("number_prefix", prefix.clone(), want));
        if prefix.len() > 16 || !prefix.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'#') {
            return bad_prefix("want at most 16 of 0-9, * and #");
        }
        if !prefix.is_empty() && parsed == NumberFormat::PlusE164 {
            return bad_prefix("nothing can be dialled before the + of number_format = \"plus_e164\"");
        }
        // RFC 3261 §25.1: a # may not stand in the user part as it is.
        Ok(Self { format: parsed, prefix: prefix.replace('#', "%23") })
    }

    /// The user part of the Request-URI.
    pub fn user(&self, to: &Phone) -> String {
        let e164 = to.e164();
        let number = match self.format {
            NumberFormat::National => to.as_dialled(),
            NumberFormat::ZeroNational if is_mobile(to) => format!("0{}", to.national()),
            NumberFormat::ZeroNational => to.as_dialled(),
            NumberFormat::E164 => e164.trim_start_matches('+').to_string(),
            NumberFormat::PlusE164 => e164.to_string(),
        };
        format!("{}{number}", self.prefix)
    }
}

/// Of the mainland's numbers that begin with 1 only mobile ones have eleven digits (Beijing's landlines, 10…, have ten).
fn is_mobile(to: &Phone) -> bool {
    to.e164().starts_with("+861") && to.national().len() == 11
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(format: &str, prefix: &str) -> config::Trunk {
        let mut trunk = config::Trunk::new("a", "sip:h");
        trunk.number_format = format.into();
        trunk.number_prefix = prefix.into();
        trunk
    }

    #[test]
    fn every_kind_of_number_is_written_as_the_trunk_wants_it() {
        //  number             national          zero_national     e164             plus_e164
        for (number, expected) in [
            ("13812345678", ["13812345678", "013812345678", "8613812345678", "+8613812345678"]),
            ("19912345678", ["19912345678", "019912345678", "8619912345678", "+8619912345678"]),
            ("010-62345678", ["01062345678", "01062345678", "861062345678", "+861062345678"]),
            ("0536-7606988", ["05367606988", "05367606988", "865367606988", "+865367606988"]),
            ("0755 86013388", ["075586013388", "075586013388", "8675586013388", "+8675586013388"]),
            ("400 658 9888", ["4006589888", "4006589888", "864006589888", "+864006589888"]),
            ("95588", ["95588", "95588", "95588", "95588"]),
            ("10086", ["10086", "10086", "10086", "10086"]),
            ("+852 2345 6789", ["0085223456789", "0085223456789", "85223456789", "+85223456789"]),
            ("+81 3-1234-5678", ["0081312345678", "0081312345678", "81312345678", "+81312345678"]),
        ] {
            let phone = Phone::parse(number).unwrap();
            for (format, expected) in ["national", "zero_national", "e164", "plus_e164"].into_iter().zip(expected) {
                let plain = Dialling::from_config(&trunk(format, "")).unwrap();
                assert_eq!(plain.user(&phone), expected, "{number} as {format}");
                if format != "plus_e164" {
                    let nine = Dialling::from_config(&trunk(format, "9")).unwrap();
                    assert_eq!(nine.user(&phone), format!("9{expected}"), "{number} as {format} behind a 9");
                }
            }
        }
        let code = Dialling::from_config(&trunk("e164", "*12#")).unwrap();
        assert_eq!(code.user(&Phone::parse("13812345678").unwrap()), "*12%238613812345678");
    }

    #[test]
    fn a_key_that_cannot_be_kept_is_named() {
        for (format, prefix, expected) in [
            ("E164", "", ("number_format", "E164")),
            ("", "", ("number_format", "")),
            ("national", "9,", ("number_prefix", "9,")),
            ("national", "12345678901234567", ("number_prefix", "12345678901234567")),
            ("plus_e164", "9", ("number_prefix", "9")),
        ] {
            let (key, value, want) = Dialling::from_config(&trunk(format, prefix)).unwrap_err();
            assert_eq!((key, value.as_str()), expected);
            assert!(!want.is_empty());
        }
    }
}
