//! The file as written becomes the house as checked. Everything that is wrong is collected and told at once.

mod limits;
mod lists;
mod people;
mod prices;
mod routes;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use policy::{Policy, PolicyParts, Zone};
use types::Name;

use crate::cause::Cause;
use crate::error::ConfigError;
use crate::house::{Caps, House, Listeners, Mode, Unlisted, UpstreamOptions};
use crate::reader::Reader;
use crate::source::Source;
use crate::version::version_of;
use crate::written::{self, At, Count, Scalar};

const DEFAULT_PROXY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4000);
const DEFAULT_DATA: &str = "bursar-data";
const DEFAULT_GATEWAY: &str = "gw-1";
pub(crate) const DEFAULT_AGENTS_FOLDER: &str = "agents.d";

/// What was read: the main file, and the agents with a file each.
pub(crate) struct Read<'a> {
    pub(crate) main: &'a Source,
    pub(crate) file: &'a written::File,
    pub(crate) agents: &'a [(Source, written::Agent)],
    /// The folder of the agents' files.
    pub(crate) agents_folder: PathBuf,
}

/// Checks everything.
pub(crate) fn check(read: &Read<'_>, mut reader: Reader<'_>) -> Result<House, ConfigError> {
    let (main, file) = (read.main, read.file);
    reader.read(main, &file.version);
    let org = reader.read(main, &file.org).map_or_else(|| Name::from("-"), |name| name.0);
    let zone = reader.read_or(main, file.timezone.as_ref(), Zone::utc());
    let mode = reader.read_or(main, file.mode.as_ref(), Mode::Enforce);
    let unlisted = reader.read_or(main, file.unlisted.as_ref(), Unlisted::Deny);
    let contact = file.contact.as_ref().and_then(|contact| reader.read(main, contact));
    let data = reader.read_or(main, file.data.as_ref(), PathBuf::from(DEFAULT_DATA));
    let gateway = file.gateway.id.as_ref().and_then(|id| reader.read(main, id));
    let listeners = listeners(&mut reader, main, &file.listeners);
    let upstream = upstream(&mut reader, main, &file.upstream);
    let caps = caps(&mut reader, main, &file.caps);

    let people = people::people(&mut reader, main, file, read.agents);
    let book = prices::book(&mut reader, main, &file.prices);
    // Without prices nothing below can be judged.
    let Some(book) = book else {
        return Err(reader.into_error());
    };
    let routes = routes::routes(&mut reader, main, &file.routes, &book, &caps);
    let limits =
        limits::limits(&mut reader, main, &file.limits, &limits::Known { org: &org, people: &people, book: &book });
    let mut lists = people.lists;
    lists.extend(lists::of_level(&mut reader, main, &policy::Level::Org, file.vendors.as_ref(), file.models.as_ref()));
    lists.extend(routes.lists);
    lists::check_names(&mut reader, &lists, &book);
    reader.verdict()?;

    let parts = PolicyParts {
        zone,
        limits,
        lists: lists.into_iter().map(|placed| placed.list).collect(),
        contact: contact.clone(),
    };
    let policy =
        Policy::new(parts).map_err(|error| ConfigError::Faults(vec![main.fault_of_all(Cause::Policy(error))]))?;
    let sources: Vec<&Source> = std::iter::once(main).chain(read.agents.iter().map(|(source, _)| source)).collect();
    Ok(House {
        version: version_of(&sources, book.version(), &reader.resolved),
        org,
        mode,
        contact,
        // Without the dots, so that one folder has one name.
        data: reader.folder.join(data).components().collect(),
        gateway: gateway.map_or_else(|| Name::from(DEFAULT_GATEWAY), |name| name.0),
        listeners,
        directory: people.directory,
        routes: routes.table,
        policy,
        prices: book,
        upstream,
        caps,
        unlisted,
        agents_folder: read.agents_folder.clone(),
        warnings: reader.warnings,
        files: files(&sources, reader.files, &read.agents_folder),
    })
}

fn listeners(reader: &mut Reader<'_>, main: &Source, written: &written::Listeners) -> Listeners {
    let proxy = written.proxy.as_ref().map_or_else(|| vec![DEFAULT_PROXY], |all| reader.read_all(main, all));
    let operator = written.operator.as_ref().and_then(|address| reader.read(main, address));
    let is_taken = |address: &SocketAddr| address.port() != 0 && proxy.contains(address);
    if let (Some(address), Some(scalar)) = (operator.filter(is_taken), &written.operator) {
        let first = written.proxy.iter().flatten().next().map_or(At::default(), |scalar| scalar.at);
        let first = main.place(first);
        reader.fault(main, scalar.at, Cause::Twice { what: "listener", name: address.to_string(), first });
    }
    if let (Some(address), Some(scalar)) = (operator.filter(|address| !address.ip().is_loopback()), &written.operator) {
        let place = main.place(scalar.at);
        reader.warnings.push(format!("{place}: {address} can be reached from outside; keep agents away from it"));
    }
    Listeners { proxy, operator }
}

fn upstream(reader: &mut Reader<'_>, main: &Source, written: &written::UpstreamOptions) -> UpstreamOptions {
    let ca_files = written.ca_files.iter().filter_map(|scalar| {
        let path: PathBuf = reader.read(main, scalar)?;
        reader.file(main, scalar.at, &path)?;
        Some(reader.folder.join(path))
    });
    UpstreamOptions {
        ca_files: ca_files.collect(),
        allow_addresses: reader.read_all(main, &written.allow_addresses),
        connect_timeout_ms: count(reader, main, written.connect_timeout_ms.as_ref(), 10_000),
        head_timeout_ms: count(reader, main, written.head_timeout_ms.as_ref(), 600_000),
        idle_timeout_ms: count(reader, main, written.idle_timeout_ms.as_ref(), 300_000),
    }
}

fn caps(reader: &mut Reader<'_>, main: &Source, written: &written::Caps) -> Caps {
    Caps {
        body_bytes: count(reader, main, written.body_bytes.as_ref(), 32 << 20),
        body_budget_bytes: count(reader, main, written.body_budget_bytes.as_ref(), 256 << 20),
        head_bytes: size(count(reader, main, written.head_bytes.as_ref(), 64 << 10)),
        in_flight: size(count(reader, main, written.in_flight.as_ref(), 8_192)),
        connections: size(count(reader, main, written.connections.as_ref(), 16_384)),
        drains: size(count(reader, main, written.drains.as_ref(), 256)),
        drain_ms: count(reader, main, written.drain_ms.as_ref(), 25_000),
    }
}

/// A whole number, or its default.
pub(crate) fn count<const LEAST: u64, const MOST: u64>(
    reader: &mut Reader<'_>,
    source: &Source,
    scalar: Option<&Scalar<Count<LEAST, MOST>>>,
    default: u64,
) -> u64 {
    reader.read_or(source, scalar, Count(default)).0
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// Everything that a change of which makes another house.
fn files(sources: &[&Source], named: Vec<PathBuf>, agents_folder: &std::path::Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = sources.iter().map(|source| source.file.clone()).chain(named).collect();
    if agents_folder.is_dir() {
        files.push(agents_folder.to_path_buf());
    }
    files.sort();
    files.dedup();
    files
}
