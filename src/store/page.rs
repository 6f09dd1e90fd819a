//! Cursor paging: every list is read newest first, by an instant that never changes and the id.
//!
//! A cursor is opaque to the client: list name, instant and id in base64url. It stays valid while rows are added.
//! It does not count: a total would have to read everything.

use super::row::{Stored, decode_all};
use super::{Doing, Result, Store, StoreError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sqlx::any::AnyArguments;
use sqlx::{Any, Arguments as _, AssertSqlSafe, Encode, Type};

/// Rows of one page at most.
pub const LIMIT_MAX: u32 = 200;
const LIMIT_DEFAULT: u32 = 50;
/// Longer texts are refused before they are decoded.
const CURSOR_CHARS_MAX: usize = 400;

/// Which page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    limit: u32,
    cursor: Option<String>,
}

impl PageRequest {
    /// `limit` is 1 to [`LIMIT_MAX`], 50 unless told; `cursor` is the `next` of the page before.
    pub fn new(limit: Option<u32>, cursor: Option<String>) -> Result<Self> {
        let limit = limit.unwrap_or(LIMIT_DEFAULT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(StoreError::Invalid { what: "limit", value: limit.to_string(), why: "want 1 to 200" });
        }
        Ok(Self { limit, cursor })
    }

    pub fn first() -> Self {
        Self { limit: LIMIT_DEFAULT, cursor: None }
    }
}

/// One page; `next` is `None` on the last one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// A list that can be paged: from where it is read and by what it is ordered.
pub(super) trait Listed: Stored {
    /// Column of the instant; its value in the item is [`Listed::position`].
    const ORDER_BY: &'static str;
    fn position(&self) -> (i64, &str);
}

/// A `SELECT` that grows conditions; values are always bound, never written into the text.
pub(super) struct Select {
    text: String,
    args: AnyArguments,
    count: usize,
    conditions: usize,
    broken: Option<String>,
}

impl Select {
    /// `from` is everything up to the conditions: `SELECT … FROM …`.
    pub fn new(from: &str) -> Self {
        Self { text: from.to_string(), args: AnyArguments::default(), count: 0, conditions: 0, broken: None }
    }

    fn bind<T: Encode<'static, Any> + Type<Any> + 'static>(&mut self, value: T) -> String {
        if let Err(e) = self.args.add(value) {
            self.broken = Some(e.to_string());
        }
        self.count += 1;
        format!("${}", self.count)
    }

    fn and(&mut self) -> &'static str {
        self.conditions += 1;
        if self.conditions == 1 { " WHERE " } else { " AND " }
    }

    /// A condition without a value.
    pub fn only(mut self, condition: &str) -> Self {
        let and = self.and();
        self.text.push_str(and);
        self.text.push_str(condition);
        self
    }

    /// `left` is the condition up to its value, e.g. `state =`; nothing is added for `None`.
    pub fn filter<T: Encode<'static, Any> + Type<Any> + 'static>(mut self, left: &str, value: Option<T>) -> Self {
        if let Some(value) = value {
            let at = self.bind(value);
            let and = self.and();
            self.text.push_str(&format!("{and}{left} {at}"));
        }
        self
    }

    /// One of two conditions; with one value only, that one; nothing is added without.
    pub fn either<T: Encode<'static, Any> + Type<Any> + 'static>(
        mut self,
        (left, value): (&str, Option<T>),
        (other, or): (&str, Option<T>),
    ) -> Self {
        match (value, or) {
            (Some(value), Some(or)) => {
                let (value, or) = (self.bind(value), self.bind(or));
                let and = self.and();
                self.text.push_str(&format!("{and}({left} {value} OR {other} {or})"));
                self
            }
            (value, or) => self.filter(left, value).filter(other, or),
        }
    }

    /// Reads one page of the list.
    pub async fn page<T: Listed>(mut self, store: &Store, page: &PageRequest) -> Result<Page<T>> {
        let (table, key, by) = (T::TABLE, T::KEY, T::ORDER_BY);
        if let Some(cursor) = &page.cursor {
            let (at, id) = read_cursor(table, cursor)?;
            let (at, id) = (self.bind(at), self.bind(id));
            let and = self.and();
            self.text.push_str(&format!("{and}({table}.{by}, {table}.{key}) < ({at}, {id})"));
        }
        // One row more than asked for tells whether there is a next page.
        let limit = self.bind(i64::from(page.limit) + 1);
        self.text.push_str(&format!(" ORDER BY {table}.{by} DESC, {table}.{key} DESC LIMIT {limit}"));
        if let Some(why) = self.broken {
            return Err(StoreError::Sql { doing: "list", why });
        }
        let rows =
            sqlx::query_with(AssertSqlSafe(self.text), self.args).fetch_all(&store.readers).await.doing("list")?;
        let wanted = page.limit as usize;
        let items: Vec<T> = decode_all(&rows[..rows.len().min(wanted)])?;
        let next = items.last().filter(|_| rows.len() > wanted).map(|last| write_cursor(table, last.position()));
        Ok(Page { items, next })
    }
}

fn write_cursor(list: &str, (at, id): (i64, &str)) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list} {at} {id}"))
}

fn read_cursor(list: &str, cursor: &str) -> Result<(i64, String)> {
    let bad = || StoreError::Invalid {
        what: "cursor",
        value: cursor.chars().take(40).collect(),
        why: "not a cursor of this list",
    };
    if cursor.len() > CURSOR_CHARS_MAX {
        return Err(bad());
    }
    let text = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|b| String::from_utf8(b).ok()).ok_or_else(bad)?;
    let mut parts = text.splitn(3, ' ');
    match (parts.next(), parts.next().and_then(|n| n.parse().ok()), parts.next()) {
        (Some(name), Some(at), Some(id)) if name == list => Ok((at, id.to_string())),
        _ => Err(bad()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_back_by_its_own_list_only() {
        let cursor = write_cursor("visits", (1_700_000_000_123, "订单 7"));
        assert_eq!(read_cursor("visits", &cursor).unwrap(), (1_700_000_000_123, "订单 7".to_string()));
        for (list, text) in [("calls", cursor.as_str()), ("visits", ""), ("visits", "%%%"), ("visits", "dmlzaXRz")] {
            assert!(matches!(read_cursor(list, text), Err(StoreError::Invalid { .. })), "{list} {text}");
        }
        assert!(read_cursor("visits", &"A".repeat(100_000)).is_err());
    }

    #[test]
    fn a_page_has_one_to_two_hundred_rows() {
        for (limit, ok) in [(None, true), (Some(1), true), (Some(200), true), (Some(0), false), (Some(201), false)] {
            assert_eq!(PageRequest::new(limit, None).is_ok(), ok, "{limit:?}");
        }
    }
}
