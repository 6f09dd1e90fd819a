//! The engine as a process of its own, and its HTTP interface.

use crate::far;
use crate::usage::{self, Usage};
use anyhow::{Context, bail, ensure};
use futures::{StreamExt, TryStreamExt};
use huifang::clock::{Clock, SystemClock, monotonic};
use huifang::config::{Config, Trunk};
use huifang::store::Store;
use huifang::store::token::{NewToken, Role};
use jiff::tz::TimeZone;
use reqwest::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// SMS handed in at once.
const AT_ONCE: usize = 4;
/// Longer than any step.
const LIMIT: Duration = Duration::from_secs(90);

const RTP_PORTS: RangeInclusive<u16> = 20_000..=29_999;

pub struct Engine {
    child: Child,
    pid: u32,
    base: String,
    token: String,
    database: String,
    client: Client,
}

/// Who talks to the customers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Machine,
    Agents,
}

impl Engine {
    pub async fn start(
        binary: &Path,
        folder: &Path,
        far_ends: &[SocketAddr],
        per_second: usize,
        who: Who,
    ) -> anyhow::Result<Engine> {
        let file = folder.join("config.toml");
        let config = config(folder, far_ends, per_second, who)?;
        std::fs::write(&file, toml::to_string(&config)?)?;
        let mut command = Command::new(binary);
        command.args(["serve", "--config"]).arg(&file).env("HUIFANG_LOG", "error");
        let log = std::fs::File::create(folder.join("engine.log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().with_context(|| binary.display().to_string())?;
        let pid = child.id().context("the engine is gone")?;
        let mut lines = BufReader::new(child.stdout.take().context("the engine's output")?).lines();
        let (mut base, mut token) = (None, None);
        while let Some(line) = lines.next_line().await? {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["console", url] = words[..] {
                base = Some(url.trim_end_matches('/').to_owned());
            }
            if let [.., "token", secret] = words[..] {
                token = Some(secret.to_owned());
                break;
            }
        }
        let (Some(base), Some(token)) = (base, token) else {
            bail!("the engine did not start: {}", std::fs::read_to_string(folder.join("engine.log"))?);
        };
        Ok(Engine { child, pid, base, token, database: config.database.url, client: Client::new() })
    }

    /// The agents `seat-0` and so on; their tokens.
    pub async fn agents(&self, seats: usize) -> anyhow::Result<Vec<String>> {
        let store = Store::open(&self.database, Arc::new(SystemClock)).await?;
        let mut tokens = vec![];
        for n in 0..seats {
            let token = NewToken::of_machine(&format!("seat-{n}"), Role::Agent);
            tokens.push(store.create_token(&token).await?.secret);
        }
        store.close().await;
        Ok(tokens)
    }

    /// The WebSocket of the seats.
    pub fn seat_url(&self) -> String {
        format!("{}/api/v1/seat", self.base.replacen("http", "ws", 1))
    }

    pub async fn hand_in(&self, visits: usize) -> anyhow::Result<()> {
        let posts = futures::stream::iter(0..visits).map(|n| self.sms(n));
        posts.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn sms(&self, n: usize) -> anyhow::Result<()> {
        let text = format!(
            "【福田雷沃】服务完工通知：订单FL-{n}，客户张建国先生(1380000{n:04})，机型FR220D2-HD，技术咨询，服务工程师李强"
        );
        let body = json!({ "message_id": format!("load-{n}"), "from": "10690000", "to": "10691234", "text": text,
                           "received_at": SystemClock.now().to_string() });
        let request = self.client.post(format!("{}/api/v1/sms", self.base)).bearer_auth(&self.token);
        let answer = request.json(&body).send().await?;
        ensure!(answer.status() == 202, "SMS {n}: {} {}", answer.status(), answer.text().await?);
        Ok(())
    }

    /// Every call, the newest first.
    pub async fn calls(&self) -> anyhow::Result<Vec<Value>> {
        let (mut rows, mut cursor) = (vec![], String::new());
        loop {
            let url = format!("{}/api/v1/calls?limit=200{cursor}", self.base);
            let page: Value = self.client.get(url).bearer_auth(&self.token).send().await?.json().await?;
            rows.extend(page["items"].as_array().context("a list of calls")?.iter().cloned());
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(rows),
            }
        }
    }

    /// Until so many calls have this field.
    pub async fn wait_until(&self, calls: usize, field: &str) -> anyhow::Result<()> {
        let end = monotonic() + LIMIT;
        loop {
            let have = self.calls().await?.iter().filter(|call| !call[field].is_null()).count();
            if have >= calls {
                return Ok(());
            }
            ensure!(monotonic() < end, "{have} of {calls} calls have {field}");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.pid)
    }

    /// Packets that its own sockets lost.
    pub fn dropped(&self) -> anyhow::Result<u64> {
        usage::dropped(RTP_PORTS)
    }

    /// As SIGTERM does.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Command::new("kill").arg(self.pid.to_string()).status().await?;
        tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await.context("the engine did not stop")??;
        Ok(())
    }
}

fn config(folder: &Path, far_ends: &[SocketAddr], per_second: usize, who: Who) -> anyhow::Result<Config> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = Config::default();
    config.site.timezone = mid_morning_zone();
    config.site.work_hours = vec!["00:00-24:00".into()];
    config.site.holidays = "every_day".into();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.database.url = format!("sqlite://{}", folder.join("huifang.db").display());
    config.recordings.store = folder.join("recordings");
    config.sip.listen = vec!["udp:127.0.0.1:0".into()];
    config.media.rtp_ports = format!("{}-{}", RTP_PORTS.start(), RTP_PORTS.end());
    // No limit of the engine is what is measured.
    config.dialer.max_voice_calls = u32::try_from(far_ends.len() * far::CALLS * 2)?;
    if who == Who::Agents {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        config.seats.wrap_up_s = 0;
    }
    config.data.programmes = root.join("programmes");
    config.data.rubrics = root.join("rubrics");
    config.data.prompts = root.join("prompts");
    config.data.models = folder.join("no-models");
    // Each takes what it can echo; the next call goes to the next.
    config.trunks =
        far_ends.iter().zip(1..).map(|(address, n)| trunk(&format!("line{n}"), *address, per_second)).collect();
    Ok(config)
}

fn trunk(name: &str, address: SocketAddr, per_second: usize) -> Trunk {
    let mut trunk = Trunk::new(name, &format!("sip:{address}"));
    trunk.max_calls = far::CALLS as u32;
    trunk.max_calls_per_second = per_second as f64;
    trunk
}

/// A zone in which it is mid-morning now, so that calling hours allow the calls at any time of the day.
fn mid_morning_zone() -> String {
    let hour = i64::from(SystemClock.now().to_zoned(TimeZone::UTC).hour());
    let ahead = (10 - hour + 24).rem_euclid(24);
    let offset = if ahead > 12 { ahead - 24 } else { ahead };
    if offset == 0 { "Etc/GMT".into() } else { format!("Etc/GMT{:+}", -offset) }
}
