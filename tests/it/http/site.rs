//! One running site for one test: server on a free port, store and recordings in a temporary folder, a token per role.

use super::fake::{Fake, NoLedger, NoSeats};
use huifang::clock::{Clock, ManualClock};
use huifang::domain::call::Call;
use huifang::domain::call::outcome::{ConversationEnd, Fault, Outcome, Party};
use huifang::domain::id::{CallId, OrderNo};
use huifang::domain::order::{Claims, Customer, Order, ServiceType, Title};
use huifang::domain::phone::Phone;
use huifang::domain::recording::manifest::{RecordingInfo, RecordingState};
use huifang::domain::visit::task::{Visit, VisitState};
use huifang::engine::events::EventBus;
use huifang::engine::reviews::Reviews;
use huifang::http::{self, AppState};
use huifang::store::Store;
use huifang::store::token::{NewToken, Role};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Saturday evening in China.
pub const START: &str = "2026-11-21T12:00:00Z";
pub const PHONE: &str = "13812345678";

pub struct Site {
    pub base: String,
    pub client: Client,
    pub store: Store,
    pub engine: Arc<Fake>,
    pub events: EventBus,
    pub clock: Arc<ManualClock>,
    pub folder: TempDir,
    tokens: HashMap<Role, String>,
    stop: CancellationToken,
    task: JoinHandle<Result<(), http::ServeError>>,
}

impl Site {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// `change` sees the state before the server starts.
    pub async fn start_with(change: impl FnOnce(&mut AppState)) -> Self {
        // A second test in the same process finds the provider installed; that is fine.
        rustls::crypto::ring::default_provider().install_default().ok();
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(START.parse().unwrap()));
        let url = format!("sqlite://{}", folder.path().join("huifang.db").display());
        let store = Store::open(&url, clock.clone()).await.unwrap();
        let mut tokens = HashMap::new();
        for role in Role::ALL {
            let issued =
                store.create_token(&NewToken::of_machine(&format!("the {}", role.name()), role)).await.unwrap();
            tokens.insert(role, issued.secret);
        }
        let engine = Arc::new(Fake::new(store.clone()));
        let mut state = AppState {
            store: store.clone(),
            commands: engine.clone(),
            desk: Arc::new(NoSeats),
            ledger: Arc::new(NoLedger),
            events: EventBus::default(),
            clock: clock.clone(),
            zone: TimeZone::get("Asia/Shanghai").unwrap(),
            auth_required: true,
            sms_secret: None,
            recordings: folder.path().join("recordings"),
            peaks: Arc::new(|file, points| std::fs::read(file).map(|_| vec![vec![[-1, 1]; points]; 2])),
            ready: Arc::new(|| Ok(())),
            metrics: Some(huifang::telemetry::metrics().unwrap()),
            stopping: CancellationToken::new(),
            event_places: http::event_places(),
            sign_ins: Arc::default(),
            reviews: Reviews::new(store.clone(), clock.clone()),
            tickets: Arc::default(),
        };
        change(&mut state);
        let events = state.events.clone();
        let listener = http::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let task = tokio::spawn(http::serve(listener, state, stop.clone().cancelled_owned()));
        let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { base, client, store, engine, events, clock, folder, tokens, stop, task }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn token(&self, role: Role) -> &str {
        &self.tokens[&role]
    }

