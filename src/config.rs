//! One validated configuration. Sources, later wins: defaults, the TOML file, `HUIFANG__SECTION__KEY` variables.
//! Unknown keys are an error; every error names the key and the value.

mod promises;
mod review;
mod site;

pub use promises::Promises;
pub use review::Review;
pub use site::{Branch, Site};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub site: Site,
    pub http: Http,
    pub database: Database,
    pub recordings: Recordings,
    pub sip: Sip,
    pub media: Media,
    pub webrtc: WebRtc,
    pub trunks: Vec<Trunk>,
    pub stt: Stt,
    pub dialer: Dialer,
    pub seats: Seats,
    pub review: Review,
    pub intake: Intake,
    pub promises: Promises,
    pub auth: Auth,
    pub data: Data,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    pub listen: SocketAddr,
}
impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    pub url: String,
}
impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://data/huifang.db".into() }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recordings {
    /// A folder.
    pub store: PathBuf,
    /// 0 = keep for ever.
    pub retention_days: u32,
    /// Below this, nothing is dialled.
    pub min_free_mb: u64,
}
impl Default for Recordings {
    fn default() -> Self {
        Self { store: "recordings".into(), retention_days: 0, min_free_mb: 500 }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sip {
    /// `udp:HOST:PORT`, `tcp:HOST:PORT`, `tls:HOST:PORT`.
    pub listen: Vec<String>,
    /// Host or address that far ends can reach us at; default: the listening address.
    pub advertise: Option<String>,
    /// PEM files: what a `tls:` listener shows, and its key.
    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// DNS servers, `IP:PORT`; empty = the system's.
    pub dns: Vec<SocketAddr>,
}
impl Default for Sip {
    fn default() -> Self {
        Self {
            listen: vec!["udp:127.0.0.1:5060".into()],
            advertise: None,
            tls_certificate: None,
            tls_key: None,
            dns: vec![],
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Media {
    pub address: IpAddr,
    /// `FIRST-LAST`, inclusive.
    pub rtp_ports: String,
    /// An answered call without RTP for so long is ended.
    pub rtp_timeout_s: u64,
    /// So is one that is on hold for so long.
    pub hold_timeout_s: u64,
}
impl Default for Media {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::LOCALHOST.into(),
            rtp_ports: "20000-29999".into(),
            rtp_timeout_s: 20,
            hold_timeout_s: 300,
        }
    }
}
impl Media {
    pub fn ports(&self) -> Result<RangeInclusive<u16>, ConfigError> {
        let bad = || ConfigError::Value {
            key: "media.rtp_ports",
            value: self.rtp_ports.clone(),
            want: "FIRST-LAST, at least one even port",
        };
        let (a, b) = self.rtp_ports.split_once('-').ok_or_else(bad)?;
        let (a, b): (u16, u16) = (a.trim().parse().map_err(|_| bad())?, b.trim().parse().map_err(|_| bad())?);
        if a >= 1024 && a < b { Ok(a..=b) } else { Err(bad()) }
    }
}

/// How an agent's browser finds its way to `media.address` (ICE, RFC 8445). Both sides use the same servers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebRtc {
    /// `stun:HOST[:PORT]`.
    pub stun: Vec<String>,
    pub turn: Vec<Turn>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// `turn:HOST[:PORT][?transport=udp|tcp]` or `turns:HOST[:PORT]`.
    pub urls: Vec<String>,
    pub username: String,
    pub credential: String,
}

impl WebRtc {
    /// What the page hands to `RTCPeerConnection` as `iceServers`.
    pub fn ice_servers(&self) -> serde_json::Value {
        let stun = (!self.stun.is_empty()).then(|| serde_json::json!({ "urls": self.stun }));
        let turn = self.turn.iter().map(|server| serde_json::json!(server));
        stun.into_iter().chain(turn).collect()
    }

    fn check(&self) -> Result<(), ConfigError> {
        let bad = |key, url: &String, want| Err(ConfigError::Value { key, value: url.clone(), want });
        let starts =
            |url: &str, schemes: &[&str]| schemes.iter().any(|s| url.strip_prefix(s).is_some_and(|at| !at.is_empty()));
        if let Some(url) = self.stun.iter().find(|url| !starts(url, &["stun:"])) {
            return bad("webrtc.stun", url, "stun:HOST[:PORT]");
        }
        match self.turn.iter().flat_map(|server| &server.urls).find(|url| !starts(url, &["turn:", "turns:"])) {
            Some(url) => bad("webrtc.turn", url, "turn:HOST[:PORT] or turns:HOST[:PORT]"),
            None => Ok(()),
        }
    }
}

/// SRTP with keys in SDP (RFC 4568).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Srtp {
    /// Plain RTP only.
    #[default]
    Off,
    /// Keys are offered beside plain RTP (RFC 8643); the far end chooses.
    Optional,
    /// A call without encryption is ended.
    Required,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    pub name: String,
    /// `sip:HOST[:PORT][;transport=udp|tcp|tls]` or `sips:HOST[:PORT]`; without a port DNS SRV is asked.
    pub uri: String,
    /// PEM file of the one authority that is trusted over TLS; default: those of the system.
    #[serde(default)]
    pub tls_ca: Option<PathBuf>,
    /// PEM files: who we are over TLS.
    #[serde(default)]
    pub tls_client_certificate: Option<PathBuf>,
    #[serde(default)]
    pub tls_client_key: Option<PathBuf>,
    /// The name that the certificate must have; default: the host of `uri`.
    #[serde(default)]
    pub tls_server_name: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password: Option<String>,
    /// REGISTER with the trunk before calls.
    #[serde(default)]
    pub register: bool,
    /// The number shown to the customer, written as the carrier wants it.
    #[serde(default)]
    pub caller_id: Option<String>,
    /// More numbers that may be shown beside `caller_id`; one visit keeps one of them.
    #[serde(default)]
    pub caller_ids: Vec<String>,
    /// The name beside the number.
    #[serde(default)]
    pub display_name: Option<String>,
    /// User of From where the carrier wants the account there; default: the number shown.
    #[serde(default)]
    pub from_user: Option<String>,
    /// Domain of From and of the identity headers; default: the host of `uri`.
    #[serde(default)]
    pub from_host: Option<String>,
    /// `none`, `p_asserted`, `p_preferred` or `remote_party`: the header that carries the number beside From.
    #[serde(default = "default_identity")]
    pub identity: String,
    /// Withhold the number from the customer (RFC 3323, RFC 3325).
    #[serde(default)]
    pub privacy: bool,
    /// How the customer's number is written: `national`, `zero_national`, `e164` or `plus_e164`.
    #[serde(default = "default_number_format")]
    pub number_format: String,
    /// Dialled before every number: a line prefix such as `9`, or a carrier's code.
    #[serde(default)]
    pub number_prefix: String,
    #[serde(default = "default_codecs")]
    pub codecs: Vec<String>,
    #[serde(default)]
    pub srtp: Srtp,
    #[serde(default = "default_max_calls")]
    pub max_calls: u32,
    #[serde(default = "default_cps")]
    pub max_calls_per_second: f64,
    #[serde(default = "default_ring_timeout")]
    pub ring_timeout_s: u64,
    /// An INVITE without any response for so long has failed: the call goes on over the next trunk. 2 to 32.
    #[serde(default = "default_no_reply")]
    pub no_reply_s: u64,
    /// Session timer that is asked for (RFC 4028), at least 90; 0 = none.
    #[serde(default = "default_session_timer")]
    pub session_timer_s: u32,
    /// Hosts besides that of `uri` that the trunk may redirect a call to.
    #[serde(default)]
    pub redirect_hosts: Vec<String>,
    /// INVITEs, and begun minutes of talk, between two midnights of the site; 0 = without limit.
    #[serde(default)]
    pub max_calls_per_day: u32,
    #[serde(default)]
    pub max_minutes_per_day: u32,
    /// Lower is tried first.
    #[serde(default)]
    pub priority: i32,
    /// Seconds between two OPTIONS that ask whether the trunk is alive; 0 = never.
    #[serde(default = "default_options_interval")]
    pub options_interval_s: u64,
    /// E.164 prefixes that may be dialled.
    #[serde(default = "default_prefixes")]
    pub allowed_prefixes: Vec<String>,
}
impl Trunk {
    /// A trunk by address, with every default.
    pub fn new(name: &str, uri: &str) -> Self {
        Self {
            name: name.into(),
            uri: uri.into(),
            tls_ca: None,
            tls_client_certificate: None,
            tls_client_key: None,
            tls_server_name: None,
            username: None,
            password: None,
            register: false,
            caller_id: None,
            caller_ids: vec![],
            display_name: None,
            from_user: None,
            from_host: None,
            identity: default_identity(),
            privacy: false,
            number_format: default_number_format(),
            number_prefix: String::new(),
            codecs: default_codecs(),
            srtp: Srtp::default(),
            max_calls: default_max_calls(),
            max_calls_per_second: default_cps(),
            ring_timeout_s: default_ring_timeout(),
            no_reply_s: default_no_reply(),
            session_timer_s: default_session_timer(),
            redirect_hosts: vec![],
            max_calls_per_day: 0,
            max_minutes_per_day: 0,
            priority: 0,
            options_interval_s: default_options_interval(),
            allowed_prefixes: default_prefixes(),
        }
    }
}

fn default_codecs() -> Vec<String> {
    vec!["PCMA".into(), "PCMU".into()]
}
fn default_identity() -> String {
    "none".into()
}
fn default_number_format() -> String {
    "national".into()
}
fn default_options_interval() -> u64 {
    30
}
fn default_max_calls() -> u32 {
    30
}
fn default_cps() -> f64 {
    5.0
}
fn default_session_timer() -> u32 {
    1800
}
fn default_ring_timeout() -> u64 {
    45
}
fn default_no_reply() -> u64 {
    8
}
fn default_prefixes() -> Vec<String> {
    vec!["+86".into()]
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stt {
    /// `whisper`.
    pub engine: String,
    /// File of the model; relative paths are below `data.models`.
    pub model: PathBuf,
    pub vad_model: PathBuf,
    /// Folder of the streaming model, and the library beside it.
    pub streaming_model: PathBuf,
    pub streaming_library: PathBuf,
    pub language: String,
    /// Jobs at once; 0 = one per core.
    pub workers: usize,
    /// Threads per job; more than one spins (docs/configuration.md).
    pub threads: usize,
    /// Agents read along while they talk.
    pub live: bool,
    /// So many calls at once.
    pub live_calls: u16,
}
impl Default for Stt {
    fn default() -> Self {
        Self {
            engine: "whisper".into(),
            model: "ggml-base.bin".into(),
            vad_model: "ggml-silero-v6.2.0.bin".into(),
            streaming_model: "vosk-model-small-cn-0.22".into(),
            streaming_library: "libvosk.so".into(),
            language: "zh".into(),
            workers: 0,
            threads: 1,
            live: true,
            live_calls: 8,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dialer {
    /// `voice` = the unattended questionnaire, `agent` = people at seats; a programme may say otherwise.
    pub mode: String,
    /// Seats never taken by dialling (B01); counts only in agent mode.
    pub reserve_idle_seats: u32,
    /// Unattended calls at once.
    pub max_voice_calls: u32,
    /// Calls of the whole site between two local midnights; 0 = without limit.
    pub daily_calls: u32,
    /// After a call that a customer heard ring, his other open visits wait for so long; 0 = they follow at once.
    pub customer_rest_min: u32,
    pub enabled: bool,
}
impl Default for Dialer {
    fn default() -> Self {
        Self {
            mode: "voice".into(),
            reserve_idle_seats: 1,
            max_voice_calls: 10,
            daily_calls: 0,
            customer_rest_min: 30,
            enabled: true,
        }
    }
}

/// Where agents work.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seats {
    /// An agent who is not heard of for so long is gone.
    pub lease_s: u64,
    /// An agent in a call whose page is gone and whose line is silent, both for so long, is gone before his lease ends.
    pub lost_after_s: u64,
    /// Time to write down what a call came to; 0 = none.
    pub wrap_up_s: u64,
    /// Addresses and networks from which desk phones may register with us; empty = nobody registers.
    pub phone_sources: Vec<String>,
    /// Shown to phones that register. The secrets of the seats hold for this realm alone.
    pub phone_realm: String,
    /// Offered to phones that register, the preferred first: `SHA-256`, `MD5`.
    pub phone_digest: Vec<String>,
    /// An agent's telephone rings for so long.
    pub phone_ring_s: u64,
    /// PEM file of the one authority that is trusted when a seat's uri is called over TLS; default: those of the system.
    pub phone_tls_ca: Option<PathBuf>,
}
impl Default for Seats {
    fn default() -> Self {
        Self {
            lease_s: 15,
            lost_after_s: 4,
            wrap_up_s: 120,
            phone_sources: vec![],
            phone_realm: "huifang".into(),
            phone_digest: vec!["SHA-256".into(), "MD5".into()],
            phone_ring_s: 20,
            phone_tls_ca: None,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Intake {
    pub sms: IntakeSms,
    /// Which programmes an order belongs to; the first rule that fits decides.
    pub rules: Vec<crate::domain::programme::assign::Rule>,
}
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IntakeSms {
    /// Shared secret of the gateway; with it every POST /sms must be signed (HMAC-SHA256).
    pub secret: Option<String>,
    /// Regular expressions with named groups; empty = the shipped four.
    pub templates: Vec<SmsTemplateConfig>,
}
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsTemplateConfig {
    pub name: String,
    pub pattern: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    pub required: bool,
}
impl Default for Auth {
    fn default() -> Self {
        Self { required: true }
    }
}

/// Where the shipped data lives.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    pub programmes: PathBuf,
    pub rubrics: PathBuf,
    pub prompts: PathBuf,
    pub models: PathBuf,
}
impl Default for Data {
    fn default() -> Self {
        Self {
            programmes: "programmes".into(),
            rubrics: "rubrics".into(),
            prompts: "prompts".into(),
            models: "models".into(),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("config: {0}")]
    Read(Box<figment::Error>),
    #[error("config: {key} = {value:?}: want {want}")]
    Value { key: &'static str, value: String, want: &'static str },
}

impl Config {
    /// Reads `file` if given (it must exist), then the environment, then validates.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(path) = file {
            figment = figment.merge(Toml::file_exact(path));
        }
        let config: Config = figment
            .merge(Env::prefixed("HUIFANG__").split("__"))
            .extract()
            .map_err(|e| ConfigError::Read(Box::new(e)))?;
        config.validate()?;
        Ok(config)
    }

    pub fn validate(&self) -> Result<(), ConfigError> {
        self.media.ports()?;
        self.webrtc.check()?;
        jiff::tz::TimeZone::get(&self.site.timezone).map_err(|_| ConfigError::Value {
            key: "site.timezone",
            value: self.site.timezone.clone(),
            want: "an IANA zone such as Asia/Shanghai",
        })?;
        if self.stt.engine != "whisper" {
            return Err(ConfigError::Value { key: "stt.engine", value: self.stt.engine.clone(), want: "whisper" });
        }
        if !["voice", "agent"].contains(&self.dialer.mode.as_str()) {
            let want = "voice or agent";
            return Err(ConfigError::Value { key: "dialer.mode", value: self.dialer.mode.clone(), want });
        }
        for (key, value, range, want) in [
            ("seats.lease_s", self.seats.lease_s, 3..=300, "3 to 300 seconds"),
            ("seats.lost_after_s", self.seats.lost_after_s, 1..=300, "1 to 300 seconds"),
            ("seats.wrap_up_s", self.seats.wrap_up_s, 0..=3600, "0 to 3600 seconds"),
            ("promises.call_back_min", self.promises.call_back_min, 1..=14_400, "1 to 14400 minutes"),
            ("promises.confirmation_min", self.promises.confirmation_min, 1..=14_400, "1 to 14400 minutes"),
            ("review.share_percent", u64::from(self.review.share_percent), 0..=100, "0 to 100 percent"),
        ] {
            if !range.contains(&value) {
                return Err(ConfigError::Value { key, value: value.to_string(), want });
            }
        }
        Ok(())
    }

    /// A path of the model section, below `data.models` unless absolute.
    pub fn model_path(&self, file: &Path) -> PathBuf {
        self.data.models.join(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_given_the_servers_as_a_browser_reads_them() {
        assert_eq!(WebRtc::default().ice_servers(), serde_json::json!([]));
        let turn = Turn {
            urls: vec!["turn:192.0.2.1?transport=tcp".into()],
            username: "desk".into(),
            credential: "secret".into(),
        };
        let webrtc = WebRtc { stun: vec!["stun:192.0.2.1".into(), "stun:192.0.2.2:3479".into()], turn: vec![turn] };
        let expected = serde_json::json!([
            { "urls": ["stun:192.0.2.1", "stun:192.0.2.2:3479"] },
            { "urls": ["turn:192.0.2.1?transport=tcp"], "username": "desk", "credential": "secret" },
        ]);
        assert_eq!(webrtc.ice_servers(), expected);
    }

    #[test]
    fn a_server_of_another_scheme_is_refused_by_its_key() {
        let turn = |url: &str| vec![Turn { urls: vec![url.into()], username: "u".into(), credential: "c".into() }];
        for (webrtc, expected) in [
            (
                WebRtc { stun: vec!["192.0.2.1".into()], turn: vec![] },
                r#"config: webrtc.stun = "192.0.2.1": want stun:HOST[:PORT]"#,
            ),
            (
                WebRtc { stun: vec!["stun:".into()], turn: vec![] },
                r#"config: webrtc.stun = "stun:": want stun:HOST[:PORT]"#,
            ),
            (
                WebRtc { stun: vec![], turn: turn("stun:x") },
                r#"config: webrtc.turn = "stun:x": want turn:HOST[:PORT] or turns:HOST[:PORT]"#,
            ),
        ] {
            assert_eq!(webrtc.check().unwrap_err().to_string(), expected);
        }
        assert!(WebRtc { stun: vec![], turn: turn("turns:x") }.check().is_ok());
    }
}
