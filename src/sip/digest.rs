//! Answers to 401 and 407 challenges (RFC 2617, RFC 7616, RFC 8760).
//!
//! Pure but for the client nonce, which the caller gives. The stack's own client knows only the spelling `SHA256`, fails on
//! `qop="auth,auth-int"` and quotes the qop that it sends; here the challenge is read and the credentials are written as the RFC says.
//! Not supported: `-sess` algorithms, `auth-int` alone.

use rsipstack::dialog::authenticate::compute_digest;
use rsipstack::sip::Method;
use rsipstack::sip::headers::auth::{Algorithm, AuthQop};

/// What a trunk knows us by.
#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// As the server spells it; `None` means MD5.
    algorithm: Option<(Algorithm, String)>,
    qop_auth: bool,
    stale: bool,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("no digest challenge in the response")]
    Missing,
    #[error("digest challenge cannot be answered: {0}")]
    Unsupported(String),
}

/// The value of an Authorization or Proxy-Authorization header that answers the best of `challenges` (header values).
pub fn answer(
    challenges: &[&str],
    credentials: &Credentials,
    method: Method,
    uri: &str,
    cnonce: &str,
) -> Result<String, DigestError> {
    let best = best_of(challenges)?;
    let algorithm = best.algorithm.as_ref().map_or(Algorithm::Md5, |(a, _)| *a);
    let qop = best.qop_auth.then(|| AuthQop::Auth { cnonce: cnonce.into(), nc: 1 });
    let Credentials { username, password } = credentials;
    let response = compute_digest(username, password, &best.realm, &best.nonce, &method, uri, algorithm, qop.as_ref());
    let mut value = format!(
        "Digest username=\"{username}\", realm=\"{}\", nonce=\"{}\", uri=\"{uri}\", response=\"{response}\"",
        best.realm, best.nonce
    );
    if let Some((_, spelling)) = &best.algorithm {
        value.push_str(&format!(", algorithm={spelling}"));
    }
    if let Some(opaque) = &best.opaque {
        value.push_str(&format!(", opaque=\"{opaque}\""));
    }
    if best.qop_auth {
        value.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""));
    }
    Ok(value)
}

/// The server says that our password was right and only the nonce was old.
pub fn is_stale(challenges: &[&str]) -> bool {
    best_of(challenges).is_ok_and(|c| c.stale)
}

/// SHA-256 before MD5, the first of equals.
fn best_of(challenges: &[&str]) -> Result<Challenge, DigestError> {
    let mut best: Option<Challenge> = None;
    let mut error = DigestError::Missing;
    for text in challenges {
        match parse(text) {
            Ok(c) => {
                let stronger = |c: &Challenge| matches!(c.algorithm, Some((Algorithm::Sha256, _)));
                if best.as_ref().is_none_or(|b| stronger(&c) && !stronger(b)) {
                    best = Some(c);
                }
            }
            Err(e) => error = e,
        }
    }
    best.ok_or(error)
}

fn parse(text: &str) -> Result<Challenge, DigestError> {
    let unsupported = |what: String| DigestError::Unsupported(what);
    let (scheme, rest) = text.trim().split_once([' ', '\t']).ok_or(DigestError::Missing)?;
    if !scheme.eq_ignore_ascii_case("digest") {
        return Err(unsupported(format!("scheme {scheme}")));
    }
    let params = params(rest);
    let get = |name: &str| params.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone());
    let algorithm = match get("algorithm") {
        None => None,
        Some(a) if a.eq_ignore_ascii_case("md5") => Some((Algorithm::Md5, a)),
        Some(a) if a.eq_ignore_ascii_case("sha-256") || a.eq_ignore_ascii_case("sha256") => {
            Some((Algorithm::Sha256, a))
        }
        Some(a) => return Err(unsupported(format!("algorithm {a}"))),
    };
    let qop_auth = match get("qop") {
        None => false,
        Some(list) if list.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth")) => true,
        Some(list) => return Err(unsupported(format!("qop {list}"))),
    };
    Ok(Challenge {
        realm: get("realm").unwrap_or_default(),
        nonce: get("nonce").ok_or_else(|| unsupported("no nonce".into()))?,
        opaque: get("opaque"),
        algorithm,
        qop_auth,
        stale: get("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
    })
}

