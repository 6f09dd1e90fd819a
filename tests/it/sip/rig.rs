//! The user agent under test with its clock, and what every test asserts of a call.

use huifang::clock::{Clock, SystemClock};
use huifang::config;
use huifang::domain::id::CallId;
use huifang::domain::phone::Phone;
use huifang::sip::{CallControl, CallEnd, CallEvent, Reanswer, SipStack};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 8\r\n";
/// Longer than anything here may take, shorter than a person's patience.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Polls a condition; fails with its name.
pub async fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    let held = timeout(LIMIT, async {
        while !condition() {
            tick.tick().await;
        }
    });
    held.await.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

pub struct Rig {
    pub stack: Arc<SipStack>,
    pub shutdown: CancellationToken,
}

impl Rig {
    /// A stack on ephemeral UDP and TCP ports with one trunk; `extra` is more TOML of the trunk.
    pub async fn new(trunk_uri: &str, extra: &str) -> Self {
        let sip =
            config::Sip { listen: vec!["udp:127.0.0.1:0".into(), "tcp:127.0.0.1:0".into()], ..Default::default() };
        Self::with(&sip, trunk_uri, extra).await
    }

    /// The same with other addresses and names.
    pub async fn with(sip: &config::Sip, trunk_uri: &str, extra: &str) -> Self {
        let toml = format!(
            "name = \"line\"\nuri = \"{trunk_uri}\"\ncaller_id = \"4006589888\"\nmax_calls_per_second = 100.0\n{extra}"
        );
        let mut trunk: config::Trunk = toml::from_str(&toml).unwrap();
        if !extra.contains("options_interval_s") {
            // A far end by script expects what the test is about.
            trunk.options_interval_s = 0;
        }
        let shutdown = CancellationToken::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let stack = SipStack::start(sip, &[trunk], clock, shutdown.clone()).await.unwrap();
        Self { stack, shutdown }
    }

    pub fn call(&self) -> Watched {
        self.call_to("13812345678")
    }

    pub fn call_to(&self, number: &str) -> Watched {
        self.call_with(number, OFFER)
    }

    pub fn call_with(&self, number: &str, offer: &[u8]) -> Watched {
        let to = Phone::parse(number).unwrap();
        let pick = self.stack.pick_trunk(&to).unwrap();
        let (control, events) = self.stack.invite(pick, &to, &CallId::new("call-1"), offer.to_vec()).unwrap();
        Watched { control, events, seen: vec![] }
    }

    /// Nothing is left: no dialog, no slot.
    pub async fn is_clean(&self) {
        wait_until("no dialog is left", || self.stack.dialogs() == 0).await;
        assert_eq!(self.stack.trunks()[0].calls_up, 0);
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A call and what was told of it so far, in words: `sent`, `ringing 180`, `early 183`, `answered`, `reoffer`, `key 5`, `ended`.
pub struct Watched {
    pub control: CallControl,
    pub events: mpsc::Receiver<CallEvent>,
    pub seen: Vec<String>,
}

impl Watched {
    pub async fn next(&mut self) -> CallEvent {
        let event = timeout(LIMIT, self.events.recv()).await;
        let event = event.unwrap_or_else(|_| panic!("no event after {:?}", self.seen));
        let event = event.unwrap_or_else(|| panic!("the events stopped without an end after {:?}", self.seen));
        self.seen.push(match &event {
            CallEvent::InviteSent { .. } => "sent".into(),
            CallEvent::Ringing { status, .. } => format!("ringing {status}"),
            CallEvent::EarlyMedia { status, sdp, .. } => {
                assert!(sdp.starts_with(b"v=0"), "early media without sdp");
                format!("early {status}")
            }
            CallEvent::Answered { sdp, .. } if sdp.is_empty() => "answered without sdp".into(),
            CallEvent::Answered { sdp, .. } => {
                assert!(sdp.starts_with(b"v=0"), "{sdp:?}");
                "answered".into()
            }
            CallEvent::Reoffer { sdp, .. } if sdp.is_empty() => "reoffer without sdp".into(),
            CallEvent::Reoffer { .. } => "reoffer".into(),
            CallEvent::ReofferAnswer { .. } => "reoffer answer".into(),
            CallEvent::Key(key) => format!("key {key}"),
            CallEvent::Ended(_) => "ended".into(),
        });
        event
    }

    /// Reads up to and with the event of this name.
    pub async fn until(&mut self, name: &str) -> CallEvent {
        loop {
            let event = self.next().await;
            if self.seen.last().is_some_and(|s| s == name) {
                return event;
            }
            assert!(!matches!(event, CallEvent::Ended(_)), "ended before {name}: {event:?} after {:?}", self.seen);
        }
    }

    /// Reads to the end: exactly one `Ended`, and nothing after it.
    pub async fn end(&mut self) -> CallEnd {
        loop {
            if let CallEvent::Ended(end) = self.next().await {
                let after = timeout(LIMIT, self.events.recv()).await.expect("the channel closes after the end");
                assert!(after.is_none(), "an event after the end: {after:?}");
                return end;
            }
        }
    }

    pub async fn accept_reoffer(&mut self, name: &str, reply: Reanswer) {
        match self.until(name).await {
            CallEvent::Reoffer { reply: to, .. } => to.send(reply).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
