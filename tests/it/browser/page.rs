//! A stand-in for the page: a connection that offers, trickles both ways, and is connected to a leg of its own.

use super::until;
use crate::support::webrtc::Peer;
use huifang::config::{Media, WebRtc};
use huifang::media::browser::{Browser, BrowserEvent, BrowserState};
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

pub use crate::support::webrtc::{EVENT, Format, KEYS, OPUS, PCMA, PCMU, SSRC};

/// The page and the leg it is connected to.
pub struct Page {
    pub browser: Browser,
    peer: Peer,
    /// What the leg said of its state, in order.
    pub states: Arc<Mutex<Vec<BrowserState>>>,
    trickle: [JoinHandle<()>; 2],
}

impl Drop for Page {
    fn drop(&mut self) {
        self.trickle.iter().for_each(JoinHandle::abort);
    }
}

impl Deref for Page {
    type Target = Peer;
    fn deref(&self) -> &Peer {
        &self.peer
    }
}

impl Page {
    /// Connected, speaking the first of `formats`.
    pub async fn connected(media: &Media, formats: &[Format]) -> Self {
        let (browser, mut events) = Browser::open(media, &WebRtc::default()).await.unwrap();
        let (peer, mut ours) = Peer::new(media.address, formats).await;
        let answer = browser.offer(&peer.offer(false).await).await.unwrap();
        peer.answered(&answer).await;
        let states = Arc::new(Mutex::new(Vec::new()));
        let (page, to, notes) = (peer.clone(), browser.clone(), states.clone());
        let theirs = tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    BrowserEvent::State(state) => notes.lock().unwrap().push(state),
                    BrowserEvent::Candidate(None) => {}
                    BrowserEvent::Candidate(Some(json)) => {
                        page.candidate(serde_json::from_str(&json).unwrap()).await;
                    }
                }
            }
        });
        let ours = tokio::spawn(async move {
            while let Some(candidate) = ours.recv().await {
                to.candidate(Some(&candidate.to_string())).await.unwrap();
            }
        });
        let page = Self { browser, peer, states, trickle: [theirs, ours] };
        page.settled().await;
        page
    }

    async fn settled(&self) {
        until("both sides are connected", || {
            self.peer.is_connected() && self.browser.stats().state == BrowserState::Connected
        })
        .await;
    }

    /// New passwords on the same connection; returns the answer.
    pub async fn restart_ice(&self) -> String {
        let answer = self.browser.offer(&self.peer.offer(true).await).await.unwrap();
        self.peer.answered(&answer).await;
        answer
    }
}
