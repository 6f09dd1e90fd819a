//! JSON Lines in, JSON Lines out: one answer for every line, in order.
//!
//! Contract: a bad line gets an error object in its place on the output and one line on standard error that names its number; the other
//! lines are still answered; the whole then fails, so that the exit status says so.

use crate::domain::score::Rubric;
use anyhow::Context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead, Write};
use std::path::Path;

/// Longest line that is read, bytes.
const MAX_LINE: usize = 4 << 20;

/// Reads and compiles a keyword table.
pub(super) fn read_rubric(path: &Path) -> anyhow::Result<Rubric> {
    let source = std::fs::read_to_string(path).with_context(|| format!("rubric {} cannot be read", path.display()))?;
    Rubric::parse(&source).with_context(|| format!("rubric {}", path.display()))
}

/// Answers every line of `input` with a line of `output`.
pub fn answer_lines<In: DeserializeOwned, Out: Serialize>(
    input: impl BufRead,
    mut output: impl Write,
    mut answer: impl FnMut(In) -> Out,
) -> anyhow::Result<()> {
    let mut bad = 0usize;
    for (at, line) in input.split(b'\n').enumerate() {
        let line = line.with_context(|| format!("line {}: cannot be read", at + 1))?;
        let reply = match parse_line(&line) {
            Ok(None) => continue,
            Ok(Some(request)) => serde_json::to_string(&answer(request))?,
            Err(detail) => {
                bad += 1;
                eprintln!("line {}: {detail}", at + 1);
                error_object(&line, at + 1, &detail)
            }
        };
        writeln!(output, "{reply}")?;
    }
    output.flush()?;
    anyhow::ensure!(bad == 0, "{bad} bad line{}", if bad == 1 { "" } else { "s" });
    Ok(())
}

/// `None` for an empty line.
fn parse_line<In: DeserializeOwned>(line: &[u8]) -> Result<Option<In>, String> {
    if line.len() > MAX_LINE {
        return Err(format!("longer than {MAX_LINE} bytes"));
    }
    let text = std::str::from_utf8(line).map_err(|_| "not UTF-8".to_string())?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|e| e.to_string())
}

fn error_object(line: &[u8], number: usize, detail: &str) -> String {
    let readable: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    let id = readable.as_ref().and_then(|v| v.get("id")).cloned();
    serde_json::json!({ "id": id, "error": detail, "line": number }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_line_is_answered_in_its_place_and_the_others_still_are() {
        let input = "{\"n\":1}\nnot json\n\n{\"id\":\"x\",\"m\":2}\n{\"n\":3}\n";
        #[derive(serde::Deserialize)]
        struct In {
            n: u32,
        }
        let mut out = Vec::new();
        let end = answer_lines(input.as_bytes(), &mut out, |i: In| i.n * 10);
        assert_eq!(end.unwrap_err().to_string(), "2 bad lines");
        let lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_string).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((lines[0].as_str(), lines[3].as_str()), ("10", "30"));
        assert!(lines[1].contains("\"line\":2") && lines[2].contains("\"id\":\"x\""));
    }
}
