//! Which open visits are of one customer: they share a telephone, and one telephone takes one call at a time.
//!
//! Contract: holds only customers with more than one open visit; everybody else costs nothing. A snapshot, taken with the visits.
//! Who was called for one of them rests before the next that was open then: he is called once, not once a visit (A04). A time that he or
//! one of our people named is kept all the same, and what is reported later is a matter of its own.
//! Not here: who shares what with whom (the store reads it), and the guard against a claim that is not yet committed (the dialer's).

use crate::domain::id::VisitId;
use jiff::Timestamp;
use std::collections::HashMap;

/// Open visits that share their telephone with another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SameCustomer {
    /// Each with one visit of the group that stands for the customer.
    customer: HashMap<VisitId, VisitId>,
    /// Customers who are being called, and for which visit.
    on_line: HashMap<VisitId, VisitId>,
    /// Visits whose customer was called for another of his, and until when he rests.
    rests: HashMap<VisitId, Timestamp>,
}

impl SameCustomer {
    /// `customer` is the same for all visits of one telephone; `calling`: this visit is the one being called.
    pub fn add(&mut self, visit: VisitId, customer: VisitId, calling: bool) {
        if calling {
            self.on_line.insert(customer.clone(), visit.clone());
        }
        self.customer.insert(visit, customer);
    }

    /// The customer of this visit was called for another and rests until then.
    pub fn rest(&mut self, visit: VisitId, until: Timestamp) {
        self.rests.insert(visit, until);
    }

    /// Until when the customer of a visit that waits rests, if he still does.
    pub(super) fn rests_until(&self, visit: &VisitId, now: Timestamp) -> Option<Timestamp> {
        self.rests.get(visit).copied().filter(|until| *until > now)
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
