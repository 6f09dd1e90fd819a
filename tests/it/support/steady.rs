//! Tests that place sounds to ±20 ms of real time, on machines whose time is not always their own.
//!
//! Where a machine stands still for longer than that (a virtual one whose host gives its time to others) a sound comes late for the peer of the
//! test and for the engine alike, and a failure says nothing about either. Such a try is made again, a few times; a failure while the machine
//! ran on is a failure, and so is the last one.

use futures::FutureExt;
use huifang::clock::monotonic;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

const TRIES: usize = 8;
/// Between looks of the witness.
const LOOK: Duration = Duration::from_millis(2);
/// Longer than this between two looks, or stolen from either processor, and the machine stood still.
const STILL: Duration = Duration::from_millis(10);

pub async fn steady(test: impl AsyncFn()) {
    for tries_left in (0..TRIES).rev() {
        let witness = Witness::begins();
        let Err(panic) = AssertUnwindSafe(test()).catch_unwind().await else { return };
        let still = witness.ends();
        if still < STILL || tries_left == 0 {
            resume_unwind(panic);
        }
        eprintln!("the machine stood still for {still:?}: this try says nothing, {tries_left} are left");
    }
}

/// A thread that only looks at the clock, and the kernel's count of stolen time.
struct Witness {
    thread: JoinHandle<Duration>,
    stop: Sender<()>,
    stolen: Duration,
}

impl Witness {
    fn begins() -> Self {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let (mut longest, mut last) = (Duration::ZERO, monotonic());
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let now = monotonic();
                longest = longest.max(now - last);
                last = now;
            }
            longest
        });
        Self { thread, stop, stolen: stolen() }
    }

    /// The longest time for which the machine is known to have stood still.
    fn ends(self) -> Duration {
        let stolen = stolen() - self.stolen;
        drop(self.stop);
        self.thread.join().unwrap().max(stolen)
    }
}

/// What the host of this machine has taken from its processors since its start: the eighth figure of the first line, in hundredths of a second.
fn stolen() -> Duration {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = stat.split_whitespace().nth(8).and_then(|ticks| ticks.parse().ok()).unwrap_or(0);
    Duration::from_millis(10 * ticks)
}
