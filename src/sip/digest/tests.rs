//! Known answers of the RFCs, and what servers do that no RFC shows.

use super::*;

fn us() -> Credentials {
    Credentials::new("Mufasa", "Circle of Life")
}

fn asked<'a>(credentials: &'a Credentials, cnonce: &'a str) -> Asked<'a> {
    Asked { credentials, method: Method::Invite, uri: "sip:a@b", cnonce }
}

fn one(challenges: &[&str], sent: &[&str]) -> Result<String, DigestError> {
    answer(challenges, sent, &asked(&us(), "c0ffee")).map(|values| values.join(" | "))
}

#[track_caller]
fn check(challenges: &[&str], has: &[&str], has_not: &[&str]) {
    let value = one(challenges, &[]).unwrap();
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
    check(&["Digest realm=\"r\", nonce=\"n\", qop=\"auth-int , AUTH\""], &["qop=auth,"], &["auth-int"]);
    check(&["Digest realm=\"r\", nonce=\"n\", qop=\"\""], &["nonce=\"n\""], &["qop", "nc=", "cnonce"]);
    check(&["Digest realm=\"a, b\",nonce=\"n\",opaque=\"o=\""], &["realm=\"a, b\"", "opaque=\"o=\""], &["qop"]);
    check(&["Digest realm=\"a\\\"b\\\\\", nonce=\"n\", qop=\"auth\""], &["realm=\"a\\\"b\\\\\""], &[]);
    check(&["Digest realm=\"线路\", nonce=\"n\", domain=\"sip:a, sip:b\""], &["realm=\"线路\""], &["domain"]);
    check(&["DIGEST realm=r, nonce=n, algorithm=\"SHA-256\""], &["algorithm=SHA-256", "realm=\"r\""], &[]);
    check(&["Digest\trealm = \"r\" , nonce = \"n\""], &["realm=\"r\", nonce=\"n\""], &[]);
    check(
        &["Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess"],
        &["algorithm=MD5-sess", "cnonce=\"c0ffee\""],
        &["nc="],
    );
}

#[test]
fn of_several_challenges_the_strongest_that_we_know_is_answered() {
    let md5 = "Digest realm=\"r\", nonce=\"1\"";
    let sha = "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256";
    for (challenges, nonces) in [
        (vec![md5, sha], "2"),
        (vec![sha, md5], "2"),
        (vec!["Digest realm=\"r\", nonce=\"3\", algorithm=SHA-512-256", md5], "1"),
        (vec!["Basic realm=\"r\"", md5], "1"),
        (vec!["Digest realm=\"r\", nonce=\"1\", Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256"], "2"),
        (vec!["Digest realm=\"r\", nonce=\"3\", qop=\"auth-int\"", md5], "1"),
        (vec![md5, "Digest realm=\"r\", nonce=\"4\""], "1"),
    ] {
        let value = one(&challenges, &[]).unwrap();
        assert!(value.contains(&format!("nonce=\"{nonces}\"")) && !value.contains(" | "), "{challenges:?}: {value}");
    }
    // Two servers on the way ask in one response (RFC 3261 §22.3): each gets its own.
    let both = one(&[md5, "Digest realm=\"s\", nonce=\"5\""], &[]).unwrap();
    assert!(both.contains("realm=\"r\", nonce=\"1\"") && both.contains("realm=\"s\", nonce=\"5\""), "{both}");
}

