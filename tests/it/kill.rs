//! The program itself, started as its owner starts it: killed in the middle of a call, stopped in the middle of a call, and its log.

use crate::call::{NUMBER, ends, first_sound, has_rung, phone, picks_up, reason, rings};
use crate::support::api::{Api, instant, text};
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::{config, nothing_is_left, parts, until, within};
use huifang::clock::{Clock, SystemClock, monotonic};
use huifang::config::Config;
use huifang::demo::phone::{LineState, Phone, PhoneCall};
use huifang::media::tones::tone;
use huifang::media::wav::{self, Verdict};
use jiff::SignedDuration;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const OTHER: &str = "13900001111";
const CUSTOMER_HZ: f64 = 1_500.0;

/// One installation; the program may be started on it again and again.
struct Site {
    folder: TempDir,
    config: Config,
    token: Option<String>,
}

/// The program while it runs.
struct Serve {
    child: Child,
    api: Api,
}

impl Site {
    fn new(phone: &Phone) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path(), &format!("sip:{}", phone.addr()));
        std::fs::write(folder.path().join("huifang.toml"), toml::to_string(&config).unwrap()).unwrap();
        Self { folder, config, token: None }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    async fn serve(&mut self) -> Serve {
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_huifang"));
        command.args(["serve", "--config"]).arg(self.folder.path().join("huifang.toml"));
        command.env_remove("RUST_LOG").env_remove("HUIFANG_LOG").stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut http: Option<SocketAddr> = None;
        // The token is shown at the first start only, in the last line.
        while http.is_none() || self.token.is_none() {
            let line = within("the program says that it runs", lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("{}", std::fs::read_to_string(self.log()).unwrap()));
            if let Some(address) = line.strip_prefix("console  http://").and_then(|rest| rest.strip_suffix('/')) {
                http = Some(address.parse().unwrap());
            } else if let Some((_, token)) = line.split_once(" token ") {
                self.token = Some(token.to_owned());
            }
        }
        Serve { child, api: Api::new(http.unwrap(), self.token.clone().unwrap()) }
    }
}

impl Serve {
    async fn terminate(mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
        let status = within("the program ends", self.child.wait()).await.unwrap();
        assert!(status.success(), "{status}");
    }
}

/// Speaks and listens until so much of the call has passed.
async fn talk_until(call: &mut PhoneCall, seconds: f64) -> Instant {
    call.say(&tone(CUSTOMER_HZ, LEVEL, (seconds * 8_000.0) as usize));
    within("the call goes on", async {
        while monotonic().duration_since(call.answered_at).as_secs_f64() < seconds {
            call.next_frame().await.expect("the call is up");
        }
    })
    .await;
    monotonic()
}

