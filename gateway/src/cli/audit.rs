//! `bursar audit`: verify, read and export the trail. Needs no running gateway and no trust in one.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use audit::Line;
use clap::Subcommand;
use control::visible;
use types::Entry;

use super::output::{CliError, Format, json, line};
use super::place;
use crate::reply::iso;

/// Verify, read and export the trail.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  bursar audit verify\n  bursar audit verify --against checkpoint-kept-elsewhere\n  bursar audit tail -n 20\n  bursar audit show 01K…\n  bursar audit export --from 1000 --to trail.ndjson"
)]
pub(super) enum Audit {
    /// Check every line, the chain, and every signed checkpoint.
    Verify {
        /// A checkpoint kept elsewhere: shows a trail that was cut short or rolled back.
        #[arg(long)]
        against: Option<PathBuf>,
        /// The folder of a trail; that of the configuration without it.
        #[arg(long)]
        dir: Option<PathBuf>,
        /// The public key the checkpoints must be signed with (a verifier line such as `trail.pub` holds).
        #[arg(long)]
        key: Option<PathBuf>,
    },
    /// The last entries.
    Tail {
        /// How many.
        #[arg(short = 'n', long, default_value_t = 10)]
        count: usize,
    },
    /// Every entry about one decision.
    Show {
        /// The decision id, as answers carry it in `bursar-decision-id`.
        id: types::DecisionId,
    },
    /// Write entries as they stand in the trail, one JSON line each.
    Export {
        /// The first entry.
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// The last entry; the end of the trail without it.
        #[arg(long)]
        until: Option<u64>,
        /// The file to write; standard output without it.
        #[arg(long)]
        to: Option<PathBuf>,
        /// Add the proof that each entry is covered by the newest checkpoint.
        #[arg(long)]
        proofs: bool,
    },
}

impl Audit {
    /// Does the command.
    ///
    /// # Errors
    /// Where the trail cannot be read, or does not hold: exit code 3.
    pub(super) fn run(self, config: &Path, format: Format) -> Result<(), CliError> {
        match self {
            Self::Verify { against, dir, key } => {
                let (dir, key) = match dir {
                    Some(dir) => (dir, key),
                    // Its key is the published one where none is named.
                    None => (place::trail(&place::house(config)?), key),
                };
                verify(&dir, key.as_deref(), against.as_deref(), format)
            }
            Self::Tail { count } => tail(&place::trail(&place::house(config)?), count, format),
            Self::Show { id } => show(&place::trail(&place::house(config)?), id, format),
            Self::Export { from, until, to, proofs } => {
                let dir = place::trail(&place::house(config)?);
                export(&dir, from, until.unwrap_or(u64::MAX), to.as_deref(), proofs)
            }
        }
    }
}

