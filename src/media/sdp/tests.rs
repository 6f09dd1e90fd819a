//! Descriptions as the wild writes them, read and answered.

use super::super::sdes::Suite;
use super::*;
use crate::config::Srtp;
use Codec::{Pcma, Pcmu};
use Direction::*;

const HEAD: &str = "v=0\r\no=x 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n";

fn local() -> Local {
    let address = IpAddr::from([127, 0, 0, 1]);
    Local { address, port: 20_000, codecs: vec![Pcma, Pcmu], session_id: 7 }
}

#[test]
fn the_offer_lists_our_codecs_in_our_order_and_telephone_event() {
    let text = String::from_utf8(local().offer(1, &OurKeys::off())).unwrap();
    let want = "v=0\r\no=- 7 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 0 101\r\n\
                a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n\
                a=ptime:20\r\na=sendrecv\r\n";
    assert_eq!(text, want);
}

fn answer(text: &str) -> Result<Remote, NegotiationError> {
    read_answer(text.as_bytes(), &[Pcma, Pcmu], &OurKeys::off())
}

/// What an answer says: codecs, event type, direction.
type Said<'a> = (&'a [(u8, Codec)], Option<u8>, Direction);

/// What is read of an answer with these media lines.
fn check(media: &str, want: Result<Said<'_>, &str>) {
    let got = answer(&format!("{HEAD}{media}"));
    match (got, want) {
        (Ok(remote), Ok((codecs, event, direction))) => {
            assert_eq!(
                (remote.codecs.as_slice(), remote.event, remote.direction),
                (codecs, event, direction),
                "{media}"
            );
        }
        (Err(error), Err(want)) => assert_eq!(error.to_string(), want, "{media}"),
        (got, want) => panic!("{media}: got {got:?}, want {want:?}"),
    }
}

