//! 服务订单: what was done for whom, as the dispatcher or the completion SMS states it.
//!
//! The facts here are the *claims* that the customer's words are later compared with (RULES D02–D31). Everything but the number,
//! the service type and the phone may be unknown: an SMS carries less than the dispatcher's record.

mod update;

use super::id::OrderNo;
use super::phone::Phone;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// 服务类型 (D01). The eight types of the source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ServiceType {
    #[serde(rename = "接收检查")]
    ReceivingInspection,
    #[serde(rename = "交机")]
    Delivery,
    #[serde(rename = "保养")]
    Maintenance,
    #[serde(rename = "质保期内修理")]
    WarrantyRepair,
    #[serde(rename = "质保期外修理")]
    PaidRepair,
    #[serde(rename = "用户投诉")]
    Complaint,
    #[serde(rename = "零件购买")]
    PartsPurchase,
    #[serde(rename = "技术咨询")]
    Consultation,
}

impl ServiceType {
    pub const ALL: [ServiceType; 8] = [
        Self::ReceivingInspection,
        Self::Delivery,
        Self::Maintenance,
        Self::WarrantyRepair,
        Self::PaidRepair,
        Self::Complaint,
        Self::PartsPurchase,
        Self::Consultation,
    ];

    /// The name in the source text; also the serialised form.
    pub fn name(self) -> &'static str {
        match self {
            Self::ReceivingInspection => "接收检查",
            Self::Delivery => "交机",
            Self::Maintenance => "保养",
            Self::WarrantyRepair => "质保期内修理",
            Self::PaidRepair => "质保期外修理",
            Self::Complaint => "用户投诉",
            Self::PartsPurchase => "零件购买",
            Self::Consultation => "技术咨询",
        }
    }

    /// Reads the printed name and its everyday forms (交机服务, 维修, 保内维修 …). A bare 维修 is taken as in warranty:
    /// the fee question is asked only when the order says out of warranty.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_suffix("服务").unwrap_or(text);
        Some(match text {
            "接收检查" | "接车检查" => Self::ReceivingInspection,
            "交机" | "交车" => Self::Delivery,
            "保养" => Self::Maintenance,
            "质保期内修理" | "质保期内维修" | "保内维修" | "保内修理" | "维修" | "修理" => {
                Self::WarrantyRepair
            }
            "质保期外修理" | "质保期外维修" | "保外维修" | "保外修理" => Self::PaidRepair,
            "用户投诉" | "投诉" => Self::Complaint,
            "零件购买" | "配件购买" => Self::PartsPurchase,
            "技术咨询" | "咨询" => Self::Consultation,
            _ => return None,
        })
    }
}

/// 先生 / 女士 / 师傅: how the customer is addressed (C04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Title {
    #[serde(rename = "先生")]
    Mr,
    #[serde(rename = "女士")]
    Ms,
    #[serde(rename = "师傅")]
    Master,
}

/// Who is called (D31). `name` is the full name or the surname, as given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub name: Option<String>,
    pub title: Option<Title>,
    pub phone: Phone,
}

/// One service order with every claim that can be checked against the customer's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub no: OrderNo,
    pub service_type: ServiceType,
    pub customer: Customer,
    #[serde(default)]
    pub claims: Claims,
}

/// What the order claims; `None` = the order does not say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Claims {
    /// Product or model (D02).
    pub product: Option<String>,
    /// Serial number of the machine.
    pub machine_no: Option<String>,
    pub engineer: Option<String>,
    /// Told to customers with a technical question (C24).
    pub engineer_phone: Option<Phone>,
    /// 代理商服务经理 phone (C24).
    pub dealer_manager_phone: Option<Phone>,
    pub dealer: Option<String>,
    /// Language or dialect of the customer, e.g. `粤语`.
    pub language: Option<String>,
    /// 报单小时, machine hours (D03, D04).
    pub reported_hours: Option<f64>,
    /// When the customer asked for the service (D07).
    pub requested_at: Option<Timestamp>,
    pub arrived_at: Option<Timestamp>,
    pub finished_at: Option<Timestamp>,
    /// Fault or job as written on the order (D02, D13).
    pub fault: Option<String>,
    pub fault_at: Option<Timestamp>,
    pub fix: Option<String>,
    /// Checks done (D08).
    pub checks: Vec<String>,
    /// Parts and oils changed (D09, D17).
    pub parts: Vec<String>,
    /// 服务地点 (D11).
    pub location: Option<String>,
    /// Yuan charged (D18).
    pub fee_yuan: Option<f64>,
    /// Temporary repair (D19).
    pub temporary_fix: Option<bool>,
    pub address: Option<String>,
    pub purchased_on: Option<jiff::civil::Date>,
    /// The customer's demand as noted at intake (D31).
    pub demand: Option<String>,
    /// VIP, fleet … (B04, B06); free words of the site.
    pub customer_class: Option<String>,
    /// Yuan of all contracts of the customer (B09).
    pub contract_yuan: Option<f64>,
    /// The branch of the site that the order is of; its zone and hours count.
    pub branch: Option<String>,
    /// 发货 and 送电: the warranty runs from them (A24).
    pub dispatched_on: Option<jiff::civil::Date>,
    pub powered_on: Option<jiff::civil::Date>,
}

impl Claims {
    /// A24: twelve months from power-on or eighteen from dispatch, whichever is over first; `None` where neither is known.
    pub fn warranty_ends_on(&self) -> Option<jiff::civil::Date> {
        let after =
            |day: Option<jiff::civil::Date>, months: i32| day?.checked_add(jiff::Span::new().months(months)).ok();
        [after(self.powered_on, 12), after(self.dispatched_on, 18)].into_iter().flatten().min()
    }
}
