//! Single exchanges, each labelled for one flag of conduct or of what a customer says: does the rule go by what is meant, or by the words it knows?

use super::metrics::{f1, percent, share};
use huifang::domain::audit::{DialogueRequest, DialogueTurn, Speaker, audit_dialogue};
use huifang::domain::score::Rubric;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;

pub const TUNE: &str = include_str!("../../data/eval/conduct3_tune.jsonl");
pub const HELD_OUT: &str = include_str!("../../data/eval/conduct3_held_out.jsonl");
pub const TUNE_10: &str = include_str!("../../data/eval/conduct10_tune.jsonl");
pub const HELD_OUT_10: &str = include_str!("../../data/eval/conduct10_held_out.jsonl");

/// Smallest F1 over all exchanges, in the order of the sets.
pub const FLOORS: [f64; 4] = [0.97, 0.70, 0.9, 0.78];

#[derive(Deserialize)]
struct Case {
    /// Key of `outcome` or `compliance`.
    flag: String,
    want: bool,
    turns: Vec<(Speaker, String)>,
}

/// Flag → (gold, got).
pub type Measured = BTreeMap<String, Vec<(bool, bool)>>;

const GREETING: [(Speaker, &str); 2] =
    [(Speaker::Agent, "您好 我是福田雷沃重工客服代表 请问您是王先生吗"), (Speaker::Customer, "是我")];
const LEAVE: [(Speaker, &str); 2] = [(Speaker::Agent, "耽误您两分钟做个回访可以吗"), (Speaker::Customer, "可以")];

/// What is asked before the exchange, so that it stands where it would in a call.
fn before(case: &Case) -> Vec<(Speaker, &'static str)> {
    let (greeting, leave) = (GREETING.as_slice(), LEAVE.as_slice());
    match case.flag.as_str() {
        "opening_said" | "identity_asked" => vec![],
        "consent_asked" => greeting.to_vec(),
        "pushed_after_refusal" => [greeting, &leave[..1]].concat(),
        "closing_said" => {
            [greeting, leave, &[(Speaker::Agent, "机器工作多少小时了"), (Speaker::Customer, "三百")]].concat()
        }
        "probed_dissatisfaction" => {
            let about = [
                ("技术", "服务技能您怎么评价"),
                ("态度", "服务态度您怎么评价"),
                ("配件", "配件供应您怎么评价"),
                ("及时", "服务及时性您怎么评价"),
                ("慢", "服务及时性您怎么评价"),
            ];
            let said = &case.turns[0].1;
            let question = about.iter().find(|(word, _)| said.contains(word)).map_or("服务综合您怎么评价", |a| a.1);
            [greeting, leave, &[(Speaker::Agent, question)]].concat()
        }
        _ => [greeting, leave].concat(),
    }
}

fn request(case: &Case) -> DialogueRequest {
    let own = case.turns.iter().map(|(who, text)| (*who, text.as_str()));
    let mut at = 0.0;
    let turns = before(case).into_iter().chain(own).map(|(speaker, text)| {
        let start = at;
        let end = start + (text.chars().count() as f64 / 4.6).max(0.5);
        at = end + 0.7;
        DialogueTurn { speaker, start, end, text: text.to_string() }
    });
    DialogueRequest {
        id: String::new(),
        service_type: "维修".into(),
        domain: None,
        out_of_warranty: false,
        hung_up_by: Some(Speaker::Customer),
        claims: None,
        called_at: None,
        turns: turns.collect(),
    }
}

pub fn measure(set: &str) -> Measured {
    let mut measured = Measured::new();
    for line in set.lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let report =
            serde_json::to_value(audit_dialogue(Rubric::builtin(), &request(&case))).expect("a report is JSON");
        let value = |section: &str| report[section].get(&case.flag).and_then(|v| v.as_bool());
        let got = value("compliance").or_else(|| value("outcome")).unwrap_or(false);
        // Rare is what counts: rudeness, where the flag is politeness.
        let pair = if case.flag == "agent_polite" { (!case.want, !got) } else { (case.want, got) };
        measured.entry(case.flag).or_default().push(pair);
    }
    measured
}

fn all(m: &Measured) -> Vec<(bool, bool)> {
    m.values().flatten().copied().collect()
}

pub fn hold_floor(m: &Measured, floor: f64) {
    let figure = f1(&all(m));
    assert!(figure >= Some(floor), "exchanges of conduct: {figure:?}");
}

pub fn report(text: &mut String, parts: &[(&str, Measured)]) {
    writeln!(text, "\n## Exchanges of conduct").unwrap();
    for (part, m) in parts {
        writeln!(text, "\n### {part}\n\n| flag | exchanges | true in | precision | recall | F1 |\n|-|-:|-:|-:|-:|-:|")
            .unwrap();
        let whole = all(m);
        for (flag, pairs) in m.iter().map(|(f, p)| (f.as_str(), p)).chain([("**all**", &whole)]) {
            let hits = pairs.iter().filter(|p| p.0 && p.1).count();
            let (gold, got) = (pairs.iter().filter(|p| p.0).count(), pairs.iter().filter(|p| p.1).count());
            let flag = if flag == "agent_polite" { "agent_polite (not)" } else { flag };
            let f1 = f1(pairs).map_or("–".into(), |f| format!("{f:.2}"));
            let (precision, recall) = (percent(share(hits, got)), percent(share(hits, gold)));
            writeln!(text, "| {flag} | {} | {gold} | {precision} | {recall} | {f1} |", pairs.len()).unwrap();
        }
    }
}