fn verify(dir: &Path, key: Option<&Path>, against: Option<&Path>, format: Format) -> Result<(), CliError> {
    let key = key.map(|path| read(path).and_then(|text| Ok(audit::parse_key(&text)?))).transpose()?;
    let against = against.map(|path| read(path).and_then(|text| Ok(audit::Checkpoint::parse(&text)?))).transpose()?;
    let report = audit::verify(dir, key.as_ref(), against.as_ref())?;
    if format == Format::Json {
        return json(&report);
    }
    line(format!(
        "the trail holds: entries {}, segments {}, checkpoints {}, root {}",
        report.entries, report.segments, report.checkpoints, report.root
    ))?;
    if !report.signed {
        line("no signed checkpoint was checked: this excludes accidents, not forgery")?;
    }
    if report.entries > report.covered_seq {
        line(format!("entries after {} are chained, and not covered by a checkpoint yet", report.covered_seq))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

fn tail(dir: &Path, count: usize, format: Format) -> Result<(), CliError> {
    let mut last = VecDeque::new();
    for entry in audit::lines(dir, tail_from(dir, count)?)? {
        last.push_back(entry?);
        if last.len() > count {
            last.pop_front();
        }
    }
    print(last, format)
}

/// Where to begin to read for the last entries: segments that are closed tell how many entries they hold.
fn tail_from(dir: &Path, count: usize) -> Result<u64, CliError> {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    let last_closed = audit::last_closed_seq(dir)?.unwrap_or(0);
    Ok((last_closed + 1).saturating_sub(count).max(1))
}

fn show(dir: &Path, id: types::DecisionId, format: Format) -> Result<(), CliError> {
    let mut about = Vec::new();
    for entry in audit::lines(dir, 1)? {
        let entry = entry?;
        if entry.entry.id() == Some(id) {
            about.push(entry);
        }
    }
    if about.is_empty() {
        return Err(CliError::failed(format!("no entry is about {id}; refusals beyond ten a second are counted only")));
    }
    print(about, format)
}

/// Entries, each in one line for people, or all as one array of JSON.
fn print(lines: impl IntoIterator<Item = Line>, format: Format) -> Result<(), CliError> {
    if format == Format::Json {
        let told = lines
            .into_iter()
            .map(|line| serde_json::json!({"seq": line.seq.to_string(), "gateway": line.gateway, "entry": line.entry}));
        return json(&told.collect::<Vec<_>>());
    }
    for entry in lines {
        let text = sentence(&entry.entry);
        line(format!("{:>8}  {}  {}", entry.seq, iso(entry.entry.at_ms()), visible(&text)))?;
    }
    Ok(())
}

/// An entry in one line for people.
fn sentence(entry: &Entry) -> String {
    match entry {
        Entry::Admit(admit) => format!(
            "admit    {}  {} -> {} {}  holds ${}  by {}",
            admit.id,
            admit.caller.agent,
            admit.request.route,
            admit.request.model,
            admit.granted.usd,
            admit.proof.decided_by
        ),
        Entry::Outcome(outcome) => format!(
            "outcome  {}  {} ({})  ${}  {} in, {} out, status {}",
            outcome.id,
            outcome.charge.certainty.word(),
            outcome.end,
            outcome.charge.amounts.usd,
            outcome.usage.input_total(),
            outcome.usage.output,
            outcome.status
        ),
        Entry::Refuse(refuse) => {
            let agent = refuse.caller.as_ref().map_or("-", |caller| &*caller.agent);
            format!("refuse   {}  {agent}  {} (x{})", refuse.id, refuse.reason.code(), refuse.count)
        }
        Entry::Presume(presume) => format!("presume  {}  {}", presume.id, presume.why),
        Entry::Release(release) => format!("release  {}  {}", release.id, release.why),
        Entry::Resolve(resolve) => format!("resolve  {}  ${} by {}", resolve.id, resolve.actual, resolve.by),
        Entry::Adjust(adjust) => format!("adjust   {}  ${} by {}", adjust.account, adjust.added.usd, adjust.by),
        Entry::Freeze(freeze) => {
            format!("{} {} by {}", if freeze.frozen { "freeze  " } else { "unfreeze" }, freeze.subject, freeze.by)
        }
        Entry::Start(start) => format!("start    bursar {} policy {}", start.program, start.policy),
        Entry::Stop(_) => "stop".to_owned(),
        Entry::Torn(torn) => format!("torn     {} bytes went to {}", torn.bytes, torn.file),
        Entry::Snapshot(snapshot) => format!("snapshot up to entry {}", snapshot.folded_seq),
        _ => "another entry".to_owned(),
    }
}

/// Writes to a draft beside the file, so that a failure leaves neither half an export nor less than was there before.
fn export(dir: &Path, from: u64, until: u64, to: Option<&Path>, proofs: bool) -> Result<(), CliError> {
    let Some(path) = to else {
        return Ok(audit::export(dir, from..=until, proofs, &mut std::io::stdout().lock())?);
    };
    let mut draft = path.as_os_str().to_owned();
    draft.push(".part");
    let failed = |error: std::io::Error| CliError::failed(format!("{}: {error}", path.display()));
    let mut writer = std::io::BufWriter::new(std::fs::File::create(&draft).map_err(failed)?);
    let written = audit::export(dir, from..=until, proofs, &mut writer);
    drop(writer);
    if let Err(error) = written {
        // What is left of the draft is nobody's export.
        let _ = std::fs::remove_file(&draft);
        return Err(error.into());
    }
    std::fs::rename(&draft, path).map_err(failed)
}
