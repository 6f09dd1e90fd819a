use super::*;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

pub(crate) fn shipped_prompts() -> PromptManifest {
    PromptManifest::parse(&read(&root().join("prompts/manifest.tsv"))).expect("manifest")
}

pub(crate) fn shipped(file: &str) -> Script {
    let text = read(&root().join("programmes/scripts/excavator").join(format!("{file}.toml")));
    Script::parse(file, &text, &shipped_prompts()).expect(file)
}

pub(crate) const FILES: [(&str, ServiceType); 8] = [
    ("receiving_inspection", ServiceType::ReceivingInspection),
    ("delivery", ServiceType::Delivery),
    ("maintenance", ServiceType::Maintenance),
    ("warranty_repair", ServiceType::WarrantyRepair),
    ("paid_repair", ServiceType::PaidRepair),
    ("complaint", ServiceType::Complaint),
    ("parts_purchase", ServiceType::PartsPurchase),
    ("consultation", ServiceType::Consultation),
];

#[test]
fn d01_each_of_the_eight_service_types_has_a_script() {
    for (file, service_type) in FILES {
        assert_eq!(shipped(file).service_type, Some(service_type), "{file}");
    }
}

#[test]
fn every_shipped_script_asks_all_five_indicators_and_names_the_hotline_last() {
    for (file, _) in FILES {
        let script = shipped(file);
        let asked: Vec<Indicator> = script.steps.iter().filter_map(|s| s.indicator).collect();
        assert_eq!(asked, Indicator::ALL, "{file}");
        let closing = shipped_prompts().text(&script.steps.last().expect("steps").say);
        assert!(closing.contains("四零零，六五八，九八八八"), "C26 {file}: {closing}");
    }
}

#[test]
fn the_facts_of_the_rule_table_are_asked_per_service_type() {
    let check = |file: &str, wanted: &[&str]| {
        let script = shipped(file);
        let ids: Vec<&str> = script.steps.iter().map(|s| s.id.as_str()).collect();
        for id in wanted {
            assert!(ids.contains(id), "{file}: {id} is not asked");
        }
    };
    check("receiving_inspection", &["ask_appearance", "ask_tools_docs", "ask_performance"]);
    check("delivery", &["ask_appearance", "ask_tools_docs", "ask_performance", "ask_training"]);
    let maintenance = ["ask_hours", "ask_checks", "ask_parts", "ask_grease", "ask_contact_time", "ask_location"];
    check("maintenance", &maintenance);
    check("maintenance", &["ask_arrival", "ask_finish", "ask_needs"]);
    let repair = ["ask_hours", "ask_fault_fixed_how", "ask_fault_time", "ask_running_normal", "ask_leftover"];
    for file in ["warranty_repair", "paid_repair"] {
        check(file, &repair);
        check(file, &["ask_arrival", "ask_finish", "ask_location", "ask_temporary_fix", "ask_parts_replaced"]);
    }
    check("paid_repair", &["ask_fee", "ask_fee_reasonable"]);
    check("complaint", &["ask_complaint_what", "ask_complaint_when", "ask_complaint_where", "ask_complaint_who"]);
    check("complaint", &["ask_complaint_want"]);
    check("parts_purchase", &["ask_bought_parts", "ask_parts_arrived", "ask_parts_price", "ask_parts_quality"]);
    check("consultation", &["ask_consult_what", "ask_consult_clear", "ask_consult_solved"]);
}

#[test]
fn every_prompt_of_the_manifest_is_a_file_of_the_length_stated_and_nothing_else_lies_there() {
    let prompts = shipped_prompts();
    for id in prompts.ids() {
        let path = root().join("prompts").join(format!("{id}.wav"));
        let wav = hound::WavReader::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let spec = wav.spec();
        assert_eq!((spec.sample_rate, spec.channels, spec.bits_per_sample), (8000, 1, 16), "{id}");
        let seconds = f64::from(wav.duration()) / 8000.0;
        assert!((seconds - prompts.get(id).expect("listed").seconds).abs() < 0.02, "{id}: {seconds}");
    }
    let mut folders = vec![root().join("prompts")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder").map(|e| e.expect("entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "wav") {
                files += 1;
            }
        }
    }
    assert_eq!(files, prompts.ids().count());
}

#[test]
fn a_broken_script_names_its_file_step_and_key() {
    let good = read(&root().join("programmes/scripts/excavator/consultation.toml"));
    let check = |from: &str, to: &str, want: &str| {
        assert!(good.contains(from), "the test is stale: {from}");
        let text = good.replacen(from, to, 1);
        let err = Script::parse("x.toml", &text, &shipped_prompts()).expect_err(want).to_string();
        assert!(err.contains("x.toml") && err.contains(want), "{from} → {to}: {err}");
        assert!(!err.contains('\n'), "one line: {err}");
    };
    check("version = 1", "verzion = 1", "verzion");
    check("\"技术咨询\"", "\"洗车\"", "洗车");
    check(
        "say = [\"ask_consult_what\"]",
        "say = [\"ask_nothing\"]",
        "\"ask_consult_what\": say: prompt \"ask_nothing\"",
    );
    check("say = [\"ask_consult_clear\"]", "say = []", "\"ask_consult_clear\": say: want at least one");
    check("id = \"ask_consult_clear\"", "id = \"ask_consult_what\"", "id: must be unique");
    check("indicator = \"服务技能\"\n", "", "\"sat_skill\": indicator");
    check("indicator = \"服务技能\"", "indicator = \"服务态度\"", "indicator is asked twice");
    check("hint = \"sat_scale_hint\"", "hint = \"nothing\"", "\"sat_skill\": hint");
    check("kind = \"consent\"", "kind = \"statement\"", "exactly one");
    check("kind = \"statement\"", "kind = \"fact\"", "C07");
}

#[test]
fn a_missing_built_in_line_is_found_before_the_first_call() {
    let manifest = read(&root().join("prompts/manifest.tsv"));
    let without: String =
        manifest.lines().filter(|l| !l.starts_with("refusal_end\t")).map(|l| format!("{l}\n")).collect();
    let prompts = PromptManifest::parse(&without).expect("reads");
    let text = read(&root().join("programmes/scripts/excavator/delivery.toml"));
    let err = Script::parse("delivery.toml", &text, &prompts).expect_err("line missing").to_string();
    assert!(err.contains("\"refusal_end\""), "{err}");
}
