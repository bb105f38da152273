//! Where checkpoints are kept: a folder, or any object store by URL.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use tokio::runtime::Runtime;
use url::Url;

/// Objects by name, for programs that wait. It is used from one thread, which keeps the runtime that the stores' own
/// clients need.
#[derive(Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    prefix: Key,
    runtime: Runtime,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What the store says.
    #[error("the checkpoint store does not answer as it should: {0}")]
    Object(#[from] object_store::Error),
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
        match Url::parse(place) {
            Ok(url) => {
                let (objects, prefix) =
                    object_store::parse_url_opts(&url, options).map_err(|error| wrong(error.to_string()))?;
                Store::new(Arc::from(objects), prefix)
            }
            Err(_) => {
                fs::create_dir_all(place).map_err(|error| wrong(error.to_string()))?;
                let folder = LocalFileSystem::new_with_prefix(Path::new(place));
                let folder = folder.map_err(|error| wrong(error.to_string()))?.with_automatic_cleanup(true);
                Store::new(Arc::new(folder), Key::default())
            }
        }
    }

    /// Objects below a prefix of a store that is there already.
    pub fn new(objects: Arc<dyn ObjectStore>, prefix: Key) -> Result<Store, StoreError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| StoreError::Place {
            place: prefix.to_string(),
            reason: format!("the system gives no event queue: {error}"),
        })?;
        Ok(Store { objects, prefix, runtime })
    }

    /// The part of it that has this name: several applications may share a place.
    #[must_use]
    pub fn below(self, name: &str) -> Store {
        Store { prefix: self.prefix.join(name), ..self }
    }

    /// Writes a checkpoint, in one piece. One of this name that is there already is the same, or is torn.
    pub(crate) fn put(&self, shard: u16, sequence: u64, digest: u64, bytes: Vec<u8>) -> Result<(), StoreError> {
        let key = self.folder(shard).join(format!("{sequence:020}-{digest:016x}.checkpoint"));
        self.runtime.block_on(self.objects.put(&key, PutPayload::from(bytes)))?;
        Ok(())
    }

    /// The checkpoints of a shard, the newest first.
    pub(crate) fn list(&self, shard: u16) -> Result<Vec<Named>, StoreError> {
        let listed = self.runtime.block_on(self.objects.list_with_delimiter(Some(&self.folder(shard))));
        let objects = match listed {
            Ok(listed) => listed.objects,
            Err(object_store::Error::NotFound { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut named: Vec<Named> = objects.into_iter().filter_map(|object| Named::of(object.location)).collect();
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
