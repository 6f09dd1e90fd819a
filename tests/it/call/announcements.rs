//! What is heard where a person should be: before the answer, behind a false one, and on a mailbox. The audio is real; what the recogniser
//! makes of it is told to it, but in `with_models`.

use super::{NUMBER, reason};
use crate::support::api::text;
use crate::support::data::LEVEL;
use crate::support::far::{Answered, Far};
use crate::support::steady::steady;
use crate::support::{Station, root, until};
use huifang::domain::call::journal::{JournalEvent, LineChange};
use huifang::domain::id::CallId;
use huifang::media::tones::tone;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn carrier(file: &str) -> Vec<i16> {
    let path = root().join("tests/data/speech/carrier").join(format!("{file}.wav"));
    hound::WavReader::open(path).unwrap().into_samples().map(Result::unwrap).collect()
}

/// The audio has been sent up to this second.
async fn said(began: Instant, seconds: f64) {
    let time = Duration::from_secs_f64(seconds);
    until("the announcement is said", async || (began.elapsed() >= time).then_some(())).await;
}

/// The engine gives the call up before the answer.
async fn is_cancelled(far: &mut Far, call: &Answered) -> Instant {
    let cancel = far.sip.expect("CANCEL").await;
    let at = huifang::clock::monotonic();
    far.sip.reply(&cancel, "200 OK", b"", b"").await;
    far.sip.reply(&call.invite, "487 Request Terminated", b"", b"").await;
    far.sip.expect("ACK").await;
    at
}

async fn is_hung_up(far: &mut Far) {
    let bye = far.sip.expect("BYE").await;
    far.sip.reply(&bye, "200 OK", b"", b"").await;
}

/// What the journal has of announcements: when, and the sentence.
async fn announced(station: &Station, row: &Value) -> Vec<(f64, String)> {
    let call = station.app().store.call(&CallId::new(text(&row["id"]))).await.unwrap();
    let entries = call.journal.into_iter().filter_map(|entry| match entry.event {
        JournalEvent::Line { change: LineChange::Announcement, text } => Some((entry.at_s, text)),
        _ => None,
    });
    entries.collect()
}

fn end_of(row: &Value) -> (String, String, u64) {
    (text(&row["outcome"]), text(&row["fault"]), row["sip_status"].as_u64().unwrap_or_default())
}

#[tokio::test]
async fn a_vacant_number_that_is_announced_without_a_final_status_is_cancelled_once_it_is_said_and_closes_the_visit() {
    let mut far = Far::bind().await;
    let station = Station::start_hearing(far.address(), &["您好您拨打的号码是空号请核对后再拨"]).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.early().await;
    let began = far.speak(&call, &carrier("vacant_number"));
    let cancelled = is_cancelled(&mut far, &call).await;
    assert!(cancelled - began >= Duration::from_millis(3_500), "not in the middle of it");
    let row = station.api.ended_call(&visit).await;
    assert_eq!(end_of(&row), ("invalid_number".into(), "customer".into(), 487), "{row}");
    assert!(text(&row["detail"]).contains("vacant_number was heard before the answer"), "{row}");
    assert!(row["answered_at"].is_null() && row["conversation"].is_null(), "{row}");
    let announced = announced(&station, &row).await;
    let [(at, sentence)] = &announced[..] else { panic!("{announced:?}") };
    assert_eq!(sentence, "听到“您好您拨打的号码是空号请核对后再拨”（空号）");
    assert!((0.0..5.0).contains(at), "{at} s after the early media began");
    let after = station.api.visit(&visit).await;
    assert_eq!(after["state"]["name"], "closed", "{after}");
    assert!(text(&station.api.why(&visit).await["text"]).contains("空号"));
    station.finish().await;
}

#[tokio::test]
async fn a_480_after_a_cut_off_announcement_is_what_was_announced_and_not_no_answer() {
    let mut far = Far::bind().await;
    let station = Station::start_hearing(far.address(), &["您好您拨打的电话已关机"]).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.early().await;
    let began = far.speak(&call, &carrier("powered_off"));
    said(began, 1.6).await;
    far.sip.reply(&call.invite, "480 Temporarily Unavailable", b"", b"").await;
    far.sip.expect("ACK").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(end_of(&row), ("unreachable".into(), "customer".into(), 480), "{row}");
    let why = text(&station.api.why(&visit).await["text"]);
    assert!(why.contains("关机或不在服务区，间隔 30 分钟"), "{why}");
    station.finish().await;
}

#[tokio::test]
async fn who_is_on_a_call_and_may_still_take_ours_is_waited_for_and_his_answer_is_an_answer() {
    let mut far = Far::bind().await;
    let station = Station::start_hearing(far.address(), &["您好请不要挂机您拨打的电话正在通话中"]).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.early().await;
    let began = far.speak(&call, &carrier("call_waiting"));
    said(began, 6.5).await;
    let call = far.pick_up(call.invite).await;
    until("the greeting is heard", async || far.first_sound()).await;
    far.sip.request(&call.invite, "BYE", 1, "", "").await;
    far.sip.expect("200").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("hung_up".into(), "customer".into()), "{row}");
    let announced = announced(&station, &row).await;
    let [(at, sentence)] = &announced[..] else { panic!("{announced:?}") };
    assert!(*at < 0.0 && sentence.contains("请勿挂机"), "{announced:?}");
    station.finish().await;
}

