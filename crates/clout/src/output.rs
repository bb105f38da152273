//! Where a command writes: a file, compressed as its ending says, or the standard output.
//!
//! A file is written aside and takes its place when it is whole and the command says so: whatever happens before, what was
//! there stays as it was. Pipes and devices cannot be replaced and are written as it goes.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempPath;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;
/// Symbolic links that are followed.
const LINKS_MAX: usize = 40;

/// An open output, whole only after [`Output::finish`]. It does not buffer: write large pieces.
pub struct Output {
    write: Compressed,
    place: Place,
}

enum Compressed {
    Not(Box<dyn Write + Send>),
    File(File),
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
}

/// Where what is written ends up.
enum Place {
    /// It is there already.
    Stream,
    /// In a file beside the one that it is to replace.
    Aside(Aside),
    /// In a file of no name, for one beside which none can be made.
    Unnamed(File),
}

struct Aside {
    path: TempPath,
    target: PathBuf,
}

/// An output that is whole and not yet in its place. Dropped, it leaves no trace.
#[must_use = "it is only there once it is kept"]
pub struct Whole {
    place: Place,
    file: Option<File>,
}

impl Output {
    /// `-` is the standard output; `.gz` and `.zst` at the end of a file's name say how to compress. What a file of this
    /// name holds stays until [`Whole::keep`].
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn create(path: &Path) -> io::Result<Output> {
        if path.as_os_str() == "-" {
            return Ok(Output { write: Compressed::Not(Box::new(io::stdout())), place: Place::Stream });
        }
        let (file, place) = open(path)?;
        let write = match path.extension().and_then(|ending| ending.to_str()) {
            Some("gz") => Compressed::Gzip(GzEncoder::new(file, Compression::fast())),
            Some("zst") => Compressed::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
            _ => Compressed::File(file),
        };
        Ok(Output { write, place })
    }

    /// Writes what is still held back, and the end of a compressed file.
    ///
    /// # Errors
    /// If that fails: the file is then as it was before.
    pub fn finish(self) -> io::Result<Whole> {
        let file = match self.write {
            Compressed::Not(mut write) => return write.flush().map(|()| Whole { place: Place::Stream, file: None }),
            Compressed::File(file) => file,
            Compressed::Gzip(encoder) => encoder.finish()?,
            Compressed::Zstd(encoder) => encoder.finish()?,
        };
        // A disk may find out late that it is full; a pipe has no disk.
        if matches!(self.place, Place::Aside(_)) {
            file.sync_all()?;
        }
        Ok(Whole { place: self.place, file: Some(file) })
    }

    fn write_mut(&mut self) -> &mut dyn Write {
        match &mut self.write {
            Compressed::Not(write) => write,
            Compressed::File(file) => file,
            Compressed::Gzip(encoder) => encoder,
            Compressed::Zstd(encoder) => encoder,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.write {
            Compressed::Not(write) => write.flush(),
            // A compressor that is flushed in between compresses worse: `finish` does it once.
            Compressed::File(_) | Compressed::Gzip(_) | Compressed::Zstd(_) => Ok(()),
        }
    }
}

impl Whole {
    /// Puts it in its place.
    ///
    /// # Errors
    /// If that fails: a file that was there before is as it was, unless it had to be written over.
    pub fn keep(self) -> io::Result<()> {
        match (self.place, self.file) {
            (Place::Unnamed(mut target), Some(mut file)) => write_over(&mut file, &mut target),
            (Place::Aside(Aside { path, target }), _) => {
                let name = path.to_path_buf();
                let kept = path.persist(&target).or_else(|error| match error.error.kind() {
                    // A file that is mounted by itself cannot be replaced.
                    io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => {
                        write_over(&mut File::open(&error.path)?, &mut OpenOptions::new().write(true).open(&target)?)
                    }
                    _ => Err(error.error),
                });
                unfinished().remove(&name);
                kept
            }
            _ => Ok(()),
        }
    }
}

fn write_over(file: &mut File, target: &mut File) -> io::Result<()> {
    file.rewind()?;
    target.set_len(0)?;
    io::copy(file, target)?;
    target.sync_all()
}

/// A file to write to, and what becomes of it.
fn open(path: &Path) -> io::Result<(File, Place)> {
    let Some(target) = regular(path)? else {
        return Ok((OpenOptions::new().write(true).open(path)?, Place::Stream));
    };
    // Who may not write the file may not replace it either.
    let before = match OpenOptions::new().write(true).open(&target) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Said plainly, where the error of what is made there would name that.
    fs::metadata(folder)?;
    match aside(folder, before.as_ref()) {
        Ok((file, path)) => {
            unfinished().insert(path.to_path_buf());
            Ok((file, Place::Aside(Aside { path, target })))
        }
        Err(error) => match before {
            Some(before) => Ok((tempfile::tempfile()?, Place::Unnamed(before))),
            None => Err(error),
        },
    }
}

/// The file that a name stands for in the end, links followed; `None` for a pipe or a device.
fn regular(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        // Their links lead to what is open already, which may be a file with more than our output in it.
        if path.starts_with("/dev") || path.starts_with("/proc") {
            return Ok(None);
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&path)?;
                path = path.parent().map_or(link.clone(), |folder| folder.join(&link));
            }
            Ok(metadata) if metadata.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(metadata) => return Ok(metadata.is_file().then_some(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(path)),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// A new file in this folder, as readable as the one that it is to replace, or as any new file.
fn aside(folder: &Path, before: Option<&File>) -> io::Result<(File, TempPath)> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".clout-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let (file, path) = builder.tempfile_in(folder)?.into_parts();
    if let Some(before) = before.map(File::metadata).transpose()? {
        file.set_permissions(before.permissions())?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            // Only the superuser may give a file away, and need not.
            let _ = fchown(&file, Some(before.uid()), Some(before.gid()));
        }
    }
    Ok((file, path))
}

/// Files that are being written aside.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn unfinished() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes away what is written aside, for a process that ends without finishing.
pub(crate) fn remove_unfinished() {
    for path in unfinished().iter() {
        let _ = fs::remove_file(path);
    }
}
