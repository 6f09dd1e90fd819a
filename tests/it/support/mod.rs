//! A whole engine for one test: `App` on free ports in a temporary folder, its site always open, its trunk a telephone of the test.
//!
//! No speech model is there: the questionnaire takes any speech as an answer, and the transcription job waits and says what is
//! missing. Prompts are tones, timings are short (`data`). Tests wait for conditions with a limit, never for a time to pass.
//! [`Station::finish`] looks at what is left behind: no call, no far leg, no port, no `.part`; a test that forgets it fails.

pub mod api;
pub mod audio;
pub mod chromium;
pub mod data;
pub mod far;
pub mod impair;
pub mod mouth;
pub mod softphone;
pub mod steady;
pub mod webrtc;

use api::Api;
use huifang::app::App;
use huifang::clock::{Clock, SystemClock, monotonic};
use huifang::config::{Config, Trunk};
use huifang::domain::id::CallId;
use huifang::engine::ears::Ears;
use huifang::store::Store;
use huifang::store::job::{Job, JobState};
use huifang::store::page::PageRequest;
use huifang::stt::StreamingModel;
use huifang::stt::scripted::ScriptedStream;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here may take on a machine that is busy with the other tests.
pub const LIMIT: Duration = Duration::from_secs(90);

/// Polls until there is something; fails with what was waited for.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    let end = monotonic() + LIMIT;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(monotonic() < end, "waited in vain: {what}");
        tick.tick().await;
    }
}

/// Waits for a future that must come within the limit.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, future).await.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

/// A zone in which it is mid-morning now: calling hours (A13) are kept, not switched off.
pub fn mid_morning_zone(now: Timestamp) -> String {
    let hour = i64::from(now.to_zoned(TimeZone::UTC).hour());
    let ahead = (10 - hour + 24).rem_euclid(24);
    let offset = if ahead > 12 { ahead - 24 } else { ahead };
    // The sign of these zones is turned round: Etc/GMT-8 is eight hours ahead.
    if offset == 0 { "Etc/GMT".into() } else { format!("Etc/GMT{:+}", -offset) }
}

