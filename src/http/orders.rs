//! `PUT` and `GET /orders/{order_no}`: the dispatcher's record of what was done for whom (RULES D02–D31).

use super::auth::{Caller, Right};
use super::extract::{Json, Path};
use super::problem::Problem;
use super::schema::{ServiceTypeName, TitleName};
use super::view::{View, maybe_instant};
use super::{AppState, limits};
use crate::domain::id::OrderNo;
use crate::domain::order::{Claims, Customer, Order, ServiceType, Title};
use crate::domain::phone::Phone;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A service order: the body of `PUT`, and as read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderDto {
    /// Taken from the path when left out; must agree with it when given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_no: Option<String>,
    #[schema(value_type = ServiceTypeName)]
    pub service_type: ServiceType,
    pub customer: CustomerDto,
    #[serde(default)]
    pub claims: ClaimsDto,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerDto {
    /// Full name or surname.
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<TitleName>)]
    pub title: Option<Title>,
    /// Any everyday form; read back as E.164, or masked for roles that may not see it.
    #[schema(example = "13812345678")]
    pub phone: String,
    /// As dialled inside the mainland. Shown, not read: `phone` is the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(read_only, example = "01062345678")]
    pub phone_national: Option<String>,
}

/// What the order claims; what it does not say is left out or null. Instants: RFC 3339, or local time of the site without offset.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClaimsDto {
    pub product: Option<String>,
    pub machine_no: Option<String>,
    pub engineer: Option<String>,
    pub engineer_phone: Option<String>,
    pub dealer_manager_phone: Option<String>,
    pub dealer: Option<String>,
    /// Language or dialect of the customer; agents are chosen by it.
    #[schema(example = "粤语")]
    pub language: Option<String>,
    /// 报单小时.
    pub reported_hours: Option<f64>,
    pub requested_at: Option<String>,
    pub arrived_at: Option<String>,
    pub finished_at: Option<String>,
    pub fault: Option<String>,
    pub fault_at: Option<String>,
    pub fix: Option<String>,
    pub checks: Vec<String>,
    pub parts: Vec<String>,
    pub location: Option<String>,
    pub fee_yuan: Option<f64>,
    pub temporary_fix: Option<bool>,
    pub address: Option<String>,
    #[schema(value_type = Option<String>, format = Date)]
    pub purchased_on: Option<jiff::civil::Date>,
    pub demand: Option<String>,
    pub customer_class: Option<String>,
    /// Yuan of all contracts of the customer.
    pub contract_yuan: Option<f64>,
    /// Name of one of `site.branches`.
    pub branch: Option<String>,
    #[schema(value_type = Option<String>, format = Date)]
    pub dispatched_on: Option<jiff::civil::Date>,
    #[schema(value_type = Option<String>, format = Date)]
    pub powered_on: Option<jiff::civil::Date>,
}

/// What a `PUT` came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderSaved {
    pub order: OrderDto,
    /// The visit of the order, once its completion was reported.
    pub visit_id: Option<String>,
}

impl OrderDto {
    pub fn of(order: &Order, view: &View<'_>) -> Self {
        let Order { no, service_type, customer, claims } = order;
        Self {
            order_no: Some(no.as_str().to_owned()),
            service_type: *service_type,
            customer: CustomerDto {
                name: customer.name.clone(),
                title: customer.title,
                phone: view.phone(&customer.phone),
                phone_national: Some(view.national(&customer.phone)),
            },
            claims: ClaimsDto::of(claims, view),
        }
    }

    /// The order under the number of the path (or the body's own, where the path names none).
    pub fn into_order(self, path_no: Option<&str>, zone: &TimeZone) -> Result<Order, Problem> {
        let no = match (path_no, self.order_no.as_deref()) {
            (Some(path), Some(body)) if path.trim() != body.trim() => {
                return Err(Problem::invalid("order_no", format!("{body:?} is not the {path:?} of the path")));
            }
            (Some(no), _) | (None, Some(no)) => limits::order_no(no)?,
            (None, None) => return Err(Problem::invalid("order_no", "missing")),
        };
        let CustomerDto { name, title, phone, phone_national: _ } = self.customer;
        Ok(Order {
            no,
            service_type: self.service_type,
            customer: Customer {
                name: limits::maybe_text("customer.name", name)?,
                title,
                phone: read_phone("customer.phone", &phone)?,
            },
            claims: self.claims.into_claims(zone)?,
        })
    }
}

