//! 服务订单: one row per order number; each change is a new version of the row.

use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_found, ms, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::OrderNo;
use crate::domain::order::{Order, ServiceType};
use crate::domain::phone::Phone;
use jiff::Timestamp;

/// An order as kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredOrder {
    pub order: Order,
    /// 1 for the first; grows by one with every change.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    pub service_type: Option<ServiceType>,
    pub phone: Option<Phone>,
}

impl Stored for StoredOrder {
    const TABLE: &'static str = "orders";
    const KEY: &'static str = "no";
}

impl Listed for StoredOrder {
    const ORDER_BY: &'static str = "created_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.created_at), self.order.no.as_str())
    }
}

impl TryFrom<Row<'_>> for StoredOrder {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let order = Order {
            no: OrderNo::new(row.text("no")?),
            service_type: row.name("service_type")?,
            customer: row.json("customer")?,
            claims: row.json("claims")?,
        };
        Ok(Self {
            order,
            version: row.int("version")?,
            created_at: row.instant("created_at")?,
            updated_at: row.instant("updated_at")?,
        })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown number.
    pub async fn order(&self, no: &OrderNo) -> Result<StoredOrder> {
        let row = sqlx::query("SELECT * FROM orders WHERE no = $1")
            .bind(no.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read order")?;
        decode_found(row, no.as_str())
    }

    pub async fn orders(&self, filter: &OrderFilter, page: &PageRequest) -> Result<Page<StoredOrder>> {
        Select::new("SELECT * FROM orders")
            .filter("service_type =", filter.service_type.map(|t| t.name().to_string()))
            .filter("phone =", filter.phone.as_ref().map(|p| p.e164().to_string()))
            .page(self, page)
            .await
    }

    /// Inserts or replaces the order; returns its version. An equal order keeps its version.
    pub async fn put_order(&self, order: &Order) -> Result<i64> {
        let mut tx = self.begin().await?;
        let version = tx.put_order(order).await?;
        tx.commit().await?;
        Ok(version)
    }
}

impl Tx {
    pub async fn order(&mut self, no: &OrderNo) -> Result<Option<StoredOrder>> {
        let row = sqlx::query("SELECT * FROM orders WHERE no = $1")
            .bind(no.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read order")?;
        row.as_ref().map(decode).transpose()
    }

    /// Inserts or replaces the order; returns its version. An equal order keeps its version.
    pub async fn put_order(&mut self, order: &Order) -> Result<i64> {
        let before = self.order(&order.no).await?;
        if let Some(same) = before.as_ref().filter(|b| b.order == *order) {
            return Ok(same.version);
        }
        let version = before.map_or(1, |b| b.version + 1);
        let now = ms(self.now());
        sqlx::query(
            "INSERT INTO orders (no, service_type, phone, customer, claims, version, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (no) DO UPDATE SET service_type = excluded.service_type, phone = excluded.phone,
                 customer = excluded.customer, claims = excluded.claims, version = excluded.version,
                 updated_at = excluded.updated_at",
        )
        .bind(order.no.as_str())
        .bind(order.service_type.name())
        .bind(order.customer.phone.e164())
        .bind(to_json("customer", &order.customer)?)
        .bind(to_json("claims", &order.claims)?)
        .bind(version)
        .bind(now)
        .bind(now)
        .execute(self.conn())
        .await
        .doing("write order")?;
        Ok(version)
    }
}
