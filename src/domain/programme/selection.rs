//! 抽样: which of the orders that a programme is for are visited (B02–B05, B07).
//!
//! Contract: whoever is in a class that is always visited is; of the others a share is, per month and dealer. The share is a floor that
//! holds after every single order: of the first `n` at least `⌈n · share⌉` are visited, and never more than one above that, so nobody
//! can tell which order comes next and nobody pays for more calls than were asked for. The same orders in the same order give the same
//! choice. Not here: the counting (the store does it in the transaction that makes the visit), and what happens to those not chosen.

use crate::domain::order::{Order, ServiceType};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a programme visits.
#[derive(Clone, Debug, PartialEq)]
pub struct Selection {
    /// Of those in no class of `always`, in percent; 100 = everybody.
    pub share_percent: u32,
    pub always: Vec<CustomerClass>,
    /// From this contract value on the customer is visited on site, not called (B09).
    pub on_site_from_yuan: Option<f64>,
}

/// 目标用户: who is visited whatever the share says (B04, B07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomerClass {
    Vip,
    /// 集团公司、政府车队、单位用车.
    Fleet,
    /// 司法、警务车.
    Police,
    /// 大修车、事故车.
    MajorRepair,
    /// 抱怨的客户.
    Complainer,
}

/// The orders of one month and dealer so far that were in no class, without the one to be decided on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub candidates: u32,
    pub selected: u32,
}

/// Why an order is visited, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", content = "class", rename_all = "snake_case")]
pub enum Choice {
    /// The programme visits everybody.
    Everybody,
    Class(CustomerClass),
    /// Drawn for the share.
    Sampled,
    NotSampled,
}

impl Default for Selection {
    fn default() -> Self {
        Self { share_percent: 100, always: vec![], on_site_from_yuan: None }
    }
}

impl Selection {
    /// Decides on one order. `month` is the local month of the trigger, e.g. `2026-11`.
    pub fn choose(&self, order: &Order, month: &str, tally: Tally) -> Choice {
        let classes = CustomerClass::of(order);
        if let Some(class) = classes.into_iter().find(|class| self.always.contains(class)) {
            return Choice::Class(class);
        }
        if self.share_percent >= 100 {
            return Choice::Everybody;
        }
        let floor = self.floor(tally.candidates.saturating_add(1));
        let drawn = draw(order, month) < self.share_percent;
        if tally.selected < floor || (drawn && tally.selected == floor) { Choice::Sampled } else { Choice::NotSampled }
    }

    /// So many of `candidates` must be visited at least.
    pub fn floor(&self, candidates: u32) -> u32 {
        let least = (u64::from(candidates) * u64::from(self.share_percent)).div_ceil(100);
        u32::try_from(least).unwrap_or(u32::MAX)
    }

    /// Whether the contract is large enough for a visit on site (B09).
    pub fn is_on_site(&self, order: &Order) -> bool {
        match (self.on_site_from_yuan, order.claims.contract_yuan) {
            (Some(from), Some(value)) => value >= from,
            (Some(_), None) | (None, _) => false,
        }
    }
}

impl Choice {
    pub fn is_visited(self) -> bool {
        self != Self::NotSampled
    }

    /// Whether it counts towards the share.
    pub fn is_drawn(self) -> bool {
        matches!(self, Self::Sampled | Self::NotSampled)
    }
}

impl CustomerClass {
    pub const ALL: [CustomerClass; 5] = [Self::Vip, Self::Fleet, Self::Police, Self::MajorRepair, Self::Complainer];

