use super::*;
use proptest::prelude::*;

/// An offer as Chromium writes it: session, then sections.
fn offer(sections: &[String]) -> String {
    let mids: Vec<_> = (0..sections.len()).map(|n| n.to_string()).collect();
    format!(
        "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS m\r\n{}",
        mids.join(" "),
        sections.concat()
    )
}

fn section(media: &str, mid: usize, formats: &[(&str, &str)], more: &str) -> String {
    let numbers: Vec<_> = formats.iter().map(|(number, _)| *number).collect();
    let maps: String = formats
        .iter()
        .filter(|(_, map)| !map.is_empty())
        .map(|(n, map)| format!("a=rtpmap:{n} {map}\r\na=rtcp-fb:{n} transport-cc\r\n"))
        .collect();
    let direction = if more.contains("only") || more.contains("inactive") { "" } else { "a=sendrecv\r\n" };
    format!(
        "m={media} 9 UDP/TLS/RTP/SAVPF {}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:Tq3f\r\na=ice-pwd:AbCdEfGhIjKlMnOpQrStUvWx\r\n\
         a=ice-options:trickle\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=mid:{mid}\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
         {direction}a=rtcp-mux\r\n{maps}{more}a=ssrc:11 cname:x\r\n",
        numbers.join(" ")
    )
}

fn audio(formats: &[(&str, &str)], more: &str) -> String {
    offer(&[section("audio", 0, formats, more)])
}

const CHROMIUM: [(&str, &str); 6] = [
    ("111", "opus/48000/2"),
    ("9", "G722/8000"),
    ("0", "PCMU/8000"),
    ("8", "PCMA/8000"),
    ("110", "telephone-event/48000"),
    ("126", "telephone-event/8000"),
];
const G711: [(&str, &str); 2] = [("8", ""), ("0", "PCMU/8000")];
const OPUS: [(&str, &str); 3] =
    [("111", "OPUS/48000/2"), ("110", "telephone-event/48000"), ("126", "telephone-event/8000")];

