//! A checkpoint store that fails on purpose, and looks at what is put into it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, executor};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use crate::log::panic_silently;
use crate::scenario::Tear;

/// A store in memory with faults.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: InMemory,
    faults: Mutex<Faults>,
}

/// What goes wrong, and what has been seen.
#[derive(Debug, Default)]
struct Faults {
    is_away: bool,
    is_full: bool,
    panics_next: bool,
    /// By shard.
    tears_next: BTreeMap<u16, Tear>,
    put: Vec<(u16, u64, u64)>,
}

impl FaultyStore {
    /// An empty store without faults.
    pub(crate) fn new() -> Arc<FaultyStore> {
        Arc::new(FaultyStore { inner: InMemory::new(), faults: Mutex::default() })
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether calls fail, and whether writes do.
    pub(crate) fn set(&self, is_away: bool, is_full: bool) {
        let mut faults = self.faults();
        (faults.is_away, faults.is_full) = (is_away, is_full);
    }

    /// Whether the next call panics.
    pub(crate) fn panic_next(&self, panics: bool) {
        self.faults().panics_next = panics;
    }

    /// The next object of a shard is not what it should be, or not what is told.
    pub(crate) fn tear_next(&self, shard: u16, tear: Tear) {
        self.faults().tears_next.insert(shard, tear);
    }

    /// The checkpoints that were put since this was last asked: shard, sequence, digest.
    pub(crate) fn take_put(&self) -> Vec<(u16, u64, u64)> {
        std::mem::take(&mut self.faults().put)
    }

    /// The checkpoints of a shard, the newest first.
    pub(crate) fn list_shard(&self, shard: u16) -> Vec<Path> {
        let folder = Path::from(format!("shard-{shard:05}"));
        let found: Result<Vec<ObjectMeta>> = executor::block_on(self.inner.list(Some(&folder)).try_collect());
        let mut found: Vec<Path> = found.unwrap_or_default().into_iter().map(|meta| meta.location).collect();
        found.sort();
        found.reverse();
        found
    }

    /// Changes an object's bytes.
    pub(crate) fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.read(path);
        change(&mut bytes);
        self.write(path, bytes);
    }

    /// What is in an object.
    pub(crate) fn read(&self, path: &Path) -> Vec<u8> {
        let read = executor::block_on(async { self.inner.get(path).await?.bytes().await });
        read.map(|bytes| bytes.to_vec()).unwrap_or_default()
    }

    /// Writes an object, as nobody but a fault does.
    pub(crate) fn write(&self, path: &Path, bytes: Vec<u8>) {
        let put = executor::block_on(self.inner.put(path, PutPayload::from(bytes)));
        put.expect("a store in memory takes everything");
    }

    /// Loses an object.
    pub(crate) fn lose(&self, path: &Path) {
        // Lost already is lost as well.
        let _ = executor::block_on(self.inner.delete(path));
    }

    fn answers(&self) -> Result<()> {
        let panics = std::mem::take(&mut self.faults().panics_next);
        if panics {
            panic_silently();
        }
        if self.faults().is_away { Err(failure("the store does not answer")) } else { Ok(()) }
    }
}

fn failure(what: &'static str) -> Error {
    Error::Generic { store: "simulated", source: what.into() }
}

/// What a checkpoint's name says.
pub(crate) fn parse(path: &Path) -> Option<(u16, u64, u64)> {
    let mut parts = path.parts();
    let shard = parts.next()?.as_ref().strip_prefix("shard-")?.parse().ok()?;
    let name = parts.next()?;
    let (sequence, digest) = name.as_ref().strip_suffix(".checkpoint")?.split_once('-')?;
    Some((shard, sequence.parse().ok()?, u64::from_str_radix(digest, 16).ok()?))
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails on purpose")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.answers()?;
        if self.faults().is_full {
            return Err(failure("the store is full"));
        }
        let put = parse(location);
        self.faults().put.extend(put);
        let tear = put.and_then(|(shard, ..)| self.faults().tears_next.remove(&shard));
        let payload = match tear {
            Some(Tear::Told | Tear::Untold) => {
                let bytes: Vec<u8> = payload.iter().flat_map(|bytes| bytes.to_vec()).collect();
                PutPayload::from(bytes[..bytes.len() * 2 / 3].to_vec())
            }
            Some(Tear::Lost) | None => payload,
        };
        let done = self.inner.put_opts(location, payload, opts).await?;
        match tear {
            Some(Tear::Told | Tear::Lost) => Err(failure("the connection broke")),
            Some(Tear::Untold) | None => Ok(done),
        }
    }

    async fn put_multipart_opts(&self, location: &Path, opts: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        self.answers()?;
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.answers()?;
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.answers() {
            Ok(()) => self.inner.delete_stream(locations),
            Err(error) => futures::stream::once(async move { Err(error) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.answers() {
            Ok(()) => self.inner.list(prefix),
            Err(error) => futures::stream::once(async move { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.answers()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.answers()?;
        self.inner.copy_opts(from, to, options).await
    }
}
