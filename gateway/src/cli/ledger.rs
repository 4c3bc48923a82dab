//! `bursar ledger`: what waits for proof; corrections, freezes. Entries, never edits.

use std::path::Path;

use ::config::{Environment, RealEnvironment};
use clap::Subcommand;
use control::{Action, Done, Presumed};
use types::account::Subject;
use types::{Amounts, DecisionId, Money, Name, Scope};

use super::output::{CliError, Format, json, line, table};
use super::place;
use crate::house::{offline_act, offline_unreconciled};
use crate::reply::iso;

/// What waits for proof; corrections and freezes.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  bursar ledger unreconciled\n  bursar ledger resolve 01K… --actual 0.0123 --evidence 'invoice 7, line 3'\n  bursar ledger freeze agent:researcher"
)]
pub(super) enum LedgerCommand {
    /// Holds that were charged on silence and wait for proof.
    Unreconciled,
    /// Tell what a presumed hold did cost.
    Resolve {
        /// The hold.
        id: DecisionId,
        /// What it did cost, in dollars.
        #[arg(long)]
        actual: Money,
        /// The proof: an invoice line, a request id.
        #[arg(long)]
        evidence: String,
    },
    /// Add to what is posted on an account; a negative amount gives back.
    Adjust {
        /// The account, as `bursar spend --all` names it.
        account: String,
        /// Dollars to add.
        #[arg(long, allow_hyphen_values = true)]
        usd: Money,
        /// Why.
        #[arg(long)]
        evidence: String,
    },
    /// Stop a subject's requests at once.
    Freeze {
        /// `org:NAME`, `team:NAME`, `agent:NAME`, `vendor:NAME` or `model:VENDOR/NAME`.
        #[arg(value_parser = subject)]
        subject: Subject,
    },
    /// Let a subject's requests through again.
    Unfreeze {
        /// The subject, as for `freeze`.
        #[arg(value_parser = subject)]
        subject: Subject,
    },
}

fn subject(text: &str) -> Result<Subject, String> {
    let (scope, name) = text.split_once(':').ok_or("a subject is SCOPE:NAME, such as agent:researcher")?;
    let scope = Scope::ALL.into_iter().find(|known| known.word() == scope).ok_or_else(|| {
        let words: Vec<&str> = Scope::ALL.iter().map(|scope| scope.word()).collect();
        format!("{scope} is no scope; it is one of {}", words.join(", "))
    })?;
    if name.is_empty() {
        return Err("the name is empty".to_owned());
    }
    Ok(Subject { scope, name: Name::from(name) })
}

impl LedgerCommand {
    /// Does the command.
    ///
    /// # Errors
    /// What is wrong with the configuration, or why the ledger refused.
    pub(super) fn run(self, config: &Path, format: Format) -> Result<(), CliError> {
        let house = place::house(config)?;
        if let Self::Freeze { subject } = &self {
            warn_of_stranger(&house, subject)?;
        }
        let Some(action) = self.action() else { return unreconciled(&house, format) };
        let done = match place::owner(&house) {
            Some(client) => place::ask(async move { client.send::<Done>("/v1/actions", &action).await })?,
            None => offline_act(&house, action).map_err(CliError::failed)?,
        };
        if format == Format::Json { json(&done) } else { line(done.message) }
    }

    fn action(self) -> Option<Action> {
        let by =
            RealEnvironment.variable("USER").unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()));
        Some(match self {
            Self::Unreconciled => return None,
            Self::Resolve { id, actual, evidence } => Action::Resolve { id, actual, by, evidence },
            Self::Adjust { account, usd, evidence } => {
                let added = Amounts { usd, ..Amounts::ZERO };
                Action::Adjust { account: account.as_str().into(), added, by, evidence }
            }
            Self::Freeze { subject } => Action::Freeze { subject, by },
            Self::Unfreeze { subject } => Action::Unfreeze { subject, by },
        })
    }
}

/// A freeze of a name that nobody has stops nobody: most often it is a slip of the pen, and the danger goes on.
fn warn_of_stranger(house: &::config::House, subject: &Subject) -> Result<(), CliError> {
    let is_known = match subject.scope {
        Scope::Org => subject.name == house.org,
        Scope::Team => house.directory.teams().contains(&subject.name),
        Scope::Agent => house.directory.agent(&subject.name).is_some(),
        Scope::Vendor => house.routes.iter().any(|route| route.provider == subject.name),
        _ => true,
    };
    if is_known {
        return Ok(());
    }
    use std::io::Write;
    let told = writeln!(std::io::stderr().lock(), "bursar: warning: the configuration knows no {subject}");
    told.map_err(CliError::failed)
}

fn unreconciled(house: &::config::House, format: Format) -> Result<(), CliError> {
    let presumed = match place::owner(house) {
        Some(client) => place::ask(async move { client.view::<Vec<Presumed>>("/v1/unreconciled").await })?,
        None => offline_unreconciled(house).map_err(CliError::failed)?,
    };
    if format == Format::Json {
        return json(&presumed);
    }
    if presumed.is_empty() {
        return line("nothing waits for proof");
    }
    let rows = presumed.iter().map(|hold| {
        vec![
            hold.id.to_string(),
            iso(hold.at_ms),
            hold.vendor.to_string(),
            format!("${}", hold.amounts.usd),
            hold.why.to_string(),
        ]
    });
    table(&["hold", "since", "vendor", "presumed", "why"], rows)
}