#[tokio::test]
async fn a_killed_engine_keeps_visit_and_recording_and_does_not_dial_twice_for_one_attempt() {
    let mut phone = phone().await;
    let mut site = Site::new(&phone);
    let mut killed = site.serve().await;
    let visit = killed.api.report("FL-1", NUMBER).await;
    let mut call = picks_up(&mut phone).await;
    let talked = talk_until(&mut call, 3.0).await.duration_since(call.answered_at).as_secs_f64();
    killed.child.kill().await.unwrap();
    assert_eq!(parts(&site.config.recordings.store).len(), 1, "killed with its recording open");
    call.hang_up().await;

    let serve = site.serve().await;
    let api = &serve.api;
    let row = api.ended_call(&visit).await;
    let end = (text(&row["outcome"]), text(&row["fault"]), text(&row["hung_up_by"]), row["attempt"].clone());
    assert_eq!(end, ("answered".into(), "us".into(), "us".into(), 1.into()), "{row}");
    let after = api.visit(&visit).await;
    assert_eq!((reason(&after), &after["attempts"]), ("interrupted".into(), &1.into()), "the attempt is used");
    let wait = instant(&after["state"]["not_before"]).duration_since(SystemClock.now());
    assert!(wait > SignedDuration::from_mins(55), "for the customer it was a hang-up (A04): {after}");
    assert!(text(&api.why(&visit).await["text"]).contains("A04"));

    // Readable up to the last second, marked as mended, and what is missing at the end is a gap.
    let info = &row["recording"];
    assert_eq!((text(&info["state"]), info["answered_at_s"].clone()), ("repaired".into(), 0.0.into()), "{row}");
    let recording = Recording::of(&row, &site.config.recordings.store);
    assert!(recording.seconds() >= talked - 1.0, "{} s of {talked} s", recording.seconds());
    let heard: f64 = bursts(&recording.customer, CUSTOMER_HZ).iter().map(|(from, to)| to - from).sum();
    assert!(heard >= talked - 1.2, "{heard} s of the customer's voice in {talked} s");
    let talk = row["talk_s"].as_f64().unwrap();
    assert!((talk - recording.seconds()).abs() < 0.01, "{talk} s talked: the time in which nothing ran is no talk");
    let gaps = info["gaps"].as_array().unwrap();
    assert!(gaps.len() == 2 && gaps.iter().all(|gap| gap["reason"] == "crash"), "{gaps:?}");
    assert_eq!(parts(&site.config.recordings.store), Vec::<PathBuf>::new());
    let stored = api.request(reqwest::Method::GET, &text(&info["url"])).send().await.unwrap();
    assert_eq!(stored.headers()["etag"].to_str().unwrap(), format!("\"{}\"", text(&info["sha256"])));

    // The planner has looked at everything again: it dials who is new, and not him.
    api.report("FL-2", OTHER).await;
    let other = rings(&mut phone).await;
    assert_eq!(other.dialled(), OTHER);
    other.reject(404, "Not Found").await;
    assert_eq!(api.calls(&visit).await.len(), 1);
    assert!(!has_rung(&mut phone));
    serve.terminate().await;
    nothing_is_left(&site.config).await;
}

#[tokio::test]
async fn a_killed_engine_that_had_only_rung_spaces_the_next_call_as_after_no_answer() {
    let mut phone = phone().await;
    let mut site = Site::new(&phone);
    let mut killed = site.serve().await;
    let visit = killed.api.report("FL-1", NUMBER).await;
    let call = rings(&mut phone).await;
    call.ring().await;
    until("the engine knows that it rings", async || {
        (!killed.api.calls(&visit).await.first()?["ringing_at"].is_null()).then_some(())
    })
    .await;
    killed.child.kill().await.unwrap();
    let serve = site.serve().await;
    let row = serve.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("cancelled".into(), "us".into()), "{row}");
    assert!(row["hung_up_by"].is_null() && row["recording"]["answered_at_s"].is_null(), "{row}");
    let after = serve.api.visit(&visit).await;
    assert_eq!((reason(&after), &after["attempts"]), ("interrupted".into(), &1.into()));
    assert!(after["redial_guard"].is_null(), "nobody was disturbed: {after}");
    assert!(!has_rung(&mut phone));
    serve.terminate().await;
    nothing_is_left(&site.config).await;
}

#[tokio::test]
async fn sigterm_ends_the_call_with_a_bye_writes_it_and_no_line_of_the_log_holds_a_number() {
    let mut phone = phone().await;
    let mut site = Site::new(&phone);
    let serve = site.serve().await;
    // An SMS that fails, a rejected call and an answered one: what is logged of all of them is looked at.
    serve.api.sms("m-0", &format!("看不懂 {NUMBER}")).await;
    let rejected = serve.api.report("FL-0", OTHER).await;
    rings(&mut phone).await.reject(603, "Decline").await;
    serve.api.ended_call(&rejected).await;
    let visit = serve.api.report("FL-1", NUMBER).await;
    let mut call = picks_up(&mut phone).await;
    first_sound(&mut call).await;
    tokio::join!(ends(&call, LineState::CallerHungUp), serve.terminate());

    let log = std::fs::read_to_string(site.log()).unwrap();
    assert!(log.contains("the customer answered") && log.contains("138****5678"), "a log at info: {log}");
    for number in [NUMBER, OTHER] {
        assert!(!log.contains(number), "{log}");
    }
    let serve = site.serve().await;
    let row = serve.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["hung_up_by"])), ("answered".into(), "us".into()), "{row}");
    let info = serde_json::from_value(row["recording"].clone()).unwrap();
    assert_eq!(wav::verify(&site.config.recordings.store, &info), Verdict::Intact);
    assert!(text(&row["detail"]).contains("stopping"), "{row}");
    serve.terminate().await;
    nothing_is_left(&site.config).await;
}
