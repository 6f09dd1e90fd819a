//! The course of the machine: inputs, timers and transitions. What an answer *leads to* is in `react`.

use super::patience::patience_ms;
use super::react::refused;
use super::say::{Role, Say};
use super::{Action, Dialogue, Ears, Input, Phase, Purpose, Taken, Turn, lines};
use crate::domain::announcement::{Kind, Means};
use crate::domain::call::journal::JournalEvent;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::script::Condition;
use crate::domain::script::understand::{Asked, Reply, understand};

/// A clip whose end the shell never reports is taken as ended so long after its length.
const OVERRUN_MS: u64 = 3_000;
/// Speech that began before a question and goes on over it is a barge-in after so long.
const CARRIED_OVER_MS: u64 = 1_500;
/// Times that one answer may be continued after we thought it finished.
const CONTINUATIONS: u8 = 2;
/// A remark may follow the intro; nobody is asked again for it.
const INTRO_SILENCE_MS: u64 = 3_500;
const CAN_YOU_HEAR_SILENCE_MS: u64 = 2_500;
/// C16: while the customer still speaks after the farewell we wait on, up to so long in all.
const LEAVING_HARD_FACTOR: u64 = 3;

impl Dialogue {
    pub(super) fn take(&mut self, input: Input) {
        match input {
            Input::Answered => {
                if self.phase == Phase::Idle {
                    self.next();
                }
            }
            Input::PromptFinished => self.prompt_finished(false),
            Input::SpeechStarted => self.speech_started(),
            Input::SpeechEnded { silence_ms } => self.speech_ended(self.now_ms.saturating_sub(silence_ms)),
            Input::Partial(text) => self.partial(text),
            Input::UtteranceText(text) => self.utterance(text),
            Input::Key(digit) => self.key(digit),
            Input::Tick => {}
            Input::HungUp => self.hung_up(),
            Input::Machine(heard) => self.no_person(heard),
            Input::RecogniserLost(detail) => self.recogniser_lost(&detail),
        }
    }

    /// When the machine must look again.
    pub(super) fn deadline(&self) -> Option<u64> {
        let limit = self.limits.call_s * 1000;
        match &self.phase {
            Phase::Idle | Phase::Ended => None,
            Phase::Speaking { say, overrun_ms, .. } => {
                let end = self.barge_in_at().map_or(*overrun_ms, |b| b.min(*overrun_ms));
                Some(if say.role.is_farewell() { end } else { end.min(limit) })
            }
            Phase::Listening { until_ms, .. } | Phase::Holding { until_ms } => Some((*until_ms).min(limit)),
            Phase::Deciding { until_ms, .. } => Some((*until_ms).min(limit)),
            Phase::Hearing { say, turn } => Some(self.turn_over_at(say, turn).min(limit)),
            Phase::Leaving { until_ms, .. } => Some(*until_ms),
        }
    }

    /// The deadline has come.
    pub(super) fn time_is_up(&mut self) {
        if self.now_ms >= self.limits.call_s * 1000 && !self.taking_leave() {
            self.note(format!("通话已到上限 {} 秒", self.limits.call_s));
            self.cut_prompt();
            let detail = format!("call limit of {} s", self.limits.call_s);
            return self.farewell(lines::GOODBYE, ConversationEnd::Fault { detail });
        }
        match &self.phase {
            Phase::Idle | Phase::Ended => {}
            Phase::Speaking { overrun_ms, .. } if *overrun_ms <= self.now_ms => self.prompt_finished(true),
            Phase::Speaking { .. } => self.barge_in(),
            Phase::Listening { say, .. } => {
                let say = say.clone();
                self.nobody_spoke(say);
            }
            Phase::Holding { .. } => {
                self.note("等待时间已到，重新提问");
                self.next();
            }
            Phase::Hearing { .. } => self.finish_turn(),
            Phase::Deciding { say, turn, .. } => {
                let (say, mut turn) = (say.clone(), turn.clone());
                turn.keep_partial();
                self.words_are_late();
                self.decide(say, turn);
            }
            Phase::Leaving { end, .. } => {
                let end = end.clone();
                self.note("客户未先挂机，等待已到上限，由我方挂机");
                self.out.push(Action::HangUp);
                self.end(end);
            }
        }
    }

    /// The next line of the agenda. An empty agenda cannot be: a script ends in a farewell, which ends the machine.
    pub(super) fn next(&mut self) {
        while let Some(say) = self.agenda.pop_front() {
            if say.when == Some(Condition::FeeWasCharged) && self.memory.nothing_charged {
                self.note(format!("跳过 {}：客户说没有收费", say.step));
                continue;
            }
            return self.speak(say);
        }
        self.out.push(Action::HangUp);
        self.end(ConversationEnd::Completed);
    }

