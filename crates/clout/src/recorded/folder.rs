//! Folders as inputs: all files in them, at any depth.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::recorded::input::{InputError, is_standard};
use crate::words::count;

/// Names in the note about files that are passed over.
const NAMED_MAX: usize = 5;

/// The files of a folder in the order of their names; `None` for what is not a folder. Hidden ones are left out.
pub(crate) fn files(path: &Path) -> Result<Option<Vec<PathBuf>>, InputError> {
    if is_standard(path) || !path.is_dir() {
        return Ok(None);
    }
    let mut files = Vec::new();
    collect(path, &mut files)?;
    Ok(Some(files))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), InputError> {
    let failed = |source| InputError::Open { path: folder.to_owned(), source };
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(failed)?;
    let mut entries: Vec<_> = entries.into_iter().map(|entry| (entry.path(), entry)).collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, entry) in entries {
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // A link to a folder is not followed: it may lead in a circle.
        if entry.file_type().map_err(failed)?.is_dir() {
            collect(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Makes the note that names files of a folder in no known format; `None` if there are none.
pub(crate) fn passed_over(folder: &Path, files: &[String]) -> Option<String> {
    let named = files.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if files.len() > NAMED_MAX { " and others" } else { "" };
    let what = count(
        files.len() as u64,
        "file is in no known format, and passed over",
        "files are in no known format, and passed over",
    );
    (!files.is_empty()).then(|| format!("{}: {what}: {named}{more}", folder.display()))
}
