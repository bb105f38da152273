//! Archives that are the same bytes whenever and wherever they are made of the same files.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::Failure;

/// Packs a folder, under this name, as of this time.
pub(crate) fn pack(folder: &Path, name: &str, at_secs: u64, to: &Path) -> Result<(), Failure> {
    let gzip = GzBuilder::new().mtime(0).write(File::create(to)?, Compression::best());
    let mut archive = Builder::new(gzip);
    for path in sorted(folder)? {
        let inside = Path::new(name).join(path.strip_prefix(folder)?);
        let mut header = Header::new_gnu();
        header.set_mtime(at_secs);
        let is_program = path.parent().is_some_and(|parent| parent.ends_with("bin"));
        match path.is_dir() {
            true => {
                header.set_entry_type(EntryType::Directory);
                header.set_mode(0o755);
                header.set_size(0);
                archive.append_data(&mut header, inside, std::io::empty())?;
            }
            false => {
                header.set_mode(if is_program { 0o755 } else { 0o644 });
                let bytes = fs::read(&path)?;
                header.set_size(bytes.len() as u64);
                archive.append_data(&mut header, inside, &bytes[..])?;
            }
        }
    }
    archive.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

/// All below a folder, in the order of their names.
fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    entries.sort();
    let mut all = Vec::new();
    for path in entries {
        let below = if path.is_dir() { sorted(&path)? } else { Vec::new() };
        all.push(path);
        all.extend(below);
    }
    Ok(all)
}
