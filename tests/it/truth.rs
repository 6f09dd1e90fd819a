//! Recording truth (invariant 8): whatever the network and the far end do, both channels stay on the wall clock of the answer.
//!
//! `axis` proves it to the sample in simulated time, for minutes and hours of packets; `calls` proves it on whole calls over real sockets
//! behind a bad network, with what the record says about them; `bridge` adds an agent and a supervisor, in simulated time again.

mod axis;
mod bridge;
mod calls;
mod line;
