//! The licences of all that is compiled into the program, word by word: whoever passes it on passes them on as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::crates::Crate;

/// How files begin that say under which terms others may be used.
const NAMES: [&str; 4] = ["LICENSE", "LICENCE", "COPYING", "NOTICE"];
/// Sources that a crate has in a folder of its own have theirs there.
const DEPTH: usize = 2;
/// Folders in which nothing is compiled into the program.
const ELSEWHERE: [&str; 5] = ["tests", "benches", "examples", "target", ".git"];

/// One text: each licence once, with the crates that it is of.
pub(crate) fn of(crates: &[Crate]) -> Result<String, Failure> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    for of in crates.iter().filter(|of| of.checksum.is_some()) {
        let name = format!("{} {}", of.name, of.version);
        list += &format!("{name}: {}\n", of.licence.as_deref().unwrap_or("see below"));
        for file in files(&of.folder, DEPTH)? {
            let text = String::from_utf8_lossy(&fs::read(&file)?).trim().replace("\r\n", "\n");
            let of_text = texts.entry(text).or_default();
            if !of_text.contains(&name) {
                of_text.push(name.clone());
            }
        }
    }
    let rule = "=".repeat(80);
    let texts = texts.iter().map(|(text, names)| format!("{rule}\n{}\n{rule}\n\n{text}\n", names.join(", ")));
    Ok(format!(
        "Clout is compiled with the crates of this list, under these licences; their texts follow.\n\n{list}\n{}",
        texts.collect::<Vec<_>>().join("\n")
    ))
}

fn files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match path.is_dir() {
            true if depth > 1 && !ELSEWHERE.contains(&name.as_str()) => found.extend(files(&path, depth - 1)?),
            false if NAMES.iter().any(|begin| name.to_uppercase().starts_with(begin)) => found.push(path),
            _ => {}
        }
    }
    Ok(found)
}