impl ClaimsDto {
    fn of(claims: &Claims, view: &View<'_>) -> Self {
        let c = claims.clone();
        Self {
            product: c.product,
            machine_no: c.machine_no,
            engineer: c.engineer,
            engineer_phone: c.engineer_phone.map(|phone| view.phone(&phone)),
            dealer_manager_phone: c.dealer_manager_phone.map(|phone| view.phone(&phone)),
            dealer: c.dealer,
            language: c.language,
            reported_hours: c.reported_hours,
            requested_at: view.at_opt(c.requested_at),
            arrived_at: view.at_opt(c.arrived_at),
            finished_at: view.at_opt(c.finished_at),
            fault: c.fault,
            fault_at: view.at_opt(c.fault_at),
            fix: c.fix,
            checks: c.checks,
            parts: c.parts,
            location: c.location,
            fee_yuan: c.fee_yuan,
            temporary_fix: c.temporary_fix,
            address: c.address,
            purchased_on: c.purchased_on,
            demand: c.demand.map(|text| view.text(&text)),
            customer_class: c.customer_class,
            contract_yuan: c.contract_yuan,
            branch: c.branch,
            dispatched_on: c.dispatched_on,
            powered_on: c.powered_on,
        }
    }

    fn into_claims(self, zone: &TimeZone) -> Result<Claims, Problem> {
        let text = limits::maybe_text;
        let at = |field: &str, given: Option<String>| maybe_instant(field, given.as_deref(), zone);
        let phone = |field: &str, given: Option<String>| given.map(|t| read_phone(field, &t)).transpose();
        Ok(Claims {
            product: text("claims.product", self.product)?,
            machine_no: text("claims.machine_no", self.machine_no)?,
            engineer: text("claims.engineer", self.engineer)?,
            engineer_phone: phone("claims.engineer_phone", self.engineer_phone)?,
            dealer_manager_phone: phone("claims.dealer_manager_phone", self.dealer_manager_phone)?,
            dealer: text("claims.dealer", self.dealer)?,
            language: text("claims.language", self.language)?,
            reported_hours: limits::amount("claims.reported_hours", self.reported_hours)?,
            requested_at: at("claims.requested_at", self.requested_at)?,
            arrived_at: at("claims.arrived_at", self.arrived_at)?,
            finished_at: at("claims.finished_at", self.finished_at)?,
            fault: text("claims.fault", self.fault)?,
            fault_at: at("claims.fault_at", self.fault_at)?,
            fix: text("claims.fix", self.fix)?,
            checks: limits::list("claims.checks", self.checks)?,
            parts: limits::list("claims.parts", self.parts)?,
            location: text("claims.location", self.location)?,
            fee_yuan: limits::amount("claims.fee_yuan", self.fee_yuan)?,
            temporary_fix: self.temporary_fix,
            address: text("claims.address", self.address)?,
            purchased_on: self.purchased_on,
            demand: text("claims.demand", self.demand)?,
            customer_class: text("claims.customer_class", self.customer_class)?,
            contract_yuan: limits::amount("claims.contract_yuan", self.contract_yuan)?,
            branch: text("claims.branch", self.branch)?,
            dispatched_on: self.dispatched_on,
            powered_on: self.powered_on,
        })
    }
}

/// A masked number sent back by a reader who never saw the real one must not replace it.
fn read_phone(field: &str, text: &str) -> Result<Phone, Problem> {
    if text.contains('*') {
        return Err(Problem::invalid(field, "a masked number cannot be stored"));
    }
    Phone::parse(text).map_err(|error| Problem::invalid(field, error))
}

/// Store the dispatcher's record of an order
///
/// Creates it (201) or brings it up to date (200). An open visit of the order follows the change.
#[utoipa::path(put, path = "/orders/{order_no}", tag = "orders", params(("order_no" = String, Path)),
    request_body = OrderDto,
    responses((status = 200, body = OrderSaved), (status = 201, body = OrderSaved),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(no): Path<String>,
    Json(body): Json<OrderDto>,
) -> Result<(StatusCode, axum::Json<OrderSaved>), Problem> {
    caller.may(Right::Intake)?;
    let order = body.into_order(Some(&no), &state.zone)?;
    let answer = state.commands.put_order(order).await?;
    let status = if answer.created { StatusCode::CREATED } else { StatusCode::OK };
    let order = OrderDto::of(&answer.order, &state.view(&caller));
    Ok((status, axum::Json(OrderSaved { order, visit_id: answer.visit.map(|id| id.as_str().to_owned()) })))
}

/// One order as stored
#[utoipa::path(get, path = "/orders/{order_no}", tag = "orders", params(("order_no" = String, Path)),
    responses((status = 200, body = OrderDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(no): Path<String>,
) -> Result<axum::Json<OrderDto>, Problem> {
    let order = state.store.order(&OrderNo::new(no.trim())).await?;
    Ok(axum::Json(OrderDto::of(&order.order, &state.view(&caller))))
}
