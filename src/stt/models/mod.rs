//! The speech models on disk: which there are, whether they are here and whole, and how to get them.
//!
//! The manifest is built in. Nothing here loads a model.

pub mod fetch;
pub mod manifest;

pub use fetch::{FetchError, Fetched, fetch};
pub use manifest::{FileState, Manifest, ModelEntry};
