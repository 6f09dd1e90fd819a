//! Invariant 5 as kept: transcripts, scorecards with overrides, facts and findings, none of them overwritten.

use super::{Site, at};
use huifang::domain::audit::{Finding, Severity};
use huifang::domain::id::CallId;
use huifang::domain::score::{Evidence, Indicator, Level, NoLevel, Score, Scorecard};
use huifang::domain::transcript::{Channel, Segment, Transcript};
use huifang::store::StoreError;
use huifang::store::score::{MACHINE, Override};

fn transcript(text: &str) -> Transcript {
    let segment = Segment {
        channel: Channel::Customer,
        start: 1.25,
        end: 3.5,
        text: text.into(),
        confidence: 0.75,
        also_heard: vec![],
    };
    Transcript { segments: vec![segment], engine: "whisper".into(), model: "ggml-base.bin".into() }
}

fn card(levels: [Option<u8>; 5]) -> Scorecard {
    let score = |(indicator, level): (Indicator, Option<u8>)| {
        let level = level.map(|n| Level::new(n).unwrap());
        let evidence = level.map(|level| Evidence {
            text: "挺好的".into(),
            start: 0,
            end: 3,
            level,
            rule: "满意".into(),
            from_s: Some(1.0),
            to_s: Some(2.0),
            turn: Some(4),
            heard_by: None,
        });
        let null_reason = level.is_none().then_some(NoLevel::NotAsked);
        Score {
            indicator,
            level,
            null_reason,
            evidence: evidence.into_iter().collect(),
            disagreement: None,
            human: None,
        }
    };
    let scores = Indicator::ALL.into_iter().zip(levels).map(score).collect();
    Scorecard { rubric: "after-sales-zh@1".into(), scores, alarms: vec![] }
}

fn correction(level: Option<u8>, seen_version: Option<i64>) -> Override {
    Override {
        indicator: Indicator::Attitude,
        level: level.map(|n| Level::new(n).unwrap()),
        reason: "客户说的是反话".into(),
        by: "质检张三".into(),
        seen_version,
    }
}

#[tokio::test]
async fn a_transcript_comes_back_and_a_later_one_is_a_new_version() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    assert!(matches!(site.store.transcript(&call).await, Err(StoreError::NotFound { .. })));
    assert_eq!(site.store.save_transcript(&call, &transcript("不错")).await.unwrap(), 1);
    assert_eq!(site.store.save_transcript(&call, &transcript("不错，很及时")).await.unwrap(), 2);
    let latest = site.store.transcript(&call).await.unwrap();
    assert_eq!((latest.version, latest.transcript), (2, transcript("不错，很及时")));
    let refused = site.store.save_transcript(&CallId::new("nobody"), &transcript("")).await;
    assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{refused:?}");
}

#[tokio::test]
async fn an_override_stands_beside_the_machines_value_and_the_versions_are_kept() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    let machine = card([Some(5), Some(5), Some(4), None, Some(4)]);
    site.store.save_scorecard(&call, &machine).await.unwrap();
    site.clock.set(at(500));
    let after = site.store.override_score(&call, &correction(Some(2), Some(1))).await.unwrap();
    assert_eq!(after, site.store.scorecard(&call).await.unwrap());
    let attitude = &after.card.scores[1];
    assert_eq!(attitude.level, Level::new(5), "the machine's level stays");
    assert_eq!(attitude.in_force(), Level::new(2));
    assert_eq!(attitude.human.as_ref().unwrap().at, at(500));
    assert_eq!(after.overridden, Some((Indicator::Attitude, "客户说的是反话".into())));

    let versions = site.store.scorecards(&call).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.made_by.as_str()).collect::<Vec<_>>(), [MACHINE, "质检张三"]);
    assert_eq!(versions[0].card, machine);
    let visit = site.store.call(&call).await.unwrap().visit;
    let log = site.store.events_of_visit(&visit).await.unwrap();
    let last = log.last().unwrap();
    assert_eq!((last.kind.as_str(), last.actor.as_str()), ("scorecard.overridden", "质检张三"));
    assert_eq!((&last.detail["from"], &last.detail["to"]), (&5.into(), &2.into()));
}

#[tokio::test]
async fn scoring_again_does_not_lose_what_a_person_corrected() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    site.store.save_scorecard(&call, &card([Some(5); 5])).await.unwrap();
    site.store.override_score(&call, &correction(None, None)).await.unwrap();
    let again = site.store.save_scorecard(&call, &card([Some(4); 5])).await.unwrap();
    assert_eq!(again.version, 3);
    let attitude = &again.card.scores[1];
    assert_eq!((attitude.level, attitude.in_force()), (Level::new(4), None));
    assert!(again.card.scores[0].human.is_none());
}

#[tokio::test]
async fn an_override_needs_a_reason_a_scorecard_and_the_version_in_force() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    let refused = site.store.override_score(&call, &correction(Some(3), None)).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
    site.store.save_scorecard(&call, &card([Some(5); 5])).await.unwrap();
    site.store.override_score(&call, &correction(Some(3), Some(1))).await.unwrap();
    let refused = site.store.override_score(&call, &correction(Some(1), Some(1))).await;
    assert!(matches!(refused, Err(StoreError::Stale { .. })), "{refused:?}");
    let silent = Override { reason: " \n".into(), ..correction(Some(1), None) };
    assert!(matches!(site.store.override_score(&call, &silent).await, Err(StoreError::Invalid { .. })));
    assert_eq!(site.store.scorecards(&call).await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_people_who_saw_the_same_version_cannot_both_override_it() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    site.store.save_scorecard(&call, &card([Some(5); 5])).await.unwrap();
    let mut people = tokio::task::JoinSet::new();
    for level in 1..=5 {
        let (store, call) = (site.store.clone(), call.clone());
        people.spawn(async move { store.override_score(&call, &correction(Some(level), Some(1))).await.is_ok() });
    }
    assert_eq!(people.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test]
async fn findings_are_kept_by_audit_run_and_no_finding_is_a_result_too() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    assert_eq!(site.store.findings(&call).await.unwrap(), None);
    let finding = |rule: &str, severity| Finding {
        rule: rule.into(),
        severity,
        seen: "我方先挂机".into(),
        expected: "等用户先挂断".into(),
        from_s: Some(80.25),
        to_s: None,
    };
    let found = vec![finding("C16", Severity::Red), finding("A01", Severity::Pass), finding("C11", Severity::Amber)];
    assert_eq!(site.store.save_findings(&call, "audit@1", &found).await.unwrap(), 1);
    assert_eq!(site.store.save_findings(&call, "audit@2", &[]).await.unwrap(), 2);
    let runs = site.store.audit_runs(&call).await.unwrap();
    assert_eq!((runs[0].findings.clone(), runs[1].findings.clone()), (found, vec![]));
    assert_eq!(site.store.findings(&call).await.unwrap().unwrap(), runs[1]);
}

#[tokio::test]
async fn facts_come_back_as_they_were_written() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    let facts = serde_json::json!({ "hours": 1520.5, "words": "一千五百二十个小时" });
    assert_eq!(site.store.save_facts(&call, "facts@1", &facts).await.unwrap(), 1);
    let kept = site.store.facts(&call).await.unwrap();
    assert_eq!((kept.facts, kept.made_by.as_str()), (facts, "facts@1"));
}
