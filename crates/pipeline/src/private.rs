//! Files and folders that hold who acts on whom: only their owner may look into them, and nothing is written through a link
//! that somebody else may have put there. For folders on this machine; what an object store allows is set up there.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder with mode 0700, and the folders above it as usual; or takes one that is there, and is ours.
///
/// # Errors
/// If it cannot be made, or is of somebody else, or not a folder.
pub fn make_folder(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if !path.exists() => fs::create_dir_all(parent)?,
        _ => {}
    }
    match create_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_folder(path),
        made => made,
    }
}

/// Makes one within a folder of ours: here a link is none, and other users may not look in, whoever made it.
///
/// # Errors
/// If it cannot be made, or is a link, or of somebody else, or not a folder.
pub fn make_inner_folder(path: &Path) -> io::Result<()> {
    match create_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            check_inner_folder(path)?;
            close_folder(path)
        }
        made => made,
    }
}

/// Whether a folder may be used that somebody has named: a link to it may, as disks are often mounted so.
///
/// # Errors
/// If it is of somebody else, or not a folder.
pub fn check_folder(path: &Path) -> io::Result<()> {
    check(&fs::metadata(path)?, Metadata::is_dir, "a folder")
}

/// The same within a folder of ours, where a link may not.
///
/// # Errors
/// If it is a link, or of somebody else, or not a folder.
pub fn check_inner_folder(path: &Path) -> io::Result<()> {
    check(&fs::symlink_metadata(path)?, Metadata::is_dir, "a folder")
}

/// Lets nobody but the owner in.
///
/// # Errors
/// If the system says no.
pub fn close_folder(path: &Path) -> io::Result<()> {
    set_mode(&File::open(path)?, FOLDER_MODE)
}

/// Opens a file within a folder of ours; one that is made gets mode 0600, and so does one that was made with another.
/// Nothing is changed before it is known that it is a plain file of ours that has no second name.
///
/// # Errors
/// If it cannot be opened, or is a link, a pipe or the like, or of somebody else.
pub fn open(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    check_plain(path).or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    let file = open_itself(path, options)?;
    // What was looked at before may be another file by now.
    check(&file.metadata()?, Metadata::is_file, "a plain file")?;
    set_mode(&file, FILE_MODE)?;
    Ok(file)
}

/// Whether this is a plain file of ours, and no link.
///
/// # Errors
/// If it is not, or not there.
pub fn check_plain(path: &Path) -> io::Result<()> {
    check(&fs::symlink_metadata(path)?, Metadata::is_file, "a plain file")
}

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

fn no(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason.to_owned())
}

fn check(metadata: &Metadata, is_it: impl Fn(&Metadata) -> bool, kind: &str) -> io::Result<()> {
    if metadata.is_symlink() {
        return Err(no("it is a link: nothing is read or written through one"));
    }
    if !is_it(metadata) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is not {kind}")));
    }
    check_owner(metadata)
}

#[cfg(unix)]
fn check_owner(metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    const ROOT: u32 = 0;
    if ![rustix::process::geteuid().as_raw(), ROOT].contains(&metadata.uid()) {
        return Err(no("it belongs to another user: use one of your own, which may be within it"));
    }
    // Whoever can link to a file of somebody else could have it overwritten.
    if metadata.is_file() && metadata.nlink() > 1 {
        return Err(no("it has a second name (a hard link): put a copy in its place"));
    }
    Ok(())
}

#[cfg(unix)]
fn create_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(FOLDER_MODE).create(path)
}

#[cfg(unix)]
fn open_itself(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;
    // A pipe would wait for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    options.mode(FILE_MODE).custom_flags(flags.bits() as i32).open(path)
}

/// Only the owner may change a mode; what root has made stays as it is.
#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let metadata = file.metadata()?;
    let is_mine = metadata.uid() == rustix::process::geteuid().as_raw();
    if is_mine && metadata.mode() & 0o7777 != mode {
        file.set_permissions(fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_owner(_: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn create_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

#[cfg(not(unix))]
fn open_itself(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options.open(path)
}

#[cfg(not(unix))]
fn set_mode(_: &File, _: u32) -> io::Result<()> {
    Ok(())
}
