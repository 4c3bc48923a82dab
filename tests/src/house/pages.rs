//! The project's pages: links that lead somewhere, a summary that lists every page.

use std::path::{Component, Path, PathBuf};

use super::files::TextFile;

/// The targets of the Markdown links `[text](target)` in a page, without addresses of other sites and without anchors.
#[must_use]
pub fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced {
            found.extend(line.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(ToOwned::to_owned));
        }
    }
    found.retain(|target| !target.contains("://") && !target.starts_with('#') && !target.starts_with("mailto:"));
    found.iter().map(|target| target.split('#').next().unwrap_or_default().to_owned()).collect()
}

/// Links in `page` that lead to no file, as sentences. `exists` is asked with paths below the root.
#[must_use]
pub fn dead_links(page: &TextFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = Path::new(&page.path).parent().unwrap_or(Path::new(""));
    let dead = |target: &String| !exists(&plain(&folder.join(target)));
    links(&page.text).iter().filter(|target| dead(target)).map(|target| format!("{}: {target}", page.path)).collect()
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> String {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain.to_string_lossy().into_owned()
}

/// The code at the beginning of each row of the page's tables: `` | `over_limit` | … ``.
#[must_use]
pub fn codes_of_rows(page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| line.trim().strip_prefix("| `"));
    rows.filter_map(|row| row.split('`').next()).map(ToOwned::to_owned).collect()
}

/// The code blocks of a page in one language: what stands between "```yaml" and "```".
#[must_use]
pub fn code_blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (None, Some(word)) if word == language => open = Some(String::new()),
            (None, _) => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let page = "See [a](a.md#part), [b](../b.md) and [c](https://example.org).\n```\n[d](d.md)\n```\n[e](#here)";
        assert_eq!(links(page), ["a.md", "../b.md"]);
    }

    #[test]
    fn a_dead_link_is_named_with_its_page() {
        let page = TextFile { path: "docs/rooms/x.md".to_owned(), text: "[a](../a.md) [b](b.md)".to_owned() };
        assert_eq!(dead_links(&page, |path| path == "docs/a.md"), ["docs/rooms/x.md: b.md"]);
    }

    #[test]
    fn codes_stand_first_in_their_rows() {
        assert_eq!(codes_of_rows("| code | means |\n|---|---|\n| `a_b` | x `c` |\n"), ["a_b"]);
    }

    #[test]
    fn code_blocks_are_found_by_their_language() {
        let page = "text\n```sh\nls\n```\n```yaml\na: 1\nb: 2\n```\n";
        assert_eq!(code_blocks(page, "yaml"), ["a: 1\nb: 2\n"]);
    }
}
