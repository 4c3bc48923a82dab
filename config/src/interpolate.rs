//! `${env:NAME}`, `${env:NAME:-default}` and `${file:/path}` in scalars.

use std::path::{Path, PathBuf};

use crate::cause::Cause;
use crate::environment::Environment;

/// The text of a scalar with everything filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) text: String,
    /// Something in it came from outside the file.
    pub(crate) from_outside: bool,
    /// The files that it came from.
    pub(crate) files: Vec<PathBuf>,
}

/// Fills a scalar in. What is filled in is not looked at again. `$${` stands for `${`.
pub(crate) fn fill(text: &str, folder: &Path, environment: &dyn Environment) -> Result<Filled, Cause> {
    let mut filled = Filled { text: String::with_capacity(text.len()), from_outside: false, files: Vec::new() };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            filled.text.push_str(before);
            filled.text.push_str("${");
            rest = after;
            continue;
        }
        let malformed = || Cause::ReferenceMalformed { text: reference_in(text) };
        let (inside, after) = after.split_once('}').ok_or_else(malformed)?;
        filled.text.push_str(before);
        filled.from_outside = true;
        match inside.split_once(':') {
            Some(("env", inside)) => {
                filled.text.push_str(&variable(inside, environment).map_err(|cause| cause.unwrap_or_else(malformed))?);
            }
            Some(("file", path)) if !path.is_empty() => {
                let file = folder.join(path);
                let content = environment
                    .file(&file)
                    .map_err(|error| Cause::FileUnreadable { file: file.clone(), kind: error.kind() })?;
                filled.text.push_str(content.trim_end_matches(['\n', '\r']));
                filled.files.push(file);
            }
            _ => return Err(malformed()),
        }
        rest = after;
    }
    filled.text.push_str(rest);
    Ok(filled)
}

/// `NAME` or `NAME:-default`; the default also stands for an empty variable, as in a shell.
fn variable(inside: &str, environment: &dyn Environment) -> Result<String, Option<Cause>> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let is_name = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(None);
    }
    match (environment.variable(name), default) {
        (Some(value), None) => Ok(value),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(Some(Cause::VariableMissing { name: name.to_owned() })),
    }
}

/// What of a scalar may be shown: its reference, without the default, which may be a key.
pub(crate) fn reference_in(text: &str) -> String {
    let from = text.find("${").unwrap_or(0);
    let shown = text.get(from..).unwrap_or_default();
    let shown = shown.split(":-").next().unwrap_or_default();
    shown.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    struct Fixed;

    impl Environment for Fixed {
        fn variable(&self, name: &str) -> Option<String> {
            match name {
                "SET" => Some("value".to_owned()),
                "EMPTY" => Some(String::new()),
                "TRICKY" => Some("${env:SET}".to_owned()),
                _ => None,
            }
        }

        fn file(&self, path: &Path) -> io::Result<String> {
            if path == Path::new("/base/key") {
                Ok("from file\n".to_owned())
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        }
    }

    fn filled(text: &str) -> Result<String, Cause> {
        fill(text, Path::new("/base"), &Fixed).map(|filled| filled.text)
    }

    #[test]
    fn references_are_filled_in_once() {
        for (text, expected) in [
            ("plain $ and } text", "plain $ and } text"),
            ("${env:SET}", "value"),
            ("a-${env:SET}-b-${env:SET}", "a-value-b-value"),
            ("${env:UNSET:-other}", "other"),
            ("${env:EMPTY:-other}", "other"),
            ("${env:EMPTY}", ""),
            ("${env:SET:-other}", "value"),
            ("${env:UNSET:-}", ""),
            ("${env:TRICKY}", "${env:SET}"),
            ("$${env:SET}", "${env:SET}"),
            ("${file:key}", "from file"),
            ("${file:/base/key}", "from file"),
        ] {
            assert_eq!(filled(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in_says_why() {
        assert_eq!(filled("${env:UNSET}"), Err(Cause::VariableMissing { name: "UNSET".to_owned() }));
        let file = PathBuf::from("/base/none");
        assert_eq!(filled("${file:none}"), Err(Cause::FileUnreadable { file, kind: io::ErrorKind::NotFound }));
        for text in [
            "${",
            "${}",
            "${env}",
            "${env:}",
            "${env:1A}",
            "${vault:x}",
            "${file:}",
            "${SET}",
            "${env:SET",
            "${env:A B}",
        ] {
            assert!(matches!(filled(text), Err(Cause::ReferenceMalformed { .. })), "{text}");
        }
        let secret = Cause::ReferenceMalformed { text: "${env:1A".to_owned() };
        assert_eq!(filled("${env:1A:-sk-secret}"), Err(secret));
    }
}