#[tokio::test]
async fn without_a_recogniser_a_busy_tone_before_the_answer_is_still_a_busy_customer() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.early().await;
    let period = [tone(450.0, LEVEL, 2_800), vec![0; 2_800]].concat();
    far.speak(&call, &period.repeat(12));
    is_cancelled(&mut far, &call).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(end_of(&row), ("busy".into(), "customer".into(), 487), "{row}");
    assert_eq!(announced(&station, &row).await.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), ["听到忙音"]);
    station.finish().await;
}

#[tokio::test]
async fn an_announcement_behind_a_200_is_hung_up_on_and_is_no_visit_while_the_greeting_did_not_wait_for_it() {
    let mut far = Far::bind().await;
    let station = Station::start_hearing(far.address(), &["您好您拨打的电话暂时无法接通请稍后再拨"]).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    far.speak(&call, &carrier("cannot_be_connected"));
    is_hung_up(&mut far).await;
    assert!(far.first_sound().is_some(), "the greeting was played all the same");
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("unreachable".into(), "network".into()), "{row}");
    assert_eq!(row["conversation"], json!({ "kind": "machine", "heard": "cannot_be_connected" }));
    assert_eq!(announced(&station, &row).await.len(), 1);
    let after = station.api.visit(&visit).await;
    assert_eq!(
        (reason(&after), text(&after["state"]["reason"]["after"])),
        ("retry_spacing".into(), "unreachable".into())
    );
    station.finish().await;
}

#[tokio::test]
async fn a_network_that_hangs_up_itself_when_its_announcement_behind_a_200_is_over_is_no_customer_who_hung_up() {
    let mut far = Far::bind().await;
    let station = Station::start_hearing(far.address(), &["您好您拨打的电话已停机"]).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    let began = far.speak(&call, &carrier("suspended"));
    said(began, 1.2).await;
    far.sip.request(&call.invite, "BYE", 1, "", "").await;
    far.sip.expect("200").await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("unreachable".into(), "customer".into()), "{row}");
    assert_eq!(row["conversation"], json!({ "kind": "machine", "heard": "suspended" }));
    assert_eq!(reason(&station.api.visit(&visit).await), "retry_spacing");
    station.finish().await;
}

#[tokio::test]
async fn a_mailbox_is_left_with_a_word_and_its_visit_is_made_again() {
    let mut far = Far::bind().await;
    let station = Station::start_hearing(far.address(), &["您好我现在不方便接听电话请在提示音后留言"]).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    far.speak(&call, &carrier("answering_machine"));
    is_hung_up(&mut far).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("answered".into(), "us".into()), "{row}");
    assert_eq!(row["conversation"], json!({ "kind": "machine", "heard": "mailbox" }));
    let journal = station.app().store.call(&CallId::new(text(&row["id"]))).await.unwrap().journal;
    let mut prompts = journal.iter().filter_map(|entry| match &entry.event {
        JournalEvent::Prompt { prompts, .. } => prompts.last().cloned(),
        _ => None,
    });
    assert_eq!(prompts.next_back().as_deref(), Some("inconvenient_confirm"), "the last word");
    let why = text(&station.api.why(&visit).await["text"]);
    assert!(why.contains("由语音信箱或通话助理接听，间隔 30 分钟"), "{why}");
    station.finish().await;
}

/// The real recogniser over the real path.
mod with_models {
    use super::*;
    use std::path::PathBuf;

    fn models() -> PathBuf {
        std::env::var_os("HUIFANG_MODELS").map_or_else(|| root().join("models"), PathBuf::from)
    }

    /// One call whose early media is this file; its outcome, and what was heard.
    async fn outcome_of(
        far: &mut Far,
        station: &Station,
        file: &str,
        order: &str,
        number: &str,
    ) -> (String, Vec<(f64, String)>) {
        let visit = station.api.report(order, number).await;
        let call = far.early().await;
        far.speak(&call, &carrier(file));
        is_cancelled(far, &call).await;
        let row = station.api.ended_call(&visit).await;
        (text(&row["outcome"]), announced(station, &row).await)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_a_network_says_before_the_answer_is_heard_by_the_recogniser_and_ends_the_call_with_its_outcome() {
        steady(what_a_network_says).await;
    }

    async fn what_a_network_says() {
        let mut far = Far::bind().await;
        let station = Station::start_with(far.address(), |config| {
            config.data.models = models();
            // Only the ear of the call is there; the recogniser of record would make this a test of speed.
            config.stt.model = "absent/ggml-base.bin".into();
        })
        .await;
        for (n, (file, outcome)) in [
            ("vacant_number", "invalid_number"),
            ("early_media_no_answer", "no_answer"),
            ("out_of_service_area", "unreachable"),
            ("on_a_call", "busy"),
        ]
        .into_iter()
        .enumerate()
        {
            let number = format!("1381234567{n}");
            let (came_to, heard) = outcome_of(&mut far, &station, file, &format!("FL-{n}"), &number).await;
            assert_eq!(came_to, outcome, "{file}: {heard:?}");
        }
        station.finish().await;
    }
}
