//! The built-in lines: what the machine says on its own account, in every script.

use crate::domain::script::prompts::PromptId;

pub const OK: &str = "ack_ok";
pub const NOT_HEARD: &str = "reprompt_not_heard";
pub const CAN_YOU_HEAR: &str = "reprompt_silence";
pub const PROBE_REASON: &str = "probe_reason";
pub const EMPATHY: &str = "complaint_empathy";
pub const TECH_PHONE: &str = "tech_question_phone";
pub const HOTLINE: &str = "closing_part2_hotline";
pub const KNOWS_SERVICE: &str = "identity_knows_service";
pub const WHO_KNOWS: &str = "identity_who_knows";
pub const ASK_TIME: &str = "inconvenient_ask_time";
pub const CONFIRM_CALLBACK: &str = "inconvenient_confirm";
pub const REFUSAL_END: &str = "refusal_end";
pub const WRONG_NUMBER: &str = "wrong_number";
pub const NOT_INFORMED_END: &str = "not_informed_end";
pub const GOODBYE: &str = "goodbye";
/// Without a recogniser: that keys may answer, and which ones.
pub const KEYS_NOTICE: &str = "keys_notice";
pub const KEYS_CONSENT: &str = "keys_consent";
pub const KEYS_RATING: &str = "keys_rating";
/// Not said by the machine itself: for the shell, when the engine must end a call for a fault of ours.
pub const FAULT_APOLOGY: &str = "fault_apology";

/// All of them: checked against the manifest when a script is read.
pub fn all() -> impl Iterator<Item = PromptId> {
    [
        OK,
        NOT_HEARD,
        CAN_YOU_HEAR,
        PROBE_REASON,
        EMPATHY,
        TECH_PHONE,
        HOTLINE,
        KNOWS_SERVICE,
        WHO_KNOWS,
        ASK_TIME,
        CONFIRM_CALLBACK,
        REFUSAL_END,
        WRONG_NUMBER,
        NOT_INFORMED_END,
        GOODBYE,
        KEYS_NOTICE,
        KEYS_CONSENT,
        KEYS_RATING,
        FAULT_APOLOGY,
    ]
    .into_iter()
    .map(PromptId::from)
}
