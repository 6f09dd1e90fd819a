//! `huifang demo`: the main job on this machine with no carrier and no person.
//!
//! Contract: nothing is faked. The engine runs as `serve` runs it, with its data in a temporary folder; the customer is another
//! process with a SIP endpoint of its own; the SMS goes in over HTTP and everything that is printed comes out over HTTP. Exit status 0
//! only if every step really happened: each is checked from outside at the end.

use crate::app::App;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Trunk};
use crate::demo::customer::CustomerScript;
use crate::demo::{mid_morning_zone, report};
use crate::domain::score::Indicator;
use crate::telemetry::{self, LogFormat};
use anyhow::{Context, bail, ensure};
use futures::StreamExt;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The whole demo takes three to five minutes; longer means that something hangs.
const LIMIT: Duration = Duration::from_secs(15 * 60);
const PHONE: &str = "13800138000";

#[derive(clap::Args)]
pub struct Args {
    /// Who is called: a folder of demo/customers
    #[arg(long, default_value = "c01_very_satisfied")]
    customer: String,
    /// End after the report
    #[arg(long)]
    exit: bool,
    /// Folder of the customers
    #[arg(long, default_value = "demo/customers")]
    customers: PathBuf,
    /// Where the console is served; port 0 takes any
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    telemetry::init(LogFormat::Text, "warn")?;
    let folder = args.customers.join(&args.customer);
    let script = CustomerScript::load(&folder).context("--customer names a folder of demo/customers")?;
    let data = tempfile::Builder::new().prefix("huifang-demo-").tempdir()?;

    let zone = mid_morning_zone(SystemClock.now());
    let mut config = config(&args, data.path(), &zone)?;
    for model in [&config.stt.model, &config.stt.vad_model, &config.stt.streaming_library, &config.stt.streaming_model]
    {
        let path = config.model_path(model);
        ensure!(path.exists(), "{} is missing: run `huifang models fetch` first", path.display());
    }

    step("starting the customer: a SIP endpoint of its own");
    let mut customer = CustomerProcess::start(&folder).await?;
    config.trunks = vec![Trunk::new("demo", &format!("sip:{}", customer.sip))];
    // He leaves his telephone after his call: no reason to tell anybody that the trunk is down.
    config.trunks[0].options_interval_s = 0;
    step(&format!("starting the engine, data in {}", data.path().display()));
    let app = App::start(config).await?;
    let token = app.first_administrator.as_ref().context("a new database has no administrator")?.token.clone();
    let api = Api { base: format!("http://{}", app.http), token, client: reqwest::Client::new() };

    let done = tokio::time::timeout(LIMIT, visit(&api, &script, &zone)).await;
    let report = match done {
        Ok(report) => report?,
        Err(_) => bail!("the visit was not finished within {} minutes", LIMIT.as_secs() / 60),
    };
    println!("\n{}", report::render(&report));
    check(&api, &report, &script, data.path()).await?;
    customer.finish().await?;
    println!("every step happened: SMS, call, recording, transcript, scores, audit");

    if args.exit {
        return app.stop().await;
    }
    println!("console: {}/   token: {}   (ctrl-c ends)", api.base, api.token);
    super::serve::wait_for_signal().await?;
    app.stop().await
}

fn step(what: &str) {
    println!("== {what}");
}

/// The customer's process; killed if the demo fails.
struct CustomerProcess {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    sip: SocketAddr,
}

impl CustomerProcess {
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["customer", "--script"])
            .arg(folder)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().context("the customer has no output")?).lines();
        let first = output.next_line().await?.context("the customer did not start")?;
        let sip = first.strip_prefix("sip ").context("the customer did not say where it listens")?.parse()?;
        Ok(Self { child, output, sip })
    }

    /// What he says of the call himself.
    async fn finish(&mut self) -> anyhow::Result<()> {
        while let Some(line) = self.output.next_line().await? {
            println!("customer: {line}");
        }
        ensure!(self.child.wait().await?.success(), "the customer did not end the call as his script wants");
        Ok(())
    }
}

fn config(args: &Args, data: &Path, zone: &str) -> anyhow::Result<Config> {
    let mut config = Config::load(None)?;
    config.site.timezone = zone.into();
    config.site.work_hours = vec!["00:00-24:00".into()];
    config.site.holidays = "every_day".into();
    config.http.listen = args.listen;
    config.database.url = format!("sqlite://{}", data.join("huifang.db").display());
    config.recordings.store = data.join("recordings");
    config.recordings.min_free_mb = 20;
    config.sip.listen = vec!["udp:127.0.0.1:0".into()];
    config.validate()?;
    Ok(config)
}

struct Api {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Api {
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token).send().await?;
        read(path, answer).await
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        read(path, request.json(body).send().await?).await
    }
}

async fn read(path: &str, answer: reqwest::Response) -> anyhow::Result<Value> {
    let status = answer.status();
    let body = answer.text().await?;
    ensure!(status.is_success(), "{path}: {status}: {body}");
    Ok(serde_json::from_str(&body)?)
}

