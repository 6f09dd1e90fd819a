//! One call's media: two UDP ports, one task, one recording. The rules are in `leg`; this file moves bytes and keeps time.
//!
//! Contract: the recorder is open before the session is (invariant 1), so there is no session without one. Every method returns at once; the
//! task sends every packet's time (20 ms as a rule), receives, and hands half seconds of samples to a blocking thread that writes and flushes them.
//! A session dropped without `close` leaves its `.part` behind as a crash would: `wav::recover` mends it at the next start.
//! Agents' lines are joined to the same task and clock (`agent`, `bridge`).
//! Does not do: signalling, deciding what a time-out or a failed recorder means for the call.

use super::agent::{AgentLine, Joined, Way};
use super::bridge::{Company, Others, SharedLeg, lock};
use super::codec::Codec;
use super::leg::{Ending, Leg, Party};
use super::playout::Playout;
use super::ports::{self, PortError, PortPair};
use super::rtp::LONGEST;
use super::sdes::OurKeys;
use super::sdp::Local;
use super::thread;
use super::wav::{Recorder, RecorderError};
use super::writer::Writer;
use crate::clock::{BothClocks, monotonic};
use crate::config;
use crate::domain::call::LegStats;
use crate::domain::recording::manifest::RecordingInfo;
use jiff::Timestamp;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use super::bridge::Supervision;
pub use super::leg::{CustomerFrame, MediaEvent, SpokenFrame};
pub use super::playout::PlayId;
pub use super::sdp::NegotiationError;

/// Events waiting for the engine; more are kept back until it reads.
const EVENTS: usize = 64;
/// Live frames waiting for the recogniser: five seconds, then they are dropped.
const FRAMES: usize = 250;
/// Ticks of all calls fall on one grid, so that one waking of the runtime serves many of them; the spacing of a call's packets, which is a
/// multiple of this, stays as even as it was.
const GRID: Duration = Duration::from_millis(5);
/// Bytes read of a datagram; what is longer than the longest is refused.
const READ: usize = LONGEST + 1;
/// Longest between looks at the RTP socket, and between looks at the RTCP socket: reports are not urgent.
const LOOK: Duration = Duration::from_millis(20);
const LOOK_FOR_REPORTS: Duration = Duration::from_millis(500);

/// The handle of one call's media. See the module.
pub struct MediaSession {
    call: Arc<Mutex<Call>>,
    close: oneshot::Sender<Instant>,
    task: JoinHandle<MediaReport>,
}

/// What the session tells while it runs.
pub struct MediaEvents {
    /// Nothing is lost here while the receiver lives.
    pub events: mpsc::Receiver<MediaEvent>,
    /// Best effort: frames are dropped when nobody reads for five seconds.
    pub customer: mpsc::Receiver<CustomerFrame>,
    /// The same of early media.
    pub early: mpsc::Receiver<CustomerFrame>,
}

/// What is left of a session.
#[derive(Debug)]
pub struct MediaReport {
    /// The customer's.
    pub leg: LegStats,
    /// Agents' and supervisors' lines, and what the bridge added to a word on its way (`bridge`).
    pub company: Company,
    pub answered_at: Option<Timestamp>,
    pub rtcp_packets: u64,
    /// Closed, renamed and hashed. When the recorder had failed, the file holds what was written and ends in a gap that says so.
    pub recording: Result<RecordingInfo, RecorderError>,
}

#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Ports(#[from] PortError),
    #[error("media.address {0} is no address that a far end can send to")]
    Unspecified(std::net::IpAddr),
    #[error("no codec to offer")]
    NoCodec,
}

impl MediaSession {
    /// Binds an even RTP port and the next for RTCP. `codecs` in the order of preference. On an error the recorder's part is removed.
    pub async fn open(
        cfg: &config::Media,
        codecs: &[Codec],
        recorder: Recorder,
    ) -> Result<(MediaSession, MediaEvents), MediaError> {
        Self::open_with(cfg, codecs, config::Srtp::Off, recorder).await
    }

