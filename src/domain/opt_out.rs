//! 免打扰: a customer's wish not to be called, for how much it holds, and since when.
//!
//! Contract: pure. A wish holds for one telephone number, as it is dialled: for one visit, for every visit of a programme, or for ever
//! (C09). It is asked when a visit begins and again in the transaction that claims it for a call, so one that comes between the plan
//! and the dialling stops the INVITE. It is never deleted: a withdrawal is written beside it, with who and why.
//! Not here: what words are a refusal (`script::understand`) and what a refusal means for its own visit (`visit::steps`).

use super::call::Call;
use super::call::journal::JournalEvent;
use super::call::outcome::ConversationEnd;
use super::id::{CallId, OptOutId, SeatId, VisitId};
use super::phone::Phone;
use super::visit::task::{CloseCause, Visit, VisitState};
use super::when::local_text;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

/// One wish.
#[derive(Clone, Debug, PartialEq)]
pub struct OptOut {
    pub id: OptOutId,
    pub phone: Phone,
    pub scope: Scope,
    pub asked_at: Timestamp,
    /// Who wrote it down: the name of a user, of a seat, or of the unattended questionnaire.
    pub by: String,
    /// For people; the customer's words where they are known.
    pub why: String,
    pub source: Source,
    /// `None`: in force.
    pub withdrawn: Option<Withdrawal>,
}

/// What it forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Visit(VisitId),
    /// Every visit of this programme.
    Programme(String),
    Never,
}

/// A scope without its object, as an agent names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeName {
    #[default]
    Visit,
    Programme,
    Never,
}

/// How we know of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The customer said so to the unattended questionnaire: his words and when, seconds on the recording's axis.
    Said { call: CallId, quote: String, at_s: Option<f64> },
    /// The outcome key of an agent.
    Key { call: CallId, seat: SeatId },
    /// Written down by a person or another system.
    Hand,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    pub at: Timestamp,
    pub by: String,
    pub why: String,
}

/// Who writes down what was said to the questionnaire.
pub const UNATTENDED: &str = "语音回访";

impl ScopeName {
    pub const ALL: [ScopeName; 3] = [Self::Visit, Self::Programme, Self::Never];

    pub fn name(self) -> &'static str {
        match self {
            Self::Visit => "visit",
            Self::Programme => "programme",
            Self::Never => "never",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == text)
    }

    /// The scope seen from one visit.
    pub fn of(self, visit: &VisitId, programme: &str) -> Scope {
        match self {
            Self::Visit => Scope::Visit(visit.clone()),
            Self::Programme => Scope::Programme(programme.to_owned()),
            Self::Never => Scope::Never,
        }
    }
}

impl Scope {
    pub fn name(&self) -> ScopeName {
        match self {
            Self::Visit(_) => ScopeName::Visit,
            Self::Programme(_) => ScopeName::Programme,
            Self::Never => ScopeName::Never,
        }
    }

    /// Whether it forbids calling for `visit`.
    pub fn forbids(&self, visit: &Visit) -> bool {
        match self {
            Self::Visit(id) => *id == visit.id,
            Self::Programme(name) => *name == visit.programme,
            Self::Never => true,
        }
    }

    fn text_zh(&self) -> String {
        match self {
            Self::Visit(_) => "不要再为这次回访来电".into(),
            Self::Programme(name) => format!("不要再接到“{name}”方案的回访"),
            Self::Never => "以后不要再拨打此号码".into(),
        }
    }
}

impl OptOut {
    /// For people: what was asked, when, and how we know.
    pub fn text_zh(&self, now: Timestamp, tz: &TimeZone) -> String {
        let (when, what) = (local_text(self.asked_at, now, tz), self.scope.text_zh());
        let known = match &self.source {
            Source::Said { quote, .. } if quote.is_empty() => "按键拒绝".to_owned(),
            Source::Said { quote, .. } => format!("原话“{quote}”"),
            Source::Key { seat, .. } => format!("坐席 {seat} 记录"),
            Source::Hand => format!("{} 登记：{}", self.by, self.why),
        };
        format!("客户于{when}要求{what}（{known}）")
    }
}

