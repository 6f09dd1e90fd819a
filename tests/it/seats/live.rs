//! What is said on an agent's call, on his page while it is said: as a part, then for good, with what it comes to; and that nothing of the
//! call depends on it.
//!
//! Telephones hum; what a recogniser makes of that is told to it, but in `with_models`.

use super::calls::{AGENT_HZ, CUSTOMER_HZ, hears};
use super::page::Page;
use super::supervise::{BOSS_HZ, Boss};
use super::{desk, state};
use crate::call::{NUMBER, ends, phone, picks_up, rings};
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::steady::steady;
use crate::support::{Station, until, within};
use huifang::config::Config;
use huifang::demo::phone::{LineState, Phone, PhoneCall};
use huifang::media::tones::tone;
use huifang::stt::scripted::ScriptedStream;
use huifang::stt::{SpeechStream, StreamingModel, SttError};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

fn agents(config: &mut Config) {
    config.dialer.mode = "agent".into();
    config.dialer.reserve_idle_seats = 0;
    config.seats.wrap_up_s = 60;
}

/// A model whose every stream says these.
fn says(utterances: &[&str]) -> Arc<dyn StreamingModel> {
    Arc::new(ScriptedStream { utterances: utterances.iter().map(ToString::to_string).collect() })
}

/// An answered call at a desk, both telephones silent.
struct Talk {
    station: Station,
    page: Page,
    desk: PhoneCall,
    far: PhoneCall,
    visit: String,
    /// They hear of the end of their calls.
    _phones: [Phone; 2],
}

impl Talk {
    async fn begins(model: Arc<dyn StreamingModel>, change: impl FnOnce(&mut Config)) -> Self {
        let (mut telephone, mut customer) = (phone().await, phone().await);
        let station = Station::start_hearing_by(customer.addr(), model, |config| {
            agents(config);
            change(config);
        })
        .await;
        let page = desk(&station, "anna", &telephone).await;
        Self::on(station, page, [&mut telephone, &mut customer]).await.with([telephone, customer])
    }

    async fn on(station: Station, mut page: Page, [telephone, customer]: [&mut Phone; 2]) -> Unheld {
        page.does(json!({ "type": "sign_in" })).await;
        let visit = station.api.report("FL-1", NUMBER).await;
        let desk = within("the agent's telephone rings", telephone.incoming()).await.unwrap().answer().await.unwrap();
        let far = picks_up(customer).await;
        page.call_is("answered").await;
        Unheld { station, page, desk, far, visit }
    }

    /// The next live text that fits.
    async fn live(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let news = self.page.until(what, |news| news["type"] == "live" && fits(&news["live"])).await;
        news["live"].clone()
    }

    /// The customer hangs up, and the agent writes it down; the call's row.
    async fn ends(&mut self) -> Value {
        self.far.hang_up().await;
        ends(&self.desk, LineState::CallerHungUp).await;
        let row = self.station.api.ended_call(&self.visit).await;
        self.page.call_is("ended").await;
        self.page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" } })).await;
        row
    }
}

/// The same before somebody keeps its telephones.
struct Unheld {
    station: Station,
    page: Page,
    desk: PhoneCall,
    far: PhoneCall,
    visit: String,
}

impl Unheld {
    fn with(self, phones: [Phone; 2]) -> Talk {
        let Self { station, page, desk, far, visit } = self;
        Talk { station, page, desk, far, visit, _phones: phones }
    }
}

/// A line of this side that is, or is not yet, said for good.
fn line(live: &Value, speaker: &str, done: bool) -> Option<String> {
    let lines = live["lines"].as_array().unwrap();
    let line = lines.iter().rev().find(|line| line["speaker"] == speaker && line["done"] == done)?;
    Some(line["text"].as_str().unwrap().to_owned())
}

fn hums(hz: f64, seconds: usize) -> Vec<i16> {
    tone(hz, LEVEL, seconds * 8_000)
}

