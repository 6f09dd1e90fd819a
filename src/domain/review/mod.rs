//! 质检: which calls a person listens to, what he finds, and what becomes of an objection.
//!
//! Contract: pure. [`queue`] says which calls are due for review and who may take one; [`form`] is the QA form as data, filled by the
//! machine first and corrected by people, with its total; [`dispute`] is an objection from its first word to its decision;
//! [`calibration`] is how far several reviewers agree; [`rescoring`] what another keyword table would change. Every step returns the next value or says why it may not be taken. Nothing here
//! changes a score: that is a person's correction beside the machine's level (`score`).

pub mod calibration;
pub mod dispute;
pub mod form;
pub mod queue;
pub mod rescoring;

pub use queue::{QueueRules, Review, ReviewState, Signs, Why};

/// Why a step of a review may not be taken. Read by people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("这通录音正由 {0} 复核")]
    Claimed(String),
    #[error("这通录音没有人在复核")]
    NotClaimed,
    #[error("这通录音已经复核完毕")]
    Reviewed,
    #[error("这通录音还没有复核完毕")]
    NotReviewed,
    #[error("不能复核或裁定自己的通话")]
    OwnCall,
    #[error("只有这通电话的坐席可以提出异议")]
    NotTheAgent,
    #[error("异议现在是“{0}”，不能这样做")]
    Stage(&'static str),
    #[error("只有主管可以裁定")]
    NotSupervisor,
    #[error("只有质检员可以答复")]
    NotReviewer,
    #[error("答复的人不能自己裁定")]
    SamePerson,
    #[error("质检表没有这一项：{0}")]
    NoItem(String),
    #[error("你不在这次校准的名单里")]
    NotInvited,
    #[error("这次校准已经结束")]
    Closed,
    #[error("已经交过这份表")]
    HandedIn,
    #[error("还有没填的项：{0}")]
    Unfilled(String),
    #[error("比较用的是关键词表 {tried}，现在生效的是 {in_force}：先换表并重新加载，再采用")]
    OtherRubric { tried: String, in_force: String },
    #[error("这次比较已经处理过")]
    Settled,
}
