//! The files as written: every key, with its place. Nothing is checked here that needs more than one scalar.

mod credentials;
mod file;
mod kinds;
mod scalar;

pub(crate) use credentials::Credentials;
pub(crate) use file::{
    Agent, Amount, Caps, File, Injected, Limit, List, Listeners, OwnLimit, PriceKind, PricedModel, Prices, Route, Team,
    UpstreamOptions,
};
pub(crate) use kinds::{Count, Prefix, is_own_name};
pub(crate) use scalar::{At, FromScalar, Scalar};