    fn speak(&mut self, say: Say) {
        let mut clips = say.clips();
        if self.ears == Ears::Keys {
            clips.extend(say.key_clips(self.memory.scale_told));
            self.memory.scale_told |= say.role.indicator().is_some();
        }
        self.journal(JournalEvent::Prompt {
            step: say.step.clone(),
            text: self.prompts.text(&clips),
            prompts: clips.iter().map(|c| c.to_string()).collect(),
            question: say.role.is_question(),
            indicator: say.role.indicator(),
        });
        let overrun_ms = self.now_ms + self.prompts.duration_ms(&clips) + OVERRUN_MS;
        self.out.push(Action::Play(clips));
        let previous = self.taken.take();
        self.phase = Phase::Speaking { say, started_ms: self.now_ms, overrun_ms, previous };
    }

    fn prompt_finished(&mut self, overrun: bool) {
        let Phase::Speaking { say, .. } = &self.phase else { return };
        let say = say.clone();
        if overrun {
            self.out.push(Action::StopPlaying);
        }
        self.journal(JournalEvent::PromptEnded { step: say.step.clone(), cut: false });
        match say.role {
            Role::Statement => self.next(),
            // It would wait for us for ever.
            Role::Farewell(end @ ConversationEnd::Machine { .. }) => {
                self.out.push(Action::HangUp);
                self.end(end);
            }
            Role::Farewell(end) => self.leave(end),
            Role::HoldOn => {
                self.drop_overheard();
                self.phase = Phase::Holding { until_ms: self.now_ms + self.limits.hold_s * 1000 };
            }
            _ => self.listen(say),
        }
    }

    fn listen(&mut self, mut say: Say) {
        say.preface = None;
        self.drop_overheard();
        if let Some(since) = self.voice_since {
            self.phase = Phase::Hearing { say, turn: Turn::new(since) };
            return;
        }
        let wait = match say.role {
            Role::Pause => self.timing.pause_ms,
            Role::Intro => INTRO_SILENCE_MS,
            Role::CanYouHear => CAN_YOU_HEAR_SILENCE_MS,
            _ => self.timing.silence_ms,
        };
        self.phase = Phase::Listening { say, until_ms: self.now_ms + wait };
    }

    fn speech_started(&mut self) {
        let since = *self.voice_since.get_or_insert(self.now_ms);
        match &mut self.phase {
            Phase::Listening { say, .. } => {
                let say = say.clone();
                self.phase = Phase::Hearing { say, turn: Turn::new(since) };
            }
            Phase::Hearing { turn, .. } | Phase::Deciding { turn, .. } => turn.speaking = true,
            Phase::Leaving { until_ms, hard_until_ms, .. } => {
                *until_ms = (self.now_ms + self.limits.hangup_wait_s * 1000).min(*hard_until_ms);
            }
            Phase::Idle | Phase::Speaking { .. } | Phase::Holding { .. } | Phase::Ended => {}
        }
    }

    fn speech_ended(&mut self, at_ms: u64) {
        let since = self.voice_since.take();
        match &mut self.phase {
            Phase::Hearing { turn, .. } | Phase::Deciding { turn, .. } => {
                turn.speaking = false;
                turn.end_ms = at_ms.max(turn.from_ms);
            }
            Phase::Holding { .. } => {
                self.overheard = true;
                self.drop_overheard();
                self.next();
            }
            Phase::Speaking { .. } | Phase::Leaving { .. } => self.overheard |= since.is_some(),
            Phase::Idle | Phase::Listening { .. } | Phase::Ended => {}
        }
    }

    fn partial(&mut self, text: String) {
        if let Phase::Hearing { turn, .. } = &mut self.phase {
            turn.partial = text;
        }
    }

    fn turn_over_at(&self, say: &Say, turn: &Turn) -> u64 {
        let longest = turn.from_ms + self.limits.turn_s * 1000;
        if turn.speaking {
            return longest;
        }
        (turn.end_ms + patience_ms(say, &turn.text(), self.ears, &self.timing)).min(longest)
    }

    fn finish_turn(&mut self) {
        let Phase::Hearing { say, turn } = &self.phase else { return };
        let (say, mut turn) = (say.clone(), turn.clone());
        if turn.speaking {
            turn.end_ms = self.now_ms;
        }
        if self.ears == Ears::Keys {
            return self.decide(say, turn);
        }
        self.out.push(Action::FinishUtterance);
        self.finishing.push_back(Purpose::Turn);
        self.phase = Phase::Deciding { say, turn, until_ms: self.now_ms + self.timing.words_ms };
    }

