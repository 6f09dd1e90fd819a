//! The HTTP interface: one file per resource, DTOs beside thin handlers.
//!
//! Contract: `docs/http.md` and the OpenAPI description at `/api/openapi.json`. Reads go to the store, commands to the engine's
//! [`Commands`]; nothing is decided here. Every error is problem+json, every instant carries the site's offset, every telephone
//! number passes a [`view::View`]. The pages of the console (`web`) are files; what they show comes from the resources.
//! Deliberately not here: webhooks.

mod access;
mod agent_cards;
pub mod auth;
mod calls;
mod complaints;
mod events;
mod extract;
mod facts;
mod findings;
mod health;
mod idempotency;
mod inbox;
mod limits;
mod listen;
pub mod openapi;
mod opt_outs;
mod order_events;
mod orders;
mod paging;
pub mod problem;
mod programmes;
mod promises;
mod range;
mod recording;
mod report;
mod reports;
mod reviews;
mod schema;
mod score;
mod scorecard;
mod seat;
mod seats;
mod serve;
mod session;
mod sip;
mod sms;
mod transcript;
mod trunks;
mod view;
mod visits;
mod web;

pub use serve::{ServeError, bind, serve};

use crate::clock::Clock;
use crate::engine::desk::Desk;
use crate::engine::events::EventBus;
use crate::engine::handle::Commands;
use crate::engine::ledger::Ledger;
use crate::engine::reviews::Reviews;
use crate::store::Store;
use auth::Caller;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, header};
use axum::routing::get;
use axum::{Router, middleware};
use jiff::tz::TimeZone;
use metrics_exporter_prometheus::PrometheusHandle;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use view::View;

/// Finds the outline of a WAV file: per channel, so many lowest and highest samples. Blocks.
pub type PeaksFn = Arc<dyn Fn(&Path, usize) -> io::Result<Vec<Vec<[i16; 2]>>> + Send + Sync>;

/// Whether everything that the process needs is there, or what is missing (one line). Quick.
pub type ReadyFn = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Everything the handlers need. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub store: Store,
    pub commands: Arc<dyn Commands>,
    pub desk: Arc<dyn Desk>,
    pub ledger: Arc<dyn Ledger>,
    pub events: EventBus,
    pub clock: Arc<dyn Clock>,
    /// The site's zone.
    pub zone: TimeZone,
    /// `auth.required`.
    pub auth_required: bool,
    /// `intake.sms.secret`.
    pub sms_secret: Option<String>,
    /// Folder of the recordings.
    pub recordings: PathBuf,
    pub peaks: PeaksFn,
    pub ready: ReadyFn,
    /// `None`: `/metrics` answers 404.
    pub metrics: Option<PrometheusHandle>,
    /// Ends event streams when the server stops.
    pub stopping: CancellationToken,
    /// Readers of `/events` at once; made by [`event_places`].
    pub event_places: Arc<Semaphore>,
    pub sign_ins: Arc<SignInGuard>,
    pub reviews: Reviews,
    /// Links to recordings.
    pub tickets: Arc<Tickets>,
}

pub use events::places as event_places;
pub use listen::Tickets;
pub use session::SignInGuard;

impl AppState {
    fn view(&self, caller: &Caller) -> View<'_> {
        View::new(&self.zone, caller)
    }
}

/// The whole interface.
pub fn router(state: AppState) -> Router {
    let (open, api) = described();
    let (api, description) = api.split_for_parts();
    let api = api
        .layer(middleware::from_fn_with_state(state.clone(), idempotency::replay))
        .layer(middleware::from_fn_with_state(state.clone(), auth::identify));
    let (open, _) = open.split_for_parts();
    let description: Arc<str> = openapi::text(&description).unwrap_or_default().into();
    let served = move || std::future::ready(([(header::CONTENT_TYPE, "application/json")], description.to_string()));

    let not_audio = DefaultPredicate::new().and(NotForContentType::const_new("audio/"));
    Router::new()
        .merge(open)
        .merge(api)
        .merge(openapi::page())
        .route(openapi::JSON, get(served))
        .route("/", get(web::page))
        .route("/favicon.svg", get(web::icon))
        .route("/assets/{name}", get(web::asset))
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::no_method)
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn(access::around))
                .layer(CompressionLayer::new().compress_when(not_audio))
                .layer(middleware::from_fn(problem::everywhere))
                .layer(CatchPanicLayer::custom(problem::panicked))
                .layer(TimeoutLayer::with_status_code(
                    StatusCode::SERVICE_UNAVAILABLE,
                    Duration::from_secs(limits::ANSWER_S),
                ))
                .layer(DefaultBodyLimit::max(limits::BODY_BYTES)),
        )
        .with_state(state)
}

