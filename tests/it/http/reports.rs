//! Reports over a socket: what they say, the files read back by other programs than the one that wrote them, and who hands them in.

use super::site::{PHONE, Site, json, order, problem};
use crate::support::data::visit;
use calamine::{Data, Reader, Xlsx};
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::complaint::{New, Policy, Rules, Source, open};
use huifang::domain::facts::Facts;
use huifang::domain::id::{CallId, ComplaintId, OrderNo};
use huifang::domain::order::Order;
use huifang::domain::phone::Phone;
use huifang::domain::programme::selection::{Choice, CustomerClass};
use huifang::domain::score::{Answer, Indicator, Rubric, score_call};
use huifang::domain::transcript::{Channel, Segment, Transcript};
use huifang::store::selection::Subject;
use huifang::store::token::Role;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::io::Cursor;
use std::time::Duration;

/// Dangerous in Excel, and in CSV.
const NAME: &str = "=1+1,\"王\"\n先生";

/// A month with three visits: completed and scored, completed, open.
async fn month(site: &Site) -> CallId {
    let mut first = order("FW1", &Phone::parse(PHONE).unwrap());
    first.customer.name = Some(NAME.into());
    first.claims.engineer = Some("李强".into());
    first.claims.dealer = Some("福田".into());
    let first = reported(site, &first, -2).await;
    let call = site.finished_call(&first, b"").await.id;
    let rubric = include_str!("../../../rubrics/after-sales-zh.toml");
    let answers = Indicator::ALL.map(|i| Answer::bare(Some(i), format!("您对{}满意吗", i.name()), "非常满意"));
    let card = score_call(&Rubric::parse(rubric).unwrap(), &answers);
    site.store.save_scorecard(&call, &card).await.unwrap();
    site.store.save_facts(&call, "test", &Facts::default()).await.unwrap();
    let second = reported(site, &order("FW2", &Phone::parse(PHONE).unwrap()), -1).await;
    site.finished_call(&second, b"").await;
    reported(site, &order("FW3", &Phone::parse(PHONE).unwrap()), 0).await;
    call
}

/// An order and its visit, so many minutes after the start.
async fn reported(site: &Site, order: &Order, minutes: i64) -> huifang::domain::visit::task::Visit {
    site.store.put_order(order).await.unwrap();
    let at = site.now() + SignedDuration::from_mins(minutes);
    let visit = visit(&format!("v-{}", order.no), order.no.as_str(), at);
    site.store.insert_visit(&visit).await.unwrap()
}

fn section<'a>(report: &'a Value, name: &str) -> &'a Vec<Value> {
    let sections = report["sections"].as_array().unwrap();
    let found = sections.iter().find(|section| section["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}: {report}"))["rows"].as_array().unwrap()
}

async fn bytes(site: &Site, role: Role, path: &str, content_type: &str) -> Vec<u8> {
    let answer = site.request_as(role, Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["content-type"], content_type, "{path}");
    answer.bytes().await.unwrap().to_vec()
}

#[tokio::test]
async fn g11_the_ledger_numbers_every_visit_once_and_never_again() {
    let site = Site::start().await;
    let call = month(&site).await;
    let numbers = async |month: &str| -> Vec<String> {
        let report = site.get(&format!("/reports/ledger.json?month={month}")).await;
        let rows = section(&report, "ledger").iter();
        rows.map(|row| format!("{} {}", row["number"].as_str().unwrap(), row["order_no"].as_str().unwrap())).collect()
    };
    let november = ["202611-0001 FW1", "202611-0002 FW2", "202611-0003 FW3"];
    // Two who ask first, at once, get the same.
    let (one, other) = tokio::join!(numbers("2026-11"), numbers("2026-11"));
    assert_eq!((&one[..], &other[..]), (&november.map(String::from)[..], &november.map(String::from)[..]));

    // An earlier one that comes later takes the next number; one of the next month begins at 1.
    reported(&site, &order("EARLY", &Phone::parse(PHONE).unwrap()), -600).await;
    let december: Timestamp = "2026-11-30T16:00:00Z".parse().unwrap();
    let later = visit("v-DEC", "FW1", december);
    site.store.insert_visit(&later).await.unwrap();
    assert_eq!(numbers("2026-12").await, ["202612-0001 FW1"], "midnight in Shanghai");
    let after = numbers("2026-11").await;
    assert_eq!((&after[..3], after[3].as_str()), (&november.map(String::from)[..], "202611-0004 EARLY"));

    let report = site.get("/reports/ledger.json").await;
    assert_eq!((&report["from"], &report["made_at"]), (&json!("2026-11"), &json!("2026-11-21T20:00:00+08:00")));
    let row = &section(&report, "ledger")[0];
    assert_eq!(row["reported_at"], "2026-11-21T19:58:00+08:00");
    assert_eq!((&row["phone"], &row["customer"]), (&json!(format!("+86{PHONE}")), &json!(NAME)));
    assert_eq!((&row["index"], &row["review"], &row["talk_s"]), (&json!(5.0), &json!("机器评分"), &json!(60.0)));
    assert_eq!((&row["call_id"], &row["outcome"]), (&json!(call.to_string()), &json!("已接通")));
    site.stop().await;
}

