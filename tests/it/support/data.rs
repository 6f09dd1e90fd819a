//! The data of a station: the shipped programme and scripts in short timings, every prompt a tone of its own kind.

use super::root;
use huifang::domain::id::{OrderNo, VisitId};
use huifang::domain::visit::task::{Origin, Visit, VisitState, WaitReason};
use huifang::media::tones::tone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub const LEVEL: f64 = 8_000.0;
/// The three prompts that open every call, told apart by their tones, and all others.
pub const GREETING_HZ: f64 = 500.0;
pub const NOTICE_HZ: f64 = 700.0;
pub const OPENING_HZ: f64 = 900.0;
pub const OTHERS_HZ: f64 = 600.0;
pub const PROMPT_HZ: [f64; 4] = [GREETING_HZ, NOTICE_HZ, OPENING_HZ, OTHERS_HZ];

/// Frequency and length in samples of a prompt.
pub fn prompt_tone(id: &str) -> (f64, usize) {
    match id {
        "greet_hello" => (GREETING_HZ, 4_000),
        "recording_notice" => (NOTICE_HZ, 4_000),
        "opening_auto" => (OPENING_HZ, 4_000),
        _ => (OTHERS_HZ, 2_400),
    }
}

/// Patience in milliseconds, the length of a call in seconds: what a script says on top of its steps.
const QUICK: &str = "[timing]\nsilence_ms = 700\nnarrative_ms = 300\nanswer_ms = 300\npause_ms = 200\n\n";

/// 技术咨询 with one question of each kind that a conversation without a recogniser can take.
const SHORT: &str = r#"service_type = "技术咨询"
version = 1
[limits]
call_s = 60
hangup_wait_s = 1
[[steps]]
id = "greeting"
kind = "statement"
say = ["greet_hello"]
[[steps]]
id = "recording_notice"
kind = "statement"
say = ["recording_notice"]
[[steps]]
id = "opening"
kind = "statement"
say = ["opening_auto"]
[[steps]]
id = "identity"
kind = "identity"
[[steps]]
id = "consent"
kind = "consent"
say = ["consent_two_minutes"]
[[steps]]
id = "ask_consult_solved"
kind = "fact"
say = ["ask_consult_solved"]
[[steps]]
id = "sat_overall"
kind = "rating"
say = ["sat_overall"]
indicator = "服务综合"
hint = "sat_scale_hint"
[[steps]]
id = "closing"
kind = "closing"
say = ["closing_full"]
"#;

/// Writes programmes, scripts and prompts below `folder`; the models' folder stays empty.
pub fn write(folder: &Path) {
    let scripts = folder.join("programmes/scripts/excavator");
    fs::create_dir_all(&scripts).unwrap();
    fs::create_dir_all(folder.join("models")).unwrap();
    fs::copy(root().join("programmes/excavator.toml"), folder.join("programmes/excavator.toml")).unwrap();
    for entry in fs::read_dir(root().join("programmes/scripts/excavator")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let shipped = if name == "consultation.toml" { SHORT.into() } else { fs::read_to_string(&path).unwrap() };
        fs::write(scripts.join(name), shipped.replacen("[[steps]]", &format!("{QUICK}[[steps]]"), 1)).unwrap();
    }
    write_prompts(&folder.join("prompts"));
}

/// Adds a shipped programme with its scripts to those of a station.
pub fn add_programme(programmes: &Path, name: &str) {
    let (from, to) = (root().join("programmes"), programmes);
    fs::copy(from.join(format!("{name}.toml")), to.join(format!("{name}.toml"))).unwrap();
    fs::create_dir_all(to.join("scripts").join(name)).unwrap();
    for entry in fs::read_dir(from.join("scripts").join(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join("scripts").join(name).join(path.file_name().unwrap())).unwrap();
    }
}

fn write_prompts(folder: &Path) {
    let shipped = fs::read_to_string(root().join("prompts/manifest.tsv")).unwrap();
    let mut manifest = String::from("id\tseconds\ttext\n");
    for line in shipped.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let (hz, samples) = prompt_tone(columns[0]);
        manifest += &format!("{}\t{}\t{}\n", columns[0], samples as f64 / 8_000.0, columns[2]);
        let path = folder.join(format!("{}.wav", columns[0]));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        tone(hz, LEVEL, samples).into_iter().for_each(|s| writer.write_sample(s).unwrap());
        writer.finalize().unwrap();
    }
    fs::write(folder.join("manifest.tsv"), manifest).unwrap();
}

/// One that waits for its first call.
pub fn visit(id: &str, order_no: &str, sms_at: Timestamp) -> Visit {
    Visit {
        id: VisitId::new(id),
        order_no: OrderNo::new(order_no),
        programme: "excavator".into(),
        origin: Origin::default(),
        sms_at,
        clock_starts_at: sms_at,
        due_at: sms_at + SignedDuration::from_mins(30),
        deadline_at: sms_at + SignedDuration::from_hours(3),
        attempts: 0,
        first_attempt_at: None,
        escalated_at: None,
        late_cause: None,
        tries: BTreeMap::new(),
        redial_guard: None,
        caller_id: None,
        declined: vec![],
        state: VisitState::Waiting { not_before: sms_at, reason: WaitReason::New },
        version: 1,
    }
}
