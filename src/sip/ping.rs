//! Asks a trunk at intervals whether it lives (OPTIONS, RFC 3261 §11), and tells its [`health`](super::health) what came back.
//!
//! The first question is asked after one interval: what a trunk is worth is shown by its first call as well. A trunk that misses one is
//! asked again sooner. [`once`] asks for a person (`huifang doctor`) and changes nothing. It deliberately does not authenticate itself: a challenge is a sign of life.

use super::health::Ping;
use super::request::is_nobodys;
use super::stack::Core;
use super::transact::{self, TransactError};
use super::trunk::Trunk;
use rsipstack::sip::Transport;
use rsipstack::transaction::random_text;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// An answer that takes longer, or than an interval, is none. Over UDP the question is repeated four times until then.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const SOONER: Duration = Duration::from_secs(5);

/// Until the stack closes.
pub async fn keep(core: Arc<Core>, trunk: Arc<Trunk>, interval: Duration) {
    let call_id = format!("{}@huifang", random_text(20));
    let closing = core.closing.clone();
    let asking = async {
        for cseq in 1.. {
            sleep(if trunk.asks_sooner() { interval.min(SOONER) } else { interval }).await;
            let answer = timeout(interval.min(ANSWER_LIMIT), ask(&core, &trunk, &call_id, cseq)).await;
            trunk.pinged(answer.unwrap_or(Ping::Silent));
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = asking => {}
    }
}

/// One question to a trunk, and in words what came of it. A carrier that is connected to but silent may still take calls.
pub async fn once(core: &Core, trunk: &Trunk) -> Result<String, String> {
    let flow = core.flow(trunk).await?;
    let request = flow.options(trunk, &format!("{}@huifang", random_text(20)), 1).map_err(|e| e.to_string())?;
    let answer = timeout(ANSWER_LIMIT, transact::send(&flow, request, None)).await;
    match answer {
        Ok(Ok(response)) if !is_nobodys(&response) => {
            let status = response.status_code.code();
            let said = format!("answers OPTIONS with {status}");
            if Ping::of_status(status) == Ping::Alive { Ok(said) } else { Err(said) }
        }
        Ok(Err(error @ (TransactError::Lost | TransactError::Line(_)))) => Err(error.to_string()),
        _ if trunk.transport == Transport::Udp => Err("no answer to OPTIONS".into()),
        _ => Ok("connected; no answer to OPTIONS".into()),
    }
}

async fn ask(core: &Core, trunk: &Trunk, call_id: &str, cseq: u32) -> Ping {
    let Ok(flow) = core.flow(trunk).await else { return Ping::Unconnected };
    let Ok(request) = flow.options(trunk, call_id, cseq) else { return Ping::Unconnected };
    match transact::send(&flow, request, None).await {
        Ok(response) if is_nobodys(&response) => Ping::Silent,
        Ok(response) => Ping::of_status(response.status_code.code()),
        Err(_) => Ping::Silent,
    }
}
