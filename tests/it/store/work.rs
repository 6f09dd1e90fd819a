//! Jobs: leased, done once, tried again, never lost.

use super::{Site, at};
use huifang::domain::id::CallId;
use huifang::store::StoreError;
use huifang::store::job::{JobKind, JobState, NewJob};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

fn transcribe(n: u32, run_at: i64) -> NewJob {
    NewJob { kind: JobKind::Transcribe, call: CallId::new(format!("call-{n:03}")), run_at: at(run_at) }
}

#[tokio::test]
async fn the_same_work_is_asked_for_once() {
    let site = Site::new().await;
    assert!(site.store.enqueue(&transcribe(1, 0)).await.unwrap());
    assert!(!site.store.enqueue(&transcribe(1, 5)).await.unwrap());
    let judge = NewJob { kind: JobKind::Judge, ..transcribe(1, 0) };
    assert!(site.store.enqueue(&judge).await.unwrap(), "another kind is another job");
    let job = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 9).await.unwrap().remove(0);
    site.store.finish_job(&job, &[]).await.unwrap();
    assert!(!site.store.enqueue(&transcribe(1, 9)).await.unwrap(), "done is done");
}

#[tokio::test]
async fn parallel_workers_share_the_work_and_none_is_done_twice() {
    let site = Site::new().await;
    for n in 0..60 {
        site.store.enqueue(&transcribe(n, 0)).await.unwrap();
    }
    let mut workers = tokio::task::JoinSet::new();
    for w in 0..4 {
        let store = site.store.clone();
        workers.spawn(async move {
            let mut done = Vec::new();
            loop {
                let jobs = store.lease_jobs(JobKind::Transcribe, &format!("w{w}"), LEASE, 3).await.unwrap();
                if jobs.is_empty() {
                    return done;
                }
                for job in jobs {
                    store.finish_job(&job, &[]).await.unwrap();
                    done.push(job.call);
                }
            }
        });
    }
    let mut done: Vec<CallId> = workers.join_all().await.into_iter().flatten().collect();
    done.sort();
    assert_eq!(done, (0..60).map(|n| transcribe(n, 0).call).collect::<Vec<_>>());
    assert_eq!(site.store.counts().await.unwrap().jobs, [("transcribe".into(), "done".into(), 60)]);
}

#[tokio::test]
async fn work_waits_for_its_instant_and_the_oldest_goes_first() {
    let site = Site::new().await;
    for (n, run_at) in [(1, 30), (2, 10), (3, 20), (4, 99)] {
        site.store.enqueue(&transcribe(n, run_at)).await.unwrap();
    }
    assert!(site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 9).await.unwrap().is_empty());
    site.clock.set(at(30));
    assert!(site.store.lease_jobs(JobKind::Judge, "w", LEASE, 9).await.unwrap().is_empty(), "of this kind only");
    let two = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 2).await.unwrap();
    assert_eq!(two.iter().map(|j| j.call.as_str()).collect::<Vec<_>>(), ["call-002", "call-003"]);
}

#[tokio::test]
async fn a_killed_worker_loses_its_lease_and_the_work_goes_on() {
    let site = Site::new().await;
    site.store.enqueue(&transcribe(1, 0)).await.unwrap();
    let lost = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().remove(0);
    let site = site.reopened().await;
    assert!(site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().is_empty());
    site.clock.advance(LEASE);
    // The same worker under the same name, after its restart.
    let again = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().remove(0);
    assert_eq!((again.attempts, again.lease_owner.as_deref()), (2, Some("w")));
    assert!(!site.store.renew_job(&lost, LEASE).await.unwrap());
    assert!(matches!(site.store.finish_job(&lost, &[]).await, Err(StoreError::Stale { .. })));
    assert!(matches!(site.store.fail_job(&lost, None, "x").await, Err(StoreError::Stale { .. })));
    site.store.finish_job(&again, &[]).await.unwrap();
}

#[tokio::test]
async fn long_work_keeps_its_lease_by_renewing_it() {
    let site = Site::new().await;
    site.store.enqueue(&transcribe(1, 0)).await.unwrap();
    let job = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().remove(0);
    site.clock.advance(LEASE / 2);
    assert!(site.store.renew_job(&job, LEASE).await.unwrap());
    site.clock.advance(LEASE - Duration::from_secs(1));
    assert!(site.store.lease_jobs(JobKind::Transcribe, "x", LEASE, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn failed_work_is_tried_again_at_its_time_or_given_up_with_its_reason() {
    let site = Site::new().await;
    site.store.enqueue(&transcribe(1, 0)).await.unwrap();
    let job = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().remove(0);
    site.store.fail_job(&job, Some(at(300)), "model is missing").await.unwrap();
    assert!(site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().is_empty());
    site.clock.set(at(300));
    let job = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().remove(0);
    assert_eq!((job.attempts, job.last_error.as_deref()), (2, Some("model is missing")));
    site.store.fail_job(&job, None, "recording is gone").await.unwrap();
    site.clock.set(at(99_999));
    assert!(site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().is_empty());
    let given_up = site.store.jobs_of_call(&job.call).await.unwrap().remove(0);
    assert_eq!((given_up.state, given_up.last_error.as_deref()), (JobState::Failed, Some("recording is gone")));
}

#[tokio::test]
async fn the_end_of_a_job_and_the_work_that_follows_are_one_step() {
    let site = Site::new().await;
    site.store.enqueue(&transcribe(1, 0)).await.unwrap();
    let job = site.store.lease_jobs(JobKind::Transcribe, "w", LEASE, 1).await.unwrap().remove(0);
    let judge = NewJob { kind: JobKind::Judge, ..transcribe(1, 0) };
    site.store.finish_job(&job, std::slice::from_ref(&judge)).await.unwrap();
    assert_eq!(site.store.lease_jobs(JobKind::Judge, "w", LEASE, 1).await.unwrap().len(), 1);
}
