//! The parts of an image: a table is a count and its elements' bytes, as they lie in memory.

use std::fmt;

use bytemuck::{AnyBitPattern, NoUninit};

use vocabulary::Timestamp;

#[cfg(target_endian = "big")]
compile_error!("images are copied as they lie in memory, and are little-endian");

/// Why bytes are no image of a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidImage(pub(crate) String);

impl fmt::Display for InvalidImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidImage {}

/// Nothing, or what is wrong unless this holds.
pub(crate) fn check(holds: bool, wrong: &str) -> Result<(), InvalidImage> {
    if holds { Ok(()) } else { Err(InvalidImage(wrong.to_owned())) }
}

/// Where an image is written, or counted.
pub(crate) trait Put {
    fn bytes(&mut self, bytes: &[u8]);

    fn word(&mut self, word: u64) {
        self.bytes(&word.to_le_bytes());
    }

    fn words(&mut self, words: &[u64]) {
        words.iter().for_each(|&word| self.word(word));
    }

    fn id(&mut self, id: Option<impl Into<u64>>) {
        self.word(id.map_or(u64::MAX, Into::into));
    }

    /// The earliest time stands for none.
    fn time(&mut self, at: Option<Timestamp>) {
        self.word(at.unwrap_or(Timestamp::MIN) as u64);
    }

    fn elements<T: NoUninit>(&mut self, elements: &[T]) {
        self.bytes(bytemuck::cast_slice(elements));
    }

    fn table<T: NoUninit>(&mut self, table: &[T]) {
        self.word(table.len() as u64);
        self.elements(table);
    }
}

impl Put for Vec<u8> {
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Counts the bytes of an image.
pub(crate) struct Count(pub(crate) usize);

impl Put for Count {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// The rest of an image. The names of its parts are for messages.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl Reader<'_> {
    pub(crate) fn word(&mut self) -> Result<u64, InvalidImage> {
        let Some((word, rest)) = self.0.split_first_chunk() else { return Err(InvalidImage("it breaks off".into())) };
        self.0 = rest;
        Ok(u64::from_le_bytes(*word))
    }

    pub(crate) fn flag(&mut self, part: &str) -> Result<bool, InvalidImage> {
        match self.word()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(InvalidImage(format!("{part}: {other} says neither yes nor no"))),
        }
    }

    pub(crate) fn id<I: From<usize>>(&mut self, part: &str) -> Result<Option<I>, InvalidImage> {
        match self.word()? {
            u64::MAX => Ok(None),
            word => match u32::try_from(word) {
                Ok(id) => Ok(Some((id as usize).into())),
                Err(_) => Err(InvalidImage(format!("{part}: nobody has the number {word}"))),
            },
        }
    }

    pub(crate) fn time(&mut self) -> Result<Option<Timestamp>, InvalidImage> {
        let time = self.word()? as Timestamp;
        Ok((time != Timestamp::MIN).then_some(time))
    }

    /// A whole table: one piece of memory, copied at once.
    pub(crate) fn table<T: AnyBitPattern + NoUninit>(&mut self, part: &str) -> Result<Vec<T>, InvalidImage> {
        let count = usize::try_from(self.word()?).unwrap_or(usize::MAX);
        let bytes = count.checked_mul(size_of::<T>()).and_then(|bytes| self.0.split_at_checked(bytes));
        let Some((bytes, rest)) = bytes else {
            return Err(InvalidImage(format!("{part}: {count} entries are more than there are bytes")));
        };
        self.0 = rest;
        let mut table = bytemuck::allocation::zeroed_vec(count);
        bytemuck::cast_slice_mut::<T, u8>(&mut table).copy_from_slice(bytes);
        Ok(table)
    }

    /// A table of so many entries.
    pub(crate) fn table_of<T: AnyBitPattern + NoUninit>(
        &mut self,
        part: &str,
        count: usize,
    ) -> Result<Vec<T>, InvalidImage> {
        let table = self.table(part)?;
        if table.len() == count {
            return Ok(table);
        }
        Err(InvalidImage(format!("{part}: {} entries instead of {count}", table.len())))
    }
}

/// Places of a table of which each may be claimed once.
pub(crate) struct Claims {
    bits: Vec<u64>,
    places: usize,
    /// Claimed so far.
    pub(crate) count: usize,
}

impl Claims {
    pub(crate) fn new(places: usize) -> Claims {
        Claims { bits: vec![0; places.div_ceil(64)], places, count: 0 }
    }

    /// False if there is no such place, or if it was claimed before.
    pub(crate) fn claim(&mut self, place: impl Into<usize>) -> bool {
        let place = place.into();
        if place >= self.places {
            return false;
        }
        let (word, bit) = (&mut self.bits[place / 64], 1 << (place % 64));
        let is_free = *word & bit == 0;
        *word |= bit;
        self.count += 1;
        is_free
    }

    /// Whether this place was claimed.
    pub(crate) fn has(&self, place: impl Into<usize>) -> bool {
        let place = place.into();
        place < self.places && self.bits[place / 64] & 1 << (place % 64) != 0
    }

    /// Claims so many places in a row.
    pub(crate) fn claim_all(&mut self, first: usize, count: usize) -> bool {
        (first..first.saturating_add(count)).all(|place| self.claim(place))
    }
}