    /// The same with SRTP as the trunk wants it (`trunks.srtp`).
    pub async fn open_with(
        cfg: &config::Media,
        codecs: &[Codec],
        srtp: config::Srtp,
        recorder: Recorder,
    ) -> Result<(MediaSession, MediaEvents), MediaError> {
        let ports = match bind_pair(cfg, codecs) {
            Ok(ports) => ports,
            Err(error) => {
                // No call comes of it: no empty recording either.
                recorder.discard().unwrap_or_else(|error| tracing::error!(%error, "an unused recording stays behind"));
                return Err(error);
            }
        };
        let local = Local {
            address: cfg.address,
            port: ports.port,
            codecs: codecs.to_vec(),
            session_id: u64::from(rand::random::<u32>()),
        };
        let playout = Playout::new(rand::random(), rand::random(), rand::random());
        let keys = OurKeys::new(srtp, [rand::random(), rand::random()]);
        let leg = Leg::new(local, playout, Duration::from_secs(cfg.rtp_timeout_s), monotonic())
            .held_for(Duration::from_secs(cfg.hold_timeout_s))
            .secured(keys);
        let call = Call { leg, others: Others::default(), ports, agent: None, supervisor: None, overheard: None };
        let call = Arc::new(Mutex::new(call));
        let (close, closed) = oneshot::channel();
        let (event_tx, events) = mpsc::channel(EVENTS);
        let (frame_tx, customer) = mpsc::channel(FRAMES);
        let (early_tx, early) = mpsc::channel(FRAMES);
        let task = Task {
            call: call.clone(),
            events: event_tx,
            frames: frame_tx,
            early: early_tx,
            writer: Writer::new(recorder),
            look_for_reports: monotonic(),
        };
        let task = thread::spawn(task.run(closed));
        Ok((MediaSession { call, close, task }, MediaEvents { events, customer, early }))
    }

    /// Our SDP offer: the codecs in order, then telephone-event.
    pub fn offer(&self) -> Vec<u8> {
        lock(&self.call).leg.offer()
    }

    /// A provisional response carried SDP: early media is recorded from here, apart from the answered part.
    pub fn early(&self, sdp: &[u8], now: Instant) -> Result<(), NegotiationError> {
        lock(&self.call).leg.early(sdp, now)
    }

    /// The call was answered at `at` (`wall` on the clock): the recording's answered part begins. Returns the codec we send.
    /// An empty body is the answer that `early` already read.
    pub fn answered(&self, sdp: &[u8], at: Instant, wall: Timestamp) -> Result<Codec, NegotiationError> {
        lock(&self.call).leg.answered(sdp, at, wall)
    }

    /// A re-INVITE or UPDATE: hold and resume of both styles, a new address, another codec. Returns the answer; on an error nothing changes
    /// (the caller refuses with 488 and the call goes on). An empty body asks for our offer, whose answer goes to [`Self::reanswered`].
    pub fn reoffer(&self, sdp: &[u8]) -> Result<Vec<u8>, NegotiationError> {
        lock(&self.call).leg.reoffer(sdp, monotonic())
    }

    /// The answer, in an ACK, to the offer that a re-INVITE without a body asked for.
    pub fn reanswered(&self, sdp: &[u8]) -> Result<Codec, NegotiationError> {
        lock(&self.call).leg.reanswered(sdp, monotonic())
    }

    /// Queues clips (8 kHz mono) behind whatever plays. Before the answer and on hold they wait.
    pub fn play(&self, clips: Vec<Arc<[i16]>>) -> PlayId {
        lock(&self.call).leg.play(clips)
    }

    /// Barge-in: the next packet is silent and the queue empty.
    pub fn stop_playing(&self) {
        lock(&self.call).leg.stop_playing();
    }

    /// Sends keys as telephone-events, or as tones where the far end has none. They come before whatever plays.
    pub fn send_keys(&self, digits: &str) {
        lock(&self.call).leg.send_keys(digits);
    }

    /// The line is gone since `at`: the recording ends there and nothing is sent any more, though `close` may come later.
    pub fn hang_up(&self, at: Instant) {
        lock(&self.call).leg.hang_up(at);
    }

    /// Puts an agent's line on the call, before the answer or after; a second one replaces the first (another agent takes over, the same one
    /// connects again).
    pub fn join(&self, line: AgentLine) -> Joined {
        let (signalling, now) = (line.signalling(), monotonic());
        let (agent, way) = line.into_parts();
        let call = &mut *lock(&self.call);
        call.part(now);
        call.others.join(agent.clone(), &mut call.leg, now);
        call.agent = Some((agent, way));
        signalling
    }