/// `a=b, c="d, e"` as pairs; quotes are taken off, escapes are kept as they are.
fn params(text: &str) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut quoted = false;
    let mut escaped = false;
    let cut = |c: char| {
        let split = c == ',' && !quoted;
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        split
    };
    for part in text.split(cut) {
        if let Some((key, value)) = part.split_once('=') {
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
            pairs.push((key.trim().to_string(), bare.to_string()));
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us() -> Credentials {
        Credentials { username: "Mufasa".into(), password: "Circle of Life".into() }
    }

    #[track_caller]
    fn check(challenge: &[&str], has: &[&str], has_not: &[&str]) {
        let value = answer(challenge, &us(), Method::Invite, "sip:a@b", "c0ffee").unwrap();
        for part in has {
            assert!(value.contains(part), "{part} is not in {value}");
        }
        for part in has_not {
            assert!(!value.contains(part), "{part} is in {value}");
        }
    }

    #[test]
    fn credentials_are_written_as_the_rfc_says() {
        check(
            &["Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\""],
            &["qop=auth,", "nc=00000001", "algorithm=MD5", "uri=\"sip:a@b\""],
            &["qop=\"auth\""],
        );
        check(&["Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\""], &["qop=auth,"], &["algorithm", "auth-int"]);
        check(&["Digest realm=\"a, b\",nonce=\"n\",opaque=\"o=\""], &["realm=\"a, b\"", "opaque=\"o=\""], &["qop"]);
        check(&["DIGEST realm=r, nonce=n, algorithm=\"SHA-256\""], &["algorithm=SHA-256", "realm=\"r\""], &[]);
        check(
            &["Digest realm=\"r\", nonce=\"1\"", "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256"],
            &["nonce=\"2\""],
            &[],
        );
        check(
            &["Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256", "Digest realm=\"r\", nonce=\"2\""],
            &["nonce=\"2\""],
            &[],
        );
    }

    #[test]
    fn the_response_is_what_an_independent_implementation_computes() {
        // Computed with Python's hashlib from the formulas of RFC 7616 §3.4.
        for (rest, expected) in [
            ("", "704ac00dc88c2da6e08f065fed2003e7"),
            (", qop=\"auth\"", "8def9e1f518fa7594807194427c153a5"),
            (", algorithm=MD5, qop=\"auth-int, auth\"", "8def9e1f518fa7594807194427c153a5"),
            (", algorithm=SHA-256, qop=\"auth\"", "94d3e0ead670f778bc539c7eaf27d63fdb10c3f3f1b0a1d9eb4fbc99d942396f"),
        ] {
            let challenge = format!("Digest realm=\"r\", nonce=\"abc\"{rest}");
            let value = answer(&[&challenge], &us(), Method::Register, "sip:example.org", "c0ffee").unwrap();
            assert!(value.contains(&format!("response=\"{expected}\"")), "{value}");
        }
    }

    #[test]
    fn a_challenge_that_cannot_be_answered_is_an_error_that_names_it() {
        for (challenge, expected) in [
            (vec![], DigestError::Missing),
            (vec!["Basic realm=\"x\""], DigestError::Unsupported("scheme Basic".into())),
            (vec!["Digest realm=\"x\""], DigestError::Unsupported("no nonce".into())),
            (vec!["Digest nonce=\"x\", qop=\"auth-int\""], DigestError::Unsupported("qop auth-int".into())),
            (vec!["Digest nonce=\"x\", algorithm=MD5-sess"], DigestError::Unsupported("algorithm MD5-sess".into())),
        ] {
            let got = answer(&challenge, &us(), Method::Invite, "sip:a@b", "c").unwrap_err();
            assert_eq!(got, expected);
        }
        assert!(is_stale(&["Digest nonce=\"x\", stale=TRUE"]) && !is_stale(&["Digest nonce=\"x\""]));
    }
}