    /// The classes that the order's own words name; a complaint makes a complainer.
    pub fn of(order: &Order) -> Vec<Self> {
        let words = order.claims.customer_class.as_deref().unwrap_or_default().to_lowercase();
        let named = |class: &Self| class.words().iter().any(|word| words.contains(word));
        let complains = |class: &Self| *class == Self::Complainer && order.service_type == ServiceType::Complaint;
        Self::ALL.into_iter().filter(|class| named(class) || complains(class)).collect()
    }

    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Vip => &["vip", "贵宾", "重点客户", "大客户"],
            Self::Fleet => &["fleet", "车队", "集团", "政府", "单位"],
            Self::Police => &["police", "警", "司法"],
            Self::MajorRepair => &["major_repair", "大修", "事故"],
            Self::Complainer => &["complainer", "投诉", "抱怨"],
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Vip => "vip",
            Self::Fleet => "fleet",
            Self::Police => "police",
            Self::MajorRepair => "major_repair",
            Self::Complainer => "complainer",
        }
    }

    /// For people (B06).
    pub fn text_zh(self) -> &'static str {
        match self {
            Self::Vip => "VIP",
            Self::Fleet => "车队、单位用车",
            Self::Police => "司法、警务车",
            Self::MajorRepair => "大修、事故车",
            Self::Complainer => "有过抱怨",
        }
    }
}

/// 0 to 99, the same for the same order, month and dealer.
fn draw(order: &Order, month: &str) -> u32 {
    let dealer = order.claims.dealer.as_deref().unwrap_or_default();
    let digest = Sha256::digest([order.no.as_str(), month, dealer].join("\n").as_bytes());
    digest.iter().take(8).fold(0, |drawn, byte| (drawn * 256 + u32::from(*byte)) % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrderNo;
    use crate::domain::order::{Claims, Customer};
    use crate::domain::phone::Phone;
    use proptest::prelude::*;

    fn order(no: usize, class: &str) -> Order {
        Order {
            no: OrderNo::new(format!("SO-{no}")),
            service_type: ServiceType::Maintenance,
            customer: Customer { name: None, title: None, phone: Phone::parse("13800138000").unwrap() },
            claims: Claims { customer_class: Some(class.into()), ..Claims::default() },
        }
    }

    fn share(percent: u32) -> Selection {
        Selection { share_percent: percent, always: CustomerClass::ALL.into(), on_site_from_yuan: None }
    }

    #[test]
    fn b04_a_class_is_read_from_the_words_of_the_order() {
        for (words, want) in [
            ("VIP", &[CustomerClass::Vip][..]),
            ("政府车队", &[CustomerClass::Fleet]),
            ("警务车、大修", &[CustomerClass::Police, CustomerClass::MajorRepair]),
            ("有抱怨", &[CustomerClass::Complainer]),
            ("私家车", &[]),
            ("A", &[]),
            ("", &[]),
        ] {
            assert_eq!(CustomerClass::of(&order(1, words)), want, "{words}");
        }
        let complaint = Order { service_type: ServiceType::Complaint, ..order(1, "") };
        assert_eq!(CustomerClass::of(&complaint), [CustomerClass::Complainer]);
    }

    #[test]
    fn the_choice_is_not_the_same_place_in_every_ten() {
        let selection = share(30);
        let mut tally = Tally::default();
        let chosen: Vec<bool> = (0..200)
            .map(|no| {
                let visited = selection.choose(&order(no, ""), "2026-11", tally).is_visited();
                tally = Tally { candidates: tally.candidates + 1, selected: tally.selected + u32::from(visited) };
                visited
            })
            .collect();
        let first: Vec<&[bool]> = chosen.chunks(10).collect();
        assert!(first.windows(2).any(|two| two[0] != two[1]), "a pattern anybody could foresee: {chosen:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn b05_the_share_is_a_floor_after_every_order_and_at_most_one_above(percent in 1_u32..100, from in 0_usize..10_000, n in 1_usize..150) {
            let selection = share(percent);
            let mut tally = Tally::default();
            for no in from..from + n {
                let visited = selection.choose(&order(no, ""), "2026-11", tally).is_visited();
                tally = Tally { candidates: tally.candidates + 1, selected: tally.selected + u32::from(visited) };
                let floor = selection.floor(tally.candidates);
                prop_assert!((floor..=floor + 1).contains(&tally.selected), "{tally:?} floor {floor}");
            }
        }
    }
}
