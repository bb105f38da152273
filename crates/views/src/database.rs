//! The database: its tables, how it is opened, and whose it is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tracing::warn;

/// Changes with the tables. A store of another format is made anew from the topic.
const FORMAT: i64 = 1;
/// How long one connection waits for another.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// A few people's closes fit into a page.
const PAGE_BYTES: u32 = 8_192;

/// The file of closes.
pub(crate) const CLOSES: &str = "views.db";
/// The file of circles.
pub(crate) const CIRCLES: &str = "circles.db";
const LOCK: &str = "views.lock";

/// Names are in one table alone, and nothing is made of them: closes have the number of a person.
pub(crate) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (partition INTEGER PRIMARY KEY, next INTEGER NOT NULL, day INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS people (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scales (number INTEGER PRIMARY KEY, votes INTEGER NOT NULL, version INTEGER NOT NULL, model INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS days (place INTEGER PRIMARY KEY, closes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS spans (place INTEGER PRIMARY KEY, closes BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS bases (place INTEGER PRIMARY KEY, closes BLOB NOT NULL);
";

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewsError {
    /// The folder cannot be made, or its lock not be opened.
    #[error("the folder of views {path} cannot be used")]
    Folder {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes there.
    #[error("{path} is in use: another process keeps its views there; give each its own folder")]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// The database refuses.
    #[error("the store of views cannot be read or written")]
    Database(#[from] rusqlite::Error),
    /// A block of closes cannot be read.
    #[error("a block of closes in the store of views cannot be read")]
    Block(#[from] io::Error),
}

impl ViewsError {
    /// Whether the file is damaged, or not of ours, so that only a new one helps.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            ViewsError::Database(error) => {
                matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            }
            ViewsError::Block(_) => true,
            _ => false,
        }
    }
}

/// A folder that is this process' alone.
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    pub(crate) fn take(path: &Path) -> Result<Folder, ViewsError> {
        let failed = |source| ViewsError::Folder { path: path.to_owned(), source };
        make(path).map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => ViewsError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        Ok(Folder { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens the database; one that is damaged or of another format is replaced by an empty one.
    pub(crate) fn open(&self, name: &str, tables: &str) -> Result<Connection, ViewsError> {
        match begin(&self.file(name), tables) {
            Ok(Some(connection)) => return Ok(connection),
            Ok(None) => warn!(folder = %self.path.display(), "the views are of another format: they are made anew"),
            Err(error) if error.is_damage() => {
                warn!(folder = %self.path.display(), %error, "the views are damaged: they are made anew");
            }
            Err(error) => return Err(error),
        }
        self.remove(name)?;
        let other = || io::Error::other("a new store has another format");
        begin(&self.file(name), tables)?.ok_or_else(|| ViewsError::Folder { path: self.path.clone(), source: other() })
    }

    /// Removes the database.
    pub(crate) fn remove(&self, name: &str) -> Result<(), ViewsError> {
        for suffix in ["", "-wal", "-shm"] {
            let path = self.path.join(format!("{name}{suffix}"));
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(ViewsError::Folder { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Others on the machine have no business with it.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// `None` if it is of another format.
fn begin(file: &Path, tables: &str) -> Result<Option<Connection>, ViewsError> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A power cut may take the last transactions, whose records are read again; a killed process takes nothing.
    connection.pragma_update(None, "synchronous", "normal")?;
    // What is deleted within a page is overwritten.
    connection.pragma_update(None, "secure_delete", "fast")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    connection.set_prepared_statement_cache_capacity(64);
    let format: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if format != 0 && format != FORMAT {
        return Ok(None);
    }
    connection.execute_batch(tables)?;
    connection.pragma_update(None, "user_version", FORMAT)?;
    Ok(Some(connection))
}

/// A connection that only reads, beside the one that writes.
pub(crate) fn open_reading(file: &Path) -> Result<Connection, ViewsError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

/// The place of a group of people in a table of blocks: first by time, so that what is written together lies together.
pub(crate) fn place(time: i32, group: u32) -> i64 {
    i64::from(time) << 32 | i64::from(group)
}

/// The time of a place.
pub(crate) fn time_of(place: i64) -> i32 {
    (place >> 32) as i32
}

/// The times of a table's blocks, from the oldest to the newest; `None` if it has none.
pub(crate) fn times(connection: &Connection, table: &str) -> Result<Option<RangeInclusive<i32>>, ViewsError> {
    let bound = |which: &str| -> Result<Option<i64>, ViewsError> {
        let mut statement = connection.prepare_cached(&format!("SELECT {which}(place) FROM {table}"))?;
        Ok(statement.query_row([], |row| row.get(0))?)
    };
    let bounds = bound("min")?.zip(bound("max")?);
    Ok(bounds.map(|(oldest, newest)| time_of(oldest)..=time_of(newest)))
}
