//! Exceptions that may only shrink: a list of what is larger than the house allows today.
//!
//! A new excess fails, a grown one fails, and one that shrank or went fails too until the list says so: otherwise it
//! could grow back unseen.

use std::collections::BTreeMap;

use super::shape::Excess;

/// The lines `path kind name size` of a list of exceptions; `#` begins a comment.
#[must_use]
pub fn parse(list: &str) -> BTreeMap<String, usize> {
    let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(what, size)| Some((what.trim().to_owned(), size.parse().ok()?)))
        .collect()
}

/// What stands between the code and the list, one sentence each; nothing where they agree.
#[must_use]
pub fn complaints(found: &[Excess], allowed: &BTreeMap<String, usize>) -> Vec<String> {
    let mut left = allowed.clone();
    let mut complaints = Vec::new();
    for excess in found {
        let key = format!("{} {} {}", excess.path, excess.kind, excess.name);
        let size = excess.size;
        match left.remove(&key) {
            Some(listed) if listed == size => {}
            Some(listed) if listed > size => {
                complaints.push(format!("{key} has shrunk to {size}: write that over the {listed} in the list"));
            }
            Some(listed) => complaints.push(format!("{key} has grown from {listed} to {size}: split it")),
            None => {
                complaints.push(format!("{key} is {size}: split it (files ≤ 400 lines, functions ≤ 70, nesting ≤ 4)"))
            }
        }
    }
    complaints.extend(left.into_keys().map(|key| format!("{key} is fine now: take it off the list")));
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excess(name: &str, size: usize) -> Excess {
        Excess { path: "a.rs".to_owned(), kind: "function", name: name.to_owned(), size }
    }

    #[test]
    fn only_an_exact_list_is_silent() {
        let allowed = parse("# today\na.rs function f 80 # a table\n");
        assert!(complaints(&[excess("f", 80)], &allowed).is_empty());
        for (found, word) in [
            (vec![excess("f", 81)], "grown"),
            (vec![excess("f", 79)], "shrunk"),
            (vec![], "off the list"),
            (vec![excess("f", 80), excess("g", 71)], "a.rs function g is 71"),
        ] {
            let complaints = complaints(&found, &allowed);
            assert_eq!(complaints.len(), 1);
            assert!(complaints[0].contains(word), "{complaints:?}");
        }
    }
}