#[tokio::test]
async fn e5_what_is_said_is_on_the_page_as_a_part_and_then_for_good_with_what_it_comes_to_and_is_kept_nowhere() {
    const ANGRY: &str = "我要起诉你们";
    let mut talk = Talk::begins(says(&["挺好的但是", ANGRY]), |_| {}).await;
    talk.page.does(json!({ "type": "step", "step": "sat_overall", "indicator": "服务综合" })).await;
    talk.far.say(&hums(CUSTOMER_HZ, 1));
    let part = talk.live("a part of it", |live| line(live, "customer", false).is_some()).await;
    assert_eq!(line(&part, "customer", false).unwrap(), "挺好的但是");
    assert_eq!(part["hints"], json!([]), "a part counts for nothing: {part}");
    let whole = talk.live("the whole of it", |live| line(live, "customer", true).is_some()).await;
    assert_eq!(whole["lines"][0]["n"], part["lines"][0]["n"], "it is the same line");
    assert_eq!(whole["hints"], json!([{ "kind": "hesitated", "quote": "挺好的但是" }]), "{whole}");
    let questions = whole["questions"].as_array().unwrap();
    let overall = questions.iter().find(|question| question["step"] == "sat_overall").unwrap();
    assert_eq!((&overall["standing"], &overall["level"]), (&json!("answered"), &json!(4)), "{whole}");

    talk.far.say(&hums(CUSTOMER_HZ, 1));
    let angry = talk.live("a warning", |live| !live["warnings"].as_array().unwrap().is_empty()).await;
    assert_eq!((&angry["warnings"][0]["kind"], line(&angry, "customer", true)), (&json!("alarm"), Some(ANGRY.into())));
    talk.desk.say(&hums(AGENT_HZ, 1));
    talk.live("the agent's words", |live| line(live, "agent", true).is_some()).await;

    // A page that is loaded anew has it all.
    let token = huifang::store::token::NewToken::of_user(
        &talk.station.app().store.users().await.unwrap().into_iter().find(|user| user.name == "anna").unwrap(),
        "anna again",
    );
    let token = talk.station.app().store.create_token(&token).await.unwrap().secret;
    let mut again = Page::dial(&talk.station, &token).await.unwrap();
    let welcome = again.until("welcome", |news| news["type"] == "welcome").await;
    assert_eq!(welcome["live"]["warnings"], angry["warnings"]);
    let older = std::mem::replace(&mut talk.page, again);
    older.close().await;

    talk.ends().await;
    talk.page.close().await;
    talk.station.line_is_free().await;
    talk.station.stop().await;
    let folder = talk.station.recordings().parent().unwrap();
    for file in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        let kept = bytes.windows(ANGRY.len()).any(|window| window == ANGRY.as_bytes());
        assert!(!kept, "live text is stored in {}", file.display());
    }
    talk.station.finish().await;
}

/// Takes no audio until it is let go.
struct Blocking {
    inner: Arc<dyn StreamingModel>,
    free: Arc<(Mutex<bool>, Condvar)>,
}

struct Blocked {
    inner: Box<dyn SpeechStream>,
    free: Arc<(Mutex<bool>, Condvar)>,
}

impl StreamingModel for Blocking {
    fn engine(&self) -> &str {
        "blocking"
    }
    fn open(&self) -> Result<Box<dyn SpeechStream>, SttError> {
        Ok(Box::new(Blocked { inner: self.inner.open()?, free: self.free.clone() }))
    }
}

impl SpeechStream for Blocked {
    fn accept(&mut self, pcm: &[i16]) -> Result<(), SttError> {
        let (free, changed) = &*self.free;
        drop(changed.wait_while(free.lock().unwrap(), |free| !*free).unwrap());
        self.inner.accept(pcm)
    }
    fn partial(&mut self) -> Result<String, SttError> {
        self.inner.partial()
    }
    fn finish_utterance(&mut self) -> Result<String, SttError> {
        self.inner.finish_utterance()
    }
}

#[tokio::test]
async fn e5_a_recogniser_that_blocks_costs_live_text_which_is_said_and_neither_the_call_nor_a_sample_of_the_recording()
{
    steady(async || {
        const SECONDS: usize = 6;
        let free = Arc::new((Mutex::new(false), Condvar::new()));
        let model = Arc::new(Blocking { inner: says(&["等了三天"]), free: free.clone() });
        let mut talk = Talk::begins(model, |_| {}).await;
        talk.far.say(&hums(CUSTOMER_HZ, SECONDS));
        let behind = talk.live("words are being missed", |live| live["state"] == "behind").await;
        assert_eq!(behind["lines"], json!([]));
        // The call goes on: they hear each other, and the page is answered.
        hears(&mut talk.desk, CUSTOMER_HZ).await;
        talk.desk.say(&hums(AGENT_HZ, 1));
        hears(&mut talk.far, AGENT_HZ).await;
        talk.page.does(json!({ "type": "note", "text": "等了三天" })).await;
        assert_eq!(state(&talk.station, "anna").await, "in_call");
        until("he has hummed", async || (!talk.far.speaking()).then_some(())).await;

        *free.0.lock().unwrap() = true;
        free.1.notify_all();
        let after =
            talk.live("it goes on", |live| live["state"] == "listening" && line(live, "customer", true).is_some());
        let after = after.await;
        assert_eq!(line(&after, "customer", true).unwrap(), "等了三天");
        assert!(after["missed_s"].as_f64().unwrap() > 0.0, "{after}");

        let row = talk.ends().await;
        assert_eq!(row["recording"]["gaps"], json!([]), "{row}");
        let recording = Recording::of(&row, talk.station.recordings());
        let heard: f64 = bursts(&recording.customer, CUSTOMER_HZ).iter().map(|(from, to)| to - from).sum();
        assert!((heard - SECONDS as f64).abs() < 0.2, "{heard} s of {SECONDS} are on the recording");
        talk.page.close().await;
        talk.station.finish().await;
    })
    .await;
}

