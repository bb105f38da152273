//! A folder that outlives the process: what each round has committed, one frame a round, in segments.
//!
//! A frame is its length, its checksum and a message. A process that is killed leaves at most one frame torn, the last
//! one: it is cut off, and that round is done once more. What the system itself loses, as when the power fails, is the
//! end of the frames as well.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use influence::{Collision, ENGINE_REVISION, HashKey, Model, Taken};
use pipeline::{draw_hash_key, private};
use prost::Message;
use twox_hash::XxHash3_64;
use vocabulary::PerKind;
use wire::{JournalRecord, decode_exchange, encode_exchange};

use crate::memory::Round;
use crate::world::Progress;

const FORMAT_VERSION: u32 = 3;
/// A segment is ended when it is longer than this.
const SEGMENT_BYTES: u64 = 8 << 20;
const FRAME_BYTES_MAX: u32 = 1 << 30;
/// A manifest is shorter.
const MANIFEST_BYTES_MAX: u64 = 1 << 10;

/// Why a folder cannot be gone on with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// The system says no.
    #[error("{path} cannot be used: {source}", path = .path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else is at it.
    #[error("{path} is in use by another process: wait for it, or use another folder", path = .path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// It is not ours.
    #[error("{path} holds other files: name an empty folder, or one that an earlier run has made", path = .path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// It was made otherwise.
    #[error(
        "{path} was made with other {what}: use the same again, or another folder", path = .path.display()
    )]
    Other {
        /// The folder.
        path: PathBuf,
        /// What is not the same.
        what: &'static str,
    },
    /// It is damaged.
    #[error("{path} is damaged ({what}): delete the folder to begin anew", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How.
        what: String,
    },
}

/// The folder of one world.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
    /// The first round of each segment, the oldest first; the last one is being written.
    segments: Vec<u64>,
    file: File,
    bytes: u64,
    buffer: Vec<u8>,
}

/// What a folder says about the world it is of.
#[derive(Clone, PartialEq, Message)]
struct Manifest {
    #[prost(uint32, tag = "1")]
    format_version: u32,
    #[prost(fixed64, tag = "2")]
    model_fingerprint: u64,
    #[prost(uint32, tag = "3")]
    partitions: u32,
    #[prost(uint32, tag = "4")]
    engine_revision: u32,
    /// The key of the hash of names, drawn when the folder was made: two words.
    #[prost(fixed64, repeated, tag = "5")]
    hash_key: Vec<u64>,
}

/// A round.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Frame {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    /// Events and profiles up to its end, and the digest over all of them.
    #[prost(uint64, tag = "2")]
    pub(crate) records: u64,
    #[prost(fixed64, tag = "3")]
    pub(crate) input_digest: u64,
    #[prost(bytes = "vec", repeated, tag = "4")]
    journal: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "5")]
    exchange: Vec<Told>,
    #[prost(message, optional, tag = "6")]
    progress: Option<ProgressMessage>,
}

/// A record of the exchange.
#[derive(Clone, PartialEq, Message)]
struct Told {
    #[prost(uint32, tag = "1")]
    shard: u32,
    #[prost(int64, tag = "2")]
    offset: i64,
    #[prost(bytes = "vec", tag = "3")]
    sections: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct ProgressMessage {
    #[prost(uint64, repeated, tag = "1")]
    accepted: Vec<u64>,
    /// Late, self-acts, opted out, misrouted, pushed edges, published, exchange entries, epochs, collided, refused, blocked.
    #[prost(uint64, repeated, tag = "2")]
    counts: Vec<u64>,
    #[prost(message, repeated, tag = "3")]
    collisions: Vec<CollisionMessage>,
}

#[derive(Clone, PartialEq, Message)]
struct CollisionMessage {
    #[prost(string, optional, tag = "1")]
    first: Option<String>,
    #[prost(string, tag = "2")]
    second: String,
}

impl Folder {
    /// Opens a folder, or makes it, and reads what is in it.
    pub(crate) fn open(
        path: &Path,
        model: &Model,
        partitions: u16,
    ) -> Result<(Folder, HashKey, Vec<Frame>), FolderError> {
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        // Nothing is written before it is known that the folder is ours.
        if fs::symlink_metadata(path).is_ok() {
            private::check_folder(path).map_err(failed)?;
            key_of_manifest(path, model, partitions)?;
        }
        private::make_folder(path).and_then(|()| private::close_folder(path)).map_err(failed)?;
        for name in ["journal", "checkpoints"] {
            private::make_inner_folder(&path.join(name)).map_err(within(path, name))?;
        }
        let mut as_it_is = OpenOptions::new();
        let lock = private::open(&path.join("lock"), as_it_is.read(true).write(true).create(true).truncate(false));
        let lock = lock.map_err(within(path, "lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FolderError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => failed(source),
        })?;
        let hash_key = match key_of_manifest(path, model, partitions)? {
            Some(hash_key) => hash_key,
            None => write_manifest(path, model, partitions)?,
        };
        // Opening it takes away what an earlier program let others do.
        private::open(&path.join("manifest"), OpenOptions::new().read(true)).map_err(within(path, "manifest"))?;
        let mut segments = list_segments(path).map_err(failed)?;
        let frames = read_segments(path, &segments)?;
        if segments.is_empty() {
            segments.push(0);
        }
        let name = segment(path, segments[segments.len() - 1]);
        let file = private::open(&name, OpenOptions::new().append(true).create(true));
        let file = file.map_err(|source| FolderError::Io { path: name, source })?;
        let bytes = file.metadata().map_err(failed)?.len();
        let folder = Folder { path: path.to_owned(), _lock: lock, segments, file, bytes, buffer: Vec::new() };
        Ok((folder, hash_key, frames))
    }

