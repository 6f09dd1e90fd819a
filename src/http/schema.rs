//! Schemas of the names that the domain owns: the values in the OpenAPI page come from the domain's own enums.

use crate::domain::audit::Severity;
use crate::domain::call::outcome::{Fault, Outcome, Party};
use crate::domain::call::trace::{TraceLeg, Way};
use crate::domain::complaint::{self, AlarmKind, Grade, Mood, Side, Verdict};
use crate::domain::opt_out::ScopeName;
use crate::domain::order::{ServiceType, Title};
use crate::domain::programme::Trigger;
use crate::domain::promise::Kind;
use crate::domain::recording::manifest::{GapReason, RecordingState};
use crate::domain::report::DueState;
use crate::domain::review::Why;
use crate::domain::review::calibration::Statistic;
use crate::domain::review::dispute::Stage;
use crate::domain::review::form::Mark;
use crate::domain::score::{Indicator, NoLevel};
use crate::domain::transcript::Channel;
use crate::domain::visit::task::CloseCause;
use crate::store::review;
use serde::Serialize;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! names {
    ($($(#[$doc:meta])* $schema:ident = $values:expr;)*) => {$(
        $(#[$doc])*
        pub struct $schema;
        impl PartialSchema for $schema {
            fn schema() -> RefOr<Schema> {
                one_of(&$values)
            }
        }
        impl ToSchema for $schema {
            fn name() -> Cow<'static, str> {
                stringify!($schema).into()
            }
        }
    )*};
}

names! {
    OutcomeName = Outcome::ALL;
    FaultName = [Fault::Us, Fault::Trunk, Fault::Customer, Fault::Network];
    PartyName = [Party::Customer, Party::Us, Party::Network];
    TraceLegName = [TraceLeg::Customer, TraceLeg::Agent];
    WayName = [Way::Sent, Way::Received];
    ServiceTypeName = ServiceType::ALL;
    TitleName = [Title::Mr, Title::Ms, Title::Master];
    IndicatorName = Indicator::ALL;
    NullReasonName = [NoLevel::NotAsked, NoLevel::NoEvidence, NoLevel::NotApplicable];
    ChannelName = [Channel::Agent, Channel::Customer];
    SeverityName = [Severity::Pass, Severity::Info, Severity::Amber, Severity::Red];
    GapReasonName = [
        GapReason::Loss,
        GapReason::NoMedia,
        GapReason::Hold,
        GapReason::Dtx,
        GapReason::Late,
        GapReason::Crash,
        GapReason::RecorderFailed,
    ];
    RecordingStateName = [
        RecordingState::Open,
        RecordingState::Complete,
        RecordingState::Repaired,
        RecordingState::Pruned,
        RecordingState::Missing,
    ];
    CloseCauseName = CloseCause::ALL;
    DueStateName = DueState::ALL;
    OptOutScopeName = ScopeName::ALL;
    PromiseKindName = Kind::ALL;
    TriggerName = Trigger::ALL;
    ComplaintStateName = complaint::StateName::ALL;
    ComplaintKindName = complaint::Kind::ALL;
    ComplaintSourceName = complaint::Source::ALL;
    CloseCauseOfComplaint = complaint::CloseCause::ALL;
    GradeName = Grade::ALL;
    SideName = Side::ALL;
    MoodName = Mood::ALL;
    VerdictName = Verdict::ALL;
    AlarmName = AlarmKind::ALL;
    ReviewStateName = review::StateName::ALL;
    ReviewWhyName = Why::ALL;
    MarkName = Mark::ALL;
    DisputeStageName = Stage::ALL;
    StatisticName = [Statistic::Cohen, Statistic::Fleiss];
}

/// A string that is one of the serialised names.
fn one_of<T: Serialize>(values: &[T]) -> RefOr<Schema> {
    let names: Vec<serde_json::Value> = values.iter().filter_map(|value| serde_json::to_value(value).ok()).collect();
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).enum_values(Some(names)).into()
}
