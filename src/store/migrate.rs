//! Opens the database: makes its folder, connects, brings the schema up to date.
//!
//! Migrations are forward only, embedded in the program, one folder per database engine. A database written by a newer program
//! is refused, not touched.

use super::{Result, Store, StoreError, one_line};
use crate::clock::Clock;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");

const READERS: u32 = 4;
/// How long a request waits for a connection before it fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);
/// `foreign_keys` and `synchronous` belong to the connection, not to the file: a commit is on disk before it is told.
const PRAGMAS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                       PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY";

impl Store {
    /// Opens `sqlite://PATH` (relative to the working folder, or `sqlite:///absolute/path`), made if it is not there.
    pub async fn open(url: &str, clock: Arc<dyn Clock>) -> Result<Store> {
        let fail = |why: String| StoreError::Open { url: without_password(url), why: one_line(&why) };
        let path = sqlite_path(url).map_err(|why| fail(why.into()))?;
        make_folder(&path).map_err(&fail)?;
        sqlx::any::install_default_drivers();
        let connect = connect_url(&path).map_err(&fail)?;
        probe(&connect).await.map_err(|e| fail(e.to_string()))?;
        let writer = pool(&connect, 1).await.map_err(|e| fail(e.to_string()))?;
        SQLITE.run(&writer).await.map_err(|e| fail(explain(&e)))?;
        let readers = pool(&connect, READERS).await.map_err(|e| fail(e.to_string()))?;
        Ok(Store { readers, writer, clock })
    }
}

/// One plain connection first: a pool would try a file that is no database again and again until its time-out.
async fn probe(url: &str) -> std::result::Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    connection.execute(PRAGMAS).await?;
    connection.close().await
}

async fn pool(url: &str, connections: u32) -> std::result::Result<AnyPool, sqlx::Error> {
    AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(PRAGMAS).await?;
                Ok(())
            })
        })
        .connect(url)
        .await
}

fn sqlite_path(url: &str) -> std::result::Result<PathBuf, &'static str> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Err("PostgreSQL is not supported yet, use sqlite://PATH");
    }
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).ok_or("want sqlite://PATH")?;
    if path.is_empty() || path.contains(":memory:") || path.contains('?') {
        return Err("want sqlite://PATH with the path of a file and no options");
    }
    Ok(PathBuf::from(path))
}

/// The folder holds customers' names and numbers: only its owner reads it, when we make it.
fn make_folder(file: &Path) -> std::result::Result<(), String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let Some(folder) = file.parent().filter(|p| !p.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|e| format!("cannot make folder {}: {e}", folder.display()))
}

/// Absolute and percent-encoded, so that any path (blanks, 汉字) survives the URL.
fn connect_url(path: &Path) -> std::result::Result<String, String> {
    let absolute = std::path::absolute(path).map_err(|e| e.to_string())?;
    let mut url = String::from("sqlite://");
    for byte in absolute.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => url.push(char::from(*byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
    }
    url.push_str("?mode=rwc");
    Ok(url)
}

fn explain(error: &MigrateError) -> String {
    match error {
        MigrateError::VersionMissing(n) => {
            format!("written by a newer huifang: migration {n} is unknown to this program")
        }
        other => format!("migration failed: {other}"),
    }
}

fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://***@{host}"),
        _ => url.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_url_names_a_file() {
        let check = |url: &str, want: Option<&str>| {
            assert_eq!(sqlite_path(url).ok(), want.map(PathBuf::from), "{url}");
        };
        check("sqlite://data/huifang.db", Some("data/huifang.db"));
        check("sqlite:///var/lib/huifang.db", Some("/var/lib/huifang.db"));
        check("sqlite:huifang.db", Some("huifang.db"));
        for bad in ["", "sqlite://", "sqlite::memory:", "mysql://h/d", "postgres://u:p@h/d", "sqlite://a.db?mode=ro"] {
            check(bad, None);
        }
    }

    #[tokio::test]
    async fn every_connection_syncs_each_commit_and_keeps_foreign_keys() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("x.db").display());
        let clock = Arc::new(crate::clock::ManualClock::at(jiff::Timestamp::UNIX_EPOCH));
        let store = Store::open(&url, clock).await.unwrap();
        for pool in [&store.readers, &store.writer] {
            for (pragma, want) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)] {
                let sql = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
                let value: i64 = sqlx::query_scalar(sql).fetch_one(pool).await.unwrap();
                assert_eq!(value, want, "{pragma}");
            }
        }
    }

    #[test]
    fn an_error_never_shows_the_password() {
        assert_eq!(without_password("postgres://huifang:secret@db/x"), "postgres://***@db/x");
        assert_eq!(without_password("sqlite://data/x.db"), "sqlite://data/x.db");
    }
}
