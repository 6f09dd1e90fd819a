//! Which open visits are of one customer: they share a telephone, and one telephone takes one call at a time.
//!
//! Contract: holds only customers with more than one open visit, or with a number in doubt; everybody else costs nothing. A snapshot, taken
//! with the visits. Who was called for one of them rests before the next that was open then: he is called once, not once a visit (A04). A
//! time that he or one of our people named is kept all the same, and what is reported later is a matter of its own.
//! What a call found out about the number holds for his later visits (A08): they wait for a person.
//! Not here: who shares what with whom and what was found (the store reads it), and the guard against a claim that is not yet committed
//! (the dialer's).

use super::task::WaitReason;
use crate::domain::id::{OrderNo, VisitId};
use crate::domain::order::Customer;
use crate::domain::when::local_text;
use jiff::Timestamp;
use jiff::tz::TimeZone;
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
    /// Visits whose number a call for another visit found wrong.
    doubts: HashMap<VisitId, NumberDoubt>,
}

/// A call that found the number wrong (A08).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberDoubt {
    pub order_no: OrderNo,
    pub found_at: Timestamp,
    /// The network knows no such number; else who answered said that it is not the customer's.
    pub vacant: bool,
}

impl NumberDoubt {
    /// Whether what a call for `called` found out holds for `other`, whose number is the same: a number that is not there is nobody's, one
    /// that is not this customer's may be another's.
    pub fn holds_for(&self, called: &Customer, other: &Customer) -> bool {
        let named = called.name.as_ref().zip(other.name.as_ref());
        self.vacant || named.is_none_or(|(called, other)| called == other)
    }

    /// For people.
    fn text_zh(&self, now: Timestamp, tz: &TimeZone) -> String {
        let found = if self.vacant { "是空号" } else { "不是该客户的" };
        let when = local_text(self.found_at, now, tz);
        format!("订单 {} 在{when}查明这个号码{found}（规则 A08），请核实后拨打或改正订单上的号码", self.order_no)
    }
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

    /// A call for another visit found the number of this one wrong.
    pub fn doubt(&mut self, visit: VisitId, doubt: NumberDoubt) {
        self.doubts.insert(visit, doubt);
    }

    pub fn doubt_of(&self, visit: &VisitId) -> Option<&NumberDoubt> {
        self.doubts.get(visit)
    }

    /// Why the number of a visit that waits is not dialled before a person says so, for people. Who named the time has said so.
    pub(super) fn doubted(
        &self,
        visit: &VisitId,
        reason: &WaitReason,
        now: Timestamp,
        tz: &TimeZone,
    ) -> Option<String> {
        let confirmed =
            matches!(reason, WaitReason::ByHand { .. } | WaitReason::Rescheduled { .. } | WaitReason::NextTrunk { .. });
        self.doubt_of(visit).filter(|_| !confirmed).map(|doubt| doubt.text_zh(now, tz))
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
