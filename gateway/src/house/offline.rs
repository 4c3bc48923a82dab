//! The house without an owner: commands fold the trail to read, and own the directory for a moment to change.

use std::sync::Arc;

use audit::{Trail, TrailOptions};
use config::House;
use control::{Action, Done, Presumed};
use ledger::{Ledger, LedgerOptions};
use types::Balance;

use super::journal::TrailJournal;
use super::views::{limited, presumed};
use super::{DataDirectory, HouseError, rebuild, signer};
use crate::clock::now_ms;

/// Balances as the trail tells them. Holds that were open when the last owner died stand as presumed, as the next start
/// will write it.
///
/// # Errors
/// [`HouseError::Trail`] where the trail cannot be read.
pub fn offline_balances(house: &House) -> Result<Vec<Balance>, HouseError> {
    let folder = DataDirectory::trail(&house.data, &house.gateway);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut state = rebuild::fold(&folder, u64::MAX)?;
    let now_ms = now_ms();
    state.finish_restart(now_ms);
    Ok(limited(state.accounts(), house, now_ms))
}

/// What waits for proof, as the trail tells it; holds that were open when the last owner died are among them.
///
/// # Errors
/// [`HouseError::Trail`] where the trail cannot be read.
pub fn offline_unreconciled(house: &House) -> Result<Vec<Presumed>, HouseError> {
    let folder = DataDirectory::trail(&house.data, &house.gateway);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut state = rebuild::fold(&folder, u64::MAX)?;
    // What a start would presume is told now; it is written then.
    state.finish_restart(now_ms());
    Ok(state.unreconciled().into_iter().map(presumed).collect())
}

/// Owns the directory for one action: opens the trail, rebuilds, acts, and leaves.
///
/// # Errors
/// [`HouseError`] where the directory has an owner after all, or the action is refused.
pub fn offline_act(house: &House, action: Action) -> Result<Done, HouseError> {
    let _directory = DataDirectory::own(&house.data)?;
    let folder = DataDirectory::trail(&house.data, &house.gateway);
    let signer = signer(&house.data, &house.gateway)?;
    let options = TrailOptions::new(folder.clone(), house.gateway.clone());
    let (trail, _) = Trail::open(options, signer, Arc::new(now_ms))?;
    let trail = Arc::new(trail);
    let state = rebuild::rebuild(&trail, &folder, now_ms())?;
    let ledger = Ledger::start(Arc::new(TrailJournal(Arc::clone(&trail))), state, LedgerOptions::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|source| HouseError::System { what: "a runtime cannot be started".into(), source })?;
    let done = runtime.block_on(act(&ledger, action));
    ledger.close();
    trail.close();
    Ok(Done { message: done? })
}

/// What a person asked of the ledger; the answer tells what was done.
///
/// # Errors
/// The ledger's refusal.
pub(super) async fn act(ledger: &Ledger, action: Action) -> Result<String, HouseError> {
    let now_ms = now_ms();
    match action {
        Action::Adjust { account, added, by, evidence } => {
            ledger.adjust(account.clone(), added, &by, &evidence, now_ms).await?;
            Ok(format!("${} added to {account}", added.usd))
        }
        Action::Freeze { subject, by } => {
            ledger.freeze(subject.clone(), &by, now_ms).await?;
            Ok(format!("{subject} is frozen"))
        }
        Action::Unfreeze { subject, by } => {
            ledger.unfreeze(subject.clone(), &by, now_ms).await?;
            Ok(format!("{subject} is free again"))
        }
        Action::Resolve { id, actual, by, evidence } => {
            ledger.resolve(id, actual, &by, &evidence, now_ms).await?;
            Ok(format!("hold {id} did cost ${actual}"))
        }
        Action::Reload => Ok("no gateway is running; the next start reads the configuration".to_owned()),
    }
}
