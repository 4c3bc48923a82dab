//! Routes: presets filled in, everything unique that must be, keys found, guards made.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use plugins::{Clamp, GuardOptions, MeterOptions, PriceBook};
use policy::{Level, nearest};
use types::{Name, Secret};

use super::count;
use super::lists::{PlacedList, no_such_vendor, of_route};
use super::people::Unique;
use crate::cause::Cause;
use crate::endpoint::Endpoint;
use crate::host::Host;
use crate::house::Caps;
use crate::presets::{PRESETS, Preset, preset};
use crate::reader::Reader;
use crate::routes::{Credentials, Route, Routes};
use crate::source::Source;
use crate::written::{self, At, FromScalar, Prefix, Scalar};

/// The route table, and what the routes say of vendors and models.
pub(crate) struct Checked<'a> {
    pub(crate) table: Routes,
    pub(crate) lists: Vec<PlacedList<'a>>,
}

/// What must be unique among all routes.
#[derive(Default)]
struct Names {
    routes: Unique,
    hosts: Unique,
    prefixes: Unique,
}

/// Checks all routes.
pub(crate) fn routes<'a>(
    reader: &mut Reader<'_>,
    main: &'a Source,
    written: &[written::Route],
    book: &Arc<PriceBook>,
    caps: &Caps,
) -> Checked<'a> {
    let mut names = Names::default();
    let (mut routes, mut lists) = (Vec::new(), Vec::new());
    for route in written {
        let mut check = Check { reader, main, written: route, preset: None, book, at: at_of(route) };
        let Some(checked) = check.route(&mut names, caps) else { continue };
        let level = Level::Route(checked.name.clone());
        lists.extend(of_route(reader, main, &level, &checked.provider, route.models.as_ref()));
        routes.push(checked);
    }
    Checked { table: Routes::new(routes), lists }
}

/// Where a route begins, for faults about the whole of it.
fn at_of(route: &written::Route) -> At {
    let name = route.name.as_ref().map(|name| name.at);
    name.or(route.preset.as_ref().map(|preset| preset.at))
        .or(route.prefix.as_ref().map(|prefix| prefix.at))
        .or(route.hosts.iter().flatten().next().map(|host| host.at))
        .or(route.provider.as_ref().map(|provider| provider.at))
        .unwrap_or_default()
}

/// The check of one route.
struct Check<'c, 'r> {
    reader: &'c mut Reader<'r>,
    main: &'c Source,
    written: &'c written::Route,
    preset: Option<&'static Preset>,
    book: &'c Arc<PriceBook>,
    at: At,
}

impl Check<'_, '_> {
    fn route(&mut self, names: &mut Names, caps: &Caps) -> Option<Route> {
        self.preset = self.preset()?;
        let name = self.name()?;
        names.routes.add(self.reader, self.main, self.at, "route", &name);
        let hosts = self.hosts(names);
        let prefix = self.prefix(&name, names);
        let upstream = self.written.upstream.as_ref().and_then(|upstream| self.reader.read(self.main, upstream));
        self.leads_somewhere(&name);
        let provider = self.provider(&name);
        let meters = self.meters(&name);
        let credentials = self.credentials(&name);
        let options = self.guards();
        let clamp = self.reader.read_or(self.main, self.written.clamp.as_ref(), Clamp::Never);
        let floor = self.written.output_floor.as_ref();
        let default_output_floor = count(self.reader, self.main, floor, MeterOptions::OUTPUT_FLOOR);
        let provider = provider?;
        Some(Route {
            hosts,
            prefix,
            upstream,
            meters,
            free: self.free(),
            credentials: credentials?,
            guards: plugins::list::guards(&options).unwrap_or_default(),
            meter_options: MeterOptions {
                clamp,
                default_output_floor,
                output_cap: plugins::list::output_cap(&options),
                ..MeterOptions::new(provider.clone())
            },
            body_cap_bytes: count(self.reader, self.main, self.written.body_bytes.as_ref(), caps.body_bytes),
            trust_user_header: self.reader.read_or(self.main, self.written.trust_user_header.as_ref(), false),
            provider,
            name,
        })
    }

