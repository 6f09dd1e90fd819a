//! Work that must not take the machine from calls: a thread of its own at a low priority.
//!
//! Contract: `work` runs to its end whoever waits for it. A thread of tokio's blocking pool would not do: its priority, once lowered,
//! stays low for whatever runs on it next.

use std::io;
use tokio::sync::oneshot;

/// Beside a call at 0 it gets about a tenth of a core that both want; alone it gets all of it.
const NICENESS: i32 = 10;

/// The receiver fails when `work` panics.
pub fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new().name(name.into()).spawn(move || {
        // On Linux this is the priority of the thread and of those it starts.
        if let Err(error) = rustix::process::nice(NICENESS) {
            tracing::warn!(%error, "a background thread keeps the priority of calls");
        }
        if tell.send(work()).is_err() {
            tracing::debug!("nobody waits for this work any more");
        }
    })?;
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn background_work_has_a_lower_priority_and_leaves_that_of_others_alone() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let before = priority();
        let inside = spawn("test", priority).unwrap().await.unwrap();
        assert_eq!(inside, (before + NICENESS).min(19));
        assert_eq!(priority(), before);
    }

    #[tokio::test]
    async fn work_that_panics_is_told() {
        assert!(spawn("test", || panic!("on purpose")).unwrap().await.is_err());
    }
}