#[test]
fn answers_are_read_as_the_wild_writes_them() {
    check("m=audio 4000 RTP/AVP 8\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
    check("m=audio 4000 RTP/AVP 0 8\n", Ok((&[(0, Pcmu), (8, Pcma)], None, SendRecv)));
    check(
        "m=audio 4000 RTP/AVP 18 8 96\r\na=rtpmap:8 pcma/8000/1\r\na=rtpmap:96 TELEPHONE-EVENT/8000\r\n",
        Ok((&[(8, Pcma)], Some(96), SendRecv)),
    );
    check("m=audio 4000 RTP/AVP 100\r\na=rtpmap:100 PCMU/8000\r\n", Ok((&[(100, Pcmu)], None, SendRecv)));
    check("m=audio 4000 RTP/AVP 8 99\r\na=rtpmap:99 telephone-event/48000\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
    check("m=audio 4000 RTP/AVP 8\r\na=sendonly\r\n", Ok((&[(8, Pcma)], None, SendOnly)));
    check("m=audio 4000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n", Ok((&[(8, Pcma)], None, Inactive)));
    check("m=video 4 RTP/AVP 96\r\nm=audio 4000 RTP/AVP 8\r\na=inactive\r\n", Ok((&[(8, Pcma)], None, Inactive)));
    check("m=audio 0 RTP/AVP 8\r\nm=audio 4000 RTP/AVP 8\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
    // A GBK session name of a carrier's gateway.
    check("m=audio 4000 RTP/AVP 8\r\ni=\u{fffd}\u{fffd}\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
}

#[test]
fn what_cannot_be_used_is_named() {
    check(
        "m=audio 4000 RTP/AVP 18 96\r\na=rtpmap:18 G729/8000\r\na=rtpmap:96 opus/48000/2\r\n",
        Err("no common codec: we speak PCMA, PCMU, they G729/8000, opus/48000/2"),
    );
    check(
        "m=audio 4000 RTP/AVP 8\r\na=rtpmap:8 G729/8000\r\n",
        Err("no common codec: we speak PCMA, PCMU, they G729/8000"),
    );
    check("m=audio 0 RTP/AVP 8\r\n", Err("the far end refused the audio stream (port 0)"));
    check("m=audio 4000 RTP/SAVP 8\r\n", Err("audio over RTP/SAVP is not supported here"));
    check("", Err("sdp has no audio stream"));
}

#[test]
fn broken_bytes_are_an_error_and_never_a_panic() {
    let whole = format!("{HEAD}m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendonly\r\n");
    for end in 0..whole.len() {
        let _cut = read_answer(&whole.as_bytes()[..end], &[Pcma], &OurKeys::off());
        let mut odd = whole.clone().into_bytes();
        odd[end] = 0xB0;
        let _odd = read_answer(&odd, &[Pcma], &OurKeys::off());
        let _answer = local().answer(2, &odd, &OurKeys::off());
    }
    assert_eq!(read_answer(&[b'v'; 20_000], &[Pcma], &OurKeys::off()), Err(NegotiationError::TooLong(20_000)));
    for nothing in ["", " \r\n", "\0\0"] {
        assert_eq!(answer(nothing), Err(NegotiationError::Missing));
    }
    let gbk = [HEAD.replace("s=-", "s=@@").as_bytes(), b"m=audio 4000 RTP/AVP 8\r\n"].concat();
    let gbk: Vec<u8> = gbk.into_iter().map(|b| if b == b'@' { 0xC4 } else { b }).collect();
    assert!(read_answer(&gbk, &[Pcma], &OurKeys::off()).is_ok(), "a session name in GBK must not cost the call");
}

#[test]
fn a_re_offer_is_answered_stream_by_stream_with_the_direction_mirrored() {
    let offer = format!(
        "{HEAD}m=video 5 RTP/AVP 96\r\nm=audio 4002 RTP/AVP 0 18 96\r\na=rtpmap:96 telephone-event/8000\r\na=sendonly\r\n"
    );
    let (remote, answer) = local().answer(3, offer.as_bytes(), &OurKeys::off()).unwrap();
    assert_eq!(
        (remote.port, remote.direction, remote.place),
        (4002, SendOnly, Place::Address(IpAddr::from([192, 0, 2, 7])))
    );
    let answer = String::from_utf8(answer).unwrap();
    let streams = &answer[answer.find("m=").unwrap()..];
    assert_eq!(
        streams,
        "m=video 0 RTP/AVP 96\r\nm=audio 20000 RTP/AVP 0 96\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:96 telephone-event/8000\r\n\
         a=fmtp:96 0-15\r\na=ptime:20\r\na=recvonly\r\n"
    );
    assert!(answer.contains("o=- 7 3 IN"));
}

#[test]
fn junk_around_the_lines_that_matter_costs_nothing() {
    let clean = answer(&format!("{HEAD}m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n")).unwrap();
    for junk in [
        // LF only, CR only, blank lines, trailing NULs.
        "v=0\no=x 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.7\nt=0 0\nm=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000",
        "v=0\rc=IN IP4 192.0.2.7\rm=audio 4000 RTP/AVP 8 101\ra=rtpmap:101 telephone-event/8000\r",
        "\r\n\r\nv=0\r\n\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\n\0\0\0",
        // Spaces and tabs; no v, o, s, t at all; the address inside the stream.
        " m = audio\t4000  RTP/AVP   8 101 \r\nc=IN\tIP4 192.0.2.7 \r\na= rtpmap:101  telephone-event/8000\t\r\n",
        // Lines that no grammar knows.
        "hello\r\nv=zero\r\no=\r\nb=AS:many\r\nk=x\r\nz=1\r\nt=now\r\nt=0 0\r\nc=IN IP4 192.0.2.7/127\r\nc=IN IP4 192.0.2.8\r\n\
         m=audio 4000/2 RTP/AVP 8 101 101 8\r\nb=TIAS:x\r\na=rtpmap:101 telephone-event/8000\r\na=\r\na=fmtp\r\na=fmtp:101 0-15,66-70;;x\r\n",
        // A stream that nobody can read is not ours.
        "c=IN IP4 192.0.2.7\r\nm=image\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:8PCMA/8000\r\n",
    ] {
        assert_eq!(answer(junk).as_ref(), Ok(&clean), "{junk:?}");
    }
}

#[test]
fn the_address_may_be_a_name_or_of_either_family_but_of_one_host() {
    let place = |c: &str| answer(&format!("v=0\r\n{c}m=audio 4000 RTP/AVP 8\r\n")).map(|remote| remote.place);
    let address = |text: &str| Ok(Place::Address(text.parse().unwrap()));
    assert_eq!(place("c=IN IP4 192.0.2.9\r\n"), address("192.0.2.9"));
    assert_eq!(place("c=IN IP6 2001:db8::7\r\n"), address("2001:db8::7"));
    assert_eq!(place("c=IN IP4 media.example.com\r\n"), Ok(Place::Open));
    assert_eq!(place("c=IN IP4\r\n"), Ok(Place::Open));
    assert_eq!(place(""), Ok(Place::Open));
    assert_eq!(place("c=IN IP6 ::\r\n"), Ok(Place::Hidden));
    let in_stream = answer("v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\nc=IN IP4 192.0.2.2\r\n").unwrap();
    assert_eq!(Ok(in_stream.place), address("192.0.2.2"), "what the stream says outweighs the session");
    for text in ["224.2.1.1/127/3", "255.255.255.255", "239.0.0.1"] {
        let error = place(&format!("c=IN IP4 {text}\r\n")).unwrap_err().to_string();
        assert!(error.ends_with("which is no address of one host"), "{error}");
    }
    assert!(matches!(place("c=IN IP6 ff02::1\r\n"), Err(NegotiationError::NotUnicast(_))));
}

#[test]
fn direction_is_read_of_the_stream_and_else_of_the_session() {
    let direction = |session: &str, media: &str| {
        answer(&format!("c=IN IP4 192.0.2.1\r\n{session}m=audio 4000 RTP/AVP 8\r\n{media}")).unwrap().direction
    };
    assert_eq!(direction("a=sendonly\r\n", ""), SendOnly);
    assert_eq!(direction("a=sendonly\r\n", "a=RecvOnly\r\n"), RecvOnly);
    assert_eq!(direction("", "a=inactive \r\n"), Inactive);
}

/// Lines of the audio stream, and the packet length wanted.
fn check_ptime(lines: &str, want: u16) {
    let remote = answer(&format!("{HEAD}m=audio 4000 RTP/AVP 8\r\n{lines}")).unwrap();
    assert_eq!(remote.ptime_ms, want, "{lines:?}");
}

#[test]
fn the_packet_length_is_what_the_far_end_wants_within_ten_to_sixty() {
    check_ptime("", 20);
    for ms in [10, 20, 30, 40, 50, 60] {
        check_ptime(&format!("a=ptime:{ms}\r\n"), ms);
    }
    check_ptime("a=ptime:5\r\n", 10);
    check_ptime("a=ptime:25\r\n", 20);
    check_ptime("a=ptime:200\r\n", 60);
    check_ptime("a=ptime: 30.0\r\n", 30);
    check_ptime("a=ptime:0\r\n", 20);
    check_ptime("a=ptime:ten\r\n", 20);
    check_ptime("a=ptime:99999999\r\n", 20);
    check_ptime("a=ptime:40\r\na=maxptime:30\r\n", 30);
    check_ptime("a=maxptime:10\r\n", 10);
    check_ptime("a=maxptime:150\r\n", 20);
}

#[test]
fn where_reports_go_is_read_where_it_is_said() {
    let rtcp = |line: &str| answer(&format!("{HEAD}m=audio 4000 RTP/AVP 8\r\n{line}\r\n")).unwrap().rtcp;
    assert_eq!(rtcp("a=rtcp:53020"), Some((53_020, None)));
    assert_eq!(rtcp("a=rtcp:53020 IN IP4 192.0.2.9"), Some((53_020, Some([192, 0, 2, 9].into()))));
    assert_eq!(rtcp("a=rtcp:53020 IN IP4 224.0.0.1"), Some((53_020, None)));
    for line in ["a=rtcp:0", "a=rtcp:x", "a=rtcp:", "a=rtcp:70000"] {
        assert_eq!(rtcp(line), None, "{line}");
    }
}

#[test]
fn the_number_we_offered_for_keys_needs_no_map_in_an_answer() {
    check("m=audio 4000 RTP/AVP 8 101\r\n", Ok((&[(8, Pcma)], Some(101), SendRecv)));
    check("m=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 opus/48000/2\r\n", Ok((&[(8, Pcma)], None, SendRecv)));
    check(
        "m=audio 4000 RTP/AVP 111 8 9 0 98\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:98 telephone-event/8000\r\n",
        Ok((&[(8, Pcma), (0, Pcmu)], Some(98), SendRecv)),
    );
}

#[test]
fn the_first_usable_audio_stream_is_the_one_and_too_many_are_refused() {
    let remote =
        answer(&format!("{HEAD}m=audio 4000 RTP/AVP 18\r\nm=audio 4002 RTP/AVP 8\r\nm=audio 4004 RTP/AVP 8\r\n"));
    assert_eq!(remote.unwrap().port, 4_002);
    let (_, text) = local()
        .answer(2, format!("{HEAD}m=audio 4000 RTP/AVP 8\r\nm=audio 4002 RTP/AVP 8\r\n").as_bytes(), &OurKeys::off())
        .unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("m=audio 20000 RTP/AVP 8\r\n") && text.contains("m=audio 0 RTP/AVP 8\r\n"), "{text}");
    let many = format!("{HEAD}{}", "m=audio 4000 RTP/AVP 8\r\n".repeat(17));
    assert_eq!(answer(&many), Err(NegotiationError::TooManyStreams(17)));
    check("m=audio x RTP/AVP 8\r\n", Err("sdp cannot be read: m=audio x RTP/AVP 8"));
    check("m=audio 70000 RTP/AVP 8\r\n", Err("sdp cannot be read: m=audio 70000 RTP/AVP 8"));
    check(
        "m=audio 0 RTP/AVP 8\r\nm=audio 4 UDP/TLS/RTP/SAVPF 8\r\n",
        Err("audio over UDP/TLS/RTP/SAVPF is not supported here"),
    );
}

const LINE: &str = "AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

/// What a trunk's policy makes of an answer with this profile and these lines: the tag in force, or the error.
fn check_srtp(policy: Srtp, profile: &str, lines: &str, want: Result<Option<u32>, &str>) {
    let keys = OurKeys::new(policy, [[1; 30], [2; 30]]);
    let text = format!("{HEAD}m=audio 4000 {profile} 8\r\n{}", lines.replace("LINE", LINE));
    let got = read_answer(text.as_bytes(), &[Pcma], &keys);
    let got = got.map(|remote| remote.crypto.map(|crypto| crypto.tag)).map_err(|error| error.to_string());
    assert_eq!(got, want.map_err(str::to_owned), "{policy:?} {profile} {lines}");
}

#[test]
fn each_trunk_gets_the_encryption_it_wants_or_a_clear_no() {
    let unsecured = "srtp is required, and the far end gives no key that we can use";
    check_srtp(Srtp::Off, "RTP/AVP", "a=crypto:1 LINE\r\n", Ok(None));
    check_srtp(Srtp::Off, "RTP/SAVP", "a=crypto:1 LINE\r\n", Err("audio over RTP/SAVP is not supported here"));
    check_srtp(Srtp::Optional, "RTP/AVP", "", Ok(None));
    check_srtp(Srtp::Optional, "RTP/AVP", "a=crypto:1 LINE\r\n", Ok(Some(1)));
    check_srtp(Srtp::Optional, "RTP/SAVP", "a=crypto:1 LINE\r\n", Ok(Some(1)));
    check_srtp(Srtp::Optional, "RTP/SAVP", "", Err(unsecured));
    check_srtp(Srtp::Required, "RTP/SAVP", "a=crypto:1 LINE\r\n", Ok(Some(1)));
    check_srtp(Srtp::Required, "RTP/SAVP", "a=crypto:9 LINE\r\n", Err(unsecured));
    check_srtp(Srtp::Required, "RTP/SAVP", "a=crypto:1 LINE|2^31|1:1\r\n", Err(unsecured));
    check_srtp(Srtp::Required, "RTP/SAVP", "", Err(unsecured));
    check_srtp(Srtp::Required, "RTP/AVP", "", Err(unsecured));
}

#[test]
fn offers_and_answers_carry_our_key_in_the_profile_that_fits() {
    let profile = |policy| {
        let text = String::from_utf8(local().offer(1, &OurKeys::new(policy, [[1; 30], [2; 30]]))).unwrap();
        let media = text.lines().find_map(|line| line.strip_prefix("m=audio 20000 ")).map(str::to_owned);
        (media.unwrap(), text.matches("a=crypto:").count())
    };
    assert_eq!(profile(Srtp::Off), ("RTP/AVP 8 0 101".into(), 0));
    assert_eq!(profile(Srtp::Optional), ("RTP/AVP 8 0 101".into(), 2));
    assert_eq!(profile(Srtp::Required), ("RTP/SAVP 8 0 101".into(), 2));
    let keys = OurKeys::new(Srtp::Required, [[1; 30], [2; 30]]);
    let offer = format!("{HEAD}m=audio 4000 RTP/SAVP 8\r\na=crypto:3 F8 x\r\na=crypto:5 {LINE}\r\n");
    let (remote, answer) = local().answer(2, offer.as_bytes(), &keys).unwrap();
    assert_eq!(remote.crypto.map(|crypto| (crypto.tag, crypto.suite)), Some((5, Suite::Sha1_80)));
    let answer = String::from_utf8(answer).unwrap();
    let ours = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";
    assert!(
        answer.contains(&format!("m=audio 20000 RTP/SAVP 8\r\na=crypto:5 AES_CM_128_HMAC_SHA1_80 inline:{ours}\r\n")),
        "{answer}"
    );
}
