//! Listening and stopping.

use super::AppState;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Requests at work when the server is told to stop get so long to end.
const GRACE: Duration = Duration::from_secs(10);
/// Histograms are folded so often, scraped or not.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("http.listen = {address}: the port is taken by another program")]
    PortTaken { address: SocketAddr },
    #[error("http.listen = {address}: {source}")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("http: {0}")]
    Serve(io::Error),
}

/// Takes the port, or says in one line why not.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortTaken { address },
        _ => ServeError::Listen { address, source },
    })
}

/// Serves until `shutdown`, then lets requests at work end: at most ten seconds. Event streams are closed at once.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let stopping = state.stopping.clone();
    if let Some(metrics) = state.metrics.clone() {
        let stopping = stopping.clone();
        tokio::spawn(async move {
            while tokio::time::timeout(METRICS_UPKEEP, stopping.cancelled()).await.is_err() {
                metrics.run_upkeep();
            }
        });
    }
    let told = {
        let stopping = stopping.clone();
        async move {
            shutdown.await;
            stopping.cancel();
        }
    };
    let serving = axum::serve(listener, super::router(state)).with_graceful_shutdown(told);
    tokio::select! {
        served = serving.into_future() => served.map_err(ServeError::Serve),
        () = async { stopping.cancelled().await; tokio::time::sleep(GRACE).await } => {
            tracing::warn!(grace_s = GRACE.as_secs(), "requests were still at work when the server stopped");
            Ok(())
        }
    }
}
