//! A later word on an order: what it says replaces what was known, what it leaves out stays.
//!
//! The dispatcher's record and the completion SMS come in either order and each says what the other does not. There is no way to
//! unsay a field: an empty one is taken as not said.

use super::{Claims, Customer, Order};

impl Order {
    /// This order after `newer`, a later statement about the same number.
    pub fn updated_by(self, newer: Order) -> Order {
        let Order { no, service_type, customer, claims } = newer;
        let Customer { name, title, phone } = customer;
        let customer = Customer { name: name.or(self.customer.name), title: title.or(self.customer.title), phone };
        Order { no, service_type, customer, claims: self.claims.updated_by(claims) }
    }
}

impl Claims {
    fn updated_by(self, newer: Claims) -> Claims {
        let said = |newer: Vec<String>, older| if newer.is_empty() { older } else { newer };
        // Every field by name and no `..`: a new field cannot be forgotten here.
        Claims {
            product: newer.product.or(self.product),
            machine_no: newer.machine_no.or(self.machine_no),
            engineer: newer.engineer.or(self.engineer),
            engineer_phone: newer.engineer_phone.or(self.engineer_phone),
            dealer_manager_phone: newer.dealer_manager_phone.or(self.dealer_manager_phone),
            dealer: newer.dealer.or(self.dealer),
            language: newer.language.or(self.language),
            reported_hours: newer.reported_hours.or(self.reported_hours),
            requested_at: newer.requested_at.or(self.requested_at),
            arrived_at: newer.arrived_at.or(self.arrived_at),
            finished_at: newer.finished_at.or(self.finished_at),
            fault: newer.fault.or(self.fault),
            fault_at: newer.fault_at.or(self.fault_at),
            fix: newer.fix.or(self.fix),
            checks: said(newer.checks, self.checks),
            parts: said(newer.parts, self.parts),
            location: newer.location.or(self.location),
            fee_yuan: newer.fee_yuan.or(self.fee_yuan),
            temporary_fix: newer.temporary_fix.or(self.temporary_fix),
            address: newer.address.or(self.address),
            purchased_on: newer.purchased_on.or(self.purchased_on),
            demand: newer.demand.or(self.demand),
            customer_class: newer.customer_class.or(self.customer_class),
            contract_yuan: newer.contract_yuan.or(self.contract_yuan),
            branch: newer.branch.or(self.branch),
            dispatched_on: newer.dispatched_on.or(self.dispatched_on),
            powered_on: newer.powered_on.or(self.powered_on),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrderNo;
    use crate::domain::order::{ServiceType, Title};
    use crate::domain::phone::Phone;

    fn order(phone: &str, claims: Claims) -> Order {
        Order {
            no: OrderNo::new("SO-1"),
            service_type: ServiceType::Maintenance,
            customer: Customer { name: None, title: None, phone: Phone::parse(phone).unwrap() },
            claims,
        }
    }

    #[test]
    fn what_the_newer_says_counts_and_what_it_leaves_out_stays() {
        let mut known = order(
            "13800138000",
            Claims {
                location: Some("长沙".into()),
                fee_yuan: Some(300.0),
                parts: vec!["机滤".into()],
                ..Claims::default()
            },
        );
        known.customer.name = Some("王建国".into());
        let mut newer =
            order("13900139000", Claims { fee_yuan: Some(0.0), reported_hours: Some(1520.0), ..Claims::default() });
        newer.customer.title = Some(Title::Mr);
        newer.service_type = ServiceType::PaidRepair;

        let order = known.clone().updated_by(newer.clone());
        assert_eq!(
            (order.service_type, order.customer.phone.clone()),
            (ServiceType::PaidRepair, newer.customer.phone.clone())
        );
        assert_eq!((order.customer.name.as_deref(), order.customer.title), (Some("王建国"), Some(Title::Mr)));
        assert_eq!((order.claims.fee_yuan, order.claims.reported_hours), (Some(0.0), Some(1520.0)));
        assert_eq!(
            (order.claims.location.as_deref(), order.claims.parts.as_slice()),
            (Some("长沙"), &["机滤".to_string()][..])
        );
        assert_eq!(order.clone().updated_by(newer), order, "saying it twice changes nothing");
    }
}
