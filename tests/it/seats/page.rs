//! An agent's page without a browser: the WebSocket, what was told over it, and what is asked.

use crate::support::{Station, within};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

pub struct Page {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Told and not yet looked at.
    told: Vec<Value>,
    asked: u32,
}

impl Page {
    pub async fn open(station: &Station, token: &str) -> Self {
        let mut page = Self::dial(station, token).await.unwrap();
        page.until("welcome", |news| news["type"] == "welcome").await;
        page
    }

    /// Without waiting for a word.
    pub async fn dial(station: &Station, token: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let url = format!("{}/api/v1/seat", station.api.base.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        let protocols = format!("huifang.seat.v1, bearer.{token}");
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocols.parse().unwrap());
        let (socket, response) = tokio_tungstenite::connect_async(request).await?;
        assert_eq!(response.headers()["sec-websocket-protocol"], "huifang.seat.v1");
        Ok(Self { socket, told: vec![], asked: 0 })
    }

    /// The next news that fits, whatever comes before it.
    pub async fn until(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.told.iter().position(&fits) {
            return self.told.drain(..=place).next_back().unwrap();
        }
        self.told.clear();
        within(&format!("the page is told: {what}"), async {
            loop {
                let news = self.read().await.unwrap_or_else(|| panic!("the connection ended before: {what}"));
                if fits(&news) {
                    return news;
                }
            }
        })
        .await
    }

    /// `None`: the connection has ended.
    pub async fn read(&mut self) -> Option<Value> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    pub async fn send(&mut self, text: &str) {
        self.socket.send(Message::Text(text.into())).await.unwrap();
    }

    /// Says something and waits for `done` or `error`; what is told meanwhile is kept.
    pub async fn ask(&mut self, mut message: Value) -> Value {
        self.asked += 1;
        let id = self.asked.to_string();
        message["id"] = json!(id);
        self.send(&message.to_string()).await;
        within(&format!("an answer to {message}"), async {
            loop {
                let news = self.read().await.expect("the connection ended before the answer");
                if news["id"] == json!(id) {
                    return news;
                }
                self.told.push(news);
            }
        })
        .await
    }

    /// Says something that must be done.
    pub async fn does(&mut self, message: Value) {
        let answer = self.ask(message.clone()).await;
        assert_eq!(answer["type"], "done", "{message}: {answer}");
    }

    /// The sentence with which it is refused.
    pub async fn is_refused(&mut self, message: Value) -> String {
        let answer = self.ask(message.clone()).await;
        assert_eq!(answer["type"], "error", "{message}: {answer}");
        answer["message"].as_str().unwrap().to_owned()
    }

    pub async fn seat_is(&mut self, state: &str) -> Value {
        let news = self.until(&format!("seat {state}"), |n| n["type"] == "seat" && n["seat"]["state"] == state).await;
        news["seat"].clone()
    }

    pub async fn call_is(&mut self, phase: &str) -> Value {
        let news = self.until(&format!("call {phase}"), |n| n["type"] == "call" && n["call"]["phase"] == phase).await;
        news["call"].clone()
    }

    /// Closes the connection and says so.
    pub async fn leave(&mut self) {
        self.socket.close(None).await.ok();
    }

    /// Told, and not yet looked at.
    pub fn was_told(&mut self, fits: impl Fn(&Value) -> bool) -> bool {
        let place = self.told.iter().position(fits);
        place.map(|place| self.told.drain(..=place)).is_some()
    }

    pub async fn close(mut self) {
        self.socket.close(None).await.ok();
    }
}
