//! The files as written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use http::HeaderName;
use plugins::{Clamp, GuardOptions};
use policy::{Pattern, Zone};
use schemars::JsonSchema;
use serde::Deserialize;
use types::{Money, Scope, Secret, Window};

use super::credentials::Credentials;
use super::kinds::{Count, FormVersion, KeyId, OwnName, Prefix, Price, Sha256Hex};
use super::scalar::{Placed, Scalar};
use crate::address::AddressRange;
use crate::endpoint::Endpoint;
use crate::host::Host;
use crate::house::{Mode, Unlisted};
use crate::routes::Upstream;

/// The most of anything that is counted; what accounts can hold.
const COUNT_MAX: u64 = 1 << 60;
/// An amount of calls or tokens.
pub(crate) type Amount = Count<0, COUNT_MAX>;
const HOUR_MS: u64 = 3_600_000;
const GIB: u64 = 1 << 30;

/// The configuration of Bursar, `bursar.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "bursar.yaml")]
pub(crate) struct File {
    /// The version of this file's form.
    pub(crate) version: Scalar<FormVersion>,
    /// The organisation, as accounts name it.
    pub(crate) org: Scalar<OwnName>,
    /// Whom an agent's person may ask; stands in refusals.
    pub(crate) contact: Option<Scalar<String>>,
    /// The IANA time zone in which days begin. Default: UTC.
    pub(crate) timezone: Option<Scalar<Zone>>,
    /// `enforce` (default), or `observe`: decide and record everything, block nothing.
    pub(crate) mode: Option<Scalar<Mode>>,
    /// The data directory, seen from this file. Default: bursar-data.
    pub(crate) data: Option<Scalar<PathBuf>>,
    /// This gateway.
    #[serde(default)]
    pub(crate) gateway: Gateway,
    /// Where the gateway listens.
    #[serde(default)]
    pub(crate) listeners: Listeners,
    /// Teams of agents.
    #[serde(default)]
    pub(crate) teams: Vec<Team>,
    /// Agents; more of them stand in `agents.d`, one file each.
    #[serde(default)]
    pub(crate) agents: Vec<Agent>,
    /// The folder of agents with a file each, seen from this file. Default: agents.d.
    pub(crate) agents_dir: Option<Scalar<PathBuf>>,
    /// Ceilings, in dollars, calls and tokens.
    #[serde(default)]
    pub(crate) limits: Vec<Limit>,
    /// Which vendors the organisation's agents may reach.
    pub(crate) vendors: Option<List>,
    /// Which models they may call.
    pub(crate) models: Option<List>,
    /// Where requests may go. What no route names is refused.
    #[serde(default)]
    pub(crate) routes: Vec<Route>,
    /// Prices beside those that ship.
    #[serde(default)]
    pub(crate) prices: Prices,
    /// How vendors are reached.
    #[serde(default)]
    pub(crate) upstream: UpstreamOptions,
    /// Ceilings on memory and on what happens at once.
    #[serde(default)]
    pub(crate) caps: Caps,
    /// Hosts that no route names, reached as a proxy: `deny` (default), or `tunnel`: passed on unread and counted as
    /// ungoverned.
    pub(crate) unlisted: Option<Scalar<Unlisted>>,
}

/// This gateway.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gateway {
    /// Its id, the name of its trail. Default: gw-1.
    pub(crate) id: Option<Scalar<OwnName>>,
}

/// Where the gateway listens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listeners {
    /// For agents. Default: 127.0.0.1:4000.
    pub(crate) proxy: Option<Vec<Scalar<SocketAddr>>>,
    /// For the operator's page, probes and metrics; agents must not reach it. Default: nowhere.
    pub(crate) operator: Option<Scalar<SocketAddr>>,
}

/// A team of agents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Team {
    /// Its name.
    pub(crate) name: Scalar<OwnName>,
    /// Which vendors it may reach.
    pub(crate) vendors: Option<List>,
    /// Which models it may call.
    pub(crate) models: Option<List>,
}

