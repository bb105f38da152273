//! Where checkpoints are kept: a folder, or any object store by URL.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;
use tracing::warn;
use url::Url;

use crate::private;

/// Objects by name, for programs that wait. It is used from one thread, which keeps the runtime that the stores' own
/// clients need.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Key,
    /// The objects once more, if they are files of this machine.
    files: Option<LocalFileSystem>,
    runtime: Runtime,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What the store says.
    #[error("the checkpoint store does not answer as it should: {0}")]
    Object(#[from] object_store::Error),
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

/// The name of a checkpoint, which tells what it is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Named {
    pub(crate) sequence: u64,
    pub(crate) digest: u64,
    pub(crate) key: Key,
}

impl Store {
    /// A folder, which is made, or a URL such as `s3://bucket/clout` with the options that its kind of store knows.
    ///
    /// # Errors
    /// If the place cannot be used, or its kind of store is not built in.
    pub fn open(place: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Store, StoreError> {
        let wrong = |reason: String| StoreError::Place { place: place.to_owned(), reason };
        let folder = |path: &Path| {
            private::make_folder(path).map_err(|error| wrong(error.to_string()))?;
            let files = LocalFileSystem::new_with_prefix(path).map_err(|error| wrong(error.to_string()))?;
            let files = files.with_automatic_cleanup(true);
            Ok(Store { files: Some(files.clone()), ..Store::new(Arc::new(files), Key::default())? })
        };
        match Url::parse(place) {
            Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(path) => folder(&path),
                Err(()) => Err(wrong("this address of a file has no path on this machine".to_owned())),
            },
            Ok(url) => {
                let (objects, prefix) =
                    object_store::parse_url_opts(&url, options).map_err(|error| wrong(error.to_string()))?;
                Store::new(Arc::from(objects), prefix)
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
        Ok(Store { objects, prefix, files: None, runtime })
    }

    /// The part of it that has this name: several applications may share a place.
    #[must_use]
    pub fn below(self, name: &str) -> Store {
        Store { prefix: self.prefix.join(name), ..self }
    }

    /// Writes a checkpoint, in one piece. One of this name that is there already is the same, or is torn.
    pub(crate) fn put(&self, shard: u16, sequence: u64, digest: u64, bytes: Vec<u8>) -> Result<(), StoreError> {
        let key = self.folder(shard).join(format!("{sequence:020}-{digest:016x}.checkpoint"));
        self.on_folders(shard, private::make_inner_folder)?;
        self.runtime.block_on(self.objects.put(&key, PutPayload::from(bytes)))?;
        // Until here nobody else could look at it, since nobody else gets into the folder.
        self.on_file(&key, |path| private::open(path, OpenOptions::new().read(true)).map(drop))
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
        let mut named: Vec<Named> = objects.into_iter().filter_map(|object| Named::of(object.location)).collect();
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
        let bytes = self.runtime.block_on(async { self.objects.get(&named.key).await?.bytes().await })?;
        Ok(bytes.into())
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

    /// Does something with each folder on the way to a shard's checkpoints, if they are on this machine.
    fn on_folders(&self, shard: u16, act: impl Fn(&Path) -> io::Result<()>) -> Result<(), StoreError> {
        let mut key = Key::default();
        self.folder(shard).parts().try_for_each(|part| {
            key = std::mem::take(&mut key).join(part);
            self.on_file(&key, &act)
        })
    }

    /// Does something with a file or folder, if it is on this machine.
    fn on_file(&self, key: &Key, act: impl Fn(&Path) -> io::Result<()>) -> Result<(), StoreError> {
        let Some(files) = &self.files else { return Ok(()) };
        let path = files.path_to_filesystem(key)?;
        let wrong =
            |error: io::Error| StoreError::Place { place: path.display().to_string(), reason: error.to_string() };
        act(&path).map_err(wrong)
    }

    fn folder(&self, shard: u16) -> Key {
        self.prefix.clone().join(format!("shard-{shard:05}"))
    }
}

impl Named {
    fn of(key: Key) -> Option<Named> {
        let (sequence, digest) = key.filename()?.strip_suffix(".checkpoint")?.split_once('-')?;
        let (sequence, digest) = (sequence.parse().ok()?, u64::from_str_radix(digest, 16).ok()?);
        Some(Named { sequence, digest, key })
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
}
