//! A transcript as text for people and players: WebVTT, SubRip, plain, and the contract's JSON.
//!
//! Pure. Times are seconds from the start of the recording; a cue is one segment. What a second engine heard is evidence
//! and stays in the JSON only.

use super::{Channel, Segment, Transcript};
use std::fmt::Write as _;

/// The contract's `transcribe --format` and `/calls/{id}/transcript.{ext}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    Json,
    Vtt,
    Srt,
    Txt,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Json, Self::Vtt, Self::Srt, Self::Txt];

    /// The name in the command line and the file's extension.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Vtt => "vtt",
            Self::Srt => "srt",
            Self::Txt => "txt",
        }
    }

    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Vtt => "text/vtt; charset=utf-8",
            Self::Srt => "application/x-subrip; charset=utf-8",
            Self::Txt => "text/plain; charset=utf-8",
        }
    }

    /// The whole file, ending in a line end.
    #[must_use]
    pub fn render(self, transcript: &Transcript) -> String {
        match self {
            Self::Json => json(transcript),
            Self::Vtt => vtt(transcript),
            Self::Srt => srt(transcript),
            Self::Txt => txt(transcript),
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|f| f.extension() == name);
        found.ok_or_else(|| format!("transcript format {name:?} is none of json, vtt, srt, txt"))
    }
}

/// Who speaks, as people read it.
#[must_use]
pub fn speaker(channel: Channel) -> &'static str {
    match channel {
        Channel::Agent => "客服",
        Channel::Customer => "客户",
    }
}

fn json(transcript: &Transcript) -> String {
    // A transcript holds strings and finite numbers: it always serialises.
    serde_json::to_string_pretty(transcript).unwrap_or_default() + "\n"
}

fn vtt(transcript: &Transcript) -> String {
    let mut out = String::from("WEBVTT\n");
    for s in &transcript.segments {
        let (start, end) = cue(s);
        let (who, text) = (speaker(s.channel), escape(&one_line(&s.text)));
        append(&mut out, format_args!("\n{} --> {}\n<v {who}>{text}\n", stamp(start, '.'), stamp(end, '.')));
    }
    out
}

fn srt(transcript: &Transcript) -> String {
    let mut out = String::new();
    for (i, s) in transcript.segments.iter().enumerate() {
        let (start, end) = cue(s);
        let blank = if i == 0 { "" } else { "\n" };
        let (who, text) = (speaker(s.channel), one_line(&s.text));
        let times = format!("{} --> {}", stamp(start, ','), stamp(end, ','));
        append(&mut out, format_args!("{blank}{}\n{times}\n{who}：{text}\n", i + 1));
    }
    out
}

fn txt(transcript: &Transcript) -> String {
    let mut out = String::new();
    for s in &transcript.segments {
        let seconds = cue(s).0 / 1000;
        let (who, text) = (speaker(s.channel), one_line(&s.text));
        append(&mut out, format_args!("[{:02}:{:02}] {who}：{text}\n", seconds / 60, seconds % 60));
    }
    out
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

/// Milliseconds; a cue of no length is not shown by players.
fn cue(s: &Segment) -> (u64, u64) {
    let start = millis(s.start);
    (start, millis(s.end).max(start + 1))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped at zero; a float saturates
fn millis(seconds: f64) -> u64 {
    (seconds.max(0.0) * 1000.0).round() as u64
}

/// `HH:MM:SS.mmm`, the fraction's mark differs between the two formats.
fn stamp(ms: u64, mark: char) -> String {
    format!("{:02}:{:02}:{:02}{mark}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What `WebVTT` would read as a tag or as the arrow of a cue.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Heard;

    fn sample() -> Transcript {
        let segment = |channel, start, end, text: &str| Segment {
            channel,
            start,
            end,
            text: text.into(),
            confidence: 0.5,
            also_heard: Vec::new(),
        };
        let mut customer = segment(Channel::Customer, 65.5, 67.25, "不满意。\n太慢");
        customer.also_heard.push(Heard { engine: "vosk".into(), text: "不满意太慢".into() });
        Transcript {
            segments: vec![
                segment(Channel::Agent, 0.0, 1.2, "您好！"),
                customer,
                segment(Channel::Customer, 3_661.001, 3_661.001, "a<b & -->"),
            ],
            engine: "whisper".into(),
            model: "ggml-base.bin".into(),
        }
    }

    fn check(format: Format, expected: &str) {
        assert_eq!(format.render(&sample()), expected, "{format:?}");
    }

    #[test]
    fn each_format_is_what_its_readers_expect() {
        check(Format::Txt, "[00:00] 客服：您好！\n[01:05] 客户：不满意。 太慢\n[61:01] 客户：a<b & -->\n");
        check(
            Format::Srt,
            "1\n00:00:00,000 --> 00:00:01,200\n客服：您好！\n\n2\n00:01:05,500 --> 00:01:07,250\n客户：不满意。 太慢\n\n\
             3\n01:01:01,001 --> 01:01:01,002\n客户：a<b & -->\n",
        );
        check(
            Format::Vtt,
            "WEBVTT\n\n00:00:00.000 --> 00:00:01.200\n<v 客服>您好！\n\n00:01:05.500 --> 00:01:07.250\n<v 客户>不满意。 太慢\n\n\
             01:01:01.001 --> 01:01:01.002\n<v 客户>a&lt;b &amp; --&gt;\n",
        );
    }

    #[test]
    fn json_reads_back_as_the_same_transcript_under_the_contracts_names() {
        let text = Format::Json.render(&sample());
        assert_eq!(serde_json::from_str::<Transcript>(&text).unwrap(), sample());
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["segments"][1]["channel"], "customer");
        assert_eq!(value["segments"][1]["start"], 65.5);
        assert_eq!(value["segments"][1]["also_heard"][0]["engine"], "vosk");
        assert_eq!(value["engine"], "whisper");
        assert_eq!(value["model"], "ggml-base.bin");
    }

    #[test]
    fn an_empty_transcript_is_a_valid_file() {
        let empty = Transcript { segments: vec![], engine: "whisper".into(), model: "m".into() };
        assert_eq!(Format::Vtt.render(&empty), "WEBVTT\n");
        assert_eq!(Format::Srt.render(&empty), "");
        assert_eq!(Format::Txt.render(&empty), "");
    }

    #[test]
    fn a_format_is_known_by_its_extension_only() {
        for format in Format::ALL {
            assert_eq!(format.extension().parse::<Format>().unwrap(), format);
        }
        assert_eq!("doc".parse::<Format>().unwrap_err(), "transcript format \"doc\" is none of json, vtt, srt, txt");
    }
}