    fn fault(&mut self, cause: Cause) {
        self.reader.fault(self.main, self.at, cause);
    }

    fn preset(&mut self) -> Option<Option<&'static Preset>> {
        let Some(scalar) = &self.written.preset else { return Some(None) };
        let name = self.reader.read(self.main, scalar)?;
        if let Some(found) = preset(&name) {
            return Some(Some(found));
        }
        let known: Vec<String> = PRESETS.iter().map(|preset| preset.name.to_owned()).collect();
        let nearest = nearest(&name, known.iter().map(String::as_str)).map(str::to_owned);
        let cause = Cause::NotOneOf { what: "preset", text: name, nearest, known };
        self.reader.fault(self.main, scalar.at, cause);
        None
    }

    fn name(&mut self) -> Option<Name> {
        match (&self.written.name, self.preset) {
            (Some(scalar), _) => self.reader.read(self.main, scalar).map(|name| name.0),
            (None, Some(preset)) => Some(Name::from(preset.name)),
            (None, None) => {
                self.fault(Cause::MissingKey { key: "name" });
                None
            }
        }
    }

    /// What is there counts here, not what is right: a wrong host has been told already.
    fn leads_somewhere(&mut self, name: &Name) {
        let has_hosts = self.written.hosts.as_ref().map_or(self.preset.is_some(), |hosts| !hosts.is_empty());
        let has_prefix = self.written.prefix.is_some() || self.preset.is_some();
        if !has_hosts && !has_prefix {
            self.fault(Cause::Unreachable { route: name.to_string() });
        } else if !has_hosts && self.written.upstream.is_none() {
            self.fault(Cause::RouteIncomplete { route: name.to_string(), key: "upstream" });
        }
    }

    fn hosts(&mut self, names: &mut Names) -> Vec<Host> {
        let placed: Vec<(At, Host)> = match (&self.written.hosts, self.preset) {
            (Some(scalars), _) => {
                scalars.iter().filter_map(|scalar| Some((scalar.at, self.reader.read(self.main, scalar)?))).collect()
            }
            (None, Some(preset)) => {
                preset.hosts.iter().filter_map(|host| Some((self.at, Host::parse(host)?))).collect()
            }
            (None, None) => Vec::new(),
        };
        let mut hosts = Vec::new();
        for (at, host) in placed {
            // The hosts of a preset all stand at one place: one of them says it.
            if !names.hosts.add(self.reader, self.main, at, "host", &host.to_string()) {
                break;
            }
            hosts.push(host);
        }
        hosts
    }

    /// A route of a preset has the prefix of its name unless it says otherwise.
    fn prefix(&mut self, name: &str, names: &mut Names) -> Option<String> {
        let (at, prefix) = match (&self.written.prefix, self.preset) {
            (Some(scalar), _) => (scalar.at, self.reader.read(self.main, scalar)?),
            (None, Some(_)) => match Prefix::from_scalar(&format!("/{name}")) {
                Ok(prefix) => (self.at, prefix),
                Err(cause) => {
                    self.fault(cause);
                    return None;
                }
            },
            (None, None) => return None,
        };
        names.prefixes.add(self.reader, self.main, at, "prefix", &prefix.0).then_some(prefix.0)
    }

    fn provider(&mut self, route: &str) -> Option<Name> {
        let (at, provider) = match (&self.written.provider, self.preset) {
            (Some(scalar), _) => (scalar.at, self.reader.read(self.main, scalar)?),
            (None, Some(preset)) => (self.at, preset.provider.to_owned()),
            (None, None) => {
                self.fault(Cause::RouteIncomplete { route: route.to_owned(), key: "provider" });
                return None;
            }
        };
        if self.book.provider(&provider).is_none() {
            self.reader.fault(self.main, at, no_such_vendor(&provider, self.book));
            return None;
        }
        Some(Name::from(provider))
    }

    fn meters(&mut self, route: &str) -> Vec<&'static str> {
        let placed: Vec<(At, String)> = match (&self.written.meters, self.preset) {
            (Some(scalars), _) => {
                scalars.iter().filter_map(|scalar| Some((scalar.at, self.reader.read(self.main, scalar)?))).collect()
            }
            (None, Some(preset)) => preset.meters.iter().map(|meter| (self.at, (*meter).to_owned())).collect(),
            (None, None) => {
                self.fault(Cause::RouteIncomplete { route: route.to_owned(), key: "meters" });
                Vec::new()
            }
        };
        let mut meters = Vec::new();
        for (at, name) in placed {
            match plugins::meter(&name) {
                Some(meter) if meters.contains(&meter.name()) => {}
                Some(meter) => meters.push(meter.name()),
                None => {
                    let known: Vec<String> = plugins::meters().iter().map(|meter| meter.name().to_owned()).collect();
                    let nearest = nearest(&name, known.iter().map(String::as_str)).map(str::to_owned);
                    let cause = Cause::NotOneOf { what: "meter", text: name, nearest, known };
                    self.reader.fault(self.main, at, cause);
                }
            }
        }
        meters
    }

    fn free(&mut self) -> Vec<Endpoint> {
        match (&self.written.free, self.preset) {
            (Some(scalars), _) => self.reader.read_all(self.main, scalars),
            (None, Some(preset)) => preset.free.iter().filter_map(|endpoint| endpoint.parse().ok()).collect(),
            (None, None) => Vec::new(),
        }
    }

    /// The options of guards that can work; the others are faults.
    fn guards(&mut self) -> Vec<GuardOptions> {
        let mut options = Vec::new();
        for placed in &self.written.guards {
            match plugins::guard(&placed.value) {
                Ok(_) => options.push(placed.value.clone()),
                Err(error) => self.reader.fault(self.main, placed.at, Cause::Guard(error)),
            }
        }
        options
    }

    fn credentials(&mut self, route: &str) -> Option<Credentials> {
        let Some(placed) = &self.written.credentials else {
            let Some(preset) = self.preset else {
                self.fault(Cause::RouteIncomplete { route: route.to_owned(), key: "credentials" });
                return None;
            };
            let scalar = Scalar::new(self.at, format!("${{env:{}}}", preset.variable));
            let key = self.reader.read_secret(self.main, &scalar);
            let (header, scheme) = preset.header;
            return self.injected(self.at, HeaderName::from_static(header), scheme, key);
        };
        match &placed.value {
            written::Credentials::Passthrough => Some(Credentials::Passthrough),
            written::Credentials::None => Some(Credentials::None),
            written::Credentials::Unknown => {
                self.reader.fault(self.main, placed.at, Cause::CredentialsUnknown);
                None
            }
            written::Credentials::Injected(injected) => self.of_injected(injected),
        }
    }

    fn of_injected(&mut self, written: &written::Injected) -> Option<Credentials> {
        let (usual, usual_scheme) = self.preset.map_or(("authorization", "Bearer"), |preset| preset.header);
        let header = match &written.header {
            Some(scalar) => self.reader.read(self.main, scalar)?,
            None => HeaderName::from_static(usual),
        };
        let scheme = match &written.scheme {
            Some(scalar) => self.reader.read(self.main, scalar)?,
            None if header == usual => usual_scheme.to_owned(),
            None if header == http::header::AUTHORIZATION => "Bearer".to_owned(),
            None => String::new(),
        };
        let key = self.reader.read_secret(self.main, &written.value);
        self.injected(written.value.at, header, &scheme, key)
    }

    fn injected(&mut self, at: At, header: HeaderName, scheme: &str, key: Option<Secret>) -> Option<Credentials> {
        let Some(key) = key else { return Some(Credentials::Inject { header, value: None }) };
        let value = match scheme {
            "" => key,
            scheme => Secret::new(format!("{scheme} {}", key.expose())),
        };
        let is_visible = value.expose().bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if !is_visible || HeaderValue::from_str(value.expose()).is_err() {
            self.reader.fault(self.main, at, Cause::CredentialMalformed);
            return None;
        }
        Some(Credentials::Inject { header, value: Some(value) })
    }
}
