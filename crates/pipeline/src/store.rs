//! Where checkpoints are kept: a folder, or any object store by URL.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tracing::warn;
use url::Url;
use vocabulary::Timestamp;

use crate::cloud::{self, Outlook, advice, said};
use crate::place::CheckpointPlace;
use crate::private;

/// The file that holds what was drawn for a folder when it was made.
const ID_FILE: &str = "id";
/// Where the name of a shard's folder begins.
const SHARD: &str = "shard-";
/// Letters of it.
const ID_LETTERS: usize = 16;
/// Looks at a file that somebody else is just writing, and the time between two of them.
const ID_LOOKS: (usize, Duration) = (50, Duration::from_millis(10));
/// Larger objects are sent and fetched in parts of so many bytes, each of which may take half a minute,
const PART_BYTES: usize = 16 << 20;
/// and so many of them at once.
const PARTS: usize = 4;
/// What is written to see whether a store takes it.
const PROBE: &[u8] = b"clout tries whether it may write here; this can be deleted";

/// Objects by name, for programs that wait. It is used from one thread, which keeps the runtime that the stores' own
/// clients need.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Key,
    /// The objects once more, if they are files of this machine.
    files: Option<LocalFileSystem>,
    /// How other processes of the application find it.
    place: Option<CheckpointPlace>,
    /// What its kind of store wants to know.
    options: Vec<(String, String)>,
    /// The names of the parts of it, one below the other.
    names: Vec<String>,
    /// Nothing is ever written: then it is no matter whose files these are.
    is_read_only: bool,
    runtime: Runtime,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What the store says.
    #[error("the checkpoint store does not answer as it should: {}", said(.0))]
    Object(#[from] object_store::Error),
    /// Something that checkpoints need cannot be done, and will not be by itself.
    #[error("checkpoints cannot be kept at {place}: {doing} is refused, {said}; {advice}")]
    Refused {
        /// The place.
        place: String,
        /// What was tried.
        doing: Doing,
        /// What the store says.
        said: String,
        /// What to do.
        advice: &'static str,
    },
    /// The store does not answer now.
    #[error("the checkpoint store at {place} does not answer, {doing} fails: {said}; {advice}")]
    Away {
        /// The place.
        place: String,
        /// What was tried.
        doing: Doing,
        /// What went wrong.
        said: String,
        /// What to do.
        advice: &'static str,
    },
    /// There is no thread to read and write them on.
    #[error("no room for the thread that keeps checkpoints: {0}")]
    Thread(std::io::Error),
    /// The place is none.
    #[error("checkpoints cannot be kept at {place}: {reason}")]
    Place {
        /// What was given.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// What checkpoints need of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// To find them.
    Listing,
    /// To keep them.
    Writing,
    /// To restore from them.
    Reading,
    /// To remove old ones.
    Deleting,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doing::Listing => "listing",
            Doing::Writing => "writing",
            Doing::Reading => "reading",
            Doing::Deleting => "deleting",
        })
    }
}

/// The name of a checkpoint, which tells what it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) sequence: u64,
    pub(crate) digest: u64,
    pub(crate) key: Key,
    pub(crate) bytes: u64,
    /// When it was written, by the store's clock.
    pub(crate) at: Timestamp,
}

