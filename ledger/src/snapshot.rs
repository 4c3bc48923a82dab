//! A fold as bytes: versioned, canonical, checked.
//!
//! Layout, integers big-endian, texts and lists behind a 32-bit length, options behind a byte 0 or 1: the magic line,
//! the latest time, the time of the last pruning, frozen subjects, accounts in ascending order, records; at the end the
//! FNV-1a 64 sum of all before it (against accidents: who wrote it is told by the trail entry that names its SHA-256).

mod wire;

use types::account::Subject;
use types::{AccountName, Amounts, DecisionId, Limits, Measure, Money, Name, Scope};

use crate::error::LedgerError;
use crate::state::{About, AccountIndex, Asked, Core, Known, Parts, Record, State};
use wire::{Reader, Writer};

/// The first bytes of every snapshot; the number is the version of the layout.
const MAGIC: &[u8] = b"bursar ledger snapshot 1\n";

/// The state as bytes.
pub(crate) fn encode(core: &Core) -> Vec<u8> {
    let parts = core.parts();
    let mut writer = Writer::new(MAGIC);
    writer.u64(parts.clock_ms);
    writer.u64(parts.pruned_ms);
    writer.list(&parts.frozen, |writer, subject| {
        writer.text(subject.scope.word());
        writer.text(&subject.name);
    });
    writer.list(&parts.accounts, |writer, account| {
        writer.text(account.name.as_str());
        write_amounts(writer, &account.posted);
        for measure in Measure::ALL {
            writer.option(account.limits.of(measure), Writer::i64);
        }
        writer.option(account.resets_ms, Writer::u64);
    });
    writer.list(&parts.records, write_record);
    writer.finish()
}

/// The state from bytes.
///
/// # Errors
/// [`LedgerError::SnapshotVersion`], [`LedgerError::SnapshotDamaged`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Core, LedgerError> {
    let mut reader = Reader::open(bytes, MAGIC)?;
    let clock_ms = reader.u64()?;
    let pruned_ms = reader.u64()?;
    let frozen = reader.list(|reader| {
        let scope = read_scope(reader)?;
        Ok(Subject { scope, name: reader.name()? })
    })?;
    let accounts = reader.list(|reader| {
        let name = AccountName(reader.name()?);
        let posted = read_amounts(reader)?;
        let mut limits = Limits::NONE;
        for measure in Measure::ALL {
            if let Some(limit) = reader.option(Reader::i64)? {
                limits = limits.tightened(measure, limit);
            }
        }
        Ok(Known { name, posted, limits, resets_ms: reader.option(Reader::u64)? })
    })?;
    let records = reader.list(read_record)?;
    let end = reader.end()?;
    let parts = Parts { clock_ms, pruned_ms, frozen, accounts, records };
    Core::restore(parts).ok_or(LedgerError::SnapshotDamaged { at: end })
}

fn read_scope(reader: &mut Reader<'_>) -> Result<Scope, LedgerError> {
    let damage = reader.damage();
    let word = reader.name()?;
    Scope::ALL.into_iter().find(|scope| scope.word() == &*word).ok_or(damage)
}

fn write_amounts(writer: &mut Writer, amounts: &Amounts) {
    writer.i64(amounts.requests);
    writer.i64(amounts.tokens);
    writer.i64(amounts.usd.nanos());
}

fn read_amounts(reader: &mut Reader<'_>) -> Result<Amounts, LedgerError> {
    Ok(Amounts { requests: reader.i64()?, tokens: reader.i64()?, usd: Money::from_nanos(reader.i64()?) })
}

fn write_record(writer: &mut Writer, record: &Record) {
    writer.u128(record.id.as_u128());
    writer.list(&record.accounts, |writer, index| writer.u32(index.place()));
    write_amounts(writer, &record.granted);
    writer.text(&record.vendor);
    writer.option(record.about.as_ref(), |writer, about| {
        writer.text(&about.agent);
        writer.text(&about.model);
    });
    writer.u64(record.expires_ms);
    writer.u64(record.since_ms);
    match &record.state {
        State::Reserved(_) => writer.u8(0),
        State::Admitted(_) => writer.u8(1),
        State::Presumed { posted, presumed, told, why } => {
            writer.u8(2);
            write_amounts(writer, posted);
            write_amounts(writer, presumed);
            writer.u8(u8::from(*told));
            writer.text(why);
        }
        State::Settled { posted, overrun } => {
            writer.u8(3);
            write_amounts(writer, posted);
            writer.u8(u8::from(*overrun));
        }
        State::Released { admitted } => {
            writer.u8(4);
            writer.u8(u8::from(*admitted));
        }
    }
}

fn read_record(reader: &mut Reader<'_>) -> Result<Record, LedgerError> {
    let id = DecisionId::from_u128(reader.u128()?);
    let accounts = reader.list(|reader| Ok(AccountIndex::new(reader.u32()?)))?;
    let granted = read_amounts(reader)?;
    let vendor: Name = reader.name()?;
    let about = reader.option(|reader| Ok(About { agent: reader.name()?, model: reader.name()? }))?;
    Ok(Record {
        id,
        accounts: accounts.into(),
        granted,
        vendor,
        about,
        expires_ms: reader.u64()?,
        since_ms: reader.u64()?,
        handles: 0,
        state: read_state(reader, granted)?,
    })
}

fn read_state(reader: &mut Reader<'_>, granted: Amounts) -> Result<State, LedgerError> {
    let damage = reader.damage();
    // Asked for by a process that is gone: no repetition of its reservation can come.
    let asked = Asked { amount: granted, floor: granted };
    Ok(match reader.u8()? {
        0 => State::Reserved(asked),
        1 => State::Admitted(asked),
        2 => State::Presumed {
            posted: read_amounts(reader)?,
            presumed: read_amounts(reader)?,
            told: reader.flag()?,
            why: reader.name()?,
        },
        3 => State::Settled { posted: read_amounts(reader)?, overrun: reader.flag()? },
        4 => State::Released { admitted: reader.flag()? },
        _ => return Err(damage),
    })
}