    fn words_are_late(&mut self) {
        for purpose in &mut self.finishing {
            *purpose = Purpose::Overheard;
        }
        self.note("实时识别没有按时给出结果，按已听到的内容继续");
    }

    fn utterance(&mut self, text: String) {
        match self.finishing.pop_front() {
            Some(Purpose::Turn) => self.turn_words(text),
            Some(Purpose::Overheard) | None => self.overhear(&text),
        }
    }

    /// The last words of a turn: decide, unless they show that he has not finished.
    fn turn_words(&mut self, text: String) {
        let Phase::Deciding { say, turn, .. } = &self.phase else { return self.overhear(&text) };
        let (say, mut turn) = (say.clone(), turn.clone());
        turn.partial.clear();
        turn.pieces.push(text);
        let longest_over = turn.from_ms + self.limits.turn_s * 1000 <= self.now_ms;
        if !longest_over && self.turn_over_at(&say, &turn) > self.now_ms {
            self.phase = Phase::Hearing { say, turn };
        } else {
            self.decide(say, turn);
        }
    }

    /// Words spoken where no answer was wanted: only an unmistakable refusal or wrong number counts.
    fn overhear(&mut self, text: &str) {
        let reply = understand(Asked::Overheard, text);
        self.ever_heard |= reply != Reply::Nothing;
        if self.taking_leave() || self.phase == Phase::Idle {
            return;
        }
        match reply {
            Reply::WrongNumber | Reply::Refusal { .. } => {
                self.note(format!("客户在播放中说：{text}"));
                self.cut_prompt();
                self.end_politely(reply);
            }
            _ => {}
        }
    }

    /// What he said meanwhile must not lead his next answer.
    fn drop_overheard(&mut self) {
        if std::mem::take(&mut self.overheard) && self.ears == Ears::Words {
            self.out.push(Action::FinishUtterance);
            self.finishing.push_back(Purpose::Overheard);
        }
    }

    /// A key answered: what was being said then is no answer any more.
    pub(super) fn words_no_longer_wanted(&mut self) {
        self.overheard |= matches!(self.phase, Phase::Hearing { .. });
        for purpose in &mut self.finishing {
            *purpose = Purpose::Overheard;
        }
    }

    /// When speech over the running prompt becomes a barge-in.
    fn barge_in_at(&self) -> Option<u64> {
        let Phase::Speaking { say, started_ms, previous, .. } = &self.phase else { return None };
        let since = self.voice_since?;
        if self.continues(*started_ms, previous.is_some(), say) {
            return Some(since + self.timing.barge_in_ms);
        }
        let counted = if since < *started_ms { started_ms + CARRIED_OVER_MS } else { since };
        say.interruptible().then_some(counted + self.timing.barge_in_ms)
    }

    /// C19: the voice over this prompt belongs to the answer before it.
    fn continues(&self, started_ms: u64, has_previous: bool, say: &Say) -> bool {
        let may_be_taken_back = match &say.role {
            Role::Farewell(end) => *end == ConversationEnd::Completed,
            _ => true,
        };
        let window = started_ms..=started_ms + self.timing.continuation_ms;
        has_previous && may_be_taken_back && self.voice_since.is_some_and(|s| window.contains(&s))
    }

    fn barge_in(&mut self) {
        let Phase::Speaking { say, started_ms, previous, .. } = &self.phase else { return };
        let since = self.voice_since.unwrap_or(self.now_ms);
        let (say, previous) = (say.clone(), previous.clone());
        let continued = self.continues(*started_ms, previous.is_some(), &say);
        self.cut_prompt();
        match previous {
            Some(taken) if continued => self.take_back(*taken, &say),
            _ => self.phase = Phase::Hearing { say, turn: Turn::new(since) },
        }
    }

    /// The previous answer goes on: undo what was decided on it and listen on.
    fn take_back(&mut self, taken: Taken, interrupted: &Say) {
        let Taken { mut say, mut turn, agenda, memory } = taken;
        self.note(format!("客户继续回答 {}，停止播放 {}，听完再问", say.step, interrupted.step));
        say.tries.continued += 1;
        turn.speaking = true;
        self.agenda = agenda;
        self.memory = memory;
        self.phase = Phase::Hearing { say, turn };
    }

    /// Keeps what is needed to take the coming decision back.
    pub(super) fn remember(&mut self, say: &Say, turn: &Turn) {
        let again = say.tries.continued < CONTINUATIONS;
        self.taken = again.then(|| {
            Box::new(Taken {
                say: say.clone(),
                turn: turn.clone(),
                agenda: self.agenda.clone(),
                memory: self.memory.clone(),
            })
        });
    }

    pub(super) fn cut_prompt(&mut self) {
        if let Phase::Speaking { say, .. } = &self.phase {
            let step = say.step.clone();
            self.out.push(Action::StopPlaying);
            self.journal(JournalEvent::PromptEnded { step, cut: true });
        }
    }