    /// Where checkpoints go.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Adds a round. Once this returns, nothing that happens to the process undoes it.
    pub(crate) fn append(&mut self, frame: &Frame) -> Result<(), FolderError> {
        if self.bytes > SEGMENT_BYTES {
            self.begin_segment(frame.number)?;
        }
        self.buffer.clear();
        self.buffer.resize(FRAME_HEAD, 0);
        frame.encode_raw(&mut self.buffer);
        let len = (self.buffer.len() - FRAME_HEAD) as u32;
        let checksum = XxHash3_64::oneshot(&self.buffer[FRAME_HEAD..]);
        self.buffer[..4].copy_from_slice(&len.to_le_bytes());
        self.buffer[4..FRAME_HEAD].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all(&self.buffer).map_err(|source| self.failed(source))?;
        self.bytes += self.buffer.len() as u64;
        Ok(())
    }

    fn begin_segment(&mut self, round: u64) -> Result<(), FolderError> {
        self.sync()?;
        let name = segment(&self.path, round);
        let file = private::open(&name, OpenOptions::new().append(true).create(true));
        self.file = file.map_err(|source| self.failed(source))?;
        self.segments.push(round);
        self.bytes = 0;
        Ok(())
    }

    /// Gives the rounds to the disk, for the day when the power fails.
    pub(crate) fn sync(&self) -> Result<(), FolderError> {
        self.file.sync_data().map_err(|source| self.failed(source))
    }

    /// Deletes the segments that hold only rounds before this one.
    pub(crate) fn trim(&mut self, round: i64) -> Result<(), FolderError> {
        while self.segments.get(1).is_some_and(|&second| i64::try_from(second).is_ok_and(|second| second <= round)) {
            let name = segment(&self.path, self.segments.remove(0));
            fs::remove_file(&name).map_err(|source| FolderError::Io { path: name, source })?;
        }
        Ok(())
    }

    /// What a message in it that is none means.
    pub(crate) fn damaged(&self, error: &wire::Malformed) -> FolderError {
        FolderError::Damaged { path: self.path.join("journal"), what: error.to_string() }
    }