    /// The agent is gone: the customer hears clips, or silence.
    pub fn part(&self) {
        lock(&self.call).part(monotonic());
    }

    /// The customer does not hear the agent; it lasts when the agent is replaced.
    pub fn mute(&self, on: bool) {
        lock(&self.call).others.mute(on);
    }

    /// Neither hears the other. Clips are played all the same.
    pub fn hold(&self, on: bool) {
        lock(&self.call).others.hold(on);
    }

    /// Puts a supervisor's line on the call; a second one replaces the first.
    pub fn supervise(&self, line: AgentLine, mode: Supervision) -> Joined {
        let (signalling, now) = (line.signalling(), monotonic());
        let (supervisor, way) = line.into_parts();
        let call = &mut *lock(&self.call);
        call.unsupervise(now);
        call.others.supervise(supervisor.clone(), mode, &mut call.leg, now);
        call.supervisor = Some((supervisor, way));
        signalling
    }

    /// The same supervisor in another mode.
    pub fn supervise_as(&self, mode: Supervision) {
        lock(&self.call).others.supervise_as(mode);
    }

    /// A supervisor is there, and his line is open.
    pub fn is_supervised(&self) -> bool {
        lock(&self.call).supervisor.as_ref().is_some_and(|(_, way)| way.is_open())
    }

    pub fn unsupervise(&self) {
        lock(&self.call).unsupervise(monotonic());
    }

    /// What both sides say from the answer on, or from now on; a second listener takes the first one's place. Best effort: frames are dropped
    /// when nobody reads for five seconds, which their times show. Whoever drops the receiver has listened enough.
    pub fn overhear(&self) -> mpsc::Receiver<SpokenFrame> {
        let (spoken, receiver) = mpsc::channel(FRAMES);
        let call = &mut *lock(&self.call);
        call.leg.overhear(true);
        call.overheard = Some(spoken);
        receiver
    }

    /// Ends the media now, unless `hang_up` did: the file is closed, renamed and hashed, the ports are free.
    pub async fn close(self) -> MediaReport {
        let Self { call, close, task } = self;
        // A task that is already gone is told by its join error below.
        let gone = close.send(monotonic()).is_err();
        match task.await {
            Ok(report) => report,
            Err(error) => {
                let (ending, company) = lock(&call).finish(monotonic());
                tracing::error!(%error, gone, "the media task died");
                ending.report(company, Err(RecorderError::TaskDied(error.to_string())))
            }
        }
    }
}

impl Ending {
    fn report(self, company: Company, recording: Result<RecordingInfo, RecorderError>) -> MediaReport {
        MediaReport {
            leg: self.stats,
            company,
            answered_at: self.answered_wall,
            rtcp_packets: self.rtcp_packets,
            recording,
        }
    }
}

/// A pair for one line.
pub(super) fn bind_pair(cfg: &config::Media, codecs: &[Codec]) -> Result<PortPair, MediaError> {
    if codecs.is_empty() {
        return Err(MediaError::NoCodec);
    }
    if cfg.address.is_unspecified() {
        return Err(MediaError::Unspecified(cfg.address));
    }
    Ok(ports::bind(cfg.address, cfg.ports()?)?)
}

/// Everybody on the call, and the ways to them. The task and the handle share it; nobody waits while it is locked.
struct Call {
    leg: Leg,
    ports: PortPair,
    others: Others,
    agent: Option<(SharedLeg, Way)>,
    supervisor: Option<(SharedLeg, Way)>,
    /// Where the words of both sides go, while somebody listens.
    overheard: Option<mpsc::Sender<SpokenFrame>>,
}

impl Call {
    /// What came since the last look.
    fn receive(&mut self, now: BothClocks, reports_too: bool) {
        let Self { leg, ports, .. } = self;
        ports.rtp.read::<READ>(now, |datagram, from, at| leg.receive(datagram, from, at));
        if reports_too {
            ports.rtcp.read::<READ>(now, |datagram, from, at| leg.receive_report(datagram, from, at));
        }
        for (leg, way) in self.agent.iter_mut().chain(&mut self.supervisor) {
            way.receive(leg, now, reports_too);
        }
        // An agent's silence is told, for the call cannot go on without him; a supervisor's line goes with its other end.
        if self.supervisor.as_ref().is_some_and(|(_, way)| !way.is_open()) {
            self.unsupervise(now.monotonic);
            self.leg.push_event(MediaEvent::SupervisorLost);
        }
    }

