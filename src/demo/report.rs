//! The visit report as text for a terminal, from the JSON of `/calls/{id}/report`.
//!
//! What is missing in the JSON is printed as missing: a report never looks better than the record.

use crate::domain::call::outcome::Outcome;
use serde_json::Value;
use std::fmt::Write;

/// `report` is the answer of `GET /api/v1/calls/{id}/report`.
pub fn render(report: &Value) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let mut line = |text: String| writeln!(out, "{text}").is_ok();
    line(format!("══ 回访报告  服务单 {} ══", text(&report["order"]["order_no"])));
    for row in order_rows(report).into_iter().chain(call_rows(&report["call"], &report["visit"])) {
        line(row);
    }
    line("── 对话（左 坐席，右 客户；秒从录音开始计）──".into());
    for row in transcript_rows(&report["transcript"]) {
        line(row);
    }
    line("── 满意度评分 ──".into());
    for row in score_rows(&report["scorecard"]) {
        line(row);
    }
    line("── 客户所述 ──".into());
    for row in fact_rows(&report["facts"]) {
        line(row);
    }
    line("── 与订单核对 ──".into());
    for row in truth_rows(&report["facts"]["facts"]["truth"]) {
        line(row);
    }
    line("── 稽核 ──".into());
    for row in finding_rows(&report["findings"]) {
        line(row);
    }
    out
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "—".into(),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

fn order_rows(report: &Value) -> Vec<String> {
    let (order, customer) = (&report["order"], &report["order"]["customer"]);
    vec![format!(
        "客户 {}{}  电话 {}  服务类型 {}",
        text(&customer["name"]),
        customer["title"].as_str().unwrap_or_default(),
        text(&customer["phone"]),
        text(&order["service_type"]),
    )]
}

fn call_rows(call: &Value, visit: &Value) -> Vec<String> {
    let recording = &call["recording"];
    vec![
        format!(
            "短信 {}  应回访 {}  最迟 {}",
            text(&visit["sms_at"]),
            text(&visit["due_at"]),
            text(&visit["deadline_at"])
        ),
        format!(
            "呼出 {}  振铃 {}  接听 {}  结束 {}",
            text(&call["invited_at"]),
            text(&call["ringing_at"]),
            text(&call["answered_at"]),
            text(&call["ended_at"]),
        ),
        format!(
            "结果 {}  会话 {}  先挂机 {}  回访状态 {}",
            call["outcome"].as_str().and_then(Outcome::parse).map_or("—", Outcome::text_zh),
            text(&call["conversation"]["kind"]),
            match call["hung_up_by"].as_str() {
                Some("customer") => "客户",
                Some("us") => "我方",
                Some("network") => "网络",
                _ => "—",
            },
            text(&visit["state"]["name"]),
        ),
        format!(
            "录音 {}  {} 秒  {} 声道  sha256 {}",
            text(&recording["file"]),
            text(&recording["seconds"]),
            text(&recording["channels"]),
            recording["sha256"].as_str().map_or("—", |s| s.get(..16).unwrap_or(s)),
        ),
    ]
}

fn transcript_rows(transcript: &Value) -> Vec<String> {
    let Some(segments) = transcript["segments"].as_array() else { return vec!["（没有转写）".into()] };
    segments
        .iter()
        .map(|s| {
            let who = if s["channel"] == "customer" { "        客户" } else { "坐席" };
            let at = s["start"].as_f64().unwrap_or_default();
            format!("{at:7.1}  {who}：{}", text(&s["text"]))
        })
        .collect()
}

fn score_rows(card: &Value) -> Vec<String> {
    let Some(scores) = card["scores"].as_array() else { return vec!["（没有评分）".into()] };
    let mut rows: Vec<String> = scores.iter().map(score_row).collect();
    let index = &card["index"];
    let mean = index["mean"].as_f64().map_or("未得出（五项不全）".into(), |m| format!("{m:.2}"));
    rows.push(format!("满意度指数 {mean}   已评 {} 项   评分规则 {}", text(&index["n_scored"]), text(&card["rubric"])));
    for alarm in card["alarms"].as_array().into_iter().flatten() {
        rows.push(format!("红色警报：“{}”（{}）", text(&alarm["text"]), text(&alarm["rule"])));
    }
    rows
}

fn score_row(score: &Value) -> String {
    let name = text(&score["indicator"]);
    let Some(level) = score["level"].as_u64() else {
        let why = match score["null_reason"].as_str() {
            Some("not_asked") => "没有问到",
            Some("not_applicable") => "不适用",
            _ => "问了，没有评价",
        };
        return format!("{name}  —  {why}");
    };
    let words: Vec<String> = score["evidence"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| match (e["from_s"].as_f64(), e["to_s"].as_f64()) {
            (Some(from), Some(to)) => format!("“{}”（{from:.1}–{to:.1} 秒）", text(&e["text"])),
            _ => format!("“{}”", text(&e["text"])),
        })
        .collect();
    format!("{name}  {level}  {}", words.join(" "))
}

