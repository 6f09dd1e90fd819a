//! The shape of the tree is tested: who may import whom, where SQL and files are touched, how long a file may be, and that what
//! is written beside the code (configuration page, programmes, scripts, rubrics) agrees with it.
//!
//! Imports are checked in tests too; reading files is forbidden to the domain's rules, not to their tests (a file `tests.rs` or a
//! `#[cfg(test)] mod tests` block), which read the shipped scripts and rubrics.

use huifang::app;
use huifang::config::{Config, Trunk};
use huifang::domain::announcement::Announcements;
use huifang::domain::complaint::Policy;
use huifang::domain::programme::selection::CustomerClass;
use huifang::domain::programme::{Programme, RuleKey, Trigger};
use huifang::domain::review::form::Form;
use huifang::domain::score::Rubric;
use huifang::domain::tariff::Tariff;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn sources(under: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![under.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn src() -> PathBuf {
    root().join("src")
}

/// The text of a file without its tests: nothing of `tests.rs`, else what stands before the `tests` block, which ends every file.
fn without_tests(file: &Path, text: &str) -> String {
    if file.file_name().is_some_and(|n| n == "tests.rs") {
        return String::new();
    }
    text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text).to_owned()
}

/// Lines of code (no comment lines) below `folder` that contain one of `words`, as `file:line: text`.
fn offences(folder: &Path, words: &[&str], read: impl Fn(&Path, &str) -> String) -> Vec<String> {
    let mut found = vec![];
    for file in sources(folder) {
        let text = read(&file, &fs::read_to_string(&file).unwrap());
        for (n, line) in text.lines().enumerate() {
            let code = line.trim_start();
            if !code.starts_with("//") && words.iter().any(|w| code.contains(w)) {
                found.push(format!("{}:{}: {code}", file.strip_prefix(root()).unwrap().display(), n + 1));
            }
        }
    }
    found
}

fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

fn check_clean(folder: &str, words: &[&str]) {
    let found = offences(&src().join(folder), words, |_, text| text.to_owned());
    assert_none(&format!("{folder} must not use {words:?}"), &found);
}

const SHELLS: [&str; 8] = [
    "crate::sip",
    "crate::media",
    "crate::stt",
    "crate::store",
    "crate::engine",
    "crate::http",
    "crate::cli",
    "crate::app",
];

fn shells_but(allowed: &[&str]) -> Vec<&'static str> {
    SHELLS.into_iter().filter(|s| !allowed.contains(s)).collect()
}

#[test]
fn the_domain_reaches_nothing_outside_itself() {
    check_clean("domain", &shells_but(&[]));
    let outside = [
        "crate::config",
        "crate::clock",
        "crate::demo",
        "crate::telemetry",
        "tokio",
        "sqlx",
        "axum",
        "rsipstack",
        "reqwest",
        "tracing::",
        "std::net",
        "std::thread",
        "Timestamp::now",
    ];
    check_clean("domain", &outside);
}

#[test]
fn the_technologies_never_import_each_other() {
    check_clean("sip", &shells_but(&["crate::sip"]));
    check_clean("media", &shells_but(&["crate::media"]));
    check_clean("stt", &shells_but(&["crate::stt"]));
    check_clean("store", &shells_but(&["crate::store"]));
}

#[test]
fn the_engine_knows_no_door_and_http_knows_no_technology_but_the_store() {
    check_clean("engine", &["crate::http", "crate::cli", "crate::app", "axum::"]);
    check_clean("http", &shells_but(&["crate::store", "crate::engine", "crate::http"]));
}

#[test]
fn sql_is_written_in_the_store_only() {
    for folder in ["domain", "sip", "media", "stt", "engine", "http", "cli", "demo"] {
        check_clean(folder, &["sqlx::"]);
    }
}

#[test]
fn the_rules_of_the_domain_touch_no_file() {
    let found = offences(&src().join("domain"), &["std::fs", "std::io", "File::"], without_tests);
    assert_none("rules read no files", &found);
}

#[test]
fn no_source_file_is_longer_than_six_hundred_lines() {
    let mut long = vec![];
    for file in sources(&src()) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > 600 {
            long.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert_none("a file has one duty", &long);
}

#[test]
fn no_integration_test_sleeps() {
    // Written in two halves, or this line would find itself.
    let found = offences(&root().join("tests"), &[concat!("sleep", "(")], |_, text| text.to_owned());
    assert_none("wait for a condition with a limit", &found);
}

/// Every key of a value as `section.key`, `list[].key` for a list of tables.
fn keys(at: &str, value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                let name = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                keys(&name, value, found);
            }
        }
        serde_json::Value::Array(list) if list.iter().any(serde_json::Value::is_object) => {
            list.iter().for_each(|value| keys(&format!("{at}[]"), value, found));
        }
        _ => drop(found.insert(at.to_owned())),
    }
}