/// From the SMS to the finished report.
async fn visit(api: &Api, script: &CustomerScript, zone: &str) -> anyhow::Result<Value> {
    let events = api.client.get(format!("{}/api/v1/events", api.base)).bearer_auth(&api.token).send().await?;
    ensure!(events.status().is_success(), "/api/v1/events: {}", events.status());
    let mut events = events.bytes_stream();

    let text = sms_text(script, SystemClock.now(), zone)?;
    step(&format!("completion SMS over HTTP: {text}"));
    let sms = json!({ "message_id": "demo-1", "from": "10690000", "to": "10691234", "text": text,
                      "received_at": SystemClock.now().to_string() });
    let accepted = api.post("/api/v1/sms", &sms).await?;
    let visit = accepted["visit_id"].as_str().with_context(|| format!("no template read the SMS: {accepted}"))?;
    println!("   visit {visit}, due {}", accepted["due_at"].as_str().unwrap_or("?"));

    let mut unread = String::new();
    while let Some(chunk) = events.next().await {
        unread.push_str(&String::from_utf8_lossy(&chunk?));
        while let Some((line, rest)) = unread.split_once('\n') {
            let line = line.trim_end().to_owned();
            unread = rest.to_owned();
            let Some(data) = line.strip_prefix("data:") else { continue };
            if let Some(report) = on_event(api, serde_json::from_str(data.trim())?).await? {
                return Ok(report);
            }
        }
    }
    bail!("the event stream ended before the visit was finished")
}

/// Prints the news; the report when there is nothing more to come.
async fn on_event(api: &Api, event: Value) -> anyhow::Result<Option<Value>> {
    let call = event["call"].as_str().unwrap_or_default().to_owned();
    match event["event"].as_str().unwrap_or_default() {
        "call_changed" => {
            let outcome = event["outcome"].as_str().map(|o| format!(": {o}")).unwrap_or_default();
            println!("   call {}{outcome}", event["phase"].as_str().unwrap_or("?"));
            let ended = event["phase"] == "ended";
            if ended && event["outcome"] != "answered" && event["outcome"] != "hung_up" {
                bail!("the customer was not reached{outcome}");
            }
        }
        "visit_changed" => println!("   visit {}", event["state"].as_str().unwrap_or("?")),
        "transcript_progress" => {
            println!("   transcript {:.0} %", event["progress"].as_f64().unwrap_or_default() * 100.0);
        }
        "scored" => return Ok(Some(api.get(&format!("/api/v1/calls/{call}/report")).await?)),
        _ => {}
    }
    Ok(None)
}

fn sms_text(script: &CustomerScript, now: Timestamp, zone: &str) -> anyhow::Result<String> {
    let finished = (now - SignedDuration::from_mins(20)).to_zoned(TimeZone::get(zone)?);
    let order_no = finished.strftime("FL%Y%m%d001").to_string();
    let finished = finished.strftime("%Y-%m-%d %H:%M").to_string();
    script.completion_sms(&order_no, PHONE, &finished).context("the customer's service type is unknown")
}

/// Looks at what is claimed: the file, the words, the levels. Every failure is one line.
async fn check(api: &Api, report: &Value, script: &CustomerScript, data: &Path) -> anyhow::Result<()> {
    let call = &report["call"];
    ensure!(report["complete"] == true, "the report is not complete");
    let info = &call["recording"];
    let file = data.join("recordings").join(info["file"].as_str().context("no recording")?);
    let [agent, customer] = crate::media::wav::read_channels(&file)?;
    for (who, channel) in [("the prompts", &agent), ("the customer", &customer)] {
        let loud = channel.iter().filter(|s| s.unsigned_abs() > 1000).count();
        ensure!(loud > 8000, "{who} cannot be heard in {}", file.display());
    }
    let url = info["url"].as_str().context("the recording has no address")?;
    let served = api.client.get(format!("{}{url}", api.base)).bearer_auth(&api.token).send().await?.bytes().await?;
    ensure!(served.len() == std::fs::read(&file)?.len(), "the recording served is not the recording stored");
    let said = report["transcript"]["segments"].as_array().context("no transcript")?;
    ensure!(said.iter().any(|s| s["channel"] == "customer"), "no words of the customer in the transcript");
    for indicator in Indicator::ALL {
        let want = script.expected.scores.get(indicator.name()).copied().flatten();
        let score = report["scorecard"]["scores"]
            .as_array()
            .and_then(|all| all.iter().find(|s| s["indicator"] == indicator.name()))
            .with_context(|| format!("no score of {}", indicator.name()))?;
        let got = score["level"].as_u64().and_then(|l| u8::try_from(l).ok());
        ensure!(got == want, "{}: scored {got:?}, the script expects {want:?}", indicator.name());
        ensure!(got.is_none() || score["evidence"][0]["text"].is_string(), "{}: no evidence", indicator.name());
    }
    ensure!(report["findings"]["findings"].as_array().is_some_and(|f| !f.is_empty()), "nothing was audited");
    Ok(())
}
