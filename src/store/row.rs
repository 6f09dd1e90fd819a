//! Reads one row column by column; a value that does not fit is an error naming table, row and column.

use super::{Result, StoreError, one_line};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::any::AnyRow;
use sqlx::{Any, Decode, Row as _, Type};

/// A domain value that is one row of `TABLE`; `KEY` names the row in errors.
pub(super) trait Stored: for<'r> TryFrom<Row<'r>, Error = StoreError> {
    const TABLE: &'static str;
    const KEY: &'static str;
}

pub(super) struct Row<'r> {
    row: &'r AnyRow,
    table: &'static str,
    key: &'static str,
}

/// The row as its domain value.
pub(super) fn decode<T: Stored>(row: &AnyRow) -> Result<T> {
    T::try_from(Row { row, table: T::TABLE, key: T::KEY })
}

pub(super) fn decode_all<T: Stored>(rows: &[AnyRow]) -> Result<Vec<T>> {
    rows.iter().map(decode).collect()
}

/// The row as its domain value, or the error that there is none with this key.
pub(super) fn decode_found<T: Stored>(row: Option<AnyRow>, id: &str) -> Result<T> {
    match row {
        Some(row) => decode(&row),
        None => Err(StoreError::NotFound { table: T::TABLE, id: id.to_string() }),
    }
}

impl<'r> Row<'r> {
    fn get<T: Decode<'r, Any> + Type<Any>>(&self, column: &'static str) -> Result<T> {
        self.row.try_get(column).map_err(|e| self.corrupt(column, &e.to_string()))
    }

    pub fn text(&self, column: &'static str) -> Result<String> {
        self.get(column)
    }
    pub fn maybe_text(&self, column: &'static str) -> Result<Option<String>> {
        self.get(column)
    }
    pub fn int(&self, column: &'static str) -> Result<i64> {
        self.get(column)
    }
    pub fn real(&self, column: &'static str) -> Result<f64> {
        self.get(column)
    }
    pub fn maybe_real(&self, column: &'static str) -> Result<Option<f64>> {
        self.get(column)
    }

    /// An integer that must fit a narrower type.
    pub fn narrow<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T> {
        let value = self.int(column)?;
        T::try_from(value).map_err(|_| self.corrupt(column, &format!("{value} is out of range")))
    }
    pub fn maybe_narrow<T: TryFrom<i64>>(&self, column: &'static str) -> Result<Option<T>> {
        match self.get::<Option<i64>>(column)? {
            Some(_) => self.narrow(column).map(Some),
            None => Ok(None),
        }
    }

    pub fn instant(&self, column: &'static str) -> Result<Timestamp> {
        let ms = self.int(column)?;
        Timestamp::from_millisecond(ms).map_err(|e| self.corrupt(column, &e.to_string()))
    }
    pub fn maybe_instant(&self, column: &'static str) -> Result<Option<Timestamp>> {
        match self.get::<Option<i64>>(column)? {
            Some(_) => self.instant(column).map(Some),
            None => Ok(None),
        }
    }

    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text = self.text(column)?;
        serde_json::from_str(&text).map_err(|e| self.corrupt(column, &e.to_string()))
    }
    pub fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        match self.maybe_text(column)? {
            Some(_) => self.json(column).map(Some),
            None => Ok(None),
        }
    }

    /// An enum without data, stored under its serialised name.
    pub fn name<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        let text = self.text(column)?;
        named(&text).ok_or_else(|| self.corrupt(column, &format!("unknown name {text:?}")))
    }
    pub fn maybe_name<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        match self.maybe_text(column)? {
            Some(_) => self.name(column).map(Some),
            None => Ok(None),
        }
    }

    /// For values that the caller reads itself.
    pub fn corrupt(&self, column: &'static str, why: &str) -> StoreError {
        let row = self.row.try_get::<String, _>(self.key).unwrap_or_else(|_| "?".into());
        StoreError::Corrupt { table: self.table, row, column, why: one_line(why) }
    }
}

fn named<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(text.to_string())).ok()
}

/// The name under which an enum without data is stored: its serialised name.
pub(super) fn name_of<T: Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => Ok(name),
        other => Err(StoreError::Invalid { what: "name", value: format!("{other:?}"), why: "not a plain name" }),
    }
}

pub(super) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::Invalid {
        what,
        value: one_line(&e.to_string()),
        why: "cannot be written as JSON",
    })
}

pub(super) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn maybe_ms(at: Option<Timestamp>) -> Option<i64> {
    at.map(ms)
}
