//! What an answer leads to.

use super::say::{Role, Say};
use super::{Dialogue, Ears, Phase, Turn, lines};
use crate::domain::call::exchange::{KEY_MEANING, KEY_NO, KEY_YES};
use crate::domain::call::journal::JournalEvent;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::opt_out::ScopeName;
use crate::domain::script::PromptId;
use crate::domain::script::understand::{Asked, Reply, angry, clean, nothing_charged, understand};

/// C18: at this level or below we ask why.
const LOW_LEVEL: u8 = 3;
/// C23: at this level or below we apologise first.
const APOLOGY_LEVEL: u8 = 2;
/// C24: so often a technical question is answered with a number.
const EXPERTS_NAMED: u8 = 2;
const HOLDS: u8 = 2;
/// The step whose answer says whether anything was charged (D18).
const FEE_STEP: &str = "ask_fee";

impl Dialogue {
    /// A turn is over and its words are known.
    pub(super) fn decide(&mut self, say: Say, turn: Turn) {
        let text = turn.text();
        let reply = self.reply_to(&say, &text);
        self.ever_heard |= self.ears == Ears::Keys || !clean(&text).is_empty();
        self.remember(&say, &turn);
        let meaning = match say.tries.continued {
            0 => reply.label().to_string(),
            _ => format!("{} (continued)", reply.label()),
        };
        self.answer(&say, text.clone(), turn.from_ms, turn.end_ms, meaning);
        if say.role.counts() && reply != Reply::Nothing {
            self.memory.answered.insert(say.step.clone());
        }
        if say.step == FEE_STEP {
            self.memory.nothing_charged = nothing_charged(&text);
        }
        self.react(say, &text, reply);
    }

    fn reply_to(&self, say: &Say, text: &str) -> Reply {
        match (say.role.asked(), self.ears) {
            // Without a recogniser any speech is an answer, read afterwards from the recording; but consent may have been refused, so
            // that question is put once more with its keys before silence on them counts as a yes (C07).
            (Some(Asked::Identity | Asked::KnowsService), Ears::Keys) => Reply::Yes,
            (_, Ears::Keys) => Reply::Words,
            (Some(asked), Ears::Words) => understand(asked, text),
            (None, Ears::Words) => Reply::Words,
        }
    }

    fn react(&mut self, say: Say, text: &str, reply: Reply) {
        match reply {
            Reply::SayAgain => self.say_again(say),
            Reply::HoldOn => self.hold_on(say),
            Reply::Refusal { .. } | Reply::WrongNumber => self.end_politely(reply),
            Reply::NotNow { time: Some(said) } => self.call_back(Some(said)),
            Reply::NotNow { time: None } => self.ask_first(Say::line(lines::ASK_TIME, Role::AskTime)),
            Reply::NotInformed => self.who_knows(),
            Reply::NotMe => self.ask_first(Say::line(lines::KNOWS_SERVICE, Role::KnowsService)),
            Reply::TechQuestion => self.name_expert(say),
            Reply::Nothing | Reply::Yes | Reply::No | Reply::Words => self.by_role(say, text, reply),
        }
    }

    fn by_role(&mut self, say: Say, text: &str, reply: Reply) {
        let heard = reply != Reply::Nothing;
        match say.role {
            Role::AskTime => self.call_back(heard.then(|| text.to_string())),
            Role::WhoKnows => self.farewell(lines::NOT_INFORMED_END, ConversationEnd::NotInformed),
            Role::KnowsService if reply == Reply::No => self.who_knows(),
            Role::Identity | Role::Consent | Role::KnowsService if reply != Reply::Yes => self.not_understood(say),
            Role::Rating(indicator) if heard => {
                let level = self.judge.level(indicator, text);
                self.rated(level, text);
            }
            Role::Fact | Role::Rating(_) | Role::Needs if !heard => self.not_understood(say),
            Role::Identity
            | Role::KnowsService
            | Role::Consent
            | Role::Pause
            | Role::CanYouHear
            | Role::Intro
            | Role::Fact
            | Role::Rating(_)
            | Role::Probe
            | Role::Suggestion
            | Role::Needs
            | Role::Statement
            | Role::HoldOn
            | Role::Farewell(_) => self.go_on(text),
        }
    }