/// An agent; also the form of a file in `agents.d`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    /// Its name.
    pub(crate) name: Scalar<OwnName>,
    /// Its team.
    pub(crate) team: Option<Scalar<OwnName>>,
    /// Its keys; `bursar agents add` makes one.
    #[serde(default)]
    pub(crate) keys: Vec<Key>,
    /// Ceilings of its own; `limits` of the main file hold beside them.
    #[serde(default)]
    pub(crate) limits: Vec<OwnLimit>,
    /// Which vendors it may reach.
    pub(crate) vendors: Option<List>,
    /// Which models it may call.
    pub(crate) models: Option<List>,
}

/// A key as it is kept: never the key itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    /// The eight characters after `bk_`.
    pub(crate) id: Scalar<KeyId>,
    /// The SHA-256 of the whole key, in hex.
    pub(crate) sha256: Scalar<Sha256Hex>,
    /// No longer taken. Default: false.
    pub(crate) revoked: Option<Scalar<bool>>,
}

/// A list of names; `*` stands for any run of characters. Lists of several levels intersect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    /// What is allowed, and nothing else.
    pub(crate) allow: Option<Vec<Scalar<Pattern>>>,
    /// What is denied, whatever any list allows.
    #[serde(default)]
    pub(crate) deny: Vec<Scalar<Pattern>>,
}

/// A ceiling. The tightest of all that apply counts; 0 refuses all.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limit {
    /// What it is about.
    pub(crate) scope: Scalar<Scope>,
    /// Whose it is; without a name it holds for each one by itself. A session is `agent/session`, a model
    /// `vendor/model`.
    pub(crate) name: Option<Scalar<String>>,
    /// Over which time; `transaction` is one call by itself.
    pub(crate) window: Scalar<Window>,
    /// Dollars, exact to the nano-dollar.
    pub(crate) usd: Option<Scalar<Money>>,
    /// Calls.
    pub(crate) requests: Option<Scalar<Amount>>,
    /// Tokens, input and output together.
    pub(crate) tokens: Option<Scalar<Amount>>,
}

/// A ceiling of the agent it stands with.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnLimit {
    /// Over which time; `transaction` is one call by itself.
    pub(crate) window: Scalar<Window>,
    /// Dollars, exact to the nano-dollar.
    pub(crate) usd: Option<Scalar<Money>>,
    /// Calls.
    pub(crate) requests: Option<Scalar<Amount>>,
    /// Tokens, input and output together.
    pub(crate) tokens: Option<Scalar<Amount>>,
}

/// A way to one vendor. What a preset says need not be said again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// A vendor that is known already: `openai`, `anthropic`, ...
    pub(crate) preset: Option<Scalar<String>>,
    /// Its name. Default: that of the preset.
    pub(crate) name: Option<Scalar<OwnName>>,
    /// The hosts that it stands for when it is reached as a proxy.
    pub(crate) hosts: Option<Vec<Scalar<Host>>>,
    /// The prefix that it stands for when it is reached as a base URL, such as `/openai`.
    pub(crate) prefix: Option<Scalar<Prefix>>,
    /// Where it leads instead of to the host that was asked for: `https://host[:port]`.
    pub(crate) upstream: Option<Scalar<Upstream>>,
    /// The vendor, as the price book names it.
    pub(crate) provider: Option<Scalar<String>>,
    /// The meters that read its endpoints.
    pub(crate) meters: Option<Vec<Scalar<String>>>,
    /// Endpoints that cost nothing: `GET /v1/models/*`.
    pub(crate) free: Option<Vec<Scalar<Endpoint>>>,
    /// On whose key its requests go.
    pub(crate) credentials: Option<Placed<Credentials>>,
    /// Which models may be called through it.
    pub(crate) models: Option<List>,
    /// Guards, each with its own options. They run in their own order, whatever the order here.
    #[serde(default)]
    pub(crate) guards: Vec<Placed<GuardOptions>>,
    /// Whether an output bound that the client named may be lowered to what the budget pays for. Default: never.
    pub(crate) clamp: Option<Scalar<Clamp>>,
    /// The least output, in tokens, worth inserting as a bound where the client named none. Default: 1024.
    pub(crate) output_floor: Option<Scalar<Count<1, 1_048_576>>>,
    /// The largest request body, in bytes. Default: that of `caps`.
    pub(crate) body_bytes: Option<Scalar<Count<1, GIB>>>,
    /// Whether the header `bursar-user` names the person the agent works for. Default: false.
    pub(crate) trust_user_header: Option<Scalar<bool>>,
}