#[tokio::test]
async fn a_csv_is_read_back_by_another_reader_and_runs_nothing_in_excel() {
    let site = Site::start().await;
    month(&site).await;
    let path = "/reports/ledger.csv?month=2026-11";
    let answer = site.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.headers()["content-disposition"], "attachment; filename=\"ledger-2026-11.csv\"");
    let text = String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap();
    let text = text.strip_prefix('\u{feff}').expect("a byte order mark, or Excel takes it for GBK");
    assert!(text.ends_with("\r\n") && text.contains("\"\"王\"\""), "RFC 4180: {text}");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    let cell = |row: usize, title: &str| &rows[row][head.iter().position(|h| h == title).unwrap()];
    assert_eq!(rows.len(), 3);
    for (row, title, want) in [
        (0, "回访记录编号", "202611-0001"),
        (0, "客户", &format!("'{NAME}")),
        (0, "电话", &format!("'+86{PHONE}")),
        (0, "报完工时间", "2026-11-21 19:58:00"),
        (0, "满意度指数", "5"),
        (1, "满意度指数", ""),
        (2, "状态", "待回访"),
    ] {
        assert_eq!(cell(row, title), want, "{row} {title}");
    }
    let late = bytes(&site, Role::Admin, "/reports/visits.csv?section=ends", "text/csv; charset=utf-8").await;
    assert!(String::from_utf8(late).unwrap().contains("已完成,2,66.67%"));
    site.stop().await;
}

#[tokio::test]
async fn a_workbook_is_read_back_by_another_reader_with_dates_as_dates_and_telephones_as_text() {
    let site = Site::start().await;
    month(&site).await;
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let file = bytes(&site, Role::Admin, "/reports/ledger.xlsx?month=2026-11", kind).await;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(file)).unwrap();
    assert_eq!(book.sheet_names(), ["回访台账"]);
    let sheet = book.worksheet_range("回访台账").unwrap();
    let head: Vec<String> = sheet.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let cell = |title: &str| sheet.get((1, head.iter().position(|h| h == title).unwrap())).unwrap();
    assert_eq!(sheet.height(), 4);
    assert_eq!(*cell("客户"), Data::String(NAME.into()), "a text, never a formula");
    assert_eq!(*cell("电话"), Data::String(format!("+86{PHONE}")));
    assert_eq!(*cell("满意度指数"), Data::Float(5.0));
    let Data::DateTime(reported) = cell("报完工时间") else { panic!("{:?}", cell("报完工时间")) };
    // 19:58 of 21 November 2026, in days since 1899-12-30.
    assert!((reported.as_f64() - (46_347.0 + 1_198.0 / 1_440.0)).abs() < 1e-6, "{reported:?}");
    assert!(book.worksheet_formula("回访台账").unwrap().is_empty());

    let file = bytes(&site, Role::Admin, "/reports/visits.xlsx", kind).await;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(file.clone())).unwrap();
    assert_eq!(book.sheet_names(), ["回访情况", "回访结果", "超时清单"]);
    let sheet = book.worksheet_range("回访情况").unwrap();
    let total: Vec<String> = sheet.rows().next_back().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(&total[..3], ["合计", "3", "2"]);
    // The head stays when one scrolls.
    let mut zip = zip::ZipArchive::new(Cursor::new(file)).unwrap();
    let xml = std::io::read_to_string(zip.by_name("xl/worksheets/sheet1.xml").unwrap()).unwrap();
    assert!(xml.contains("ySplit=\"1\"") && xml.contains("state=\"frozen\""), "{xml}");
    site.stop().await;
}

