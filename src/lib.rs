//! Huifang (回访): an after-sales visit-call engine. See ARCHITECTURE.md for the map.

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod engine;
pub mod http;
pub mod media;
pub mod sip;
pub mod store;
pub mod stt;
pub mod telemetry;
