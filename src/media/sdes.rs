//! SRTP keys in session descriptions: `a=crypto` lines (RFC 4568), and what a trunk wants (`trunks.srtp`). Pure.
//!
//! - `off`: RTP/AVP without keys; a far end that wants RTP/SAVP is refused.
//! - `optional`: we offer RTP/AVP with keys (opportunistic, RFC 8643); a far end that answers with a key is encrypted, one without is plain.
//! - `required`: we offer RTP/SAVP; a description without a usable key is refused.
//!
//! We have one key per suite for the whole call, so a re-offer that keeps the suite keeps our packet index too. Of others' lines those with an
//! MKI or with parameters that change the protection are passed over. Keys never print.

use crate::config::Srtp;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt;

/// Master key and salt of the AES-128 suites.
pub const KEY: usize = 16;
pub const SALT: usize = 14;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    Sha1_80,
    Sha1_32,
}

impl Suite {
    pub const ALL: [Self; 2] = [Self::Sha1_80, Self::Sha1_32];

    pub fn name(self) -> &'static str {
        match self {
            Self::Sha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::Sha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    pub fn index(self) -> usize {
        match self {
            Self::Sha1_80 => 0,
            Self::Sha1_32 => 1,
        }
    }

    /// Of its line in our offers.
    fn tag(self) -> u32 {
        self.index() as u32 + 1
    }
}

/// Key, then salt.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey([u8; KEY + SALT]);

impl MasterKey {
    pub fn new(bytes: [u8; KEY + SALT]) -> Self {
        Self(bytes)
    }

    pub fn parts(&self) -> (&[u8], &[u8]) {
        self.0.split_at(KEY)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// One usable `a=crypto` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crypto {
    pub tag: u32,
    pub suite: Suite,
    pub key: MasterKey,
}

impl Crypto {
    /// `1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^31`; `None`: nothing that we can use.
    pub fn parse(value: &str) -> Option<Self> {
        let mut fields = value.split_whitespace();
        let tag = fields.next()?.parse().ok()?;
        let suite = fields.next()?;
        let suite = Suite::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(suite))?;
        let inline = fields.next()?;
        let (method, inline) = inline.split_at_checked("inline:".len())?;
        let mut parts = inline.split('|');
        let bytes = STANDARD_NO_PAD.decode(parts.next()?.trim_end_matches('=')).ok()?;
        let harmless = fields.all(|parameter| parameter.to_ascii_uppercase().starts_with("WSH="));
        let has_mki = parts.any(|part| part.contains(':'));
        let usable = method.eq_ignore_ascii_case("inline:") && harmless && !has_mki;
        usable.then_some(Self { tag, suite, key: MasterKey(bytes.try_into().ok()?) })
    }
}

/// What the trunk wants, and our key for each suite.
#[derive(Clone, Debug)]
pub struct OurKeys {
    policy: Srtp,
    keys: [MasterKey; 2],
}

impl OurKeys {
    /// `random` becomes the keys.
    pub fn new(policy: Srtp, random: [[u8; KEY + SALT]; 2]) -> Self {
        Self { policy, keys: random.map(MasterKey) }
    }

    pub fn off() -> Self {
        Self::new(Srtp::Off, [[0; KEY + SALT]; 2])
    }

    pub fn are_off(&self) -> bool {
        self.policy == Srtp::Off
    }

    pub fn are_required(&self) -> bool {
        self.policy == Srtp::Required
    }

    pub fn key(&self, suite: Suite) -> &MasterKey {
        &self.keys[suite.index()]
    }

    pub fn offered_profile(&self) -> &'static str {
        if self.are_required() { "RTP/SAVP" } else { "RTP/AVP" }
    }

    /// The `a=crypto` values of our offer, the longer tag first.
    pub fn offered(&self) -> Vec<String> {
        let suites = Suite::ALL.into_iter().filter(|_| !self.are_off());
        suites.map(|suite| self.line(suite.tag(), suite)).collect()
    }

    /// The value of our answer to the line that was chosen.
    pub fn answered(&self, theirs: &Crypto) -> String {
        self.line(theirs.tag, theirs.suite)
    }

    fn line(&self, tag: u32, suite: Suite) -> String {
        // 30 bytes are 40 characters: never padded.
        format!("{tag} {} inline:{}", suite.name(), STANDARD_NO_PAD.encode(self.key(suite).0))
    }
}

/// Of an offer: its own order of preference.
pub fn first_usable(lines: &[Crypto]) -> Option<&Crypto> {
    lines.first()
}

/// Of an answer: the line that accepts one of ours.
pub fn answer_to_ours(lines: &[Crypto]) -> Option<&Crypto> {
    lines.iter().find(|line| line.tag == line.suite.tag())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_TEXT: &str = "d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

    /// A line and the (tag, suite) read of it.
    fn check(line: &str, want: Option<(u32, Suite)>) {
        let got = Crypto::parse(&line.replace("KEY", KEY_TEXT));
        assert_eq!(got.map(|crypto| (crypto.tag, crypto.suite)), want, "{line}");
    }

    #[test]
    fn a_line_is_usable_when_nothing_in_it_changes_the_protection() {
        check("1 AES_CM_128_HMAC_SHA1_80 inline:KEY", Some((1, Suite::Sha1_80)));
        check("7 aes_cm_128_hmac_sha1_32 INLINE:KEY|2^20", Some((7, Suite::Sha1_32)));
        check("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|1048576 WSH=64", Some((1, Suite::Sha1_80)));
        check("1 AES_CM_128_HMAC_SHA1_80 inline:KEY|2^20|1:4", None);
        check("1 AES_CM_128_HMAC_SHA1_80 inline:KEY UNENCRYPTED_SRTP", None);
        check("1 AES_CM_128_HMAC_SHA1_80 inline:KEY;inline:KEY", None);
        check("1 F8_128_HMAC_SHA1_80 inline:KEY", None);
        check("1 AES_CM_128_HMAC_SHA1_80 inline:c2hvcnQ=", None);
        check("1 AES_CM_128_HMAC_SHA1_80 inline:", None);
        check("1 AES_CM_128_HMAC_SHA1_80 在线", None);
        check("x", None);
        check("", None);
    }

    #[test]
    fn an_answer_is_taken_only_for_a_line_of_our_offer() {
        let line = |text: &str| Crypto::parse(&text.replace("KEY", KEY_TEXT)).unwrap();
        let (ours, other) =
            (line("2 AES_CM_128_HMAC_SHA1_32 inline:KEY"), line("2 AES_CM_128_HMAC_SHA1_80 inline:KEY"));
        assert_eq!(answer_to_ours(&[other.clone(), ours.clone()]), Some(&ours));
        assert_eq!(answer_to_ours(std::slice::from_ref(&other)), None);
    }

    #[test]
    fn keys_never_print_and_what_we_offer_can_be_read() {
        let keys = OurKeys::new(Srtp::Required, [[1; 30], [2; 30]]);
        let lines: Vec<_> = keys.offered().iter().map(|line| Crypto::parse(line).unwrap()).collect();
        assert_eq!(
            lines.iter().map(|l| (l.tag, l.suite)).collect::<Vec<_>>(),
            [(1, Suite::Sha1_80), (2, Suite::Sha1_32)]
        );
        assert_eq!(lines[1].key.parts().1, [2; 14]);
        assert!(!format!("{keys:?} {lines:?}").contains("1, 1"), "{keys:?} {lines:?}");
    }
}
