//! Builds every shell, starts and stops them: the only wiring.
//!
//! Order of the start: configuration and data are checked, the HTTP port is bound (a second start must fail before it touches
//! anything), the database is opened, what a killed engine left is mended, then SIP, engine and HTTP run. Stop is the reverse:
//! no new work, calls in progress are ended and written, the database is closed last.

use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::engine::ears::Ears;
use crate::engine::intake::Intake;
use crate::engine::reviews::Reviews;
use crate::engine::seats::Secrets;
use crate::engine::site::{Site, SiteError};
use crate::engine::{Engine, Parts, recovery};
use crate::http::{self, AppState, ServeError};
use crate::media::wav;
use crate::sip::SipStack;
use crate::store::Store;
use crate::store::user::FirstAdministrator;
use crate::telemetry;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Reads every file that the configuration names; the first thing wrong is the error.
pub fn check_data(config: &Config) -> Result<(), SiteError> {
    Site::load(config).map(|_| ())
}

/// A running engine.
pub struct App {
    pub http: SocketAddr,
    pub sip: Option<SocketAddr>,
    /// Shown once, at the very first start.
    pub first_administrator: Option<FirstAdministrator>,
    pub store: Store,
    pub engine: Arc<Engine>,
    stop: CancellationToken,
    server: JoinHandle<Result<(), ServeError>>,
}

impl App {
    /// Starts everything; fails with one line that names what is in the way.
    pub async fn start(config: Config) -> anyhow::Result<App> {
        Self::start_at(config, Arc::new(SystemClock)).await
    }

    pub async fn start_at(config: Config, clock: Arc<dyn Clock>) -> anyhow::Result<App> {
        let ears = Ears::new(&config);
        Self::start_with(config, clock, ears).await
    }

    /// With recognisers of the caller's.
    pub async fn start_with(config: Config, clock: Arc<dyn Clock>, ears: Ears) -> anyhow::Result<App> {
        let config = Arc::new(config);
        let site = Arc::new(Site::load(&config)?);
        if let Some(warning) = site.rules.calendar.coverage_warning(clock.now()) {
            tracing::warn!("{warning}");
        }
        let listener = http::bind(config.http.listen).await?;
        let http = listener.local_addr()?;
        let store = Store::open(&config.database.url, clock.clone()).await?;
        let folder = &config.recordings.store;
        std::fs::create_dir_all(folder).with_context(|| format!("recordings.store: {}", folder.display()))?;
        recovery::recover_recordings(&store, folder).await?;
        recovery::recover_calls(&store, &site, clock.now()).await?;
        store.sign_out_all(clock.now()).await?;
        let first_administrator = store.create_first_administrator().await?;
        let stop = CancellationToken::new();
        let sip = SipStack::start(&config.sip, &config.trunks, clock.clone(), stop.child_token()).await?;
        let sip_addr = sip.local_udp();
        let intake = Intake::new(store.clone(), clock.clone(), site.rules.clone());
        let engine = Engine::new(Parts {
            config: config.clone(),
            clock: clock.clone(),
            store: store.clone(),
            site: site.clone(),
            sip,
            intake,
            ears,
            stop: stop.child_token(),
        });
        engine.sip.serve_phones(&config.seats, Arc::new(Secrets(store.clone())))?;
        engine.start();
        let state = http_state(&config, clock, &store, &site, &engine, &stop)?;
        let server = tokio::spawn(http::serve(listener, state, stop.clone().cancelled_owned()));
        Ok(App { http, sip: sip_addr, first_administrator, store, engine, stop, server })
    }

    /// Ends calls in progress, writes what there is and closes.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.engine.stop.cancel();
        self.engine.drain().await;
        self.stop.cancel();
        self.server.await??;
        self.store.close().await;
        Ok(())
    }
}

fn http_state(
    config: &Arc<Config>,
    clock: Arc<dyn Clock>,
    store: &Store,
    site: &Site,
    engine: &Arc<Engine>,
    stop: &CancellationToken,
) -> anyhow::Result<AppState> {
    let folder = config.recordings.store.clone();
    Ok(AppState {
        store: store.clone(),
        commands: engine.clone(),
        desk: Arc::new(engine.clone()),
        ledger: engine.clone(),
        events: engine.events(),
        clock,
        zone: site.rules.calendar.tz().clone(),
        auth_required: config.auth.required,
        sms_secret: config.intake.sms.secret.clone(),
        recordings: folder.clone(),
        peaks: Arc::new(peaks),
        ready: Arc::new(move || match wav::free_mb(&folder) {
            Ok(_) => Ok(()),
            Err(error) => Err(format!("recordings folder: {error}")),
        }),
        metrics: Some(telemetry::metrics()?),
        stopping: stop.child_token(),
        event_places: http::event_places(),
        sign_ins: Arc::default(),
        reviews: Reviews::new(store.clone(), engine.clock.clone()),
        tickets: Arc::default(),
    })
}

fn peaks(path: &Path, buckets: usize) -> std::io::Result<Vec<Vec<[i16; 2]>>> {
    let found = wav::peaks(path, buckets).map_err(std::io::Error::other)?;
    Ok(found.channels.into_iter().map(|c| c.into_iter().map(|(low, high)| [low, high]).collect()).collect())
}