    fn failed(&self, source: io::Error) -> FolderError {
        FolderError::Io { path: self.path.clone(), source }
    }
}

/// Bytes before a frame's message: its length and its checksum.
const FRAME_HEAD: usize = 12;

fn within(path: &Path, name: &str) -> impl Fn(io::Error) -> FolderError {
    let path = path.join(name);
    move |source| FolderError::Io { path: path.clone(), source }
}

fn manifest(model: &Model, hash_key: HashKey, partitions: u16) -> Manifest {
    Manifest {
        format_version: FORMAT_VERSION,
        model_fingerprint: model.fingerprint(&hash_key),
        partitions: u32::from(partitions),
        engine_revision: ENGINE_REVISION,
        hash_key: hash_key.words().to_vec(),
    }
}

/// The hash key of a folder that is of this world; `None` if it is of none yet.
fn key_of_manifest(path: &Path, model: &Model, partitions: u16) -> Result<Option<HashKey>, FolderError> {
    let name = path.join("manifest");
    let failed = within(path, "manifest");
    let bytes = match read_own(&name) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match has_other_files(path).map_err(failed)? {
                true => Err(FolderError::Foreign { path: path.to_owned() }),
                false => Ok(None),
            };
        }
        Err(source) => return Err(failed(source)),
    };
    let theirs = Manifest::decode(&bytes[..])
        .map_err(|error| FolderError::Damaged { path: name.clone(), what: error.to_string() })?;
    // One of another version has other words, and is refused for its version.
    let words = <[u64; 2]>::try_from(&theirs.hash_key[..]);
    let hash_key = HashKey::new(words.unwrap_or_default());
    let ours = manifest(model, hash_key, partitions);
    let differs = [
        (theirs.format_version != ours.format_version, "version of this program"),
        (theirs.engine_revision != ours.engine_revision, "version of this program"),
        (theirs.partitions != ours.partitions, "partitions"),
        (words.is_ok() && theirs.model_fingerprint != ours.model_fingerprint, "options of the model"),
    ];
    match differs.into_iter().find(|(differs, _)| *differs) {
        Some((_, what)) => Err(FolderError::Other { path: path.to_owned(), what }),
        None if words.is_ok() => Ok(Some(hash_key)),
        None => Err(FolderError::Damaged { path: name, what: "it has no hash key".to_owned() }),
    }
}

/// Begins a folder, with a hash key of its own.
fn write_manifest(path: &Path, model: &Model, partitions: u16) -> Result<HashKey, FolderError> {
    let hash_key = draw_hash_key().map_err(within(path, "manifest"))?;
    let draft = path.join("manifest.new");
    let file = private::open(&draft, OpenOptions::new().write(true).create(true).truncate(true));
    file.and_then(|mut file| file.write_all(&manifest(model, hash_key, partitions).encode_to_vec()))
        .and_then(|()| fs::rename(&draft, path.join("manifest")))
        .map_err(within(path, "manifest.new"))?;
    Ok(hash_key)
}

