//! The server's half of digest (RFC 7616, RFC 8760; without qop RFC 2069): what a seat's secret is kept as, the nonces that are given
//! out, and what an answer to a challenge is worth.
//!
//! Pure: takes `now`, and the key that makes its nonces ours. A nonce names its own age, so that none is remembered until somebody
//! with the right secret has used it; then one per seat, with its count. Whoever answers with an older one is told that it is stale.
//! Not here: `auth-int`, SHA-512-256, Authentication-Info.

use super::super::digest::{Fields, Hash, quoted};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::HashMap;
use std::time::Duration;

/// A nonce may be used for so long.
pub const NONCE_LIFE: Duration = Duration::from_secs(300);
/// Hexadecimal digits of a nonce: milliseconds, number, seal.
const TIME: usize = 12;
const NUMBER: usize = 8;
const SEAL: usize = 32;

/// What is kept of a seat's secret: enough to check an answer to our challenge, in this realm alone, and not the secret itself. Whoever
/// reads it can register as this seat: it is kept like a password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredSecret {
    realm: String,
    md5: String,
    sha256: String,
}

/// What to keep of `secret` (RFC 7616 §3.4.2, A1 of both algorithms).
pub fn ha1(realm: &str, seat: &str, secret: &str) -> StoredSecret {
    let account = format!("{seat}:{realm}:{secret}");
    StoredSecret { realm: realm.into(), md5: Hash::Md5.hex(&account), sha256: Hash::Sha256.hex(&account) }
}

impl StoredSecret {
    /// Made for this realm; one that was made for another can answer nothing.
    pub fn is_of(&self, realm: &str) -> bool {
        self.realm == realm
    }

    fn of(&self, hash: Hash) -> &str {
        match hash {
            Hash::Md5 => &self.md5,
            Hash::Sha256 => &self.sha256,
        }
    }
}

impl std::fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredSecret(***)")
    }
}

/// What an answer to a challenge is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// The secret is right and the nonce fresh.
    Right,
    /// The secret is right; the nonce is old, used up or of another life of ours.
    Stale,
    Wrong,
}

/// The request that an answer came with.
pub struct Claimed<'a> {
    pub seat: &'a str,
    pub method: &'a str,
    pub fields: &'a Fields,
    pub secret: &'a StoredSecret,
}

/// The nonces of one registrar.
pub struct Nonces {
    key: [u8; 32],
    issued: u32,
    /// The newest nonce that each seat has used, and its count.
    used: HashMap<String, Used>,
}

#[derive(Clone, Copy)]
struct Used {
    serial: Serial,
    count: u32,
}

/// When a nonce was given out, in an order of its own among those of one millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Serial {
    ms: u64,
    number: u32,
}

impl Nonces {
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, issued: 0, used: HashMap::new() }
    }

    /// The values of our challenge, one for each algorithm, in the order in which they are preferred.
    pub fn challenges(&mut self, now: Timestamp, realm: &str, algorithms: &[String], stale: bool) -> Vec<String> {
        let nonce = self.issue(now);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quoted(realm);
        let of =
            |name: &String| format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={name}, qop=\"auth\"{stale}");
        algorithms.iter().map(of).collect()
    }

    /// Judges an answer; one that is right uses its nonce up to its count.
    pub fn judge(&mut self, claimed: &Claimed, now: Timestamp) -> Worth {
        let Some(count) = is_right(claimed) else { return Worth::Wrong };
        let nonce = claimed.fields.get("nonce").unwrap_or_default();
        let Some(serial) = self.serial_of(nonce) else { return Worth::Stale };
        self.used.retain(|_, used| is_alive(used.serial, now));
        let newer = match self.used.get(claimed.seat) {
            Some(used) => serial > used.serial || (serial == used.serial && count > used.count),
            None => true,
        };
        if !(newer && is_alive(serial, now)) {
            return Worth::Stale;
        }
        self.used.insert(claimed.seat.to_owned(), Used { serial, count });
        Worth::Right
    }

    fn issue(&mut self, now: Timestamp) -> String {
        self.issued = self.issued.wrapping_add(1);
        let ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let serial = format!("{ms:0TIME$x}{:0NUMBER$x}", self.issued);
        format!("{serial}{}", self.seal(&serial))
    }

    /// `None`: we did not give it out.
    fn serial_of(&self, nonce: &str) -> Option<Serial> {
        if nonce.len() != TIME + NUMBER + SEAL || !nonce.is_ascii() {
            return None;
        }
        let (serial, seal) = nonce.split_at(TIME + NUMBER);
        if !is_same(seal, &self.seal(serial)) {
            return None;
        }
        let (ms, number) = serial.split_at(TIME);
        let ms = u64::from_str_radix(ms, 16).ok()?;
        Some(Serial { ms, number: u32::from_str_radix(number, 16).ok()? })
    }

    fn seal(&self, serial: &str) -> String {
        // A key of 32 bytes is one that HMAC takes, as it takes any.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return String::new() };
        mac.update(serial.as_bytes());
        mac.finalize().into_bytes().iter().take(SEAL / 2).map(|b| format!("{b:02x}")).collect()
    }
}

