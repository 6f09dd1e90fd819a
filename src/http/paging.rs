//! Cursor paging: `limit`, `cursor` in, `items` and `next` out. The cursor is the store's and opaque here.

use crate::store::page::Page;
use serde::Serialize;
use utoipa::ToSchema;

/// One page of a list, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listing<T> {
    pub items: Vec<T>,
    /// `cursor` of the next page; null on the last one.
    pub next: Option<String>,
}

impl<T> Listing<T> {
    pub fn of<Row>(page: Page<Row>, show: impl Fn(&Row) -> T) -> Self {
        Self { items: page.items.iter().map(show).collect(), next: page.next }
    }
}
