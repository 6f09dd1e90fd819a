//! The one integration binary: whole paths over real sockets on loopback.
mod accuracy;
mod browser;
mod call;
mod customers;
mod http;
mod intake;
mod kill;
mod media;
mod programmes;
mod score;
mod seats;
mod shape;
mod sip;
mod store;
mod stt;
mod support;
mod truth;
