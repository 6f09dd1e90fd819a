//! The rules of the business, pure: no runtime, no SQL, no sockets, no files, no clock. Everything takes `now`.
//!
//! A stranger finds a feature by its noun: the same name is used in `store/`, `http/` and `web/`.

pub mod agent_card;
pub mod announcement;
pub mod audit;
pub mod calendar;
pub mod call;
pub mod complaint;
pub mod facts;
pub mod id;
pub mod live;
pub mod opt_out;
pub mod order;
pub mod phone;
mod phrases;
pub mod programme;
pub mod promise;
pub mod recording;
pub mod report;
pub mod review;
pub mod score;
pub mod script;
pub mod seat;
pub mod simulate;
pub mod sms;
pub mod tariff;
pub mod transcript;
pub mod truth;
pub mod visit;
mod ways;
pub mod when;
