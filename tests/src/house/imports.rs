//! Who imports whom, as cargo sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::error::KitError;
use crate::house::files::root;

/// The direct normal dependencies of every room: `bursar-policy` → `{bursar-types, jiff}`.
///
/// # Errors
/// Cargo fails or answers something else.
pub fn direct() -> Result<BTreeMap<String, BTreeSet<String>>, KitError> {
    let text = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"])?;
    let metadata: Value = serde_json::from_str(&text).map_err(|_| KitError::Cargo { said: text.clone() })?;
    let packages = metadata.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(packages.iter().map(|package| (text_of(package, "name"), normal(package))).collect())
}

fn normal(package: &Value) -> BTreeSet<String> {
    let all = package.get("dependencies").and_then(Value::as_array).cloned().unwrap_or_default();
    // `kind` is null for normal dependencies, "dev" or "build" for the others.
    all.iter().filter(|one| one.get("kind").is_none_or(Value::is_null)).map(|one| text_of(one, "name")).collect()
}

fn text_of(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The names of everything that a room links, itself included.
///
/// # Errors
/// Cargo fails.
pub fn linked(package: &str) -> Result<BTreeSet<String>, KitError> {
    let text = cargo(&["tree", "-p", package, "-e", "normal", "--prefix", "none", "--offline"])?;
    // What a procedural macro needs runs in the compiler and is not linked; cargo marks the macro, so we leave those.
    Ok(text.lines().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect())
}

/// Everything that the whole workspace links or builds with, name and version.
///
/// # Errors
/// Cargo fails.
pub fn versions() -> Result<BTreeSet<(String, String)>, KitError> {
    let text = cargo(&["tree", "--workspace", "-e", "normal,build", "--prefix", "none", "--offline"])?;
    let pairs = text.lines().filter_map(|line| line.split_once(" v"));
    Ok(pairs.map(|(name, rest)| (name.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned())).collect())
}

/// What `deny.toml` bans: a name, and the version below which it is banned (`None`: any).
#[must_use]
pub fn bans(deny: &str) -> Vec<(String, Option<String>)> {
    let entries = deny.lines().filter_map(|line| line.trim().strip_prefix("{ crate = \"")?.split('"').next());
    entries
        .map(|entry| match entry.split_once("@<") {
            Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
            None => (entry.to_owned(), None),
        })
        .collect()
}

/// Whether version `a` is lower than `b`, number by number.
#[must_use]
pub fn is_lower(a: &str, b: &str) -> bool {
    let numbers = |text: &str| -> Vec<u64> {
        let core = text.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|part| part.parse().unwrap_or(0)).chain([0, 0]).take(3).collect()
    };
    numbers(a) < numbers(b)
}

fn cargo(arguments: &[&str]) -> Result<String, KitError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .output()
        .map_err(|source| KitError::Program { program: "cargo".to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(KitError::Cargo { said: String::from_utf8_lossy(&output.stderr).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_lower("1.9.3", "1.12") && is_lower("0.4.15", "0.4.16"));
        assert!(!is_lower("1.12.0", "1.12") && !is_lower("2.0", "1.99.99"));
    }

    #[test]
    fn bans_are_read_with_and_without_a_version() {
        let deny = "  { crate = \"ring\", reason = \"x\" },\n  { crate = \"h2@<0.4.16\", reason = \"y\" },";
        assert_eq!(bans(deny), [("ring".to_owned(), None), ("h2".to_owned(), Some("0.4.16".to_owned()))]);
    }
}