fn is_alive(serial: Serial, now: Timestamp) -> bool {
    let now = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let life = u64::try_from(NONCE_LIFE.as_millis()).unwrap_or(u64::MAX);
    now <= serial.ms.saturating_add(life)
}

/// The count of the nonce (1 without qop), if the answer proves the secret.
fn is_right(claimed: &Claimed) -> Option<u32> {
    let Claimed { seat, method, fields, secret } = claimed;
    let text = |name: &str| fields.get(name).unwrap_or_default();
    if text("username") != *seat {
        return None;
    }
    let (hash, session) = Hash::named(fields.get("algorithm"))?;
    let (nonce, cnonce) = (text("nonce"), text("cnonce"));
    let mut account = secret.of(hash).to_owned();
    if session {
        account = hash.hex(&format!("{account}:{nonce}:{cnonce}"));
    }
    let request = hash.hex(&format!("{method}:{}", text("uri")));
    let (expected, count) = match fields.get("qop") {
        None => (hash.hex(&format!("{account}:{nonce}:{request}")), 1),
        Some(qop) if qop.eq_ignore_ascii_case("auth") => {
            let count = u32::from_str_radix(text("nc"), 16).ok()?;
            let nc = text("nc");
            (hash.hex(&format!("{account}:{nonce}:{nc}:{cnonce}:{qop}:{request}")), count)
        }
        Some(_) => return None,
    };
    is_same(text("response"), &expected).then_some(count)
}

