//! `bursar ca`: the certificate authority that intercepted programs must trust.

use std::path::{Path, PathBuf};

use certs::Authority;
use clap::Subcommand;
use serde::Serialize;

use super::output::{CliError, Format, json, line};
use super::place;
use crate::clock::now_ms;
use crate::reply::iso;

/// Show, export and bundle the certificate authority.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  bursar ca show\n  bursar ca export > bursar-ca.pem\n  bursar ca bundle --to roots.pem"
)]
pub(super) enum Ca {
    /// Its fingerprint, its end, and where it stands.
    Show,
    /// Print its certificate (PEM), to be added to a trust store.
    Export,
    /// Write the system's roots and ours into one file, for programs that take one file only.
    Bundle {
        /// The file to write; standard output without it.
        #[arg(long)]
        to: Option<PathBuf>,
    },
}

#[derive(Serialize)]
struct Shown {
    certificate: PathBuf,
    fingerprint_sha256: String,
    not_after: String,
}

#[derive(Serialize)]
struct Pem<'a> {
    pem: &'a str,
}

#[derive(Serialize)]
struct Written<'a> {
    file: &'a Path,
}

fn pem(pem: &str, format: Format) -> Result<(), CliError> {
    if format == Format::Json { json(&Pem { pem }) } else { line(pem.trim_end()) }
}

impl Ca {
    /// Does the command; makes the authority where there is none yet.
    ///
    /// # Errors
    /// What is wrong with the configuration or the authority's files.
    pub(super) fn run(&self, path: &Path, format: Format) -> Result<(), CliError> {
        let house = place::house(path)?;
        let authority = Authority::open_or_create(&house.data, now_ms()).map_err(CliError::failed)?;
        match self {
            Self::Show => show(&house.data, &authority, format),
            Self::Export => pem(authority.certificate_pem(), format),
            Self::Bundle { to: Some(to) } => {
                authority.write_bundle(to).map_err(CliError::failed)?;
                if format == Format::Json { json(&Written { file: to }) } else { Ok(()) }
            }
            Self::Bundle { to: None } => pem(&authority.bundle_pem(&[]).map_err(CliError::failed)?, format),
        }
    }
}

fn show(data: &Path, authority: &Authority, format: Format) -> Result<(), CliError> {
    let shown = Shown {
        certificate: data.join("ca.pem"),
        fingerprint_sha256: authority.fingerprint(),
        not_after: iso(authority.not_after_ms()),
    };
    if format == Format::Json {
        return json(&shown);
    }
    line(format!("certificate  {}", shown.certificate.display()))?;
    line(format!("SHA-256      {}", shown.fingerprint_sha256))?;
    line(format!("valid until  {}", shown.not_after))
}