/// The configuration of a station below `folder`, whose data is written there as well.
pub fn config(folder: &Path, trunk_uri: &str) -> Config {
    data::write(folder);
    let mut config = Config::default();
    config.site.timezone = mid_morning_zone(SystemClock.now());
    config.site.work_hours = vec!["00:00-24:00".into()];
    config.site.holidays = "every_day".into();
    config.http.listen = ([127, 0, 0, 1], 0).into();
    config.database.url = database(folder);
    config.recordings.store = folder.join("recordings");
    config.recordings.min_free_mb = 1;
    config.sip.listen = vec!["udp:127.0.0.1:0".into(), "tcp:127.0.0.1:0".into()];
    config.media.rtp_ports = "34000-38999".into();
    config.data.programmes = folder.join("programmes");
    config.data.prompts = folder.join("prompts");
    config.data.models = folder.join("models");
    config.data.rubrics = root().join("rubrics");
    config.stt.workers = 1;
    // Most tests give one customer several orders in a row.
    config.dialer.customer_rest_min = 0;
    let mut trunk = Trunk::new("line", trunk_uri);
    trunk.max_calls_per_second = 100.0;
    trunk.options_interval_s = 0;
    config.trunks = vec![trunk];
    config
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn database(folder: &Path) -> String {
    format!("sqlite://{}", folder.join("huifang.db").display())
}

/// A running engine and its HTTP interface as the first administrator sees it.
pub struct Station {
    pub api: Api,
    /// Holds everything; removed with the station.
    _folder: TempDir,
    pub config: Config,
    app: Option<App>,
}

impl Station {
    pub async fn start(trunk: SocketAddr) -> Self {
        Self::start_with(trunk, |_| {}).await
    }

    /// `change` sees the configuration before the start.
    pub async fn start_with(trunk: SocketAddr, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), &format!("sip:{trunk}"));
        change(&mut config);
        let app = start(&config).await.unwrap();
        let token = app.first_administrator.as_ref().unwrap().token.clone();
        Self { api: Api::new(app.http, token), _folder: folder, config, app: Some(app) }
    }

    /// One that hears every line say these utterances, whatever sounds.
    pub async fn start_hearing(trunk: SocketAddr, says: &[&str]) -> Self {
        let model = ScriptedStream { utterances: says.iter().map(ToString::to_string).collect() };
        Self::start_hearing_by(trunk, Arc::new(model), |_| {}).await
    }

    /// One that has this streaming recogniser.
    pub async fn start_hearing_by(
        trunk: SocketAddr,
        model: Arc<dyn StreamingModel>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_loading(trunk, move || model.clone(), change).await
    }

    /// One that gets its streaming recogniser so, when it is first needed.
    pub async fn start_loading(
        trunk: SocketAddr,
        load: impl Fn() -> Arc<dyn StreamingModel> + Send + Sync + 'static,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(folder.path(), &format!("sip:{trunk}"));
        change(&mut config);
        let ears = Ears::new(&config).hearing_by(move || Ok(load()));
        let app = start_with(&config, ears).await.unwrap();
        let token = app.first_administrator.as_ref().unwrap().token.clone();
        Self { api: Api::new(app.http, token), _folder: folder, config, app: Some(app) }
    }

    pub fn app(&self) -> &App {
        self.app.as_ref().unwrap()
    }

    pub fn recordings(&self) -> &Path {
        &self.config.recordings.store
    }

    /// The engine stops as it does at SIGTERM, and starts again on the same data.
    pub async fn restart(&mut self) {
        self.stop().await;
        let app = start(&self.config).await.unwrap();
        self.api = Api::new(app.http, self.api.token.clone());
        self.app = Some(app);
    }

    pub async fn stop(&mut self) {
        within("the engine stops", self.app.take().unwrap().stop()).await.unwrap();
    }

    /// No far leg and no trunk slot is left.
    pub async fn line_is_free(&self) {
        until("every far leg is gone", async || {
            let slots: u32 = self.app().engine.trunks().iter().map(|t| t.calls_up).sum();
            (self.app().engine.dialogs() == 0 && slots == 0).then_some(())
        })
        .await;
    }

    /// Ends the station and looks at what is left: nothing is up, nothing is half written, every job waits for its reason.
    pub async fn finish(mut self) {
        if self.app.is_some() {
            self.line_is_free().await;
            self.stop().await;
        }
        nothing_is_left(&self.config).await;
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        assert!(self.app.is_none() || std::thread::panicking(), "a test must end its station with finish()");
    }
}

/// On disk after a stop: no open recording, no call without an end, no job that nobody will do.
pub async fn nothing_is_left(config: &Config) {
    assert_eq!(parts(&config.recordings.store), Vec::<PathBuf>::new(), "a recording is left open");
    let store = Store::open(&config.database.url, Arc::new(SystemClock)).await.unwrap();
    assert_eq!(store.unfinished_calls().await.unwrap(), [], "a call is left without an end");
    for call in store.calls(&Default::default(), &PageRequest::new(Some(200), None).unwrap()).await.unwrap().items {
        let spoken = call.instants.answered_at.is_some();
        assert_eq!(jobs_wait(&store, &call.id).await, usize::from(spoken), "one job for what was said: {call:?}");
    }
    store.close().await;
}

/// Without a model the one job of a spoken call is kept, and says what is missing.
async fn jobs_wait(store: &Store, call: &CallId) -> usize {
    let jobs = store.jobs_of_call(call).await.unwrap();
    for Job { state, attempts, last_error, .. } in &jobs {
        assert_eq!(*state, JobState::Queued, "a job is neither done nor waiting: {last_error:?}");
        let told = last_error.as_deref().unwrap_or_default();
        assert!(*attempts == 0 || told.contains("ggml-base.bin"), "the reason names the model: {told:?}");
    }
    jobs.len()
}

pub async fn start(config: &Config) -> anyhow::Result<App> {
    start_with(config, Ears::new(config)).await
}

async fn start_with(config: &Config, ears: Ears) -> anyhow::Result<App> {
    // A second test in the same process finds the provider installed; that is fine.
    rustls::crypto::ring::default_provider().install_default().ok();
    App::start_with(config.clone(), Arc::new(SystemClock), ears).await
}

/// Recordings that nobody closed.
pub fn parts(store: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![store.to_path_buf()];
    while let Some(folder) = folders.pop() {
        // A store that is a plain file, in the test that replaces it, holds none.
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "part") {
                found.push(path);
            }
        }
    }
    found
}
