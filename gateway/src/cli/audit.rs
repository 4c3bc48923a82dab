//! `bursar audit`: verify, read and export the trail. Needs no running gateway and no trust in one.

use std::path::{Path, PathBuf};

use audit::Line;
use clap::Subcommand;
use types::Entry;

use super::output::{CliError, Format, UNPROVED, json, line};
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
                    None => {
                        let house = place::house(config)?;
                        (place::trail(&house), key.or_else(|| Some(house.data.join("trail.pub"))))
                    }
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
    let unproved = |error: audit::AuditError| CliError::new(UNPROVED, error);
    let key = key.map(|path| read(path).and_then(|text| audit::parse_key(&text).map_err(unproved))).transpose()?;
    let against = against
        .map(|path| read(path).and_then(|text| audit::Checkpoint::parse(&text).map_err(unproved)))
        .transpose()?;
    let report = audit::verify(dir, key.as_ref(), against.as_ref()).map_err(unproved)?;
    if format == Format::Json {
        return json(&report);
    }
    line(format!(
        "the trail holds: {} entries in {} segments, {} checkpoints, root {}",
        report.entries, report.segments, report.checkpoints, report.root
    ))
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|error| CliError::failed(format!("{}: {error}", path.display())))
}

fn tail(dir: &Path, count: usize, format: Format) -> Result<(), CliError> {
    let mut last = std::collections::VecDeque::with_capacity(count);
    for entry in audit::lines(dir, 1).map_err(CliError::failed)? {
        if last.len() == count {
            last.pop_front();
        }
        last.push_back(entry.map_err(CliError::failed)?);
    }
    print(last, format)
}

fn show(dir: &Path, id: types::DecisionId, format: Format) -> Result<(), CliError> {
    let mut about = Vec::new();
    for entry in audit::lines(dir, 1).map_err(CliError::failed)? {
        let entry = entry.map_err(CliError::failed)?;
        if entry.entry.id() == Some(id) {
            about.push(entry);
        }
    }
    if about.is_empty() {
        return Err(CliError::failed(format!("no entry is about {id}; refusals beyond ten a second are counted only")));
    }
    print(about, format)
}

fn print(lines: impl IntoIterator<Item = Line>, format: Format) -> Result<(), CliError> {
    for entry in lines {
        if format == Format::Json {
            let value =
                serde_json::json!({"seq": entry.seq.to_string(), "gateway": entry.gateway, "entry": entry.entry});
            line(value)?;
        } else {
            line(format!("{:>8}  {}  {}", entry.seq, iso(entry.entry.at_ms()), sentence(&entry.entry)))?;
        }
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

fn export(dir: &Path, from: u64, until: u64, to: Option<&Path>, proofs: bool) -> Result<(), CliError> {
    match to {
        Some(path) => {
            let file = std::fs::File::create(path)?;
            audit::export(dir, from..=until, proofs, &mut std::io::BufWriter::new(file)).map_err(CliError::failed)
        }
        None => audit::export(dir, from..=until, proofs, &mut std::io::stdout().lock()).map_err(CliError::failed),
    }
}