#[tokio::test]
async fn e5_without_the_wish_the_room_or_the_model_there_is_no_live_text_and_the_call_is_as_ever() {
    let without: [fn(&mut Config); 2] = [|config| config.stt.live = false, |config| config.stt.live_calls = 0];
    for change in without {
        let mut talk = Talk::begins(says(&["挺好的"]), change).await;
        talk.far.say(&hums(CUSTOMER_HZ, 1));
        hears(&mut talk.desk, CUSTOMER_HZ).await;
        until("he has hummed", async || (!talk.far.speaking()).then_some(())).await;
        talk.far.hang_up().await;
        talk.station.api.ended_call(&talk.visit).await;
        // Whatever would have been said of him came before this answer.
        talk.page.ask(json!({ "type": "ping" })).await;
        assert!(!talk.page.was_told(|news| news["type"] == "live"));
        talk.page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" } })).await;
        talk.page.close().await;
        talk.station.finish().await;
    }
}

#[tokio::test]
async fn e5_a_supervisor_reads_the_call_that_he_listens_to_and_no_other() {
    let (mut telephone, mut customer) = (phone().await, phone().await);
    let station = Station::start_hearing_by(customer.addr(), says(&["一般", "太差了", "我要退机"]), agents).await;
    let page = desk(&station, "anna", &telephone).await;
    let mut boss = Boss::sits(&station).await;
    let mut talk = Talk::on(station, page, [&mut telephone, &mut customer]).await.with([telephone, customer]);
    let says = |live: &Value, text: &str| line(live, "customer", true).is_some_and(|said| said == text);
    talk.far.say(&hums(CUSTOMER_HZ, 1));
    let first = talk.live("the first word", |live| says(live, "一般")).await;
    let call = first["call"].as_str().unwrap().to_owned();

    boss.supervises(&call, "listen").await;
    talk.far.say(&hums(CUSTOMER_HZ, 1));
    let shown = boss.page.until("the second word", |news| says(&news["live"], "太差了")).await;
    assert_eq!(shown["live"]["call"], json!(call));
    boss.leaves(&call).await;
    talk.far.say(&hums(CUSTOMER_HZ, 1));
    talk.live("the third word", |live| says(live, "我要退机")).await;
    boss.page.ask(json!({ "type": "ping" })).await;
    assert!(!boss.page.was_told(|news| news["type"] == "live" && says(&news["live"], "我要退机")));

    talk.ends().await;
    talk.page.close().await;
    boss.goes().await;
    talk.station.finish().await;
}

/// The last thing that this seat said for good.
fn said_by<'a>(live: &'a Value, seat: &str) -> Option<&'a str> {
    let lines = live["lines"].as_array()?;
    lines.iter().rev().find(|line| line["seat"] == seat && line["done"] == true)?["text"].as_str()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e5_after_a_take_over_the_text_goes_on_at_the_supervisors_page_with_each_line_under_its_speaker() {
    let (mut telephone, mut customer) = (phone().await, phone().await);
    let station = Station::start_hearing_by(customer.addr(), says(&["一般", "太差了", "我要退机"]), agents).await;
    let page = desk(&station, "anna", &telephone).await;
    let mut boss = Boss::sits(&station).await;
    let mut talk = Talk::on(station, page, [&mut telephone, &mut customer]).await.with([telephone, customer]);
    talk.desk.say(&hums(AGENT_HZ, 1));
    let first = talk.live("the agent's words", |live| said_by(live, "anna").is_some()).await;

    boss.takes_over(first["call"].as_str().unwrap()).await;
    let shown = |live: &Value, seat| said_by(live, seat).map(str::to_owned);
    let before = boss.page.until("what was said before", |news| shown(&news["live"], "anna").is_some()).await;
    assert_eq!(shown(&before["live"], "anna"), shown(&first, "anna"));
    // He hums all the time: his utterance ends when he stops.
    hears(&mut talk.far, BOSS_HZ).await;
    boss.falls_silent();
    let his = boss.page.until("his own words", |news| said_by(&news["live"], "boss").is_some()).await;
    assert_eq!((said_by(&his["live"], "anna"), said_by(&his["live"], "boss")), (Some("一般"), Some("太差了")));
    talk.far.say(&hums(CUSTOMER_HZ, 1));
    let heard = boss
        .page
        .until("the customer", |news| news["type"] == "live" && line(&news["live"], "customer", true).is_some())
        .await;
    let customers =
        heard["live"]["lines"].as_array().unwrap().iter().find(|line| line["speaker"] == "customer").unwrap();
    assert_eq!((&customers["text"], &customers["seat"]), (&json!("一般"), &Value::Null));
    talk.page.ask(json!({ "type": "ping" })).await;
    assert!(!talk.page.was_told(|news| news["type"] == "live" && said_by(&news["live"], "boss").is_some()));

    talk.far.hang_up().await;
    boss.page.call_is("ended").await;
    boss.page.does(json!({ "type": "wrapped_up", "end": { "kind": "completed" } })).await;
    talk.page.does(json!({ "type": "available" })).await;
    talk.page.close().await;
    boss.goes().await;
    talk.station.finish().await;
}