    /// What is due at `now`. Returns when the next packet is.
    fn tick(&mut self, now: Instant) -> Instant {
        let Self { leg, ports, others, agent, supervisor, .. } = self;
        others.tick(leg, now, |party, datagram, to| match (party, &*agent, &*supervisor) {
            (Party::Customer, ..) => ports.rtp.send(datagram, to),
            (Party::Agent, Some((_, way)), _) | (Party::Supervisor, _, Some((_, way))) => way.send(datagram, to),
            (Party::Agent | Party::Supervisor, ..) => {}
        });
        if let Some((report, to)) = leg.next_report(now) {
            ports.rtcp.send(&report, to);
        }
        for (leg, way) in agent.iter().chain(&*supervisor) {
            way.report(leg, now);
        }
        others.next_tick(leg)
    }

    /// Best effort, as the frames for the conversation are.
    fn hand_over_spoken(&mut self) {
        let Some(to) = &self.overheard else { return };
        if to.is_closed() {
            self.overheard = None;
            return self.leg.overhear(false);
        }
        while let Some(frame) = self.leg.next_spoken() {
            if to.try_send(frame).is_err() {
                tracing::trace!("a frame of both sides was dropped");
            }
        }
    }

    fn part(&mut self, now: Instant) {
        if let Some((leg, way)) = self.agent.take() {
            way.say_goodbye(&leg, now);
        }
        self.others.part(&mut self.leg);
    }

    fn unsupervise(&mut self, now: Instant) {
        if let Some((leg, way)) = self.supervisor.take() {
            way.say_goodbye(&leg, now);
        }
        self.others.unsupervise(&mut self.leg);
    }

    fn finish(&mut self, end: Instant) -> (Ending, Company) {
        self.part(end);
        self.unsupervise(end);
        (self.leg.finish(end), self.others.finish())
    }
}

struct Task {
    call: Arc<Mutex<Call>>,
    events: mpsc::Sender<MediaEvent>,
    frames: mpsc::Sender<CustomerFrame>,
    early: mpsc::Sender<CustomerFrame>,
    writer: Writer,
    look_for_reports: Instant,
}

impl Task {
    async fn run(mut self, mut closed: oneshot::Receiver<Instant>) -> MediaReport {
        // One timer, moved when a tick is done: a new one for each would cost a second entry in the runtime's timer list.
        let timer = tokio::time::sleep_until(monotonic().into());
        tokio::pin!(timer);
        let end = loop {
            tokio::select! {
                biased;
                end = &mut closed => break end.ok(),
                () = &mut timer => {}
            }
            let next_tick = self.tick(BothClocks::now());
            if self.writer.is_back() {
                self.writer.written().await;
            }
            self.hand_over();
            timer.as_mut().reset(on_grid(next_tick).into());
        };
        self.end(end).await
    }

    /// Everything of one waking. Returns when the next is due.
    fn tick(&mut self, now: BothClocks) -> Instant {
        let reports_too = now.monotonic >= self.look_for_reports;
        if reports_too {
            self.look_for_reports = now.monotonic + LOOK_FOR_REPORTS;
        }
        let mut call = lock(&self.call);
        call.receive(now, reports_too);
        call.tick(now.monotonic).min(now.monotonic + LOOK)
    }

    /// Events and frames to their readers, samples to the disk.
    fn hand_over(&mut self) {
        let call = &mut *lock(&self.call);
        call.hand_over_spoken();
        let leg = &mut call.leg;
        if let Some(error) = self.writer.failure_to_tell() {
            leg.push_event(MediaEvent::RecorderFailed(error));
        }
        while let Some(event) = leg.next_event() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(event)) => {
                    leg.requeue_event(event);
                    break;
                }
                Err(mpsc::error::TrySendError::Closed(event)) => tracing::debug!(?event, "nobody hears this event"),
            }
        }
        while let Some((frame, to)) = next_frame(leg, &self.frames, &self.early) {
            // Best effort by contract: a recogniser that lags loses frames, the recording does not.
            if to.try_send(frame).is_err() {
                tracing::trace!("a live frame was dropped");
            }
        }
        self.writer.feed(leg);
    }

    /// `None`: the handle was dropped without `close`; the `.part` stays for `recover`.
    async fn end(self, end: Option<Instant>) -> MediaReport {
        let (ending, company) = {
            let mut call = lock(&self.call);
            call.receive(BothClocks::now(), true);
            let (ending, company) = call.finish(end.unwrap_or_else(monotonic));
            if let (Some((bye, to)), Some(_)) = (&ending.bye, end) {
                call.ports.rtcp.send(bye, *to);
            }
            (ending, company)
        };
        if end.is_none() {
            tracing::warn!("a media session was dropped without close; its recording stays open for repair");
            return ending.report(company, Err(RecorderError::Abandoned));
        }
        let recording = self.writer.close(&ending).await;
        ending.report(company, recording)
    }
}

