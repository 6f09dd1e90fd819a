//! Answers to 401 and 407 challenges (RFC 2617, RFC 7616, RFC 8760; without qop RFC 2069).
//!
//! Pure but for the client nonce, which the caller gives, and for [`Credentials`], which remember how often a nonce was used. The
//! stack's own client knows only the spelling `SHA256`, fails on `qop="auth,auth-int"`, quotes the qop that it sends and answers one
//! server per call; here the challenges are read and the credentials are written as the RFCs say.
//!
//! Known: MD5 and SHA-256, each with `-sess`. Deliberately not: SHA-512-256 (the example in RFC 7616 is itself wrong, and servers
//! differ), `auth-int` alone, `userhash`, Authentication-Info (`nextnonce` only saves a round trip). A realm that is not UTF-8 cannot
//! be answered: its bytes are lost before this (`clean`).

use md5::Md5;
use rsipstack::sip::Method;
use sha2::{Digest, Sha256};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Nonces whose use is counted at a time; a server has one or two.
const NONCES_MAX: usize = 32;
/// Challenges that are read of one response.
const CHALLENGES_MAX: usize = 16;

/// What a trunk knows us by.
#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
    /// How often each nonce was used: a server may refuse a count that does not grow (RFC 7616 §3.4).
    used: Arc<Mutex<VecDeque<(String, u32)>>>,
}

impl Credentials {
    pub fn new(username: &str, password: &str) -> Self {
        Self { username: username.into(), password: password.into(), used: Arc::default() }
    }

    fn next_use_of(&self, nonce: &str) -> u32 {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = used.iter_mut().find(|(known, _)| known == nonce) {
            *count = count.wrapping_add(1);
            return *count;
        }
        if used.len() >= NONCES_MAX {
            used.pop_front();
        }
        used.push_back((nonce.into(), 1));
        1
    }
}

/// The request that is to be made acceptable.
pub struct Asked<'a> {
    pub credentials: &'a Credentials,
    pub method: Method,
    /// The Request-URI as it is sent.
    pub uri: &'a str,
    /// Fresh for every request.
    pub cnonce: &'a str,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("no digest challenge in the response")]
    Missing,
    #[error("digest challenge cannot be answered: {0}")]
    Unsupported(String),
    #[error("the trunk refused our username or password")]
    Refused,
}

/// The credentials that answer `challenges` (header values of one kind), one for every realm that asks. `sent` are those of the same
/// kind that the request carried before: other realms keep theirs, a realm that asks again has refused us unless it says stale.
pub fn answer(challenges: &[&str], sent: &[&str], asked: &Asked) -> Result<Vec<String>, DigestError> {
    let best = best_of_each_realm(challenges)?;
    let sent: Vec<Fields> = sent.iter().flat_map(|value| schemes(value)).map(|(_, fields)| fields).collect();
    let refused = |c: &Challenge| !c.stale && sent.iter().any(|s| s.get("realm") == Some(c.realm.as_str()));
    if best.iter().any(refused) {
        return Err(DigestError::Refused);
    }
    let kept = sent.iter().filter(|s| !best.iter().any(|c| s.get("realm") == Some(c.realm.as_str())));
    let kept: Vec<String> = kept.filter_map(|fields| again(fields, asked)).collect();
    Ok(kept.into_iter().chain(best.iter().map(|c| c.credentials(asked, asked.cnonce))).collect())
}

/// Credentials that were not at fault, for the next request: the same nonce, counted on.
pub fn renew(sent: &[&str], asked: &Asked) -> Vec<String> {
    sent.iter().flat_map(|value| schemes(value)).filter_map(|(_, fields)| again(&fields, asked)).collect()
}

fn again(fields: &Fields, asked: &Asked) -> Option<String> {
    let challenge = Challenge::read(fields).ok()?;
    Some(challenge.credentials(asked, fields.get("cnonce").unwrap_or(asked.cnonce)))
}

/// The strongest challenge of every realm that one can be answered of; the first of equals.
fn best_of_each_realm(challenges: &[&str]) -> Result<Vec<Challenge>, DigestError> {
    let mut best: Vec<Challenge> = Vec::new();
    let mut error = DigestError::Missing;
    for (scheme, fields) in challenges.iter().flat_map(|text| schemes(text)).take(CHALLENGES_MAX) {
        if !scheme.eq_ignore_ascii_case("digest") {
            error = DigestError::Unsupported(format!("scheme {scheme}"));
            continue;
        }
        match Challenge::read(&fields) {
            Ok(new) => match best.iter_mut().find(|c| c.realm == new.realm) {
                Some(old) if new.hash > old.hash => *old = new,
                Some(_) => {}
                None => best.push(new),
            },
            Err(e) => error = e,
        }
    }
    if best.is_empty() { Err(error) } else { Ok(best) }
}

