//! Closes of a few people as bytes: column by column, each column by the significance of its bytes, compressed.
//!
//! Neighbours in a column are alike in their high bytes, which then lie side by side.

use std::io;

use crate::calendar::Day;

/// Numbers of an entry: person, day, scale, and eight of the score.
const COLUMNS: usize = 11;
const ENTRY_BYTES: usize = COLUMNS * size_of::<u32>();
/// Fast, and about as small as higher ones.
const LEVEL: i32 = 1;
/// A block holds a group of people over a few days.
const ENTRIES_MAX: usize = 1 << 16;

/// One close of one person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) person: u32,
    pub(crate) day: Day,
    /// The place of its scale in the table of scales.
    pub(crate) scale: u32,
    pub(crate) score: f32,
    pub(crate) influence: f32,
    /// Reach, amplification, network, openness, room.
    pub(crate) factors: [f32; 5],
    pub(crate) audience: f32,
}

impl Entry {
    fn numbers(&self) -> [u32; COLUMNS] {
        let [reach, amplification, network, openness, room] = self.factors.map(f32::to_bits);
        let [score, influence, audience] = [self.score, self.influence, self.audience].map(f32::to_bits);
        let (person, day, scale) = (self.person, self.day as u32, self.scale);
        [person, day, scale, score, influence, reach, amplification, network, openness, room, audience]
    }

    fn of(numbers: [u32; COLUMNS]) -> Entry {
        let [person, day, scale, score, influence, reach, amplification, network, openness, room, audience] = numbers;
        let factors = [reach, amplification, network, openness, room].map(f32::from_bits);
        let [score, influence, audience] = [score, influence, audience].map(f32::from_bits);
        Entry { person, day: day as Day, scale, score, influence, factors, audience }
    }

    /// The order within a block.
    pub(crate) fn key(&self) -> (u32, Day) {
        (self.person, self.day)
    }
}

/// Packs and unpacks blocks; keeps its memory.
pub(crate) struct Codec {
    compressor: zstd::bulk::Compressor<'static>,
    decompressor: zstd::bulk::Decompressor<'static>,
    planes: Vec<u8>,
}

impl Codec {
    pub(crate) fn new() -> io::Result<Codec> {
        let (compressor, decompressor) = (zstd::bulk::Compressor::new(LEVEL)?, zstd::bulk::Decompressor::new()?);
        Ok(Codec { compressor, decompressor, planes: Vec::new() })
    }

    pub(crate) fn pack(&mut self, entries: &[Entry]) -> io::Result<Vec<u8>> {
        let count = entries.len();
        self.planes.clear();
        self.planes.resize(count * ENTRY_BYTES, 0);
        for (row, entry) in entries.iter().enumerate() {
            for (column, number) in entry.numbers().into_iter().enumerate() {
                for (byte, value) in number.to_be_bytes().into_iter().enumerate() {
                    self.planes[(column * size_of::<u32>() + byte) * count + row] = value;
                }
            }
        }
        self.compressor.compress(&self.planes)
    }

    /// Appends a block's entries.
    pub(crate) fn unpack(&mut self, bytes: &[u8], entries: &mut Vec<Entry>) -> io::Result<()> {
        let planes = self.decompressor.decompress(bytes, ENTRIES_MAX * ENTRY_BYTES)?;
        let count = planes.len() / ENTRY_BYTES;
        if planes.len() != count * ENTRY_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a block of closes is cut"));
        }
        entries.extend((0..count).map(|row| {
            let byte = |column: usize, byte: usize| planes[(column * size_of::<u32>() + byte) * count + row];
            let number = |column| u32::from_be_bytes([0, 1, 2, 3].map(|place| byte(column, place)));
            Entry::of(std::array::from_fn(number))
        }));
        Ok(())
    }
}

/// Adds closes to those of a block, both in their order; of two of one person and day the new one stays.
pub(crate) fn merge(old: Vec<Entry>, new: &[Entry]) -> Vec<Entry> {
    let mut merged = old;
    merged.extend_from_slice(new);
    merged.sort_by_key(Entry::key);
    merged.dedup_by(|later, earlier| {
        let is_same = later.key() == earlier.key();
        if is_same {
            *earlier = *later;
        }
        is_same
    });
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(person: u32, day: Day, score: f32) -> Entry {
        let factors = [score * 2.0, 1.5, -0.0, f32::MIN_POSITIVE, 0.75];
        Entry { person, day, scale: 3, score, influence: score * 3.0, factors, audience: 1e30 }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let mut codec = Codec::new().unwrap();
        for count in [0, 1, 64, 1_000] {
            let entries: Vec<Entry> =
                (0..count).map(|number| entry(number / 28, 20_000 + number as Day % 28, number as f32)).collect();
            let mut read = Vec::new();
            let bytes = codec.pack(&entries).unwrap();
            codec.unpack(&bytes, &mut read).unwrap();
            assert_eq!(read, entries);
        }
        assert!(codec.unpack(b"nothing", &mut Vec::new()).is_err());
        let cut = zstd::bulk::compress(&[1; ENTRY_BYTES + 1], 1).unwrap();
        assert!(codec.unpack(&cut, &mut Vec::new()).is_err());
    }

    #[test]
    fn a_close_that_comes_again_replaces_itself() {
        let old = vec![entry(1, 5, 1.0), entry(2, 5, 2.0)];
        let merged = merge(old, &[entry(2, 5, 3.0), entry(1, 4, 4.0), entry(3, 5, 5.0)]);
        assert_eq!(merged, [entry(1, 4, 4.0), entry(1, 5, 1.0), entry(2, 5, 3.0), entry(3, 5, 5.0)]);
    }
}