    /// The next line, an apology first for an angry customer (C23; once a call).
    fn go_on(&mut self, text: &str) {
        if angry(text) {
            self.apologise_first();
        }
        self.next();
    }

    fn apologise_first(&mut self) {
        if !std::mem::replace(&mut self.memory.empathy_given, true) {
            self.agenda.push_front(Say::line(lines::EMPATHY, Role::Statement));
        }
    }

    /// C18: a low level is asked about before the next item.
    fn rated(&mut self, level: Option<u8>, text: &str) {
        if level.is_some_and(|l| l <= LOW_LEVEL) && self.memory.probes < self.limits.probes {
            self.memory.probes += 1;
            let mut probe = Say::line(lines::PROBE_REASON, Role::Probe);
            probe.step = format!("{}_{}", lines::PROBE_REASON, self.memory.probes);
            self.agenda.push_front(probe);
        }
        if angry(text) || level.is_some_and(|l| l <= APOLOGY_LEVEL) {
            self.apologise_first();
        }
        self.next();
    }

    /// Heard something, understood nothing: once more, then on.
    fn not_understood(&mut self, mut say: Say) {
        if say.tries.unclear < self.limits.repeats {
            say.tries.unclear += 1;
            say.preface = Some(say.hint.clone().unwrap_or_else(|| PromptId::from(lines::NOT_HEARD)));
            return self.ask_first(say);
        }
        match say.role {
            Role::Identity => self.note("身份未能确认，客户没有否认，继续"),
            Role::Consent => self.note("两次回答都没有听懂，其中没有拒绝：视为默许，以事后转写为准"),
            Role::KnowsService => self.note("是否了解服务过程未能确认，继续"),
            _ => self.note(format!("{} 没有听到可用的回答，继续", say.step)),
        }
        self.next();
    }

    fn say_again(&mut self, mut say: Say) {
        if say.tries.again >= self.limits.say_again {
            return self.not_understood(say);
        }
        say.tries.again += 1;
        self.note(format!("客户没有听清，重播 {}", say.step));
        self.ask_first(say);
    }

    fn hold_on(&mut self, mut say: Say) {
        if say.tries.held >= HOLDS {
            return self.ask_first(Say::line(lines::ASK_TIME, Role::AskTime));
        }
        say.tries.held += 1;
        self.note(format!("客户请我们稍等，最多等 {} 秒", self.limits.hold_s));
        self.agenda.push_front(say);
        self.ask_first(Say::line(lines::OK, Role::HoldOn));
    }

    fn ask_first(&mut self, say: Say) {
        self.agenda.push_front(say);
        self.next();
    }

    fn who_knows(&mut self) {
        self.ask_first(Say::line(lines::WHO_KNOWS, Role::WhoKnows));
    }

    fn call_back(&mut self, said: Option<String>) {
        self.farewell(lines::CONFIRM_CALLBACK, ConversationEnd::Callback { said, at: None });
    }

    /// C09 and A08.
    pub(super) fn end_politely(&mut self, reply: Reply) {
        match reply {
            Reply::WrongNumber => self.farewell(lines::WRONG_NUMBER, ConversationEnd::WrongNumber),
            reply => {
                let opt_out = reply == (Reply::Refusal { opt_out: true });
                if opt_out {
                    self.note("客户要求不要再打电话");
                }
                self.farewell(lines::REFUSAL_END, refused(opt_out));
            }
        }
    }

    /// C24: no technical answer of our own, but the number of somebody who has one. Then on, or back to the open question.
    fn name_expert(&mut self, say: Say) {
        let answered = matches!(say.role, Role::Needs | Role::Suggestion | Role::Pause);
        if self.memory.experts_named >= EXPERTS_NAMED {
            return self.next();
        }
        self.memory.experts_named += 1;
        let whose = match &self.brief.expert {
            Some((expert, _)) => format!("{expert:?}"),
            None => "hotline".to_string(),
        };
        self.note(format!("客户咨询技术问题，告知电话：{whose}"));
        if !answered {
            self.agenda.push_front(say);
        }
        self.ask_first(Say::expert(&self.brief));
    }

