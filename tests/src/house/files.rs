//! The project's own files.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold nothing of ours: builds, state of runs, what version control keeps.
const NOT_OURS: [&str; 5] = ["target", ".git", ".state", "node_modules", "bursar-data"];

/// The root of the project.
#[must_use]
pub fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// One text file of the project.
#[derive(Clone, Debug)]
pub struct TextFile {
    /// Its path below the root, with `/`.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// All text files of the project, sorted by path. Lock files are not ours: tools write them.
///
/// # Errors
/// A folder that cannot be read.
pub fn text_files() -> std::io::Result<Vec<TextFile>> {
    let root = root();
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let folder = entry.file_type()?.is_dir();
            if folder && !NOT_OURS.contains(&name.as_str()) {
                folders.push(entry.path());
            } else if !folder && !name.ends_with(".lock") {
                files.extend(read(&root, &entry.path()));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// A file that is not text, or that another program has just removed, is left out.
fn read(root: &Path, path: &Path) -> Option<TextFile> {
    let text = fs::read_to_string(path).ok()?;
    let path = path.strip_prefix(root).ok()?.to_string_lossy().replace('\\', "/");
    Some(TextFile { path, text })
}

/// The text of one file of the project.
///
/// # Errors
/// It is not there or not text.
pub fn text_of(path: &str) -> std::io::Result<String> {
    fs::read_to_string(root().join(path))
}