#[tokio::test]
async fn telephone_numbers_are_masked_in_every_format_for_those_who_judge() {
    let site = Site::start().await;
    month(&site).await;
    for role in Role::ALL {
        let sees = matches!(role, Role::Admin | Role::Supervisor | Role::Service);
        let shown = site.get_as(role, "/reports/ledger.json").await.to_string();
        assert_eq!((shown.contains(PHONE), shown.contains("138****5678")), (sees, !sees), "{role:?}");
        let csv = bytes(&site, role, "/reports/ledger.csv", "text/csv; charset=utf-8").await;
        assert_eq!(String::from_utf8(csv).unwrap().contains(PHONE), sees, "{role:?}");
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        let mut book: Xlsx<_> =
            calamine::open_workbook_from_rs(Cursor::new(bytes(&site, role, "/reports/ledger.xlsx", kind).await))
                .unwrap();
        let sheet = book.worksheet_range("回访台账").unwrap();
        assert_eq!(sheet.used_cells().any(|(_, _, cell)| cell.to_string().contains(PHONE)), sees, "{role:?}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_request_that_makes_no_sense_is_refused_by_name() {
    let site = Site::start().await;
    for (path, status, kind) in [
        ("/reports/ledger.json?month=2026-13", 422, "invalid"),
        ("/reports/ledger.json?month=2026-11&from=2026-10&to=2026-11", 422, "invalid"),
        ("/reports/ledger.json?from=2026-11", 422, "invalid"),
        ("/reports/ledger.json?from=2026-11&to=2026-10", 422, "invalid"),
        ("/reports/ledger.json?from=2025-11&to=2026-11", 422, "invalid"),
        ("/reports/ledger.json?section=ledger", 422, "invalid"),
        ("/reports/visits.csv?section=none", 422, "invalid"),
        ("/reports/ledger.pdf", 404, "not-found"),
        ("/reports/nobody.json", 404, "not-found"),
        ("/reports/ledger", 404, "not-found"),
    ] {
        problem(site.request(Method::GET, path).send().await.unwrap(), status, kind, path).await;
    }
    for (report, body, status, kind) in [
        ("visits", json!({"month": "2026-12"}), 422, "invalid"),
        ("visits", json!({"month": "11"}), 422, "invalid"),
        ("visits", json!({}), 422, "invalid"),
        ("ledger", json!({"month": "2026-10"}), 422, "invalid"),
        ("nobody", json!({"month": "2026-10"}), 404, "not-found"),
    ] {
        let answer = site.request(Method::POST, &format!("/reports/{report}/submit")).json(&body).send().await.unwrap();
        problem(answer, status, kind, &format!("{report} {body}")).await;
    }
    // Nothing was kept of all that.
    assert_eq!(site.get("/reports").await["due"], json!([]));
    site.stop().await;
}

#[tokio::test]
async fn g06_g07_a_report_that_is_due_is_listed_until_it_is_handed_in_and_late_when_it_was_late() {
    let site = Site::start().await;
    reported(&site, &order("FW1", &Phone::parse(PHONE).unwrap()), 0).await;
    let due = async || -> Vec<String> {
        let list = site.get("/reports").await;
        let due = list["due"].as_array().unwrap().clone();
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let line =
            |d: &Value| [&d["report"], &d["month"], &d["due_on"], &d["state"], &d["submitted_by"]].map(text).join(" ");
        due.iter().map(line).collect()
    };
    assert_eq!(
        due().await,
        [
            "visits 2026-11 2026-12-03 open -",
            "complaints 2026-11 2026-12-03 open -",
            "satisfaction 2026-11 2026-11-25 open -"
        ]
    );
    // 24 November.
    site.clock.advance(Duration::from_secs(3 * 86_400));
    let submit = async |report: &str| {
        let request = site.request_as(Role::Agent, Method::POST, &format!("/reports/{report}/submit"));
        let answer = request.json(&json!({"month": "2026-11", "note": "已核对"})).send().await.unwrap();
        json(answer, StatusCode::CREATED, report).await
    };
    assert_eq!(submit("satisfaction").await["state"], "submitted");
    // 5 December.
    site.clock.advance(Duration::from_secs(11 * 86_400));
    let list = site.get("/reports").await;
    let november: Vec<_> = list["due"].as_array().unwrap().iter().filter(|d| d["month"] == "2026-11").collect();
    assert_eq!((&november[0]["state"], &november[0]["days_late"]), (&json!("overdue"), &json!(2)));
    let answer = submit("visits").await;
    assert_eq!(
        (&answer["state"], &answer["days_late"], &answer["submitted_at"], &answer["note"]),
        (&json!("submitted_late"), &json!(2), &json!("2026-12-05T20:00:00+08:00"), &json!("已核对"))
    );
    submit("satisfaction").await;
    assert_eq!(
        due().await[3..],
        [
            "visits 2026-11 2026-12-03 submitted_late the agent",
            "complaints 2026-11 2026-12-03 overdue -",
            "satisfaction 2026-11 2026-11-25 submitted the agent"
        ]
    );
    site.stop().await;
}

#[tokio::test]
async fn b04_coverage_shows_what_was_chosen_and_whom_nobody_called() {
    let site = Site::start().await;
    month(&site).await;
    let mut tx = site.store.begin().await.unwrap();
    for (order, choice) in [
        ("FW1", Choice::Class(CustomerClass::Vip)),
        ("FW3", Choice::Class(CustomerClass::Vip)),
        ("FW2", Choice::NotSampled),
    ] {
        let order_no = OrderNo::new(order);
        let at = site.now() - SignedDuration::from_mins(if order == "FW3" { 0 } else { 2 });
        let subject =
            Subject { order_no: &order_no, programme: "excavator", stage: "first", at, month: "2026-11", dealer: "" };
        tx.record_selection(&subject, choice).await.unwrap();
    }
    tx.commit().await.unwrap();
    site.clock.advance(Duration::from_secs(86_400));
    let report = site.get("/reports/coverage.json?month=2026-11").await;
    let rows = section(&report, "classes");
    assert_eq!(rows.len(), 2, "{rows:?}");
    let vip = &rows[0];
    assert_eq!((&vip["due"], &vip["done"], &vip["share"]), (&json!(2), &json!(1), &json!(0.5)));
    assert_eq!((&vip["target"], &vip["verdict"], &vip["rule"]), (&json!(1.0), &json!("未达标"), &json!("B04 B07")));
    let missing = section(&report, "missing");
    assert_eq!((missing.len(), &missing[0]["order_no"], &missing[0]["why"]), (1, &json!("FW3"), &json!("尚未呼叫")));
    site.stop().await;
}

#[tokio::test]
async fn b10_g09_what_customers_said_stands_in_the_spot_check_and_among_the_wishes() {
    let site = Site::start().await;
    let call = month(&site).await;
    let said = [
        (Channel::Agent, "保修期内修车，有没有收过您的费用？"),
        (Channel::Customer, "没收过。"),
        (Channel::Agent, "您对售后服务还有什么意见和建议？"),
        (Channel::Customer, "希望配件便宜点，打我电话13812345678。"),
    ];
    let segments = said.iter().zip([0.0, 5.0, 10.0, 15.0]).map(|((channel, text), start)| Segment {
        channel: *channel,
        start,
        end: start + 4.0,
        text: (*text).into(),
        confidence: 1.0,
        also_heard: vec![],
    });
    let transcript = Transcript { segments: segments.collect(), engine: "e".into(), model: "m".into() };
    site.store.save_transcript(&call, &transcript).await.unwrap();
    let report = site.get("/reports/spot-check.json").await;
    let free =
        section(&report, "rates").iter().find(|r| r["dealer"] == "福田" && r["item"] == "保修期内免费维修").unwrap();
    assert_eq!((&free["kept"], &free["broken"], &free["rate"]), (&json!(1), &json!(0), &json!(1.0)));
    let words = &section(&report, "words")[0];
    assert_eq!(
        (&words["words"], &words["at_s"], &words["number"]),
        (&json!("没收过。"), &json!(5.0), &json!("202611-0001"))
    );
    let report = site.get_as(Role::Reviewer, "/reports/satisfaction.json").await;
    let wish = &section(&report, "wishes")[0]["words"];
    assert_eq!(*wish, "希望配件便宜点，打我电话138****5678。", "masked in free text too");
    site.stop().await;
}

#[tokio::test]
async fn g08_the_complaint_analysis_holds_the_month_in_which_a_complaint_was_opened() {
    let site = Site::start().await;
    let mut fleet = order("FW1", &Phone::parse(PHONE).unwrap());
    fleet.claims.customer_class = Some("政府车队".into());
    site.store.put_order(&fleet).await.unwrap();
    let hours =
        SiteHours { timezone: "Asia/Shanghai".into(), work_hours: vec!["08:00-18:00".into()], holidays: "none".into() };
    let calendar = Calendar::new(&hours).unwrap();
    let rules = Rules { policy: Policy::builtin(), calendar: &calendar };
    let mut tx = site.store.begin().await.unwrap();
    for (n, opened, order_no) in [
        (1, "2026-10-31T23:59:59+08:00", None),
        (2, "2026-11-01T00:00:00+08:00", None),
        (3, "2026-11-20T10:00:00+08:00", Some(OrderNo::new("FW1"))),
    ] {
        let new = New { order_no, ..New::bare(Source::Hotline, "修了两次还是漏油，要求退机") };
        let opened: Timestamp = opened.parse().unwrap();
        let complaint = open(opened, ComplaintId::new(format!("k-{n}")), "小李", new, &[], &rules);
        tx.insert_complaint(&complaint).await.unwrap();
    }
    tx.commit().await.unwrap();
    let report = site.get("/reports/complaints.json?month=2026-11").await;
    let listed: Vec<_> = section(&report, "list").iter().map(|row| row["complaint_id"].clone()).collect();
    assert_eq!(listed, ["k-2", "k-3"], "by the site's midnight");
    let classes: Vec<_> = section(&report, "classes").iter().map(|row| row["complaints"].clone()).collect();
    assert_eq!(classes, [1, 1, 2]);
    let hotline = section(&report, "sources").iter().find(|row| row["source"] == "投诉电话").unwrap();
    assert_eq!((&hotline["complaints"], &hotline["grave"]), (&json!(2), &json!(2)));
    site.stop().await;
}