impl Store {
    /// A folder, which is made, or a URL such as `s3://bucket/clout` with the options that its kind of store knows.
    ///
    /// # Errors
    /// If the place cannot be used, or its kind of store is not built in.
    pub fn open(place: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Store, StoreError> {
        let wrong = |reason: String| StoreError::Place { place: place.to_owned(), reason };
        Store::open_with(place, options, |path| {
            private::make_folder(path).map_err(|error| wrong(error.to_string()))?;
            Store::of_folder(path)
        })
    }

    /// The same for somebody who only looks: a folder must be there, whoever owns it, and nothing is written.
    ///
    /// # Errors
    /// If there is nothing at this place, or it cannot be used.
    pub fn to_look_at(place: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Store, StoreError> {
        let store = Store::open_with(place, options, |path| match path.is_dir() {
            true => Store::of_folder(path),
            false => Err(StoreError::Place { place: place.to_owned(), reason: "there is no such folder".to_owned() }),
        })?;
        Ok(Store { is_read_only: true, ..store })
    }

    fn open_with(
        place: &str,
        options: impl IntoIterator<Item = (String, String)>,
        folder: impl Fn(&Path) -> Result<Store, StoreError>,
    ) -> Result<Store, StoreError> {
        let wrong = |reason: String| StoreError::Place { place: place.to_owned(), reason };
        let options: Vec<_> = options.into_iter().collect();
        match Url::parse(place) {
            Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(path) => folder(&path),
                Err(()) => Err(wrong("this address of a file has no path on this machine".to_owned())),
            },
            // Gone with the process, as all of a demo is.
            Ok(url) if url.scheme() == "memory" => {
                Store::new(Arc::new(InMemory::new()), Key::from(url.path().trim_start_matches('/')))
            }
            Ok(url) => {
                let (objects, prefix) = cloud::open(&url, &options).map_err(wrong)?;
                Ok(Store { options, ..Store::new(objects, prefix)? })
            }
            Err(_) => folder(Path::new(place)),
        }
    }

    /// Objects below a prefix of a store that is there already.
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: Key) -> Result<Store, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Place {
            place: prefix.to_string(),
            reason: format!("the system gives no event queue: {error}"),
        })?;
        let (options, names) = (Vec::new(), Vec::new());
        Ok(Store { objects, prefix, files: None, place: None, options, names, is_read_only: false, runtime })
    }

    /// A folder that is there.
    fn of_folder(path: &Path) -> Result<Store, StoreError> {
        let files = LocalFileSystem::new_with_prefix(path)?.with_automatic_cleanup(true);
        Ok(Store { files: Some(files.clone()), ..Store::new(Arc::new(files), Key::default())? })
    }

    /// The part of it that has this name: several applications may share a place.
    #[must_use]
    pub fn below(self, name: &str) -> Store {
        let names = self.names.into_iter().chain([name.to_owned()]).collect();
        Store { prefix: self.prefix.join(name), names, ..self }
    }

    /// Finds out how other processes of the application find it, of which it is a part: `location` is what was opened, on
    /// this host. A folder that has no id gets one.
    ///
    /// # Errors
    /// If the folder cannot be used.
    pub fn identified(mut self, location: &str, host: &str) -> Result<Store, StoreError> {
        let place = match &self.files {
            None => {
                let shown = match location.split_once("://") {
                    Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or(rest)),
                    None => location.to_owned(),
                };
                CheckpointPlace { location: shown, host: String::new(), id: String::new() }
            }
            Some(files) => {
                self.on_folder(&self.prefix, private::make_inner_folder)?;
                let folder = files.path_to_filesystem(&self.prefix)?;
                let wrong =
                    |error: io::Error| StoreError::Place { place: location.to_owned(), reason: error.to_string() };
                let id = own_id(&folder).map_err(wrong)?;
                let root = folder.ancestors().nth(self.names.len()).unwrap_or(&folder);
                CheckpointPlace { location: root.display().to_string(), host: host.to_owned(), id }
            }
        };
        self.place = Some(place);
        Ok(self)
    }

    /// Whether it is a folder: processes on other hosts, or in other folders, may keep theirs elsewhere.
    pub fn is_folder(&self) -> bool {
        self.files.is_some()
    }

    /// How other processes of the application find it, once that was found out.
    pub fn place(&self) -> Option<&CheckpointPlace> {
        self.place.as_ref()
    }

    /// The place of another process; `None` if that is this one.
    ///
    /// # Errors
    /// Why it cannot be seen from here.
    pub(crate) fn reach(&self, kept: &CheckpointPlace) -> Result<Option<Store>, String> {
        let Some(own) = &self.place else { return Ok(None) };
        let is_same = match kept.host.is_empty() {
            true => own.location == kept.location,
            false => !kept.id.is_empty() && own.id == kept.id,
        };
        if is_same || own.host == kept.host && own.location == kept.location {
            return Ok(None);
        }
        let store = match kept.host.is_empty() {
            true if !kept.location.contains("://") => return Err("its host is not known".to_owned()),
            true => Store::open(&kept.location, self.options.clone()).map_err(|error| error.to_string())?,
            false => reach_folder(Path::new(&kept.location), kept, own.host == kept.host, &self.names)?,
        };
        Ok(Some(self.names.iter().fold(store, |store, name| store.below(name))))
    }

    /// Whether a shard can go on here that another process has kept in its place: that place can be seen, or somebody has put
    /// checkpoints of the shard here.
    ///
    /// # Errors
    /// Why the place cannot be seen from here.
    pub fn check_sees(&self, shard: u16, kept: &CheckpointPlace) -> Result<(), String> {
        match self.reach(kept) {
            Err(_) if self.list(shard).is_ok_and(|named| !named.is_empty()) => Ok(()),
            reached => reached.map(drop),
        }
    }

    /// Does all that checkpoints need of a store: lists, writes, reads and deletes. Returns the time of the writing by the store's own
    /// clock, in milliseconds since 1970; object stores tell whole seconds.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if it will not do one of them, [`StoreError::Away`] if it does not answer now.
    pub fn check(&self) -> Result<i64, StoreError> {
        let place = self.place.as_ref().map_or_else(|| self.prefix.to_string(), |place| place.location.clone());
        let failed = |doing: Doing| {
            let place = place.clone();
            move |error: object_store::Error| {
                let (said, advice) = (said(&error), advice(&place, &error));
                match cloud::outlook(&error) {
                    Outlook::Lasting => StoreError::Refused { place, doing, said, advice },
                    Outlook::Passing => StoreError::Away { place, doing, said, advice },
                }
            }
        };
        self.on_folder(&self.prefix, private::make_inner_folder)?;
        let listed = self.runtime.block_on(self.objects.list_with_delimiter(Some(&self.prefix)));
        listed.map(drop).map_err(failed(Doing::Listing))?;
        let drawn = getrandom::u64().map_err(|error| StoreError::Thread(error.into()))?;
        let key = self.prefix.clone().join(format!("probe-{drawn:016x}"));
        self.runtime
            .block_on(self.objects.put(&key, PutPayload::from_static(PROBE)))
            .map_err(failed(Doing::Writing))?;
        let read = self.runtime.block_on(async {
            let got = self.objects.get(&key).await?;
            let written_ms = got.meta.last_modified.timestamp_millis();
            Ok((written_ms, got.bytes().await?))
        });
        let read = read.map_err(failed(Doing::Reading));
        self.runtime.block_on(self.objects.delete(&key)).map_err(failed(Doing::Deleting))?;
        match read? {
            (written_ms, read) if read == PROBE => Ok(written_ms),
            _ => Err(StoreError::Place { place, reason: "what was written is read as something else".to_owned() }),
        }
    }

    /// Writes a checkpoint, in one piece. One of this name that is there already is the same, or is torn.
    pub(crate) fn put(&self, shard: u16, sequence: u64, digest: u64, bytes: Vec<u8>) -> Result<(), StoreError> {
        let key = self.folder(shard).join(format!("{sequence:020}-{digest:016x}.checkpoint"));
        self.on_folders(shard, private::make_inner_folder)?;
        self.runtime.block_on(self.write(&key, bytes))?;
        // Until here nobody else could look at it, since nobody else gets into the folder.
        self.on_file(&key, |path| private::open(path, OpenOptions::new().read(true)).map(drop))
    }

    /// The shards that have a folder here, by number.
    pub(crate) fn shards(&self) -> Result<Vec<u16>, StoreError> {
        let listed = match self.runtime.block_on(self.objects.list_with_delimiter(Some(&self.prefix))) {
            Ok(listed) => listed.common_prefixes,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let number = |key: &Key| key.filename()?.strip_prefix(SHARD)?.parse().ok();
        let mut shards: Vec<u16> = listed.iter().filter_map(number).collect();
        shards.sort_unstable();
        Ok(shards)
    }

    /// The checkpoints of a shard, the newest first.
    pub(crate) fn list(&self, shard: u16) -> Result<Vec<Named>, StoreError> {
        self.on_folders(shard, |path| match private::check_inner_folder(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            checked => checked,
        })?;
        let listed = self.runtime.block_on(self.objects.list_with_delimiter(Some(&self.folder(shard))));
        let objects = match listed {
            Ok(listed) => listed.objects,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut named: Vec<Named> = objects.into_iter().filter_map(Named::of).collect();
        // What is a link or of somebody else is as good as not there; it is not ours to delete either.
        named.retain(|named| match self.on_file(&named.key, private::check_plain) {
            Ok(()) => true,
            Err(error) => {
                warn!(%error, "a checkpoint is passed over");
                false
            }
        });
        named.sort_unstable();
        named.reverse();
        Ok(named)
    }

    pub(crate) fn get(&self, named: &Named) -> Result<Vec<u8>, StoreError> {
        Ok(self.runtime.block_on(self.read(named))?)
    }

    /// The first bytes of a checkpoint.
    pub(crate) fn beginning(&self, named: &Named, bytes: u64) -> Result<Vec<u8>, StoreError> {
        let range = 0..bytes.min(named.bytes);
        Ok(self.runtime.block_on(self.objects.get_range(&named.key, range))?.to_vec())
    }

    /// Writes an object, a large one in parts; it is there once all of it is.
    async fn write(&self, key: &Key, bytes: Vec<u8>) -> object_store::Result<()> {
        if self.files.is_some() || bytes.len() <= PART_BYTES {
            return self.objects.put(key, PutPayload::from(bytes)).await.map(drop);
        }
        let mut bytes = Bytes::from(bytes);
        let mut upload = WriteMultipart::new_with_chunk_size(self.objects.put_multipart(key).await?, PART_BYTES);
        while !bytes.is_empty() {
            if let Err(error) = upload.wait_for_capacity(PARTS).await {
                // Parts that stay behind are the store's to clear, and cost nothing but room.
                let _ = upload.abort().await;
                return Err(error);
            }
            upload.put(bytes.split_to(PART_BYTES.min(bytes.len())));
        }
        upload.finish().await.map(drop)
    }

    /// Reads an object, a large one in parts.
    async fn read(&self, named: &Named) -> object_store::Result<Vec<u8>> {
        if self.files.is_some() || named.bytes <= PART_BYTES as u64 {
            return self.objects.get(&named.key).await?.bytes().await.map(Vec::from);
        }
        let starts = (0..named.bytes).step_by(PART_BYTES);
        let mut ranges = starts.map(|start| start..named.bytes.min(start + PART_BYTES as u64));
        let mut whole = vec![0; usize::try_from(named.bytes).unwrap_or(usize::MAX)];
        let mut parts = JoinSet::new();
        loop {
            while parts.len() < PARTS
                && let Some(range) = ranges.next()
            {
                let (objects, key) = (Arc::clone(&self.objects), named.key.clone());
                parts.spawn(async move {
                    let part = objects.get_range(&key, range.clone()).await?;
                    Ok::<_, object_store::Error>((range, part))
                });
            }
            let Some(joined) = parts.join_next().await else { return Ok(whole) };
            let (range, part) = joined??;
            // Within a vector of this length.
            let place = range.start as usize..range.end as usize;
            if part.len() != place.len() {
                let source = format!("{} bytes of {range:?} came of {}", part.len(), named.key).into();
                return Err(object_store::Error::Generic { store: "checkpoints", source });
            }
            whole[place].copy_from_slice(&part);
        }
    }

    pub(crate) fn delete(&self, named: &Named) -> Result<(), StoreError> {
        match self.runtime.block_on(self.objects.delete(&named.key)) {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes the checkpoints of so many shards, and tells how many there were.
    pub fn clear(&self, shards: u16) -> Result<usize, StoreError> {
        let mut deleted = 0;
        for shard in 0..shards {
            let named = self.list(shard)?;
            named.iter().try_for_each(|named| self.delete(named))?;
            deleted += named.len();
        }
        Ok(deleted)
    }

    /// Forgets the place as well, where nothing is left in it: the application is gone.
    ///
    /// # Errors
    /// If the folder refuses.
    pub fn forget(&self) -> Result<(), StoreError> {
        self.on_file(&self.prefix, |folder| {
            let gone = |result: io::Result<()>| match result {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                result => result,
            };
            let is_own =
                |entry: &io::Result<fs::DirEntry>| entry.as_ref().is_ok_and(|entry| entry.file_name() == ID_FILE);
            if fs::read_dir(folder).is_ok_and(|mut entries| entries.all(|entry| is_own(&entry))) {
                gone(fs::remove_file(folder.join(ID_FILE)))?;
                gone(fs::remove_dir(folder))?;
            }
            Ok(())
        })
    }

    /// Does something with each folder on the way to a shard's checkpoints, if they are on this machine.
    fn on_folders(&self, shard: u16, act: impl Fn(&Path) -> io::Result<()>) -> Result<(), StoreError> {
        self.on_folder(&self.folder(shard), act)
    }

    /// Does something with a folder and each one on the way to it, if they are on this machine.
    fn on_folder(&self, folder: &Key, act: impl Fn(&Path) -> io::Result<()>) -> Result<(), StoreError> {
        let mut key = Key::default();
        folder.parts().try_for_each(|part| {
            key = std::mem::take(&mut key).join(part);
            self.on_file(&key, &act)
        })
    }

    /// Does something with a file or folder, if it is on this machine.
    fn on_file(&self, key: &Key, act: impl Fn(&Path) -> io::Result<()>) -> Result<(), StoreError> {
        let Some(files) = self.files.as_ref().filter(|_| !self.is_read_only) else { return Ok(()) };
        let path = files.path_to_filesystem(key)?;
        let wrong =
            |error: io::Error| StoreError::Place { place: path.display().to_string(), reason: error.to_string() };
        act(&path).map_err(wrong)
    }

    fn folder(&self, shard: u16) -> Key {
        self.prefix.clone().join(format!("{SHARD}{shard:05}"))
    }
}

/// The folder of another process, if it is the same one here.
fn reach_folder(path: &Path, kept: &CheckpointPlace, is_this_host: bool, names: &[String]) -> Result<Store, String> {
    private::check_folder(path).map_err(|error| error.to_string())?;
    let inner = names.iter().fold(path.to_owned(), |path, name| path.join(name));
    private::check_folder(&inner).map_err(|error| format!("{}: {error}", inner.display()))?;
    // On one host a path is one folder, whatever has become of its file.
    if !is_this_host && read_id(&inner.join(ID_FILE)).ok().flatten().is_none_or(|id| id != kept.id) {
        return Err("the folder of that name on this host is another one".to_owned());
    }
    Store::of_folder(path).map_err(|error| error.to_string())
}

/// The id of a folder, which is drawn if it has none.
fn own_id(folder: &Path) -> io::Result<String> {
    let path = folder.join(ID_FILE);
    let drawn = format!("{:0ID_LETTERS$x}", getrandom::u64()?);
    let write = |mut file: File| file.write_all(drawn.as_bytes()).map(|()| drawn.clone());
    match private::open(&path, OpenOptions::new().write(true).create_new(true)) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made.and_then(write),
    }
    for _ in 0..ID_LOOKS.0 {
        if let Some(id) = read_id(&path)? {
            return Ok(id);
        }
        std::thread::sleep(ID_LOOKS.1);
    }
    // Whoever made it has not come to write it.
    private::open(&path, OpenOptions::new().write(true).truncate(true)).and_then(write)
}

/// The id in a file; `None` if it is not whole.
fn read_id(path: &Path) -> io::Result<Option<String>> {
    let mut id = String::new();
    private::open(path, OpenOptions::new().read(true))?.read_to_string(&mut id)?;
    Ok((id.len() == ID_LETTERS).then_some(id))
}

impl Named {
    fn of(object: ObjectMeta) -> Option<Named> {
        let ObjectMeta { location: key, size: bytes, last_modified, .. } = object;
        let (sequence, digest) = key.filename()?.strip_suffix(".checkpoint")?.split_once('-')?;
        let (sequence, digest) = (sequence.parse().ok()?, u64::from_str_radix(digest, 16).ok()?);
        Some(Named { sequence, digest, key, bytes, at: last_modified.timestamp_millis() })
    }
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::PathBuf;

    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Place {
            let path = std::env::temp_dir().join(format!("clout-store-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Place(path)
        }

        fn store(&self) -> Store {
            Store::open(self.0.join("place").to_str().unwrap(), []).unwrap().below("app")
        }

        fn shard(&self) -> PathBuf {
            self.0.join("place/app/shard-00003")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn only_the_owner_may_look_in() {
        let place = Place::new("modes");
        let store = place.store();
        store.put(3, 1, 2, b"image".to_vec()).unwrap();
        let named = store.list(3).unwrap();
        assert_eq!(store.get(&named[0]).unwrap(), b"image");
        let file = fs::read_dir(place.shard()).unwrap().next().unwrap().unwrap().path();
        for (path, mode) in
            [(place.0.join("place"), 0o700), (place.0.join("place/app"), 0o700), (place.shard(), 0o700), (file, 0o600)]
        {
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, mode, "{}", path.display());
        }
    }

    #[test]
    fn an_address_of_a_file_is_a_folder_as_well() {
        let place = Place::new("address");
        let store = Store::open(&format!("file://{}/place", place.0.display()), []).unwrap().below("app");
        store.put(3, 1, 2, b"image".to_vec()).unwrap();
        assert_eq!(fs::metadata(place.shard()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn nothing_is_written_deleted_or_read_through_a_link() {
        let place = Place::new("links");
        let elsewhere = place.0.join("elsewhere");
        let name = "00000000000000000001-0000000000000002.checkpoint";
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(name), "precious").unwrap();
        let hold_whole = || {
            assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
            assert_eq!(fs::read_to_string(elsewhere.join(name)).unwrap(), "precious");
        };
        for link in [place.0.join("place/app"), place.shard()] {
            let store = place.store();
            let _ = fs::remove_dir_all(place.0.join("place/app"));
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(&elsewhere, &link).unwrap();
            let error = store.put(3, 1, 2, b"image".to_vec()).unwrap_err().to_string();
            assert!(error.contains("it is a link"), "{error}");
            assert!(store.list(3).is_err());
            assert!(store.clear(4).is_err());
            hold_whole();
            fs::remove_file(&link).unwrap();
        }
        // A checkpoint that is a link is none, and one that is written takes its place.
        let store = place.store();
        fs::create_dir_all(place.shard()).unwrap();
        symlink(elsewhere.join(name), place.shard().join(name)).unwrap();
        assert_eq!(store.list(3).unwrap(), []);
        assert_eq!(store.clear(4).unwrap(), 0);
        store.put(3, 1, 2, b"image".to_vec()).unwrap();
        assert_eq!(store.get(&store.list(3).unwrap()[0]).unwrap(), b"image");
        hold_whole();
    }

    #[test]
    fn a_folder_of_somebody_else_is_left_as_it_is() {
        let place = Place::new("owners");
        let store = place.store();
        fs::create_dir_all(place.shard()).unwrap();
        if std::os::unix::fs::chown(place.shard(), Some(12_345), None).is_err() {
            eprintln!("skipped: only root can give a folder away");
            return;
        }
        let error = store.put(3, 1, 2, b"image".to_vec()).unwrap_err().to_string();
        assert!(error.contains("it belongs to another user"), "{error}");
        assert_eq!(fs::read_dir(place.shard()).unwrap().count(), 0);
        std::os::unix::fs::chown(place.0.join("place"), Some(12_345), None).unwrap();
        let error = Store::open(place.0.join("place").to_str().unwrap(), []).unwrap_err().to_string();
        assert!(error.contains("it belongs to another user"), "{error}");
    }

    #[test]
    fn whoever_only_looks_makes_nothing_and_asks_for_no_owner() {
        let place = Place::new("look");
        let path = place.0.join("place");
        let look = || Store::to_look_at(path.to_str().unwrap(), []).map(|store| store.below("app"));
        assert!(look().unwrap_err().to_string().contains("there is no such folder"));
        assert!(!path.exists());
        let store = place.store();
        assert_eq!((look().unwrap().kept_shards().unwrap(), store.kept_shards().unwrap()), (Vec::new(), Vec::new()));
        store.put(3, 1, 2, b"image".to_vec()).unwrap();
        store.put(3, 7, 9, b"an image".to_vec()).unwrap();
        // Only root can give a folder away: else it is ours, and can be read all the same.
        let _ = std::os::unix::fs::chown(place.shard(), Some(12_345), None);
        let store = look().unwrap();
        assert_eq!(store.kept_shards().unwrap(), [3]);
        let kept = store.kept(3).unwrap();
        let found: Vec<_> = kept.iter().map(|kept| (kept.shard, kept.sequence, kept.digest, kept.bytes)).collect();
        assert_eq!(found, [(3, 7, 9, 8), (3, 1, 2, 5)]);
        assert!(store.inspect(&kept[0]).unwrap().unwrap_err().contains("torn"));
        assert_eq!(store.kept(4).unwrap(), []);
    }

    #[test]
    fn a_large_checkpoint_goes_in_parts_and_comes_back_whole() {
        let objects = Arc::new(InMemory::new());
        let store = Store::new(objects, Key::from("clout")).unwrap();
        for bytes in [PART_BYTES, PART_BYTES + 1, PARTS * 2 * PART_BYTES, PARTS * 3 * PART_BYTES + 12_345] {
            let image: Vec<u8> = (0..bytes).map(|place| (place / 4_099) as u8).collect();
            store.put(3, bytes as u64, 2, image.clone()).unwrap();
            let named = store.list(3).unwrap();
            assert_eq!((named[0].sequence, named[0].bytes), (bytes as u64, bytes as u64));
            assert!(store.get(&named[0]).unwrap() == image, "{bytes} bytes");
        }
        assert_eq!(store.clear(4).unwrap(), 4);
    }

    #[test]
    fn a_check_leaves_nothing_behind_and_says_what_is_refused() {
        let place = Place::new("check");
        place.store().check().unwrap();
        assert_eq!(fs::read_dir(place.0.join("place/app")).map_or(0, Iterator::count), 0);
        let _ = fs::remove_dir(place.0.join("place/app"));
        symlink("/nowhere", place.0.join("place/app")).unwrap();
        let error = place.store().check().unwrap_err().to_string();
        assert!(error.contains("it is a link"), "{error}");
    }

    const HOST: &str = "here";

    fn identified(path: &Path) -> Store {
        let location = path.to_str().unwrap();
        Store::open(location, []).unwrap().below("app").identified(location, HOST).unwrap()
    }

    #[test]
    fn a_folder_has_one_id_for_ever() {
        let place = Place::new("ids");
        let own = || identified(&place.0.join("place")).place().unwrap().clone();
        let first = own();
        assert_eq!(first.location, place.0.join("place").display().to_string());
        assert_eq!((first.host.as_str(), first.id.len()), (HOST, ID_LETTERS));
        assert_eq!(own(), first);
        let file = place.0.join("place/app").join(ID_FILE);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        // A process that ended while it wrote it.
        fs::write(&file, &first.id[..5]).unwrap();
        let mended = own();
        assert_eq!((mended.id.len(), &own()), (ID_LETTERS, &mended));
    }

    #[test]
    fn an_address_is_written_down_without_its_secrets() {
        let objects = Arc::new(InMemory::new());
        let store =
            Store::new(objects, Key::default()).unwrap().identified("s3://key:secret@bucket/clout", HOST).unwrap();
        let place = CheckpointPlace { location: "s3://bucket/clout".into(), host: String::new(), id: String::new() };
        assert_eq!(store.place(), Some(&place));
    }

    #[test]
    fn the_place_of_another_process_is_reached_where_it_is_the_same_folder() {
        let place = Place::new("reach");
        let (own, other) = (identified(&place.0.join("own")), identified(&place.0.join("other")));
        other.put(3, 1, 2, b"image".to_vec()).unwrap();
        let (mine, theirs) = (own.place().unwrap(), other.place().unwrap());
        let kept = |location: &str, host: &str, id: &str| CheckpointPlace {
            location: location.into(),
            host: host.into(),
            id: id.into(),
        };
        let reach = |kept: &CheckpointPlace| match own.reach(kept) {
            Ok(None) => "own".to_owned(),
            Ok(Some(store)) => format!("{} checkpoints", store.list(3).unwrap().len()),
            Err(reason) => reason,
        };
        for (kept, told) in [
            (mine.clone(), "own"),
            // Mounted elsewhere, on whatever host.
            (kept("/net/clout", "there", &mine.id), "own"),
            (kept("/net/clout", HOST, &mine.id), "own"),
            // Its file was lost.
            (kept(&mine.location, HOST, "0123456789abcdef"), "own"),
            (theirs.clone(), "1 checkpoints"),
            (kept(&theirs.location, "there", &theirs.id), "1 checkpoints"),
            (kept(&theirs.location, HOST, "0123456789abcdef"), "1 checkpoints"),
            (
                kept(&theirs.location, "there", "0123456789abcdef"),
                "the folder of that name on this host is another one",
            ),
            (kept("/nowhere", HOST, &theirs.id), "No such file or directory (os error 2)"),
            (kept("/nowhere", "there", &theirs.id), "No such file or directory (os error 2)"),
            (kept(&theirs.location, "", ""), "its host is not known"),
        ] {
            assert_eq!(reach(&kept), told, "{kept:?}");
        }
        // One that does not tell where it is looks nowhere else.
        assert!(place.store().reach(theirs).unwrap().is_none());
    }

    #[test]
    fn a_place_that_cannot_be_seen_will_do_for_shards_whose_checkpoints_somebody_has_put_here() {
        let place = Place::new("sees");
        let (own, other) = (identified(&place.0.join("own")), identified(&place.0.join("other")));
        let mut kept = other.place().unwrap().clone();
        assert_eq!(own.check_sees(3, &kept), Ok(()));
        kept.location = "/nowhere".to_owned();
        assert_eq!(own.check_sees(3, &kept), Err("No such file or directory (os error 2)".to_owned()));
        own.put(3, 1, 2, b"image".to_vec()).unwrap();
        assert_eq!(own.check_sees(3, &kept), Ok(()));
        assert!(own.check_sees(2, &kept).is_err());
    }
}
