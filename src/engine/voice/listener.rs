//! The recogniser's thread: audio in order, partial words about five times a second, final words when asked.
//!
//! A conversation's has the priority of calls and may fall five seconds behind; one that only reads along has a lower one and less room.

use crate::engine::background;
use crate::media::codec::FRAME;
use crate::stt::{SpeechStream, SttError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Five seconds of audio may wait; a recogniser further behind is of no use in a conversation.
const WAITING_FRAMES: usize = 250;
/// Two seconds of it for one who reads along.
const WAITING_ALONG: usize = 100;
const WAITING_WORDS: usize = 64;
/// Partial words every 200 ms.
const PARTIAL_FRAMES: usize = 10;

enum Order {
    Pcm(Box<[i16; FRAME]>),
    Finish,
}

#[derive(Clone, Debug, PartialEq)]
pub(in crate::engine) enum Heard {
    Partial(String),
    Words(String),
    /// The recogniser failed; nothing more will come.
    Lost(String),
}

/// The call's end of the thread. Dropping it ends the thread.
pub(in crate::engine) struct Listener {
    orders: SyncSender<Order>,
    heard: mpsc::Receiver<Heard>,
}

impl Listener {
    /// `None` when the system gives us no thread: the call then does without words.
    pub(in crate::engine) fn start(stream: Box<dyn SpeechStream>) -> Option<Self> {
        Self::spawn(WAITING_FRAMES, |work, report| {
            let thread = std::thread::Builder::new().name("listener".into());
            thread.spawn(move || listen(stream, &work, &report)).map(drop)
        })
    }

    /// Beside the calls. `place` is held until the thread is gone, however long the recogniser blocks.
    pub(in crate::engine) fn start_along(
        stream: Box<dyn SpeechStream>,
        place: Arc<OwnedSemaphorePermit>,
    ) -> Option<Self> {
        Self::spawn(WAITING_ALONG, |work, report| {
            background::spawn("reads-along", move || {
                listen(stream, &work, &report);
                drop(place);
            })
            .map(drop)
        })
    }

    fn spawn(
        waiting: usize,
        thread: impl FnOnce(Receiver<Order>, mpsc::Sender<Heard>) -> std::io::Result<()>,
    ) -> Option<Self> {
        let (orders, work) = sync_channel(waiting);
        let (report, heard) = mpsc::channel(WAITING_WORDS);
        match thread(work, report) {
            Ok(()) => Some(Self { orders, heard }),
            Err(error) => {
                tracing::error!(%error, "no thread for the live recogniser");
                None
            }
        }
    }

    /// Hands over 20 ms; a reason when the recogniser is lost.
    pub(in crate::engine) fn accept(&mut self, pcm: &[i16; FRAME]) -> Option<String> {
        self.order(Order::Pcm(Box::new(*pcm)))
    }

    /// Asks for the words of the utterance.
    pub(in crate::engine) fn finish(&mut self) -> Option<String> {
        self.order(Order::Finish)
    }

    fn order(&mut self, order: Order) -> Option<String> {
        match self.orders.try_send(order) {
            Ok(()) => None,
            Err(TrySendError::Full(_)) => Some("too far behind".into()),
            // Its reason is on its way through `heard`.
            Err(TrySendError::Disconnected(_)) => None,
        }
    }

    /// What was heard next; never, where there is no listener.
    pub(in crate::engine) async fn next(listener: &mut Option<Self>) -> Heard {
        match listener {
            Some(listener) => listener.heard.recv().await.unwrap_or_else(|| Heard::Lost("its thread ended".into())),
            None => std::future::pending().await,
        }
    }
}

fn listen(mut stream: Box<dyn SpeechStream>, work: &Receiver<Order>, report: &mpsc::Sender<Heard>) {
    let mut frames = 0;
    let mut last = String::new();
    while let Ok(order) = work.recv() {
        match obey(stream.as_mut(), order, &mut frames, &mut last) {
            Ok(None) => {}
            Ok(Some(heard)) => {
                if report.blocking_send(heard).is_err() {
                    return; // the call is over
                }
            }
            Err(error) => {
                if report.blocking_send(Heard::Lost(error.to_string())).is_err() {
                    tracing::debug!(%error, "the live recogniser failed after the call");
                }
                return;
            }
        }
    }
}

fn obey(
    stream: &mut dyn SpeechStream,
    order: Order,
    frames: &mut usize,
    last: &mut String,
) -> Result<Option<Heard>, SttError> {
    match order {
        Order::Finish => {
            last.clear();
            Ok(Some(Heard::Words(stream.finish_utterance()?)))
        }
        Order::Pcm(pcm) => {
            stream.accept(pcm.as_slice())?;
            *frames += 1;
            if !frames.is_multiple_of(PARTIAL_FRAMES) {
                return Ok(None);
            }
            let partial = stream.partial()?;
            if partial == *last {
                return Ok(None);
            }
            last.clone_from(&partial);
            Ok(Some(Heard::Partial(partial)))
        }
    }
}
