//! 回访任务: what must be done for one order, from the completion SMS to a valid visit.
mod begin;
pub mod customer;
pub mod plan;
pub mod round;
mod steps;
pub mod task;
mod why;