/// A provider key, and the header that carries it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Injected {
    /// The key: `${env:NAME}` or `${file:/path}`. Where it is missing, the route answers 503, and nothing else stops.
    pub(crate) value: Scalar<Secret>,
    /// The header. Default: that of the preset, else authorization.
    pub(crate) header: Option<Scalar<HeaderName>>,
    /// The word before the key; an empty one for none. Default: that of the preset, else Bearer for authorization.
    pub(crate) scheme: Option<Scalar<String>>,
}

/// Prices beside those that ship.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    /// Price files in the form of those that ship; one for a provider that ships takes its place.
    #[serde(default)]
    pub(crate) files: Vec<Scalar<PathBuf>>,
    /// Models with a price of your own, such as those that you host or have a contract for.
    #[serde(default)]
    pub(crate) models: Vec<PricedModel>,
}

/// A model with a price of your own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PricedModel {
    /// The vendor; one that ships, or a new one.
    pub(crate) provider: Scalar<OwnName>,
    /// The model as requests name it.
    pub(crate) model: Scalar<String>,
    /// Dollars for a million tokens by kind: `input`, `output`, `cache_read`, `cache_write`, `cache_write_1h`.
    pub(crate) usd_per_1m: BTreeMap<PriceKind, Scalar<Price>>,
    /// Its context window, in tokens.
    pub(crate) context: Option<Scalar<Count<1, COUNT_MAX>>>,
    /// Its most output, in tokens.
    pub(crate) max_output: Option<Scalar<Count<1, COUNT_MAX>>>,
}

/// A kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PriceKind {
    /// Input, uncached.
    Input,
    /// Output, reasoning included.
    Output,
    /// Input read from a cache.
    CacheRead,
    /// Input written to a cache.
    CacheWrite,
    /// Input written to a cache for an hour.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
}

/// How vendors are reached.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpstreamOptions {
    /// PEM files of authorities to trust beside the public ones.
    #[serde(default)]
    pub(crate) ca_files: Vec<Scalar<PathBuf>>,
    /// Exceptions from the private and reserved addresses, which are never dialled otherwise.
    #[serde(default)]
    pub(crate) allow_addresses: Vec<Scalar<AddressRange>>,
    /// How long a connection may take to be made. Default: 10000.
    pub(crate) connect_timeout_ms: Option<Scalar<Count<1, HOUR_MS>>>,
    /// How long a vendor may take to begin its answer. Default: 600000.
    pub(crate) head_timeout_ms: Option<Scalar<Count<1, HOUR_MS>>>,
    /// How long an answer may be silent. Default: 300000.
    pub(crate) idle_timeout_ms: Option<Scalar<Count<1, HOUR_MS>>>,
}

/// Ceilings on memory and on what happens at once.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Caps {
    /// The largest request body, in bytes. Default: 33554432 (32 MiB).
    pub(crate) body_bytes: Option<Scalar<Count<1, GIB>>>,
    /// All request bodies in memory together, in bytes. Default: 268435456 (256 MiB).
    pub(crate) body_budget_bytes: Option<Scalar<Count<1_048_576, COUNT_MAX>>>,
    /// The largest request head, in bytes. Default: 65536.
    pub(crate) head_bytes: Option<Scalar<Count<1_024, 1_048_576>>>,
    /// Requests at once. Default: 8192.
    pub(crate) in_flight: Option<Scalar<Count<1, 1_048_576>>>,
    /// Connections at once. Default: 16384.
    pub(crate) connections: Option<Scalar<Count<1, 1_048_576>>>,
    /// Answers read to their end after their agent has left, at once. Default: 256.
    pub(crate) drains: Option<Scalar<Count<0, 65_536>>>,
    /// How long a stop waits for what is in flight. Default: 25000.
    pub(crate) drain_ms: Option<Scalar<Count<0, HOUR_MS>>>,
}