/// The wish in force that forbids calling for `visit`; the widest of several. `of_number` are those of its customer's number.
pub fn against<'a>(of_number: &'a [OptOut], visit: &Visit) -> Option<&'a OptOut> {
    let width = |opt_out: &&OptOut| match opt_out.scope {
        Scope::Never => 2,
        Scope::Programme(_) => 1,
        Scope::Visit(_) => 0,
    };
    of_number.iter().filter(|one| one.withdrawn.is_none() && one.scope.forbids(visit)).max_by_key(width)
}

/// The wish that a finished call leaves behind, where its visit was closed for it: a plain refusal holds for this visit only (C09), an
/// opt-out as wide as it was said. A result that an agent may still change leaves none yet.
pub fn of_call(id: OptOutId, at: Timestamp, call: &Call, end: &ConversationEnd, after: &Visit) -> Option<OptOut> {
    let scope = match end {
        ConversationEnd::OptedOut { scope } => scope.of(&call.visit, &call.programme),
        ConversationEnd::Refused => Scope::Visit(call.visit.clone()),
        ConversationEnd::Completed
        | ConversationEnd::Callback { .. }
        | ConversationEnd::WrongNumber
        | ConversationEnd::NotInformed
        | ConversationEnd::Abandoned { .. }
        | ConversationEnd::Silent
        | ConversationEnd::Machine { .. }
        | ConversationEnd::Fault { .. } => return None,
    };
    if !matches!(after.state, VisitState::Closed { cause: CloseCause::Refused, .. }) {
        return None;
    }
    let (by, why, source) = match &call.seat {
        Some(seat) => {
            let why = call.note.clone().filter(|note| !note.is_empty()).unwrap_or_else(|| "客户不愿接受回访".into());
            (seat.to_string(), why, Source::Key { call: call.id.clone(), seat: seat.clone() })
        }
        None => {
            let (quote, at_s) = last_refusal(call).unwrap_or_default();
            let why = if quote.is_empty() { "客户按键拒绝".to_owned() } else { quote.clone() };
            (UNATTENDED.to_owned(), why, Source::Said { call: call.id.clone(), quote, at_s })
        }
    };
    Some(OptOut { id, phone: call.to.clone(), scope, asked_at: at, by, why, source, withdrawn: None })
}