/// What was heard before the answer first.
fn next_frame<'a, T>(leg: &mut Leg, frames: &'a T, early: &'a T) -> Option<(CustomerFrame, &'a T)> {
    leg.next_early_frame().map(|frame| (frame, early)).or_else(|| Some((leg.next_frame()?, frames)))
}

/// The first instant of the grid that is not before `due`.
fn on_grid(due: Instant) -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(monotonic);
    let since = due.saturating_duration_since(*START).as_nanos();
    // Within u64 for five hundred years.
    *START + Duration::from_nanos(since.next_multiple_of(GRID.as_nanos()) as u64)
}

#[cfg(test)]
mod tests {
    use super::super::wav::tests::recorder_on_full_disk;
    use super::*;
    use crate::domain::recording::manifest::GapReason;

    const ANSWER: &[u8] =
        b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n";

    #[tokio::test]
    async fn a_recorder_that_fails_is_told_and_what_it_wrote_is_kept() {
        let store = tempfile::tempdir().unwrap();
        let recorder = recorder_on_full_disk(store.path(), "call", 44 + 4_000 * 4);
        let cfg = config::Media { rtp_ports: "33000-33999".into(), ..config::Media::default() };
        let (session, mut events) = MediaSession::open(&cfg, &[Codec::Pcma], recorder).await.unwrap();
        session.answered(ANSWER, monotonic(), Timestamp::UNIX_EPOCH).unwrap();
        let told = async {
            while let Some(event) = events.events.recv().await {
                if let MediaEvent::RecorderFailed(why) = event {
                    return why;
                }
            }
            String::new()
        };
        let told = tokio::time::timeout(Duration::from_secs(10), told).await.unwrap();
        assert!(told.contains("call.wav.part"), "{told:?}");
        let info = session.close().await.recording.unwrap();
        assert!(info.seconds >= 0.4 && info.seconds <= 0.5, "{} s are kept", info.seconds);
        let failed: Vec<_> = info.gaps.iter().filter(|gap| gap.reason == GapReason::RecorderFailed).collect();
        assert!(failed.iter().all(|gap| gap.from_s == info.seconds && gap.to_s > gap.from_s));
        assert_eq!(failed.len(), 2);
    }

    #[test]
    fn ticks_fall_on_one_grid_and_keep_their_spacing() {
        let any = on_grid(monotonic());
        for (after_us, want_ms) in [(0, 0), (1, 5), (4_999, 5), (5_000, 5), (5_001, 10), (20_001, 25), (40_001, 45)] {
            let due = any + Duration::from_micros(after_us);
            assert_eq!(on_grid(due), any + Duration::from_millis(want_ms), "{after_us} us");
        }
    }

    #[tokio::test]
    async fn an_address_that_means_any_and_an_empty_codec_list_are_refused() {
        let store = tempfile::tempdir().unwrap();
        let recorder = |id| Recorder::create(store.path(), id, Timestamp::UNIX_EPOCH).unwrap();
        let cfg = config::Media { address: [0, 0, 0, 0].into(), ..config::Media::default() };
        let error = MediaSession::open(&cfg, &[Codec::Pcma], recorder("a")).await.err().unwrap();
        assert_eq!(error.to_string(), "media.address 0.0.0.0 is no address that a far end can send to");
        let error = MediaSession::open(&config::Media::default(), &[], recorder("b")).await.err().unwrap();
        assert_eq!(error.to_string(), "no codec to offer");
        let left = std::fs::read_dir(store.path().join("1970/01/01")).unwrap().count();
        assert_eq!(left, 0, "no call, no recording");
    }
}
