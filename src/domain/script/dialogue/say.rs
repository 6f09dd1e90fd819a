//! What the machine may say: the script's steps made concrete for one order, and its own lines.

use super::lines;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::order::Order;
use crate::domain::phone::Phone;
use crate::domain::score::Indicator;
use crate::domain::script::understand::Asked;
use crate::domain::script::{Condition, Expects, PromptId, Script, Step, StepKind, address};
use std::collections::VecDeque;

/// What a script needs of the order (the machine never sees the rest).
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    pub identity: Vec<PromptId>,
    pub temporary_fix: bool,
    pub thousand_hours: bool,
    /// C24: whose number a technical question is answered with.
    pub expert: Option<(Expert, Phone)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expert {
    DealerManager,
    Engineer,
}

impl Brief {
    /// Reads the order. The service interval is recognised from the reported hours (±20 %) or the job's text.
    pub fn from_order(order: &Order) -> Self {
        let c = &order.claims;
        let manager = c.dealer_manager_phone.clone().map(|p| (Expert::DealerManager, p));
        let engineer = c.engineer_phone.clone().map(|p| (Expert::Engineer, p));
        let job_says = c.fault.as_deref().into_iter().chain(c.fix.as_deref()).any(|t| t.contains("1000"));
        Self {
            identity: address::identity_prompts(&order.customer),
            temporary_fix: c.temporary_fix == Some(true),
            thousand_hours: job_says || c.reported_hours.is_some_and(|h| (800.0..=1200.0).contains(&h)),
            expert: manager.or(engineer),
        }
    }
}

/// Why a line is said, and so what may follow it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Role {
    /// Said to the end; then the next line.
    Statement,
    Pause,
    Identity,
    /// C08: somebody else answered.
    KnowsService,
    WhoKnows,
    Consent,
    Intro,
    Fact,
    Rating(Indicator),
    /// C18.
    Probe,
    Suggestion,
    Needs,
    /// A07.
    AskTime,
    /// After silence; the question follows.
    CanYouHear,
    /// "Hold on" was acknowledged; then we wait.
    HoldOn,
    /// The last line.
    Farewell(ConversationEnd),
}

impl Role {
    pub(super) fn is_question(&self) -> bool {
        self.asked().is_some()
    }

    /// The context in which an answer is understood; `None` for what is not a question.
    pub(super) fn asked(&self) -> Option<Asked> {
        Some(match self {
            Self::Statement | Self::HoldOn | Self::Farewell(_) => return None,
            Self::Identity => Asked::Identity,
            Self::KnowsService => Asked::KnowsService,
            Self::WhoKnows => Asked::WhoKnows,
            Self::Consent => Asked::Consent,
            Self::Intro => Asked::Intro,
            Self::Pause | Self::CanYouHear => Asked::Remark,
            Self::Fact | Self::Probe => Asked::Fact,
            Self::Rating(_) => Asked::Rating,
            Self::Suggestion | Self::Needs => Asked::Needs,
            Self::AskTime => Asked::Time,
        })
    }

    pub(super) fn is_farewell(&self) -> bool {
        matches!(self, Self::Farewell(_))
    }

    pub(super) fn indicator(&self) -> Option<Indicator> {
        match self {
            Self::Rating(indicator) => Some(*indicator),
            _ => None,
        }
    }

    /// Whether an answer counts as an answered question of the visit.
    pub(super) fn counts(&self) -> bool {
        matches!(self, Self::Fact | Self::Rating(_) | Self::Suggestion | Self::Needs)
    }
}

/// How often a question was put again, and why: the bounds of every loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tries {
    pub silence: u8,
    pub unclear: u8,
    pub again: u8,
    pub continued: u8,
    pub held: u8,
}

impl Tries {
    /// Whether the customer has heard this question before.
    fn put_again(self) -> bool {
        self.silence > 0 || self.unclear > 0 || self.again > 0 || self.held > 0
    }
}

/// One line on the agenda.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Say {
    pub step: String,
    pub prompts: Vec<PromptId>,
    pub role: Role,
    pub hint: Option<PromptId>,
    pub expects: Expects,
    pub when: Option<Condition>,
    pub tries: Tries,
    /// Said before the question when it is put again: `reprompt_not_heard`, a hint.
    pub preface: Option<PromptId>,
}

impl Say {
    /// A line of the machine's own; its step is named after the prompt.
    pub(super) fn line(prompt: &str, role: Role) -> Self {
        Self {
            step: prompt.to_string(),
            prompts: vec![prompt.into()],
            role,
            hint: None,
            expects: Expects::Words,
            when: None,
            tries: Tries::default(),
            preface: None,
        }
    }

    /// C24: the expert's number, or the hotline when the order names nobody.
    pub(super) fn expert(brief: &Brief) -> Self {
        let Some((_, phone)) = &brief.expert else { return Self::line(lines::HOTLINE, Role::Statement) };
        let mut say = Self::line(lines::TECH_PHONE, Role::Statement);
        say.prompts.extend(address::phone_prompts(phone));
        say
    }

    /// Whether the customer may cut it short: questions yes, greeting, notices and farewells no.
    pub(super) fn interruptible(&self) -> bool {
        self.role.is_question()
    }

    /// All clips, the preface first.
    pub(super) fn clips(&self) -> Vec<PromptId> {
        self.preface.iter().chain(&self.prompts).cloned().collect()
    }

    /// The clips that ask for keys after this question. The scale tires, so later ratings get it only when they are put again.
    pub(super) fn key_clips(&self, scale_told: bool) -> Vec<PromptId> {
        match self.role {
            Role::Consent => vec![lines::KEYS_NOTICE.into(), lines::KEYS_CONSENT.into()],
            Role::Rating(_) if !scale_told || self.tries.put_again() => vec![lines::KEYS_RATING.into()],
            _ => Vec::new(),
        }
    }

    fn of_step(step: &Step, brief: &Brief) -> Self {
        let role = match (step.kind, step.indicator) {
            (StepKind::Statement, _) => Role::Statement,
            (StepKind::Pause, _) => Role::Pause,
            (StepKind::Identity, _) => Role::Identity,
            (StepKind::Consent, _) => Role::Consent,
            (StepKind::Intro, _) => Role::Intro,
            (StepKind::Rating, Some(indicator)) => Role::Rating(indicator),
            // A rating without indicator does not pass the check of the script.
            (StepKind::Fact | StepKind::Rating, _) => Role::Fact,
            (StepKind::Suggestion, _) => Role::Suggestion,
            (StepKind::Needs, _) => Role::Needs,
            (StepKind::Closing, _) => Role::Farewell(ConversationEnd::Completed),
        };
        let prompts = if role == Role::Identity { brief.identity.clone() } else { step.say.clone() };
        Self {
            step: step.id.clone(),
            prompts,
            role,
            hint: step.hint.clone(),
            expects: step.expects,
            when: step.when,
            tries: Tries::default(),
            preface: None,
        }
    }
}

/// The script as a list of lines, without the steps that the order rules out.
pub(super) fn agenda(script: &Script, brief: &Brief) -> VecDeque<Say> {
    script.steps.iter().filter(|step| step.is_for(brief)).map(|step| Say::of_step(step, brief)).collect()
}
