//! The HTTP interface as a gateway and a supervisor use it.

use super::until;
use huifang::clock::{Clock, SystemClock};
use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Clone)]
pub struct Api {
    pub base: String,
    pub token: String,
    client: Client,
}

/// A completion SMS of a technical consultation, whose script is the shortest here (`data`).
pub fn sms_text(order: &str, phone: &str) -> String {
    format!("【福田雷沃】服务完工通知：订单{order}，客户张建国先生({phone})，机型FR220D2-HD，技术咨询，服务工程师李强")
}

impl Api {
    pub fn new(http: SocketAddr, token: String) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
        Self { base: format!("http://{http}"), token, client }
    }

    /// The same site as somebody else sees it.
    pub fn with_token(&self, token: String) -> Self {
        Self { token, ..self.clone() }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/api/v1/{path}") };
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    pub async fn get(&self, path: &str) -> Value {
        answer(self.request(Method::GET, path).send().await.unwrap(), StatusCode::OK).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    /// Hands in one SMS as JSON; the answer to 202.
    pub async fn sms(&self, id: &str, text: &str) -> Value {
        let body = json!({ "message_id": id, "from": "10690000", "to": "10691234", "text": text,
                           "received_at": SystemClock.now().to_string() });
        answer(self.post("sms", &body).await, StatusCode::ACCEPTED).await
    }

    /// Reports one order; its visit.
    pub async fn report(&self, order: &str, phone: &str) -> String {
        let accepted = self.sms(&format!("sms-{order}"), &sms_text(order, phone)).await;
        text(&accepted["visit_id"])
    }

    pub async fn visit(&self, visit: &str) -> Value {
        self.get(&format!("visits/{visit}")).await
    }

    pub async fn why(&self, visit: &str) -> Value {
        self.get(&format!("visits/{visit}/why")).await
    }

    /// Every call of a visit, the newest first.
    pub async fn calls(&self, visit: &str) -> Vec<Value> {
        self.get(&format!("calls?visit={visit}")).await["items"].as_array().unwrap().clone()
    }

    /// The only call of the visit, once its row is final and the visit has moved on.
    pub async fn ended_call(&self, visit: &str) -> Value {
        let calls = until("the call has ended", async || {
            let calls = self.calls(visit).await;
            calls.first().is_some_and(|call| !call["outcome"].is_null()).then_some(calls)
        })
        .await;
        assert_eq!(calls.len(), 1, "one attempt, one call: {calls:?}");
        calls.into_iter().next().unwrap()
    }

    pub async fn report_of(&self, call: &Value) -> Value {
        self.get(&format!("calls/{}/report", text(&call["id"]))).await
    }
}

/// The body of an answer that must have this status.
pub async fn answer(response: Response, status: StatusCode) -> Value {
    let (got, url) = (response.status(), response.url().clone());
    let body = response.text().await.unwrap();
    assert_eq!(got, status, "{url}: {body}");
    serde_json::from_str(&body).unwrap_or_else(|e| panic!("{url}: {e}: {body}"))
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

pub fn instant(value: &Value) -> Timestamp {
    text(value).parse().unwrap()
}