/// The customer's words of refusal, and when on the recording's axis.
fn last_refusal(call: &Call) -> Option<(String, Option<f64>)> {
    let answered_at_s = call.recording.as_ref().and_then(|recording| recording.answered_at_s).unwrap_or_default();
    call.journal.iter().rev().find_map(|entry| match &entry.event {
        JournalEvent::Answer { text, from_s, meaning, .. } if meaning.starts_with("refusal") => {
            Some((text.clone(), Some(from_s + answered_at_s)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::calendar::{Calendar, SiteHours};
    use crate::domain::call::journal::JournalEntry;
    use crate::domain::id::OrderNo;
    use crate::domain::programme::Programme;
    use crate::domain::visit::task::accept;

    fn at(minute: i64) -> Timestamp {
        "2026-11-23T10:00:00+08:00".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minute)
    }

    fn phone() -> Phone {
        Phone::parse("13812345678").unwrap()
    }

    fn wish(scope: Scope) -> OptOut {
        let (id, by, why) = (OptOutId::new("o"), "anna".to_owned(), "来电".to_owned());
        OptOut { id, phone: phone(), scope, asked_at: at(0), by, why, source: Source::Hand, withdrawn: None }
    }

    fn visit(id: &str, programme: &str) -> Visit {
        let text = include_str!("../../programmes/excavator.toml");
        let excavator = Programme::parse("excavator.toml", text).unwrap();
        let work_hours = vec!["08:00-18:00".into()];
        let hours = SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "cn".into() };
        let calendar = Calendar::new(&hours).unwrap();
        let visit = accept(at(0), at(0), OrderNo::new("o"), &excavator, &calendar, VisitId::new(id));
        Visit { programme: programme.into(), ..visit }
    }

    #[test]
    fn a_wish_forbids_its_own_visit_its_programme_or_everything_until_it_is_withdrawn() {
        let (one, two) = (visit("v-1", "excavator"), visit("v-2", "promise"));
        for (scope, forbids) in [
            (Scope::Visit(VisitId::new("v-1")), [true, false]),
            (Scope::Programme("promise".into()), [false, true]),
            (Scope::Never, [true, true]),
        ] {
            let mut list = vec![wish(scope)];
            let asked = |list: &[OptOut]| [against(list, &one).is_some(), against(list, &two).is_some()];
            assert_eq!(asked(&list), forbids, "{:?}", list[0].scope);
            list[0].withdrawn = Some(Withdrawal { at: at(1), by: "boss".into(), why: "客户来电".into() });
            assert_eq!(asked(&list), [false, false]);
        }
        let both = [wish(Scope::Never), wish(Scope::Visit(VisitId::new("v-1")))];
        assert_eq!(against(&both, &one).unwrap().scope, Scope::Never, "the widest is named");
    }

    fn call(seat: Option<&str>, words: &str) -> Call {
        let mut call = Call::claimed(
            CallId::new("c"),
            VisitId::new("v-1"),
            OrderNo::new("o"),
            1,
            phone(),
            "excavator".into(),
            at(0),
        );
        let event = JournalEvent::Answer {
            step: "consent".into(),
            text: words.into(),
            from_s: 6.5,
            to_s: 8.0,
            meaning: "refusal_opt_out".into(),
        };
        call.journal = vec![JournalEntry { at_s: 8.0, event }];
        call.seat = seat.map(SeatId::new);
        call
    }

    #[test]
    fn c09_a_refusal_holds_for_its_visit_and_an_opt_out_as_wide_as_it_was_said() {
        let closed = |cause| Visit { state: VisitState::Closed { cause, at: at(1) }, ..visit("v-1", "excavator") };
        let refused = closed(CloseCause::Refused);
        let ends = |scope| ConversationEnd::OptedOut { scope };
        let id = || OptOutId::new("o");
        let said = of_call(id(), at(1), &call(None, "以后别再打了"), &ends(ScopeName::Never), &refused).unwrap();
        assert_eq!(said.scope, Scope::Never);
        let quote = "以后别再打了".to_owned();
        assert_eq!(said.source, Source::Said { call: CallId::new("c"), quote, at_s: Some(6.5) });
        let text = said.text_zh(at(3), &TimeZone::get("Asia/Shanghai").unwrap());
        assert_eq!(text, "客户于10:01要求以后不要再拨打此号码（原话“以后别再打了”）");
        let only_this = of_call(id(), at(1), &call(None, "不想评价"), &ConversationEnd::Refused, &refused).unwrap();
        assert_eq!(only_this.scope, Scope::Visit(VisitId::new("v-1")));
        let key = of_call(id(), at(1), &call(Some("anna"), ""), &ends(ScopeName::Programme), &refused).unwrap();
        assert_eq!((key.scope, key.by.as_str()), (Scope::Programme("excavator".into()), "anna"));
        for (end, after) in [
            (ConversationEnd::Completed, &refused),
            (ConversationEnd::Callback { said: None, at: None }, &refused),
            (ends(ScopeName::Never), &visit("v-1", "excavator")), // the agent is still writing
            (ConversationEnd::Refused, &closed(CloseCause::Cancelled)),
        ] {
            assert_eq!(of_call(id(), at(1), &call(Some("anna"), ""), &end, after), None, "{end:?}");
        }
    }
}
