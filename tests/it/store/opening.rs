//! Opening, migrating, refusing.

use super::{Site, at, order};
use huifang::clock::ManualClock;
use huifang::domain::id::{OrderNo, VisitId};
use huifang::domain::visit::task::Visit;
use huifang::store::{Store, StoreError};
use sqlx::Executor as _;
use std::sync::Arc;

#[tokio::test]
async fn the_folder_and_the_schema_are_made_and_a_second_start_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("数据 1/huifang.db").display());
    let clock = Arc::new(ManualClock::at(at(0)));
    let store = Store::open(&url, clock.clone()).await.unwrap();
    store.put_order(&order("SO-1")).await.unwrap();
    store.close().await;
    assert!(folder.path().join("数据 1/huifang.db").is_file());

    let again = Store::open(&url, clock).await.unwrap();
    assert_eq!(again.order(&OrderNo::new("SO-1")).await.unwrap().version, 1);
    again.ping().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_opened_says_why_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a file");
    std::fs::write(&file, "this is no database, and no folder either").unwrap();
    let check = async |url: String, want: &str| {
        let error = Store::open(&url, Arc::new(ManualClock::at(at(0)))).await.err().expect(&url).to_string();
        assert!(error.contains(want) && !error.contains('\n') && !error.contains("secret"), "{url}: {error}");
    };
    check("postgres://huifang:secret@db/huifang".into(), "not supported yet").await;
    check("mysql://db/huifang".into(), "want sqlite://PATH").await;
    check(format!("sqlite://{}", file.display()), "not a database").await;
    check(format!("sqlite://{}/below/x.db", file.display()), "cannot make folder").await;
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let site = Site::new().await;
    site.behind()
        .await
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (9999, 'from the future', 1, x'00', 0)",
        )
        .await
        .unwrap();
    let url = format!("sqlite://{}", site.folder.path().join("huifang.db").display());
    let error = Store::open(&url, site.clock.clone()).await.err().expect("must be refused").to_string();
    assert!(error.contains("written by a newer huifang: migration 9999"), "{error}");
}

#[tokio::test]
async fn readers_never_wait_for_the_writer_and_see_only_what_is_committed() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    let mut tx = site.store.begin().await.unwrap();
    let late = Visit { late_cause: Some("坐席全忙".into()), ..visit.clone() };
    let saved = tx.save_visit(&late).await.unwrap();
    assert_eq!(site.store.visit(&visit.id).await.unwrap(), visit);
    tx.commit().await.unwrap();
    assert_eq!(site.store.visit(&visit.id).await.unwrap(), saved);
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_names_table_row_and_column() {
    let site = Site::new().await;
    let call = site.completed(1).await;
    let behind = site.behind().await;
    let check = async |sql: &'static str, table: &str, column: &str| {
        behind.execute(sql).await.unwrap();
        let error = match table {
            "visits" => site.store.visit(&VisitId::new("visit-00001")).await.err(),
            "orders" => site.store.order(&OrderNo::new("SO-00001")).await.err(),
            _ => site.store.call(&call.id).await.err(),
        };
        match error {
            Some(StoreError::Corrupt { table: t, column: c, row, .. }) => {
                assert_eq!((t, c), (table, column), "{sql}");
                assert!(row.ends_with("00001"), "{sql}: row {row}");
            }
            other => panic!("{sql}: {other:?}"),
        }
    };
    check("UPDATE orders SET claims = '{\"product\": '", "orders", "claims").await;
    check("UPDATE orders SET claims = '{}', service_type = '洗车'", "orders", "service_type").await;
    check("UPDATE visits SET attempts = 99999999999", "visits", "attempts").await;
    check("UPDATE visits SET due_at = 9, deadline_at = 9223372036854775807", "visits", "deadline_at").await;
    check("UPDATE calls SET journal = 'not json'", "calls", "journal").await;
    check("UPDATE calls SET journal = '[]', phone = ''", "calls", "phone").await;
    check("UPDATE calls SET phone = '+8613800138000', hung_up_by = 'nobody'", "calls", "hung_up_by").await;
}