#[test]
fn the_response_is_what_the_rfcs_compute() {
    let fields = |text: &str| Challenge::read(&schemes(text).remove(0).1).unwrap();
    let http = "Digest realm=\"http-auth@example.org\", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"";
    let cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
    let old = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    for (challenge, password, cnonce, expected) in [
        // RFC 7616 §3.9.1.
        (
            format!("{http}, qop=\"auth, auth-int\", algorithm=MD5"),
            "Circle of Life",
            cnonce,
            "8ca523f5e9506fed4657c9700eebdbec",
        ),
        (
            format!("{http}, qop=\"auth, auth-int\", algorithm=SHA-256"),
            "Circle of Life",
            cnonce,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
        // RFC 2617 §3.5, and RFC 2069 as corrected by its erratum 749.
        (format!("{old}, qop=\"auth,auth-int\""), "Circle Of Life", "0a4f113b", "6629fae49393a05397450978507c4ef1"),
        (old.into(), "CircleOfLife", "", "1949323746fe6a43ef61f9606e7febea"),
    ] {
        let us = Credentials::new("Mufasa", password);
        let got = fields(&challenge).response(&us, "GET", "/dir/index.html", cnonce, 1);
        assert_eq!(got, expected, "{challenge}");
    }
}

#[test]
fn the_response_is_what_an_independent_implementation_computes() {
    // Computed with Python's hashlib from the formulas of RFC 7616 §3.4.
    for (rest, expected) in [
        ("", "704ac00dc88c2da6e08f065fed2003e7"),
        (", qop=\"auth\"", "8def9e1f518fa7594807194427c153a5"),
        (", algorithm=MD5, qop=\"auth-int, auth\"", "8def9e1f518fa7594807194427c153a5"),
        (", algorithm=SHA-256, qop=\"auth\"", "94d3e0ead670f778bc539c7eaf27d63fdb10c3f3f1b0a1d9eb4fbc99d942396f"),
        (", algorithm=MD5-sess, qop=\"auth\"", "3546a073d848233d0a1815ef667faa82"),
        (", algorithm=SHA-256-sess, qop=\"auth\"", "2688d4af62279457f14ad26976890b2dd6ceb95d95057a69d727242b49186eae"),
    ] {
        let challenge = format!("Digest realm=\"r\", nonce=\"abc\"{rest}");
        let us = us();
        let asked = Asked { credentials: &us, method: Method::Register, uri: "sip:example.org", cnonce: "c0ffee" };
        let value = answer(&[&challenge], &[], &asked).unwrap().remove(0);
        assert!(value.contains(&format!("response=\"{expected}\"")), "{value}");
    }
}

#[test]
fn a_challenge_that_cannot_be_answered_is_an_error_that_names_it() {
    for (challenge, expected) in [
        (vec![], DigestError::Missing),
        (vec!["Digest"], DigestError::Missing),
        (vec!["Basic realm=\"x\""], DigestError::Unsupported("scheme Basic".into())),
        (vec!["Digest realm=\"x\""], DigestError::Unsupported("no nonce".into())),
        (vec!["Digest nonce=\"x\", qop=\"auth-int\""], DigestError::Unsupported("qop auth-int".into())),
        (vec!["Digest nonce=\"x\", algorithm=SHA-512-256"], DigestError::Unsupported("algorithm sha-512-256".into())),
    ] {
        assert_eq!(one(&challenge, &[]).unwrap_err(), expected, "{challenge:?}");
    }
}

#[test]
fn a_realm_that_asks_again_has_refused_us_unless_it_says_stale() {
    let first = one(&["Digest realm=\"r\", nonce=\"1\", qop=\"auth\""], &[]).unwrap();
    let again = |challenge: &str| one(&[challenge], &[&first]);
    assert_eq!(again("Digest realm=\"r\", nonce=\"2\""), Err(DigestError::Refused));
    assert_eq!(again("Digest realm=\"r\", nonce=\"2\", stale=FALSE"), Err(DigestError::Refused));
    let stale = again("Digest realm=\"r\", nonce=\"2\", stale=TRUE").unwrap();
    assert!(stale.contains("nonce=\"2\"") && !stale.contains("nonce=\"1\""), "{stale}");
    // The next server on the way: the first keeps its answer.
    let next = again("Digest realm=\"s\", nonce=\"9\"").unwrap();
    assert!(next.contains("realm=\"r\", nonce=\"1\"") && next.contains("realm=\"s\", nonce=\"9\""), "{next}");
}

#[test]
fn every_use_of_a_nonce_is_counted() {
    let us = us();
    let challenge = "Digest realm=\"r\", nonce=\"1\", qop=\"auth\", algorithm=SHA-256-sess";
    let first = answer(&[challenge], &[], &asked(&us, "aa")).unwrap().remove(0);
    let renewed = renew(&[&first], &asked(&us, "bb")).remove(0);
    let fresh = answer(&[challenge], &[], &asked(&us, "cc")).unwrap().remove(0);
    for (value, count, cnonce) in [(&first, 1, "aa"), (&renewed, 2, "aa"), (&fresh, 3, "cc")] {
        assert!(value.contains(&format!("nc={count:08x}, cnonce=\"{cnonce}\"")), "{value}");
    }
    for n in 0..2 * NONCES_MAX {
        us.next_use_of(&format!("n{n}"));
    }
    assert_eq!(us.used.lock().unwrap().len(), NONCES_MAX);
}