/// The keys that a page explains: what stands in backticks in the first column of its table.
fn documented(page: &str) -> BTreeSet<String> {
    let rows = page.lines().filter_map(|l| l.strip_prefix("| `"));
    let first_columns = rows.filter_map(|row| row.split(" | ").next());
    first_columns.flat_map(|c| c.split("`, `")).map(|key| key.trim_end_matches('`').to_owned()).collect()
}

#[test]
fn the_configuration_page_names_every_key_and_no_other() {
    let config = Config { trunks: vec![Trunk::new("line", "sip:127.0.0.1:5060")], ..Config::default() };
    let mut all = BTreeSet::new();
    keys("", &serde_json::to_value(&config).unwrap(), &mut all);
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    assert_eq!(documented(&page), all);
}

/// The keys of a table of a programme: what the reader says it expected in place of one that nobody knows.
fn keys_of_programmes(table: &str, text: &str, from: &str, to: &str) -> Vec<String> {
    assert!(text.contains(from), "{from}");
    let problem = Programme::parse("x.toml", &text.replacen(from, to, 1)).unwrap_err().problem;
    let (_, expected) = problem.split_once("expected").unwrap_or_else(|| panic!("{problem}"));
    expected.split('`').skip(1).step_by(2).map(|key| format!("{table}{key}")).collect()
}

#[test]
fn the_page_of_the_programmes_names_every_key_trigger_and_result_and_no_other() {
    let text = fs::read_to_string(root().join("programmes/customer-care.toml")).unwrap();
    let tables = ["trigger", "window", "selection", "calling", "questionnaire", "agent"];
    let mut all: BTreeSet<String> =
        keys_of_programmes("", &text, "title =", "nobody = 1\ntitle =").into_iter().collect();
    for table in tables {
        let head = format!("[{table}]\n");
        all.extend(keys_of_programmes(&format!("{table}."), &text, &head, &format!("{head}nobody = 1\n")));
    }
    let follow_up = "[[follow_up]]\n";
    all.extend(keys_of_programmes("follow_up[].", &text, follow_up, &format!("{follow_up}nobody = 1\n")));
    all.extend(keys_of_programmes("retry.*.", &text, "busy = { ", "busy = { nobody = 1, "));
    for table in tables.into_iter().chain(["follow_up", "retry"]) {
        assert!(all.remove(table), "{table} is a table");
    }
    let page = fs::read_to_string(root().join("docs/programmes.md")).unwrap();
    let shipped = names_in("programmes");
    let documented: BTreeSet<String> = documented(&page).into_iter().filter(|key| !shipped.contains(key)).collect();
    assert_eq!(documented, all);
    let results = RuleKey::all().map(RuleKey::name);
    for name in results.chain(Trigger::ALL.map(Trigger::name)).chain(CustomerClass::ALL.map(CustomerClass::name)) {
        assert!(page.contains(&format!("`{name}`")), "{name} is not explained");
    }
    for name in shipped.iter().filter(|name| *name != "scripts") {
        assert!(page.contains(&format!("| `{name}` |")), "{name} is not in the table of what is shipped");
    }
}

/// Names of what lies in a folder of the tree, without extension.
fn names_in(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    entries.map(|e| e.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn every_programme_script_prompt_and_rubric_in_the_tree_loads() {
    let mut config = Config::default();
    for folder in [&mut config.data.programmes, &mut config.data.rubrics, &mut config.data.prompts] {
        *folder = root().join(&*folder);
    }
    app::check_data(&config).unwrap_or_else(|e| panic!("{e}"));
    // Loading follows the programmes; a script set or a rubric that none of them names would go unread.
    let programmes = sources_of_programmes();
    for set in names_in("programmes/scripts") {
        assert!(
            programmes.contains(&format!("script_set = {set:?}")),
            "programmes/scripts/{set}: no programme names it"
        );
    }
    for rubric in names_in("rubrics") {
        let text = fs::read_to_string(root().join(format!("rubrics/{rubric}.toml"))).unwrap();
        if rubric.starts_with("announcements") {
            Announcements::parse(&text).unwrap_or_else(|e| panic!("rubrics/{rubric}.toml: {e}"));
            continue;
        }
        if rubric == "complaints" {
            Policy::parse(&text).unwrap_or_else(|e| panic!("{e}"));
            continue;
        }
        if rubric == "qa-form" {
            Form::parse(&text).unwrap_or_else(|e| panic!("rubrics/{rubric}.toml: {e}"));
            continue;
        }
        if rubric == "tariff" {
            Tariff::parse(&text).unwrap_or_else(|e| panic!("{e}"));
            continue;
        }
        Rubric::parse(&text).unwrap_or_else(|e| panic!("rubrics/{rubric}.toml: {e}"));
    }
}

fn sources_of_programmes() -> String {
    let files = names_in("programmes").into_iter().filter(|name| name != "scripts");
    files.map(|name| fs::read_to_string(root().join(format!("programmes/{name}.toml"))).unwrap()).collect()
}