fn fact_rows(facts: &Value) -> Vec<String> {
    let Some(found) = facts["facts"].as_object() else { return vec!["（没有）".into()] };
    let said = |value: &Value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty());
    let rows: Vec<String> = found
        .iter()
        .filter(|(name, value)| *name != "truth" && said(value))
        .map(|(name, value)| format!("{}  {}", fact_name(name), fact(value)))
        .collect();
    if rows.is_empty() { vec!["（没有）".into()] } else { rows }
}

/// As the console names them; a fact that is new there too is shown by its key.
fn fact_name(key: &str) -> &str {
    match key {
        "machine_hours" => "工作小时",
        "requested_time" => "报修时间",
        "arrival_time" => "到达时间",
        "finish_time" => "完工时间",
        "fault_time" => "故障时间",
        "location" => "地点",
        "parts_replaced" => "更换件",
        "fee_yuan" => "费用",
        "checks" => "检查",
        "running_normal" => "运行正常",
        "leftover_problem" => "遗留问题",
        "callback_when" => "要求回电",
        "respondent" => "接听人",
        "consent" => "同意回访",
        "tech_question" => "技术问题",
        other => other,
    }
}

/// A fact is a value with its quote, or a bare value.
fn fact(value: &Value) -> String {
    match (&value["value"], value["quote"].as_str()) {
        (Value::Null, _) => plain(value),
        (inner, Some(quote)) => format!("{}  “{quote}”", plain(inner)),
        (inner, None) => plain(inner),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Array(several) => several.iter().map(text).collect::<Vec<_>>().join("、"),
        Value::Bool(true) => "是".into(),
        Value::Bool(false) => "否".into(),
        one => text(one),
    }
}

fn truth_rows(truth: &Value) -> Vec<String> {
    let compared = truth["comparisons"].as_array().map(Vec::as_slice).unwrap_or_default();
    let verdict = match truth["verdict"].as_str() {
        Some("true") => "属实",
        Some("doubtful") => "存疑",
        Some("contradicted") => "不属实",
        _ => "无法核对",
    };
    let rows = compared.iter().map(|one| {
        let mark = match one["agreement"].as_str() {
            Some("agrees") => "✓",
            Some("differs") => "≠",
            _ => "·",
        };
        format!("{mark} {}  {}", text(&one["rule"]), text(&one["reason"]))
    });
    rows.chain([format!("结论 {verdict}")]).collect()
}

fn finding_rows(findings: &Value) -> Vec<String> {
    let Some(found) = findings["findings"].as_array() else { return vec!["（没有稽核）".into()] };
    found
        .iter()
        .map(|f| {
            let mark = match f["severity"].as_str() {
                Some("pass") => "✓",
                Some("red") => "红",
                Some("amber") => "黄",
                _ => "·",
            };
            let expected = f["expected"].as_str().filter(|e| !e.is_empty());
            let should = expected.map(|e| format!("（应：{e}）")).unwrap_or_default();
            format!("{mark} {}  {}{should}", text(&f["rule"]), text(&f["seen"]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_in_the_record_is_missing_in_the_report() {
        let out = render(&json!({}));
        for wanted in ["没有转写", "没有评分", "没有稽核", "结果 —"] {
            assert!(out.contains(wanted), "{wanted}: {out}");
        }
    }

    #[test]
    fn facts_are_named_and_the_order_is_compared_with_them_in_words() {
        let out = render(&json!({ "facts": { "facts": {
            "machine_hours": { "value": 986.0, "quote": "986个小时。" }, "parts_replaced": { "value": ["机滤", "柴滤"], "quote": "机滤柴滤" },
            "running_normal": { "value": true, "quote": "正常" }, "location": null, "checks": [],
            "truth": { "verdict": "doubtful", "reasons": [], "comparisons": [
                { "rule": "D04", "agreement": "agrees", "reason": "工作小时相符" }, { "rule": "D06", "agreement": "differs", "reason": "相差1天" },
                { "rule": "D11", "agreement": "not_said", "reason": "没有说" }] } } } }));
        for wanted in [
            "工作小时  986.0  “986个小时。”",
            "更换件  机滤、柴滤  “机滤柴滤”",
            "运行正常  是  “正常”",
            "✓ D04  工作小时相符\n≠ D06  相差1天\n· D11  没有说\n结论 存疑",
        ] {
            assert!(out.contains(wanted), "{wanted}: {out}");
        }
        for unsaid in ["地点", "检查", "truth", "{"] {
            assert!(!out.contains(unsaid), "{unsaid}: {out}");
        }
    }

    #[test]
    fn a_score_is_shown_with_its_words_and_their_time_and_a_null_with_its_reason() {
        let out = render(&json!({ "scorecard": { "rubric": "r@1",
            "scores": [
                { "indicator": "服务技能", "level": 5, "null_reason": null,
                  "evidence": [{ "text": "特别好", "from_s": 61.25, "to_s": 62.0 }] },
                { "indicator": "配件供应", "level": null, "null_reason": "not_applicable", "evidence": [] }],
            "index": { "mean": null, "n_scored": 1 } } }));
        assert!(out.contains("服务技能  5  “特别好”（61.2–62.0 秒）"), "{out}");
        assert!(out.contains("配件供应  —  不适用"), "{out}");
        assert!(out.contains("未得出"), "{out}");
    }
}
