//! `huifang simulate` as a person runs it: one clear line for what it cannot read, and a table, a CSV and a picture for what it can.

use crate::support::root;
use std::path::Path;
use std::process::{Command, Output};

fn simulate(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_huifang"))
        .arg("simulate")
        .args(args)
        .env("HUIFANG__DATA__PROGRAMMES", root().join("programmes"))
        .env("HUIFANG__DATA__RUBRICS", root().join("rubrics"))
        .env("HUIFANG__DATA__PROMPTS", root().join("prompts"))
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn what_cannot_be_simulated_is_said_in_one_line_that_names_file_line_or_option() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("empty.csv", b"");
    write("bad.csv", b"order_no,completed_at\r\nSO-1,2026-11-23T09:00\r\nSO-2,\xe4\xb8\x8b\xe5\x8d\x88\r\n");
    write("neither.csv", b"order_no,completed_at\n\xb6\xa9\xb5\xa51,2026-11-23T09:00\n\xff\xfe,2026-11-23T09:00\n");
    write("one.csv", b"SO-1,2026-11-23T09:00");
    for (args, want) in [
        (vec!["--completions", "none.csv", "--seats", "3"], "none.csv: No such file"),
        (vec!["--completions", "empty.csv", "--seats", "3"], "empty.csv: holds no completions"),
        (vec!["--completions", "bad.csv", "--seats", "3"], "bad.csv: line 3: \"下午\" is no time"),
        (vec!["--completions", "neither.csv", "--seats", "3"], "neither.csv: line 2: is neither UTF-8 nor GBK"),
        (vec!["--completions", "one.csv", "--seats", "0"], "--seats 0: want 1 to 4096"),
        (vec!["--completions", "one.csv", "--seats", "3", "--programme", "none"], "there is no programme \"none\""),
        (vec!["--completions", "one.csv", "--seats", "3", "--answer-rate", "1.5"], "--answer-rate"),
        (vec!["--generate", "0", "--seats", "3"], "--generate: want 1 to"),
        (vec!["--generate", "9", "--seats", "3", "--days", "0"], "--days: want 1 to 366"),
    ] {
        let out = simulate(folder.path(), &args);
        let said = text(&out.stderr);
        assert_eq!((out.status.code(), said.lines().count()), (Some(1), 1), "{args:?}: {said}");
        assert!(said.starts_with("huifang: ") && said.contains(want) && out.stdout.is_empty(), "{args:?}: {said}");
    }
}

#[test]
fn a_day_is_told_as_a_table_a_csv_with_a_line_for_everybody_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let day: String = (0..24).map(|i| format!("SO-{i:02},2026-11-23T09:{:02}:00\r\n", 2 * i)).collect();
    std::fs::write(folder.path().join("day.csv"), format!("\u{feff}order_no,completed_at\r\n{day}")).unwrap();
    let files = ["--completions", "day.csv", "--csv", "out.csv", "--svg", "out.svg"];
    let out = simulate(folder.path(), &[&files[..], &["--seats", "3"]].concat());
    assert!(out.status.success(), "{}", text(&out.stderr));
    let table = text(&out.stdout);
    let value = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {table}"));
        line[name.len()..].trim().to_owned()
    };
    assert_eq!((value("completions").as_str(), value("seats").as_str()), ("24, seed 1", "3, 1 of them kept idle"));

    let read = std::fs::read(folder.path().join("out.csv")).unwrap();
    let read = read.strip_prefix("\u{feff}".as_bytes()).expect("a byte order mark, or Excel takes it for GBK");
    let mut rows = csv::Reader::from_reader(read);
    let head: Vec<String> = rows.headers().unwrap().iter().map(String::from).collect();
    let rows: Vec<csv::StringRecord> = rows.records().collect::<Result<_, _>>().unwrap();
    let column = |name: &str| head.iter().position(|h| h == name).unwrap_or_else(|| panic!("no {name}: {head:?}"));
    assert_eq!(rows.len(), 24);
    let is = |name: &str, wanted: &str| rows.iter().filter(|row| &row[column(name)] == wanted).count();
    assert!(value("first call on time").starts_with(&format!("{} (", is("on_time", "true"))), "{table}");
    assert_eq!(value("visit made"), is("end", "completed").to_string());
    assert_eq!(value("escalated"), is("escalated", "true").to_string());
    let calls: u32 = rows.iter().map(|row| row[column("attempts")].parse::<u32>().unwrap()).sum();
    assert_eq!(value("calls"), calls.to_string());
    for row in &rows {
        let on_time = &row[column("on_time")] == "true";
        assert!(on_time || !row[column("late_cause")].is_empty(), "late without a cause: {row:?}");
    }
    // With the seats that it names, so many are on time.
    let needed = value("95 % on time need");
    let seats = needed.strip_suffix(" seats").unwrap_or_else(|| panic!("{needed}"));
    let again = simulate(folder.path(), &["--completions", "day.csv", "--seats", seats, "--no-search"]);
    let again = text(&again.stdout);
    let line = again.lines().find(|line| line.starts_with("first call on time")).unwrap();
    let percent: f64 = line.rsplit('(').next().unwrap().trim_end_matches(" %)").parse().unwrap();
    assert!(percent >= 95.0, "with {seats} seats: {line}");
    let picture = std::fs::read_to_string(folder.path().join("out.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n") && !picture.contains("NaN"));
    assert_eq!(picture.matches("<polyline").count(), 1);
    let bars = picture.matches("fill=\"#2da44e\"").count();
    assert!(bars >= 1 && picture.contains("9:00"), "the hours in which seats were held: {bars}");
}

#[test]
fn one_line_is_enough_and_a_floor_as_high_as_the_house_says_that_nobody_is_called() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("one.csv"), "SO-1,2026-11-23T09:00").unwrap();
    let told = |seats: &str| {
        let out = simulate(
            folder.path(),
            &[
                "--completions",
                "one.csv",
                "--seats",
                seats,
                "--answer-rate",
                "1",
                "--busy-rate",
                "0",
                "--hang-up-rate",
                "0",
                "--no-search",
            ],
        );
        assert!(out.status.success(), "{}", text(&out.stderr));
        text(&out.stdout)
    };
    let (one, two) = (told("1"), told("2"));
    assert!(
        one.contains("nobody is ever called") && one.contains("late because                1  到期前没有呼叫"),
        "{one}"
    );
    assert!(!two.contains("nobody") && two.contains("first call on time    1 (100.0 %)"), "{two}");
}