/// The m= line that the connection is shown, or why there is none.
fn check(sdp: &str, expected: &str) {
    let shown = match read(sdp, None) {
        Ok(offer) => offer.shown.lines().find(|l| l.starts_with("m=")).unwrap_or("").to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(shown, expected, "{sdp}");
}

#[test]
fn g711_is_chosen_wherever_it_stands_and_keys_at_8_khz_only() {
    check(&audio(&CHROMIUM, ""), "m=audio 9 UDP/TLS/RTP/SAVPF 8 0 126");
    check(&audio(&G711, ""), "m=audio 9 UDP/TLS/RTP/SAVPF 8 0");
    check(&audio(&OPUS, ""), "m=audio 9 UDP/TLS/RTP/SAVPF 111 126");
    check(&audio(&[("0", ""), ("110", "telephone-event/48000")], ""), "m=audio 9 UDP/TLS/RTP/SAVPF 0");
    check(&audio(&[("96", "opus/48000/2"), ("97", "pcma/8000/1")], ""), "m=audio 9 UDP/TLS/RTP/SAVPF 97");
}

#[test]
fn an_offer_that_cannot_be_answered_says_why() {
    check("", "offer: it does not begin with v=0");
    check("{}", "offer: it does not begin with v=0");
    check("v=0\r\n", "offer: no audio");
    check(&offer(&[section("video", 0, &[("96", "VP8/90000")], "")]), "offer: no audio");
    check(&audio(&[("9", "G722/8000"), ("300", "PCMA/8000")], ""), "offer: neither PCMA, PCMU nor opus");
    check(&audio(&G711, "").replace("a=rtcp-mux\r\n", ""), "offer: the audio has no a=rtcp-mux");
    check(&audio(&G711, "").replace("a=mid:0\r\n", ""), "offer: the audio has no a=mid");
    check(&audio(&G711, "").replace("a=ice-ufrag:Tq3f\r\n", ""), "offer: no a=ice-ufrag");
    check(&audio(&G711, "").replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "offer: the audio is not UDP/TLS/RTP/SAVPF");
    check(&audio(&G711, "a=inactive\r\n"), "offer: the audio is inactive");
    check(&audio(&G711, "").replace("audio 9 ", "audio 0 "), "offer: no audio");
    check(&offer(&vec![section("audio", 0, &G711, ""); 17]), "offer: more than 16 sections");
    check(&"v".repeat(LONGEST + 1), "offer of 65537 bytes: at most 65536");
}

#[test]
fn the_connection_is_shown_one_audio_section_and_no_attribute_it_could_stumble_over() {
    let odd = "a=candidate:1 1 udp 1 host.local 9 typ host\r\na=candidate:2 1 tcp 1 192.0.2.1 9 typ host tcptype active\r\n\
               a=candidate:3 1 udp 1 192.0.2.1 4000 typ host generation 0\r\na=rid:a send\r\na=simulcast:send a\r\na=ssrc:12 cname:y\r\na=ssrc:11 msid:m a\r\n";
    let sdp = offer(&[section("video", 0, &[("96", "VP8/90000")], ""), section("audio", 1, &CHROMIUM, odd)]);
    let read = read(&sdp, None).unwrap();
    assert_eq!((read.mid.as_str(), read.index, read.ufrag.as_str()), ("1", 1, "Tq3f"));
    for gone in ["extmap", "rtcp-fb", "rid", ".local", "tcptype", "ssrc:11", "video", "48000", "msid-semantic"] {
        assert!(!read.shown.contains(gone), "{gone} in {}", read.shown);
    }
    for kept in [
        "a=group:BUNDLE 1\r\n",
        "a=mid:1\r\n",
        "a=candidate:3 1 udp 1 192.0.2.1 4000",
        "a=ssrc:12 cname:y",
        "a=setup:actpass",
        "a=fingerprint:",
    ] {
        assert!(read.shown.contains(kept), "{kept} not in {}", read.shown);
    }
}

/// The connection's answer to one audio section, cut short.
const ANSWERED: &str = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 8\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n";

/// Lines of the answer, in order, that tell what became of the offer.
fn check_answer(sdp: &str, expected: &[&str]) {
    let answer = read(sdp, None).unwrap().answer(ANSWERED).unwrap();
    let telling = ["m=", "a=group", "a=mid", "a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive", "a=fmtp"];
    let lines: Vec<_> = answer.lines().filter(|l| telling.iter().any(|t| l.starts_with(t))).collect();
    assert_eq!(lines, expected, "{sdp}");
    assert!(answer.ends_with("\r\n") && answer.contains("a=ptime:20\r\n"));
}

#[test]
fn what_is_not_spoken_is_refused_in_its_place_and_the_audio_goes_on() {
    let (video, second) = (section("video", 1, &[("96", "VP8/90000")], ""), section("audio", 2, &G711, ""));
    let data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\na=sctp-port:5000\r\n".to_owned();
    check_answer(
        &offer(&[section("audio", 0, &G711, ""), video.clone(), second, data]),
        &[
            "a=group:BUNDLE 0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 8",
            "a=sendrecv",
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "a=inactive",
            "a=mid:1",
            "m=audio 0 UDP/TLS/RTP/SAVPF 8 0",
            "a=inactive",
            "a=mid:2",
            "m=application 0 UDP/DTLS/SCTP webrtc-datachannel",
            "a=inactive",
            "a=mid:3",
        ],
    );
    check_answer(
        &offer(&[video.replace("a=mid:1", "a=mid:0"), section("audio", 1, &G711, "")]),
        &[
            "a=group:BUNDLE 0",
            "m=video 0 UDP/TLS/RTP/SAVPF 96",
            "a=inactive",
            "a=mid:0",
            "m=audio 9 UDP/TLS/RTP/SAVPF 8",
            "a=sendrecv",
        ],
    );
}

#[test]
fn the_answer_faces_the_offer() {
    let audio_line = "m=audio 9 UDP/TLS/RTP/SAVPF 8";
    check_answer(&audio(&G711, "a=sendonly\r\n"), &["a=group:BUNDLE 0", audio_line, "a=recvonly"]);
    check_answer(&audio(&G711, "a=recvonly\r\n"), &["a=group:BUNDLE 0", audio_line, "a=sendonly"]);
    check_answer(&audio(&G711, "").replace("a=group:BUNDLE 0\r\n", ""), &[audio_line, "a=sendrecv"]);
    check_answer(
        &audio(&OPUS, ""),
        &["a=group:BUNDLE 0", audio_line, "a=sendrecv", "a=fmtp:111 maxplaybackrate=8000;stereo=0;useinbandfec=0"],
    );
}

#[test]
fn a_later_offer_keeps_what_was_agreed_on() {
    let first = read(&audio(&CHROMIUM, ""), None).unwrap().agreed;
    let again = read(&audio(&CHROMIUM, "").replace("Tq3f", "Zz9y"), Some(&first)).unwrap();
    assert_eq!((&again.agreed, again.ufrag.as_str()), (&first, "Zz9y"));
    let other = read(&audio(&OPUS, ""), Some(&first)).unwrap_err();
    assert_eq!(other.to_string(), "offer: other payload types than this connection has agreed on");
}

#[test]
fn only_a_candidate_with_an_address_over_udp_is_tried() {
    for (candidate, expected) in [
        ("candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host generation 0 ufrag x", true),
        ("1 1 UDP 1 2001:db8::1 50000 typ srflx raddr 0.0.0.0 rport 0", true),
        ("candidate:1 1 udp 1 8a3f0a7e-5d1c-4c6e.local 50000 typ host generation 0", false),
        ("candidate:1 1 tcp 1 192.0.2.7 9 typ host tcptype active", false),
        ("candidate:1 2 udp 1 192.0.2.7 50001 typ host generation 0", false),
        ("candidate:1 1 udp 1 0.0.0.0 50001 typ host generation 0", false),
        ("candidate:1 1 udp 1 192.0.2.7 0 typ host generation 0", false),
        ("", false),
    ] {
        assert_eq!(usable(candidate), expected, "{candidate}");
    }
}

#[test]
fn a_candidate_may_end_after_its_type() {
    assert!(usable("candidate:1 1 udp 1 192.0.2.7 50000 typ host"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_never_panics(text in "(v=0\r\n)?((m=(audio|video) [0-9]{1,3} UDP/TLS/RTP/SAVPF [0-9 ]{1,9}|a=[a-z-]{1,9}(:[ -~]{0,20})?|a=rtpmap:8 PCMA/8000|a=rtcp-mux|a=mid:0|a=ice-ufrag:x)\r\n){0,24}") {
        if let Ok(offer) = read(&text, None) {
            prop_assert!(offer.answer(ANSWERED).is_ok());
            prop_assert!(read(&offer.shown, Some(&offer.agreed)).is_ok(), "{}", offer.shown);
        }
    }
}