    /// A request below `/api/v1` without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}/api/v1{path}", self.base))
    }

    pub fn request_as(&self, role: Role, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(self.token(role))
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_as(Role::Admin, method, path)
    }

    /// The JSON of a `GET` that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        self.get_as(Role::Admin, path).await
    }

    pub async fn get_as(&self, role: Role, path: &str) -> Value {
        let response = self.request_as(role, Method::GET, path).send().await.unwrap();
        json(response, StatusCode::OK, path).await
    }

    /// Ends the server as its owner would, within the time allowed.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), self.task).await.expect("the server stops").unwrap().unwrap();
    }

    /// An order, its visit and one finished call with a recording file of `audio`.
    pub async fn with_call(&self, order_no: &str, audio: &[u8]) -> Call {
        self.store.put_order(&order(order_no, &Phone::parse(PHONE).unwrap())).await.unwrap();
        let visit = crate::support::data::visit(&self.store.new_id(), order_no, self.now());
        self.store.insert_visit(&visit).await.unwrap();
        self.finished_call(&visit, audio).await
    }

    pub async fn finished_call(&self, visit: &Visit, audio: &[u8]) -> Call {
        let mut call = claimed(&self.store.new_id(), visit, self.now());
        let held = self.store.claim_visit(visit, &call).await.unwrap().expect("free");
        call.recording = Some(self.recording(&call.id, audio));
        call.outcome = Some(Outcome::Answered);
        call.fault = Some(Fault::Customer);
        call.sip_status = Some(200);
        call.detail = Some(format!("talked to sip:{PHONE}@127.0.0.2"));
        call.hung_up_by = Some(Party::Customer);
        call.conversation = Some(ConversationEnd::Completed);
        let at = |s: i64| Some(self.now() + SignedDuration::from_secs(s));
        call.instants.invited_at = at(1);
        call.instants.answered_at = at(5);
        call.instants.acked_at = at(5).map(|at| at + SignedDuration::from_millis(500));
        call.instants.first_rtp_out_at = at(5).map(|at| at + SignedDuration::from_millis(750));
        call.instants.first_rtp_in_at = at(6);
        call.instants.bye_at = at(65);
        call.instants.ended_at = at(65);
        call.sip_reason = Some("Q.850;cause=16".into());
        let state = VisitState::Completed { call: call.id.clone(), at: self.now() };
        self.store.finish_call(&call, &Visit { state, ..held }, &[]).await.unwrap();
        call
    }

    fn recording(&self, call: &CallId, audio: &[u8]) -> RecordingInfo {
        let file = format!("2026/11/{call}.wav");
        let path = self.folder.path().join("recordings").join(&file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, audio).unwrap();
        RecordingInfo {
            id: call.to_string(),
            file,
            seconds: 65.0,
            answered_at_s: Some(4.0),
            sha256: "a".repeat(64),
            channels: 2,
            sample_rate: 8000,
            gaps: vec![],
            state: RecordingState::Complete,
            tracks: vec![],
        }
    }
}

pub fn claimed(id: &str, visit: &Visit, now: Timestamp) -> Call {
    let (visit_id, order_no) = (visit.id.clone(), visit.order_no.clone());
    let to = Phone::parse(PHONE).unwrap();
    let call = Call::claimed(CallId::new(id), visit_id, order_no, visit.attempts + 1, to, visit.programme.clone(), now);
    Call { trunk: Some("loop".into()), ..call }
}

pub fn order(no: &str, phone: &Phone) -> Order {
    Order {
        no: OrderNo::new(no),
        service_type: ServiceType::Maintenance,
        customer: Customer { name: Some("王".into()), title: Some(Title::Mr), phone: phone.clone() },
        claims: Claims { engineer_phone: Some(Phone::parse("13987654321").unwrap()), ..Claims::default() },
    }
}

/// The body, once the status is as expected.
#[track_caller]
pub fn json(response: Response, status: StatusCode, what: &str) -> impl Future<Output = Value> {
    let what = what.to_owned();
    async move {
        let got = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(got, status, "{what}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"))
    }
}

/// Checks that an answer is a problem of this kind, and gives it back.
pub async fn problem(response: Response, status: u16, kind: &str, what: &str) -> Value {
    let got = response.status().as_u16();
    let content_type = response.headers().get("content-type").map(|v| v.to_str().unwrap().to_owned());
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{what}: {text}");
    assert_eq!(content_type.as_deref(), Some("application/problem+json"), "{what}");
    let body: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
    assert_eq!(body["type"], format!("urn:huifang:problem:{kind}"), "{what}: {text}");
    assert_eq!(body["status"], status, "{what}: {text}");
    assert_eq!(body["request_id"], request_id, "{what}: {text}");
    for member in ["title", "detail", "instance"] {
        assert!(body[member].as_str().is_some_and(|t| !t.is_empty()), "{what}: {member}: {text}");
    }
    body
}