    /// Nothing at all was heard in the time allowed.
    pub(super) fn nobody_spoke(&mut self, mut say: Say) {
        if matches!(say.role, Role::Pause | Role::Intro | Role::CanYouHear) {
            // A remark that comes late, over the next question, is still a remark on this line and no answer to that question.
            self.remember(&say, &Turn::new(self.now_ms));
            return self.next();
        }
        self.journal(JournalEvent::Silence { step: say.step.clone() });
        match say.role {
            Role::AskTime => return self.call_back(None),
            Role::WhoKnows => return self.farewell(lines::NOT_INFORMED_END, ConversationEnd::NotInformed),
            _ => {}
        }
        if say.tries.silence < self.limits.repeats {
            say.tries.silence += 1;
            self.agenda.push_front(say);
            return self.ask_first(Say::line(lines::CAN_YOU_HEAR, Role::CanYouHear));
        }
        if !self.ever_heard {
            return self.farewell(lines::GOODBYE, ConversationEnd::Silent);
        }
        if say.role == Role::Consent {
            self.note("征求同意时没有回应，不再提问");
            return self.farewell(lines::GOODBYE, ConversationEnd::Silent);
        }
        self.next();
    }

    /// A key: an answer where a digit is asked for, and without a recogniser wherever a sound would be; a note elsewhere.
    pub(super) fn key(&mut self, digit: char) {
        let say = match &self.phase {
            Phase::Speaking { say, .. } | Phase::Listening { say, .. } => say.clone(),
            Phase::Hearing { say, .. } | Phase::Deciding { say, .. } => say.clone(),
            Phase::Idle | Phase::Holding { .. } | Phase::Leaving { .. } | Phase::Ended => return,
        };
        self.journal(JournalEvent::Key { digit, step: say.step.clone() });
        let level = digit.to_digit(10).and_then(|d| u8::try_from(d).ok()).filter(|d| (1..=5).contains(d));
        match (&say.role, digit, level) {
            (Role::Consent, '1', _) => {
                self.keyed(&say, KEY_YES);
                self.next();
            }
            (Role::Consent, '2', _) => {
                self.keyed(&say, KEY_NO);
                self.end_politely(Reply::Refusal { opt_out: false });
            }
            (Role::Rating(_), _, Some(level)) => {
                self.keyed(&say, &format!("{KEY_MEANING}{level}"));
                self.memory.answered.insert(say.step.clone());
                self.rated(Some(level), "");
            }
            // Where any sound is an answer, a key is one too: he may have been asked for keys a moment ago.
            (Role::Identity | Role::Fact | Role::Probe | Role::Suggestion | Role::Needs, ..)
                if self.ears == Ears::Keys =>
            {
                let reply = self.reply_to(&say, "");
                self.keyed(&say, reply.label());
                if say.role.counts() {
                    self.memory.answered.insert(say.step.clone());
                }
                self.react(say, "", reply);
            }
            _ => {}
        }
    }

    fn keyed(&mut self, say: &Say, meaning: &str) {
        self.ever_heard = true;
        self.cut_prompt();
        self.words_no_longer_wanted();
        self.answer(say, String::new(), self.now_ms, self.now_ms, meaning.to_string());
    }

    pub(super) fn answer(&mut self, say: &Say, text: String, from_ms: u64, to_ms: u64, meaning: String) {
        let seconds = |ms: u64| ms as f64 / 1000.0;
        self.journal(JournalEvent::Answer {
            step: say.step.clone(),
            text,
            from_s: seconds(from_ms),
            to_s: seconds(to_ms),
            meaning,
        });
    }
}

/// 别再打了 is meant of this number, 不用了 of this visit (C09).
pub(super) fn refused(opt_out: bool) -> ConversationEnd {
    if opt_out { ConversationEnd::OptedOut { scope: ScopeName::Never } } else { ConversationEnd::Refused }
}