/// In a time that does not tell how much of it is right.
fn is_same(given: &str, expected: &str) -> bool {
    let given = given.to_ascii_lowercase();
    let differs = given.bytes().zip(expected.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == expected.len() && differs == 0
}

#[cfg(test)]
mod tests {
    use super::super::super::digest::{Asked, Credentials, answer, schemes};
    use super::*;
    use rsipstack::sip::Method;

    const REALM: &str = "huifang";

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + s).unwrap()
    }

    struct Bench {
        nonces: Nonces,
        secret: StoredSecret,
        phone: Credentials,
    }

    impl Bench {
        fn new() -> Self {
            let secret = ha1(REALM, "chen", "s3cret");
            Self { nonces: Nonces::new([7; 32]), secret, phone: Credentials::new("chen", "s3cret") }
        }

        fn challenge(&mut self, now: Timestamp, algorithm: &str) -> String {
            self.nonces.challenges(now, REALM, &[algorithm.into()], false).remove(0)
        }

        /// What the client half of this program makes of a challenge.
        fn answer(&self, challenge: &str) -> String {
            let asked =
                Asked { credentials: &self.phone, method: Method::Register, uri: "sip:huifang.cn", cnonce: "c1" };
            answer(&[challenge], &[], &asked).unwrap().remove(0)
        }

        fn judge(&mut self, answer: &str, now: Timestamp) -> Worth {
            let (_, fields) = schemes(answer).remove(0);
            let claimed = Claimed { seat: "chen", method: "REGISTER", fields: &fields, secret: &self.secret };
            self.nonces.judge(&claimed, now)
        }
    }

    #[test]
    fn the_answer_of_a_phone_that_knows_the_secret_is_right_in_every_spelling() {
        for algorithm in ["SHA-256", "MD5", "SHA-256-sess", "MD5-sess"] {
            let mut bench = Bench::new();
            let challenge = bench.challenge(at(0), algorithm);
            let answer = bench.answer(&challenge);
            assert_eq!(bench.judge(&answer, at(1)), Worth::Right, "{algorithm}");
            // RFC 2069: neither qop nor count.
            let old = challenge.replace(", qop=\"auth\"", "").replace("-sess", "");
            let mut bench = Bench::new();
            let answer = bench.answer(&old);
            assert_eq!(bench.judge(&answer, at(1)), Worth::Right, "{algorithm} without qop");
            assert_eq!(bench.judge(&answer, at(2)), Worth::Stale, "{algorithm} once more");
        }
    }

    #[test]
    fn an_answer_that_proves_nothing_is_wrong_and_says_no_more() {
        let mut bench = Bench::new();
        let challenge = bench.challenge(at(0), "MD5");
        let right = bench.answer(&challenge);
        for (part, other) in [
            ("username=\"chen\"", "username=\"wang\""),
            ("nc=00000001", "nc=00000002"),
            ("nc=00000001", "nc=x"),
            ("uri=\"sip:huifang.cn\"", "uri=\"sip:other.cn\""),
            ("algorithm=MD5", "algorithm=SHA-256"),
            ("algorithm=MD5", "algorithm=SHA-512-256"),
            ("qop=auth", "qop=auth-int"),
            ("cnonce=\"c1\"", "cnonce=\"c2\""),
            ("response=\"", "response=\"0"),
            ("response=\"", "was=\""),
        ] {
            assert!(right.contains(part), "{part} is not in {right}");
            let wrong = right.replacen(part, other, 1);
            assert_eq!(bench.judge(&wrong, at(1)), Worth::Wrong, "{other}");
        }
        let mut stranger = Bench { phone: Credentials::new("chen", "guess"), ..Bench::new() };
        let challenge = stranger.challenge(at(0), "SHA-256");
        let answer = stranger.answer(&challenge);
        assert_eq!(stranger.judge(&answer, at(1)), Worth::Wrong);
        assert_eq!(bench.judge(&right, at(1)), Worth::Right, "and all that has used nothing up");
    }

    #[test]
    fn a_nonce_has_its_time_and_its_count_and_is_ours() {
        let mut bench = Bench::new();
        let (older, challenge) = (bench.challenge(at(0), "MD5"), bench.challenge(at(0), "MD5"));
        let (first, second, third) = (bench.answer(&challenge), bench.answer(&challenge), bench.answer(&challenge));
        assert_eq!(bench.judge(&first, at(1)), Worth::Right);
        assert_eq!(bench.judge(&first, at(1)), Worth::Stale, "a replay");
        assert_eq!(bench.judge(&third, at(2)), Worth::Right, "a count may jump");
        assert_eq!(bench.judge(&second, at(3)), Worth::Stale, "but never go back");
        let from_before = bench.answer(&older);
        assert_eq!(bench.judge(&from_before, at(3)), Worth::Stale, "of several nonces the newest counts");
        let again = bench.answer(&challenge);
        assert_eq!(bench.judge(&again, at(301)), Worth::Stale, "its time is over");
        let other_life = Nonces::new([8; 32]).challenges(at(0), REALM, &["MD5".into()], false).remove(0);
        let answer = bench.answer(&other_life);
        assert_eq!(bench.judge(&answer, at(1)), Worth::Stale, "we were started anew");
        let newest = bench.challenge(at(301), "MD5");
        let answer = bench.answer(&newest);
        assert_eq!(bench.judge(&answer, at(301)), Worth::Right);
    }

    #[test]
    fn what_is_kept_of_a_secret_does_not_show_itself() {
        let secret = ha1(REALM, "chen", "s3cret");
        assert!(secret.is_of(REALM) && !secret.is_of("other"));
        assert_eq!(format!("{secret:?}"), "StoredSecret(***)");
        let text = serde_json::to_string(&secret).unwrap();
        assert!(!text.contains("s3cret"));
        assert_eq!(serde_json::from_str::<StoredSecret>(&text).unwrap(), secret);
    }
}