#[tokio::test]
async fn e5_the_recogniser_is_loaded_while_the_telephone_rings() {
    let (mut telephone, mut customer) = (phone().await, phone().await);
    let loaded = Arc::new(AtomicUsize::new(0));
    let times = loaded.clone();
    let load = move || {
        times.fetch_add(1, Ordering::Relaxed);
        says(&["挺好的"])
    };
    let station = Station::start_loading(customer.addr(), load, agents).await;
    let mut page = desk(&station, "anna", &telephone).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let desk = within("the agent's telephone rings", telephone.incoming()).await.unwrap().answer().await.unwrap();
    let call = rings(&mut customer).await;
    until("it is loaded", async || (loaded.load(Ordering::Relaxed) > 0).then_some(())).await;
    call.ring().await;
    let far = call.answer().await.unwrap();
    page.call_is("answered").await;
    let mut talk = Unheld { station, page, desk, far, visit }.with([telephone, customer]);
    talk.far.say(&hums(CUSTOMER_HZ, 1));
    talk.live("his words", |live| line(live, "customer", true).is_some()).await;
    assert_eq!(loaded.load(Ordering::Relaxed), 1, "once for the process");
    talk.ends().await;
    talk.page.close().await;
    talk.station.finish().await;
}

/// The real recogniser over the real path.
mod with_models {
    use super::*;
    use crate::support::root;
    use huifang::clock::monotonic;
    use std::path::PathBuf;

    #[tokio::test(flavor = "multi_thread")]
    async fn e5_real_words_of_a_customer_are_on_the_page_while_he_is_on_the_line() {
        let models = std::env::var_os("HUIFANG_MODELS").map_or_else(|| root().join("models"), PathBuf::from);
        let (mut telephone, mut customer) = (phone().await, phone().await);
        let station = Station::start_with(customer.addr(), |config| {
            agents(config);
            config.data.models = models.clone();
            // Only the ear of the call is there; the recogniser of record would make this a test of speed.
            config.stt.model = "absent/ggml-base.bin".into();
        })
        .await;
        let missing = "the streaming model is missing: run `huifang models fetch`";
        assert!(models.join("vosk-model-small-cn-0.22/am/final.mdl").is_file(), "{missing}");
        let page = desk(&station, "anna", &telephone).await;
        let mut talk = Talk::on(station, page, [&mut telephone, &mut customer]).await.with([telephone, customer]);
        talk.live("it listens", |_| true).await;
        for (file, word) in [("c02_sat_attitude", "挺好的"), ("c04_sat_overall", "不满意")] {
            talk.far.say(&samples(file));
            until("he has spoken", async || (!talk.far.speaking()).then_some(())).await;
            let spoken = monotonic();
            let said = |live: &Value, done| line(live, "customer", done).is_some_and(|said| said.contains(word));
            talk.live(word, |live| said(live, false) || said(live, true)).await;
            let shown = spoken.elapsed();
            talk.live(word, |live| said(live, true)).await;
            eprintln!("{word}: shown {shown:?}, for good {:?} after the last sample", spoken.elapsed());
        }
        talk.ends().await;
        talk.page.close().await;
        talk.station.finish().await;
    }

    fn samples(answer: &str) -> Vec<i16> {
        let path = root().join(format!("tests/data/speech/answers/{answer}.wav"));
        let reader = hound::WavReader::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        reader.into_samples().map(Result::unwrap).collect()
    }
}