/// The weaker first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    Md5,
    Sha256,
}

impl Hash {
    /// By the name that a message gives it, and whether it is the `-sess` variant; no name means MD5.
    pub fn named(algorithm: Option<&str>) -> Option<(Self, bool)> {
        Some(match algorithm.map(str::to_ascii_lowercase).as_deref() {
            None | Some("md5") => (Self::Md5, false),
            Some("md5-sess") => (Self::Md5, true),
            Some("sha-256" | "sha256") => (Self::Sha256, false),
            Some("sha-256-sess" | "sha256-sess") => (Self::Sha256, true),
            Some(_) => return None,
        })
    }

    pub fn hex(self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect();
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// As the server spells it; `None` means MD5.
    algorithm: Option<String>,
    hash: Hash,
    /// The `-sess` variants.
    session: bool,
    qop_auth: bool,
    stale: bool,
}

impl Challenge {
    fn read(fields: &Fields) -> Result<Self, DigestError> {
        let text = |name: &str| fields.get(name).map(str::to_string);
        let unsupported = |what: String| Err(DigestError::Unsupported(what));
        let algorithm = text("algorithm");
        let Some((hash, session)) = Hash::named(algorithm.as_deref()) else {
            return unsupported(format!("algorithm {}", algorithm.unwrap_or_default().to_ascii_lowercase()));
        };
        let qop_auth = match text("qop") {
            None => false,
            Some(list) if list.trim().is_empty() => false,
            Some(list) if list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) => true,
            Some(list) => return unsupported(format!("qop {list}")),
        };
        let Some(nonce) = text("nonce") else { return unsupported("no nonce".into()) };
        let stale = fields.get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true"));
        let realm = text("realm").unwrap_or_default();
        Ok(Self { realm, nonce, opaque: text("opaque"), algorithm, hash, session, qop_auth, stale })
    }

    /// The value of the header that answers.
    fn credentials(&self, asked: &Asked, cnonce: &str) -> String {
        let nc = if self.qop_auth { asked.credentials.next_use_of(&self.nonce) } else { 1 };
        let response = self.response(asked.credentials, &asked.method.to_string(), asked.uri, cnonce, nc);
        let mut value = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(&asked.credentials.username),
            quoted(&self.realm),
            quoted(&self.nonce),
            quoted(asked.uri)
        );
        if let Some(spelling) = &self.algorithm {
            value.push_str(&format!(", algorithm={spelling}"));
        }
        if let Some(opaque) = &self.opaque {
            value.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        if self.qop_auth {
            value.push_str(&format!(", qop=auth, nc={nc:08x}, cnonce={}", quoted(cnonce)));
        } else if self.session {
            value.push_str(&format!(", cnonce={}", quoted(cnonce)));
        }
        value
    }

    fn response(&self, us: &Credentials, method: &str, uri: &str, cnonce: &str, nc: u32) -> String {
        let hash = |text: String| self.hash.hex(&text);
        let nonce = &self.nonce;
        let mut account = hash(format!("{}:{}:{}", us.username, self.realm, us.password));
        if self.session {
            account = hash(format!("{account}:{nonce}:{cnonce}"));
        }
        let request = hash(format!("{method}:{uri}"));
        if self.qop_auth {
            hash(format!("{account}:{nonce}:{nc:08x}:{cnonce}:auth:{request}"))
        } else {
            hash(format!("{account}:{nonce}:{request}"))
        }
    }
}

pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The parameters of one challenge or of one answer; names in lower case, values without quotes and escapes.
#[derive(Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// `Digest a=b, c="d, e", Basic f=g` by scheme: some put several challenges into one header, against RFC 3261 §7.3.1.
pub fn schemes(text: &str) -> Vec<(String, Fields)> {
    let mut found: Vec<(String, Fields)> = Vec::new();
    for part in split_outside_quotes(text) {
        let Some((key, value)) = part.split_once('=') else { continue };
        let key = match key.trim().rsplit_once([' ', '\t']) {
            Some((scheme, key)) => {
                found.push((scheme.trim().to_string(), Fields::default()));
                key
            }
            None => key.trim(),
        };
        if let Some((_, fields)) = found.last_mut() {
            fields.0.push((key.to_ascii_lowercase(), unquoted(value.trim())));
        }
    }
    found
}

fn split_outside_quotes(text: &str) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |c: char| {
        let split = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && quoted && !escaped;
        split
    })
}

/// A quoted pair counts as the character behind the backslash (RFC 9110 §5.6.4).
fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').map(|v| v.strip_suffix('"').unwrap_or(v)) else { return value.into() };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests;