/// The OpenAPI description of [`router`].
pub fn description() -> utoipa::openapi::OpenApi {
    let (_, api) = described();
    api.into_openapi()
}

/// The routes that need no token, and the rest with the description of all.
fn described() -> (OpenApiRouter<AppState>, OpenApiRouter<AppState>) {
    let open = OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(listen::get))
        .routes(routes!(session::sign_in));
    let resources = OpenApiRouter::new()
        .routes(routes!(sms::post))
        .routes(routes!(inbox::list))
        .routes(routes!(session::get, session::sign_out))
        .routes(routes!(inbox::get, inbox::complete, inbox::dismiss))
        .routes(routes!(orders::get, orders::put))
        .routes(routes!(order_events::post))
        .routes(routes!(programmes::list))
        .routes(routes!(programmes::reload))
        .routes(routes!(opt_outs::list, opt_outs::post))
        .routes(routes!(opt_outs::withdraw))
        .routes(routes!(promises::list, promises::post))
        .routes(routes!(promises::get))
        .routes(routes!(promises::tell))
        .routes(routes!(promises::confirm))
        .routes(routes!(promises::withdraw))
        .routes(routes!(promises::assign))
        .routes(routes!(visits::list))
        .routes(routes!(visits::get))
        .routes(routes!(visits::why))
        .routes(routes!(visits::dial))
        .routes(routes!(visits::reschedule))
        .routes(routes!(visits::cancel))
        .routes(routes!(calls::list))
        .routes(routes!(calls::get))
        .routes(routes!(sip::json))
        .routes(routes!(sip::txt))
        .routes(routes!(sip::ladder))
        .routes(routes!(sip::svg))
        .routes(routes!(complaints::list, complaints::post))
        .routes(routes!(complaints::get))
        .routes(routes!(complaints::steps::form))
        .routes(routes!(complaints::steps::hand_over))
        .routes(routes!(complaints::steps::approve))
        .routes(routes!(complaints::steps::reject))
        .routes(routes!(complaints::steps::slip))
        .routes(routes!(complaints::steps::slip_result))
        .routes(routes!(complaints::steps::reply))
        .routes(routes!(complaints::steps::site_visit))
        .routes(routes!(complaints::steps::site_result))
        .routes(routes!(complaints::steps::handled))
        .routes(routes!(complaints::steps::second_call))
        .routes(routes!(complaints::steps::close))
        .routes(routes!(complaints::steps::reopen))
        .routes(routes!(complaints::steps::checked))
        .routes(routes!(complaints::steps::take_over))
        .routes(routes!(agent_cards::list))
        .routes(routes!(agent_cards::get))
        .routes(routes!(trunks::list))
        .routes(routes!(seats::list))
        .routes(routes!(seats::get, seats::put))
        .routes(routes!(seats::release))
        .routes(routes!(seat::open))
        .routes(routes!(seats::supervise, seats::leave))
        .routes(routes!(seats::take_over))
        .routes(routes!(seats::end))
        .routes(routes!(report::get))
        .routes(routes!(reports::list))
        .routes(routes!(reports::get))
        .routes(routes!(reports::submit))
        .routes(routes!(reports::submissions::list))
        .routes(routes!(reports::submissions::get))
        .routes(routes!(recording::get))
        .routes(routes!(recording::peaks))
        .routes(routes!(listen::post))
        .routes(routes!(transcript::get))
        .routes(routes!(transcript::json))
        .routes(routes!(transcript::vtt))
        .routes(routes!(transcript::srt))
        .routes(routes!(transcript::txt))
        .routes(routes!(scorecard::get))
        .routes(routes!(scorecard::put))
        .routes(routes!(facts::get))
        .routes(routes!(findings::get))
        .merge(reviews::routes())
        .routes(routes!(score::post))
        .routes(routes!(events::get));
    let mut api = OpenApiRouter::with_openapi(openapi::base()).nest("/api/v1", resources);
    api.get_openapi_mut().merge(open.get_openapi().clone());
    (open, api)
}

/// Lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