    /// C09: nothing more is asked; one last line, then we wait for him to hang up.
    pub(super) fn farewell(&mut self, line: &str, end: ConversationEnd) {
        self.agenda.clear();
        self.taken = None;
        self.speak(Say::line(line, Role::Farewell(end)));
    }

    /// A machine that stands in for the customer is left with a word, in case it is one after all; the network needs none.
    fn no_person(&mut self, heard: Kind) {
        if self.taking_leave() {
            return;
        }
        self.note(format!("接听的不是客户本人（{}），结束通话", heard.text_zh()));
        self.cut_prompt();
        let end = ConversationEnd::Machine { heard };
        if heard.means() == Means::Machine && heard != Kind::Fax {
            return self.farewell(lines::CONFIRM_CALLBACK, end);
        }
        self.out.push(Action::HangUp);
        self.end(end);
    }

    fn taking_leave(&self) -> bool {
        match &self.phase {
            Phase::Speaking { say, .. } => say.role.is_farewell(),
            Phase::Leaving { .. } | Phase::Ended => true,
            Phase::Idle
            | Phase::Listening { .. }
            | Phase::Hearing { .. }
            | Phase::Deciding { .. }
            | Phase::Holding { .. } => false,
        }
    }

    fn leave(&mut self, end: ConversationEnd) {
        let wait = self.limits.hangup_wait_s * 1000;
        self.phase = Phase::Leaving {
            end,
            until_ms: self.now_ms + wait,
            hard_until_ms: self.now_ms + wait * LEAVING_HARD_FACTOR,
        };
    }

    fn hung_up(&mut self) {
        self.cut_by_hang_up();
        self.keep_refusal();
        let end = match &self.phase {
            Phase::Leaving { end, .. } => end.clone(),
            Phase::Speaking { say, .. } | Phase::Listening { say, .. } => self.left_at(say, ""),
            Phase::Hearing { say, turn } | Phase::Deciding { say, turn, .. } => self.left_at(say, &turn.text()),
            Phase::Idle | Phase::Holding { .. } | Phase::Ended => self.abandoned(),
        };
        self.end(end);
    }

    /// What he said as he hung up is the evidence of his wish (C09).
    fn keep_refusal(&mut self) {
        let (Phase::Hearing { say, turn } | Phase::Deciding { say, turn, .. }) = &self.phase else { return };
        let (say, text, from_ms) = (say.clone(), turn.text(), turn.from_ms);
        let Some(asked) = say.role.asked() else { return };
        let reply = understand(asked, &text);
        if let Reply::Refusal { .. } = reply {
            self.answer(&say, text, from_ms, self.now_ms, reply.label().to_owned());
        }
    }

    fn cut_by_hang_up(&mut self) {
        if let Phase::Speaking { say, .. } = &self.phase {
            let step = say.step.clone();
            self.journal(JournalEvent::PromptEnded { step, cut: true });
        }
    }

    /// He hung up at this line, perhaps in the middle of saying why.
    fn left_at(&self, say: &Say, text: &str) -> ConversationEnd {
        let reply = say.role.asked().map(|asked| understand(asked, text));
        match (&say.role, reply) {
            (Role::Farewell(end), _) => end.clone(),
            (_, Some(Reply::Refusal { opt_out })) => refused(opt_out),
            (_, Some(Reply::WrongNumber)) => ConversationEnd::WrongNumber,
            (_, Some(Reply::NotNow { time })) => ConversationEnd::Callback { said: time, at: None },
            (Role::AskTime, _) => {
                ConversationEnd::Callback { said: (!text.is_empty()).then(|| text.to_string()), at: None }
            }
            (Role::WhoKnows, _) => ConversationEnd::NotInformed,
            _ => self.abandoned(),
        }
    }

    fn abandoned(&self) -> ConversationEnd {
        ConversationEnd::Abandoned { answered: u32::try_from(self.memory.answered.len()).unwrap_or(u32::MAX) }
    }

    pub(super) fn end(&mut self, end: ConversationEnd) {
        self.phase = Phase::Ended;
        self.out.push(Action::End(end));
    }

    fn recogniser_lost(&mut self, detail: &str) {
        if self.ears == Ears::Keys {
            return;
        }
        self.ears = Ears::Keys;
        self.finishing.clear();
        self.note(format!("实时识别中断（{detail}）：改用按键，出声也算回答"));
        if let Phase::Deciding { say, turn, .. } = &self.phase {
            let (say, mut turn) = (say.clone(), turn.clone());
            turn.keep_partial();
            self.decide(say, turn);
        }
    }
}
