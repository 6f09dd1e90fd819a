//! Which open visits are of one customer: they share a telephone, and one telephone takes one call at a time.
//!
//! Contract: holds only customers with more than one open visit; everybody else costs nothing. A snapshot, taken with the visits.
//! Not here: who shares what with whom (the store reads it), and the guard against a claim that is not yet committed (the dialer's).

use crate::domain::id::VisitId;
use std::collections::HashMap;

/// Open visits that share their telephone with another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameCustomer {
    /// Each with one visit of the group that stands for the customer.
    customer: HashMap<VisitId, VisitId>,
    /// Customers who are being called, and for which visit.
    on_line: HashMap<VisitId, VisitId>,
}

impl SameCustomer {
    /// `customer` is the same for all visits of one telephone; `calling`: this visit is the one being called.
    pub fn add(&mut self, visit: VisitId, customer: VisitId, calling: bool) {
        if calling {
            self.on_line.insert(customer.clone(), visit.clone());
        }
        self.customer.insert(visit, customer);
    }

    /// For a visit that waits: the other visit for which its customer is being called.
    pub(super) fn on_line(&self, visit: &VisitId) -> Option<&VisitId> {
        self.on_line.get(self.of(visit)?)
    }

    /// Whether both visits are of one customer.
    pub(super) fn are(&self, one: &VisitId, other: &VisitId) -> bool {
        self.of(one).is_some_and(|customer| self.of(other) == Some(customer))
    }

    pub(super) fn of(&self, visit: &VisitId) -> Option<&VisitId> {
        self.customer.get(visit)
    }
}