/// The bytes of a file of ours, which is small.
fn read_own(path: &Path) -> io::Result<Vec<u8>> {
    private::check_plain(path)?;
    let mut bytes = Vec::new();
    File::open(path)?.take(MANIFEST_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether there is anything in a folder without a manifest that a run which was killed at its beginning does not leave.
fn has_other_files(path: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        let is_ours = match path.file_name().and_then(|name| name.to_str()) {
            Some("journal" | "checkpoints") => is_empty_folder(&path)?,
            Some("lock") => is_file_of(&path, |bytes| bytes.is_empty())?,
            Some("manifest.new") => is_file_of(&path, |bytes| {
                Manifest::decode(bytes).is_ok_and(|draft| bytes.is_empty() || draft.format_version == FORMAT_VERSION)
            })?,
            _ => false,
        };
        if !is_ours {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_empty_folder(path: &Path) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.is_dir() && fs::read_dir(path)?.next().is_none())
}

fn is_file_of(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
    Ok(fs::symlink_metadata(path)?.is_file() && is_ours(&read_own(path)?))
}

fn segment(path: &Path, round: u64) -> PathBuf {
    path.join("journal").join(format!("{round:020}"))
}

fn list_segments(path: &Path) -> io::Result<Vec<u64>> {
    let mut rounds = Vec::new();
    for entry in fs::read_dir(path.join("journal"))? {
        rounds.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    rounds.sort_unstable();
    Ok(rounds)
}

/// All frames of all segments. A torn end is cut off, but only the very end may be torn.
fn read_segments(path: &Path, segments: &[u64]) -> Result<Vec<Frame>, FolderError> {
    let mut frames: Vec<Frame> = Vec::new();
    for (place, &round) in segments.iter().enumerate() {
        let name = segment(path, round);
        let failed = |source| FolderError::Io { path: name.clone(), source };
        let damaged = |what: &str| FolderError::Damaged { path: name.clone(), what: what.to_owned() };
        let file = private::open(&name, OpenOptions::new().read(true)).map_err(failed)?;
        let len = file.metadata().map_err(failed)?.len();
        let mut read = BufReader::new(file);
        let mut whole = 0;
        while let Some((frame, bytes)) = read_frame(&mut read).map_err(failed)? {
            if frames.last().is_some_and(|last| frame.number != last.number + 1) {
                return Err(damaged("rounds are missing"));
            }
            whole += bytes;
            frames.push(frame);
        }
        if whole < len {
            if place + 1 < segments.len() {
                return Err(damaged("it is torn in the middle"));
            }
            let file = private::open(&name, OpenOptions::new().write(true)).map_err(failed)?;
            file.set_len(whole).map_err(failed)?;
        }
    }
    Ok(frames)
}

/// The next frame and its length in the file; `None` at the end, torn or not.
fn read_frame(read: &mut impl Read) -> io::Result<Option<(Frame, u64)>> {
    let mut head = [0; FRAME_HEAD];
    let Some(()) = read_whole(read, &mut head)? else { return Ok(None) };
    let len = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    if len > FRAME_BYTES_MAX {
        return Ok(None);
    }
    let mut bytes = vec![0; len as usize];
    let Some(()) = read_whole(read, &mut bytes)? else { return Ok(None) };
    let is_whole = XxHash3_64::oneshot(&bytes).to_le_bytes() == head[4..];
    let frame = is_whole.then(|| Frame::decode(&bytes[..]).ok()).flatten();
    Ok(frame.map(|frame| (frame, (FRAME_HEAD + bytes.len()) as u64)))
}

fn read_whole(read: &mut impl Read, bytes: &mut [u8]) -> io::Result<Option<()>> {
    match read.read_exact(bytes) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

impl Frame {
    pub(crate) fn of(number: u64, records: u64, input_digest: u64, round: &Round, progress: &Progress) -> Frame {
        let journal = round.journal.iter().map(|record| bytes(|out| record.encode(out))).collect();
        let told = |(shard, offset, sections): &(u16, i64, Vec<influence::exchange::Section>)| Told {
            shard: u32::from(*shard),
            offset: *offset,
            sections: bytes(|out| encode_exchange(sections, out)),
        };
        let exchange = round.exchange.iter().map(told).collect();
        Frame { number, records, input_digest, journal, exchange, progress: Some(progress.into()) }
    }

    /// What the round had committed.
    pub(crate) fn round(&self) -> Result<Round, wire::Malformed> {
        let mut round = Round::default();
        for bytes in &self.journal {
            round.journal.push(JournalRecord::decode(bytes)?);
        }
        for Told { shard, offset, sections } in &self.exchange {
            round.exchange.push((*shard as u16, *offset, decode_exchange(sections)?));
        }
        Ok(round)
    }

    /// What had been done by its end.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.as_ref().map(Progress::from).unwrap_or_default()
    }
}

fn bytes(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(&mut bytes);
    bytes
}

impl From<&Progress> for ProgressMessage {
    fn from(progress: &Progress) -> ProgressMessage {
        let Progress { taken, published, exchange_entries, epochs, first_collisions } = progress;
        let Taken {
            accepted,
            late,
            self_acts,
            opted_out,
            blocked,
            own_accounts,
            misrouted,
            refused,
            collided,
            pushed_edges,
        } = *taken;
        let told = |collision: &Collision| CollisionMessage {
            first: collision.first.clone(),
            second: collision.second.clone(),
        };
        ProgressMessage {
            accepted: accepted.values().to_vec(),
            counts: vec![
                late,
                self_acts,
                opted_out,
                misrouted,
                pushed_edges,
                *published,
                *exchange_entries,
                *epochs,
                collided,
                refused,
                blocked,
                own_accounts,
            ],
            collisions: first_collisions.iter().map(told).collect(),
        }
    }
}

impl From<&ProgressMessage> for Progress {
    fn from(message: &ProgressMessage) -> Progress {
        let count = |place: usize| message.counts.get(place).copied().unwrap_or_default();
        let accepted = PerKind::from_fn(|kind| message.accepted.get(kind as usize).copied().unwrap_or_default());
        let told = |collision: &CollisionMessage| Collision {
            first: collision.first.clone(),
            second: collision.second.clone(),
        };
        Progress {
            taken: Taken {
                accepted,
                late: count(0),
                self_acts: count(1),
                opted_out: count(2),
                blocked: count(10),
                own_accounts: count(11),
                misrouted: count(3),
                refused: count(9),
                collided: count(8),
                pushed_edges: count(4),
            },
            published: count(5),
            exchange_entries: count(6),
            epochs: count(7),
            first_collisions: message.collisions.iter().map(told).collect(),
        }
    }
}
