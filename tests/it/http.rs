//! The HTTP contract over a real socket: the real store in a temporary folder, a stand-in for the engine.
mod agent_cards;
mod auth;
mod calls;
mod errors;
mod fake;
mod idempotency;
mod intake;
mod openapi;
mod ops;
mod recording;
mod reports;
mod reviews;
mod sip;
mod site;
mod stream;
mod visits;
