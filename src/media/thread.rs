//! The thread on which every call's media runs, and its runtime.
//!
//! Contract: what happens elsewhere in the program (a database, a page, a recogniser) delays no packet, and a tick of many calls costs one
//! waking instead of a share-out among the program's threads. A call takes some 15 µs of a tick, so one thread serves several hundred.
//! The unattended conversation of a call rides along, since to wake another thread for its frames costs more than what it does with them.
//! Does not do: anything that blocks; files are written, and recognisers listen, on threads of their own (`writer`, `engine/voice`).

use std::sync::LazyLock;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// Threads that write recordings at once. A chunk takes well under a millisecond and each call has one in half a second.
const WRITERS: usize = 16;

/// Runs a call's media, or what goes with it and never blocks, beside that of all others. Where the system refuses a thread it runs on the caller's runtime.
pub fn spawn<F>(media: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    static MEDIA: LazyLock<Option<Handle>> =
        LazyLock::new(|| start().inspect_err(|error| tracing::error!(%error, "media has no thread of its own")).ok());
    match &*MEDIA {
        Some(handle) => handle.spawn(media),
        None => tokio::spawn(media),
    }
}

fn start() -> std::io::Result<Handle> {
    let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(WRITERS).build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new().name("media".into()).spawn(move || serve(&runtime))?;
    Ok(handle)
}

/// As long as the program runs: its last calls are closed before it ends.
fn serve(runtime: &Runtime) {
    runtime.block_on(std::future::pending())
}
