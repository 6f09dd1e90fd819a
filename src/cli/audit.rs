//! `huifang audit`: dialogues in, scores, facts and conduct out, JSON Lines.

use super::jsonl;
use crate::domain::audit::{DialogueRequest, audit_dialogue};
use crate::domain::score::Rubric;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// Keyword table; the built-in one when left out.
    #[arg(long, value_name = "FILE.toml")]
    rubric: Option<PathBuf>,
}

/// Reads dialogues from standard input until its end.
///
/// # Errors
/// A rubric that cannot be read, broken pipes, and at the end the number of bad lines (all others were answered).
pub fn run(args: AuditArgs) -> anyhow::Result<()> {
    let own = args.rubric.as_deref().map(jsonl::read_rubric).transpose()?;
    let rubric = own.as_ref().unwrap_or_else(|| Rubric::builtin());
    jsonl::answer_lines(std::io::stdin().lock(), std::io::stdout().lock(), |r: DialogueRequest| {
        audit_dialogue(rubric, &r)
    })
}
