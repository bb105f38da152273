//! Batches are unpacked within bounds, and one that cannot be unpacked is passed over and told.
//!
//! librdkafka unpacks a batch as a whole, however large it becomes: one megabyte of zeros stands for gigabytes. One that it
//! cannot unpack it fetches again, for ever. Brokers let both through: they do not look, for example, at the checksum that
//! an LZ4 frame has of its own. So whoever may write one batch could stop or kill every reader.
//!
//! The functions that unpack are wrapped by the linker, as those of `leaders` are. Instead of a batch as it is they hand over
//!
//! - the batch, where it takes no more than [`BYTES_MAX`] and [`RECORDS_MAX`];
//! - else its records, those that are long cut to their first 64 KiB, or else to their first 1 KiB;
//! - else one record in the place of the first one, which says why the batch cannot be read.
//!
//! What is not as it was begins with a number that is drawn once a process, so that nobody can write such records. All is
//! decided by the bytes of the batch alone: whoever reads it again reads the same.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Read};
use std::ptr;
use std::slice;
use std::sync::LazyLock;

use flate2::bufread::GzDecoder;
use pipeline::KEPT_BYTES_MAX;
use rdkafka::types::RDKafkaRespErr;

use super::Packed;

/// Bytes of a batch in memory.
const BYTES_MAX: usize = 64 << 20;
/// Records of a batch: each takes some 300 bytes beside its own, however short it is.
const RECORDS_MAX: usize = 1 << 18;
/// Bytes that are unpacked at most to cut records.
const READ_BYTES_MAX: u64 = 1 << 30;
/// What is kept of keys and values of a larger batch, the first that fits.
const CUTS: [usize; 2] = [KEPT_BYTES_MAX, 1 << 10];
/// Bytes that are unpacked between two looks.
const PIECE: usize = 64 << 10;
/// zstd's formats of larger windows are not read piece by piece: the window is memory as well.
const WINDOW_LOG_MAX: u32 = 23;

/// What begins the value of a record that is ours.
static MARK: LazyLock<[u8; 16]> = LazyLock::new(|| {
    let word = || RandomState::new().hash_one(0).to_le_bytes();
    let mut mark = [0; 16];
    mark[..8].copy_from_slice(&word());
    mark[8..].copy_from_slice(&word());
    mark
});

/// The whole batch cannot be read,
const BATCH: u8 = 0;
/// or the record was cut.
const CUT: u8 = 1;

/// What a record says that stands here for others, or for more.
pub(super) fn packed(key: Option<&[u8]>, value: &[u8]) -> Option<Packed> {
    let (&kind, rest) = value.strip_prefix(&*MARK)?.split_first()?;
    if kind == BATCH {
        return Some(Packed { key: None, value: None, reason: String::from_utf8_lossy(rest).into_owned() });
    }
    let (lens, bytes) = rest.split_first_chunk::<16>()?;
    let len = |at: usize| Some(i64::from_le_bytes(*lens[at..].first_chunk()?));
    let kept = |bytes: &[u8], len: i64| usize::try_from(len).ok().map(|len| pipeline::Kept::cut(bytes, len));
    Some(Packed {
        key: kept(key.unwrap_or_default(), len(0)?),
        value: kept(bytes, len(8)?),
        reason: format!(
            "its batch takes more than {} MiB unpacked: of this record only the beginning was read",
            BYTES_MAX >> 20
        ),
    })
}

// The functions as they are, by the linker's names for them, what they use, and the allocator that frees what they return.
unsafe extern "C" {
    fn __real_rd_kafka_snappy_uncompressed_length(packed: *const c_char, len: usize, told: *mut usize) -> bool;
    fn __real_rd_kafka_snappy_uncompress(packed: *const c_char, len: usize, room: *mut c_char) -> c_int;
    fn __real_rd_kafka_lz4_decompress(
        broker: *mut c_void,
        is_proper: c_int,
        offset: i64,
        packed: *mut c_char,
        packed_len: usize,
        unpacked: *mut *mut c_void,
        unpacked_len: *mut usize,
    ) -> RDKafkaRespErr;
    fn LZ4F_createDecompressionContext(context: *mut *mut c_void, version: c_uint) -> usize;
    fn LZ4F_freeDecompressionContext(context: *mut c_void) -> usize;
    fn LZ4F_decompress(
        context: *mut c_void,
        room: *mut c_void,
        room_len: *mut usize,
        packed: *const c_void,
        packed_len: *mut usize,
        options: *const c_void,
    ) -> usize;
    fn LZ4F_isError(code: usize) -> c_uint;
    fn LZ4F_getErrorName(code: usize) -> *const c_char;
    fn malloc(len: usize) -> *mut c_void;
}

const LZ4F_VERSION: c_uint = 100;

/// Why a batch is not handed over as it is.
#[derive(Debug)]
enum Why {
    TooLarge,
    Damaged(String),
}

impl From<io::Error> for Why {
    fn from(error: io::Error) -> Why {
        Why::Damaged(error.to_string())
    }
}

/// Unpacks a batch: what comes is always records.
fn unpack<'a>(
    codec: &str,
    packed: &'a [u8],
    open: impl Fn(&'a [u8], u32) -> io::Result<Box<dyn Read + 'a>>,
) -> Vec<u8> {
    let unpacked = open(packed, u32::MAX).map_err(Why::from).and_then(|reader| whole(reader, packed.len()));
    let why = match unpacked {
        Ok(records) => return records,
        Err(Why::Damaged(why)) => why,
        Err(Why::TooLarge) => {
            let cut =
                |bytes_max| open(packed, WINDOW_LOG_MAX).map_err(Why::from).and_then(|reader| cut(reader, bytes_max));
            let mut cuts = CUTS.into_iter().map(cut);
            match cuts.find(|cut| !matches!(cut, Err(Why::TooLarge))) {
                Some(Ok(records)) => return records,
                Some(Err(Why::Damaged(why))) => why,
                _ => format!("it takes more than {} MiB, or has more than {RECORDS_MAX} records", BYTES_MAX >> 20),
            }
        }
    };
    let bytes = packed.len();
    let text = format!("this record and all others of its batch cannot be unpacked ({codec}, {bytes} bytes): {why}");
    tracing::warn!("a batch cannot be unpacked, and is passed over: {why}");
    let mut record = Vec::new();
    push_record(&mut record, &[0, 0, 0], None, &[&MARK[..], &[BATCH], text.as_bytes()], &[0]);
    record
}

/// All of it, if it takes no more than it may.
fn whole(mut reader: impl Read, packed: usize) -> Result<Vec<u8>, Why> {
    let mut records = Vec::with_capacity((4 * packed).min(BYTES_MAX));
    reader.by_ref().take(BYTES_MAX as u64 + 1).read_to_end(&mut records)?;
    if records.len() > BYTES_MAX {
        return Err(Why::TooLarge);
    }
    let (mut rest, mut count) = (&records[..], 0);
    while !rest.is_empty() {
        let len = read_varint(&mut rest)?;
        let len = usize::try_from(len).ok().filter(|&len| len <= rest.len());
        rest = &rest[len.ok_or_else(|| Why::Damaged("a record is longer than its batch".into()))?..];
        count += 1;
    }
    match count {
        0 => Err(Why::Damaged("it has no records".into())),
        1..=RECORDS_MAX => Ok(records),
        _ => Err(Why::TooLarge),
    }
}

/// Its records, keys and values that are longer than this cut.
fn cut(reader: impl Read, bytes_max: usize) -> Result<Vec<u8>, Why> {
    let mut reader = BufReader::with_capacity(PIECE, reader.take(READ_BYTES_MAX));
    let records = cut_records(&mut reader, bytes_max);
    // What was not looked at may be more.
    if reader.get_ref().limit() == 0 { Err(Why::TooLarge) } else { records }
}

fn cut_records(reader: &mut impl BufRead, bytes_max: usize) -> Result<Vec<u8>, Why> {
    let (mut records, mut count) = (Vec::new(), 0);
    while !reader.fill_buf()?.is_empty() {
        count += 1;
        if records.len() > BYTES_MAX || count > RECORDS_MAX {
            return Err(Why::TooLarge);
        }
        let len = u64::try_from(read_varint(reader)?).map_err(|_| Why::Damaged("a record has no length".into()))?;
        let mut record = reader.by_ref().take(len);
        let mut head = vec![0];
        record.read_exact(&mut head)?;
        push_varint(&mut head, read_varint(&mut record)?);
        push_varint(&mut head, read_varint(&mut record)?);
        let (key, key_len) = read_cut(&mut record, bytes_max)?;
        let (value, value_len) = read_cut(&mut record, bytes_max)?;
        let headers_len = record.limit();
        let is_cut = |bytes: &Option<Vec<u8>>, len: i64| bytes.as_ref().is_some_and(|bytes| bytes.len() as i64 != len);
        if is_cut(&key, key_len) || is_cut(&value, value_len) || headers_len > bytes_max as u64 {
            skip(&mut record, headers_len)?;
            let value = value.unwrap_or_default();
            let value = [&MARK[..], &[CUT], &key_len.to_le_bytes(), &value_len.to_le_bytes(), &value];
            push_record(&mut records, &head, key.as_deref(), &value, &[0]);
        } else {
            let mut headers = Vec::new();
            if record.read_to_end(&mut headers)? as u64 != headers_len {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            match &value {
                Some(value) => push_record(&mut records, &head, key.as_deref(), &[value], &headers),
                None => push_record(&mut records, &head, key.as_deref(), &[], &headers),
            }
        }
    }
    Ok(records)
}

/// A key or a value: its beginning, and how long it is; a negative length is none.
fn read_cut(record: &mut impl Read, bytes_max: usize) -> Result<(Option<Vec<u8>>, i64), Why> {
    let len = read_varint(record)?;
    let Ok(whole) = u64::try_from(len) else { return Ok((None, -1)) };
    let mut bytes = vec![0; usize::try_from(whole).unwrap_or(usize::MAX).min(bytes_max)];
    record.read_exact(&mut bytes)?;
    skip(record, whole - bytes.len() as u64)?;
    Ok((Some(bytes), len))
}

fn skip(reader: &mut impl Read, bytes: u64) -> io::Result<()> {
    match io::copy(&mut reader.take(bytes), &mut io::sink())? {
        skipped if skipped == bytes => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// A record behind its length: what stands before the key, the key, a value of these parts (without any there is none), and
/// the headers with their number.
fn push_record(records: &mut Vec<u8>, head: &[u8], key: Option<&[u8]>, value: &[&[u8]], headers: &[u8]) {
    let mut body = head.to_vec();
    push_varint(&mut body, key.map_or(-1, |key| key.len() as i64));
    body.extend_from_slice(key.unwrap_or_default());
    let value_len = value.iter().map(|part| part.len() as i64).sum();
    push_varint(&mut body, if value.is_empty() { -1 } else { value_len });
    value.iter().for_each(|part| body.extend_from_slice(part));
    body.extend_from_slice(headers);
    push_varint(records, body.len() as i64);
    records.extend_from_slice(&body);
}

/// A number as records have it: seven bits a byte, the sign first.
fn read_varint(reader: &mut impl Read) -> Result<i64, Why> {
    let mut folded = 0_u64;
    for place in (0..70).step_by(7) {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        folded |= u64::from(byte[0] & 0x7f).checked_shl(place).unwrap_or(0);
        if byte[0] < 0x80 {
            return Ok((folded >> 1) as i64 ^ -((folded & 1) as i64));
        }
    }
    Err(Why::Damaged("a number in it has no end".into()))
}

fn push_varint(bytes: &mut Vec<u8>, number: i64) {
    let mut folded = ((number << 1) ^ (number >> 63)) as u64;
    while folded >= 0x80 {
        bytes.push(folded as u8 | 0x80);
        folded >>= 7;
    }
    bytes.push(folded as u8);
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// An LZ4 frame, as librdkafka's own code reads it.
struct Lz4<'a> {
    context: *mut c_void,
    packed: &'a [u8],
    is_over: bool,
}

impl<'a> Lz4<'a> {
    fn open(packed: &'a [u8]) -> io::Result<Lz4<'a>> {
        let mut context = ptr::null_mut();
        // SAFETY: there is room for the context, which is freed when it is dropped.
        let code = unsafe { LZ4F_createDecompressionContext(&mut context, LZ4F_VERSION) };
        lz4_check(code)?;
        Ok(Lz4 { context, packed, is_over: false })
    }
}

fn lz4_check(code: usize) -> io::Result<()> {
    // SAFETY: both take any number; the name lives for ever.
    unsafe {
        match LZ4F_isError(code) {
            0 => Ok(()),
            _ => Err(damaged(&CStr::from_ptr(LZ4F_getErrorName(code)).to_string_lossy())),
        }
    }
}

impl Read for Lz4<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        while !self.is_over && !room.is_empty() {
            let (mut filled, mut taken) = (room.len(), self.packed.len());
            // SAFETY: room and packed bytes are that long, and the context lives.
            let code = unsafe {
                let (room, packed) = (room.as_mut_ptr().cast(), self.packed.as_ptr().cast());
                LZ4F_decompress(self.context, room, &mut filled, packed, &mut taken, ptr::null())
            };
            lz4_check(code)?;
            self.packed = &self.packed[taken..];
            // Brokers do not look at what follows behind the end.
            self.is_over = code == 0;
            match (filled, taken) {
                (0, 0) if !self.is_over => return Err(io::ErrorKind::UnexpectedEof.into()),
                (0, _) => {}
                (filled, _) => return Ok(filled),
            }
        }
        Ok(0)
    }
}

impl Drop for Lz4<'_> {
    fn drop(&mut self) {
        // SAFETY: it is freed once, here.
        unsafe { LZ4F_freeDecompressionContext(self.context) };
    }
}

/// Snappy, bare or in the pieces of Java's clients.
struct Snappy<'a> {
    packed: &'a [u8],
    is_in_pieces: bool,
    piece: io::Cursor<Vec<u8>>,
}

impl<'a> Snappy<'a> {
    fn open(packed: &'a [u8], is_in_pieces: bool) -> Snappy<'a> {
        Snappy { packed, is_in_pieces, piece: io::Cursor::default() }
    }

    fn next_piece(&mut self) -> io::Result<()> {
        let packed = match self.is_in_pieces {
            false => std::mem::take(&mut self.packed),
            true => {
                let (len, rest) = self.packed.split_first_chunk::<4>().ok_or(io::ErrorKind::UnexpectedEof)?;
                let len = u32::from_be_bytes(*len) as usize;
                let (piece, rest) = rest.split_at_checked(len).ok_or(io::ErrorKind::UnexpectedEof)?;
                self.packed = rest;
                piece
            }
        };
        let mut told = 0;
        // SAFETY: the bytes are that many, and there is room for the number.
        let is_told =
            unsafe { __real_rd_kafka_snappy_uncompressed_length(packed.as_ptr().cast(), packed.len(), &mut told) };
        // Three bytes stand for 64 at most.
        if !is_told || told > 22 * packed.len() {
            return Err(damaged("it does not say how long it is"));
        }
        let mut piece = vec![0; told];
        // SAFETY: the room is as long as the bytes say, and nothing is written beyond that.
        let code = unsafe {
            __real_rd_kafka_snappy_uncompress(packed.as_ptr().cast(), packed.len(), piece.as_mut_ptr().cast())
        };
        self.piece = io::Cursor::new(piece);
        if code == 0 { Ok(()) } else { Err(damaged("the bytes are not Snappy's")) }
    }
}

impl Read for Snappy<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.piece.read(room)? {
                0 if !room.is_empty() && !self.packed.is_empty() => self.next_piece()?,
                bytes => return Ok(bytes),
            }
        }
    }
}

/// Hands bytes over to librdkafka, which frees them.
fn into_room(bytes: &[u8]) -> *mut c_void {
    // SAFETY: the room is ours, and as long as the bytes.
    unsafe {
        let room = malloc(bytes.len().max(1));
        if room.is_null() {
            std::alloc::handle_alloc_error(std::alloc::Layout::for_value(bytes));
        }
        ptr::copy_nonoverlapping(bytes.as_ptr(), room.cast(), bytes.len());
        room
    }
}

/// # Safety
///
/// They are that many, and live as long as this.
unsafe fn bytes_of<'a>(start: *const c_char, len: usize) -> &'a [u8] {
    // SAFETY: the caller says so.
    unsafe { slice::from_raw_parts(start.cast(), len) }
}

fn unpack_snappy(packed: &[u8], is_in_pieces: bool) -> Vec<u8> {
    unpack("snappy", packed, |packed, _| Ok(Box::new(Snappy::open(packed, is_in_pieces))))
}

/// # Safety
///
/// As librdkafka calls it: packed bytes, and room for the length.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_gz_decompress(start: *const c_void, len: c_int, unpacked_len: *mut u64) -> *mut c_void {
    // SAFETY: librdkafka says so.
    let packed = unsafe { bytes_of(start.cast(), usize::try_from(len).unwrap_or(0)) };
    let records = unpack("gzip", packed, |packed, _| Ok(Box::new(GzDecoder::new(packed))));
    // SAFETY: there is room for the length.
    unsafe { *unpacked_len = records.len() as u64 };
    into_room(&records)
}

/// # Safety
///
/// As librdkafka calls it: packed bytes, and room for the place and the length.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafka_zstd_decompress(
    _broker: *mut c_void,
    start: *mut c_char,
    len: usize,
    unpacked: *mut *mut c_void,
    unpacked_len: *mut usize,
) -> RDKafkaRespErr {
    // SAFETY: librdkafka says so.
    let packed = unsafe { bytes_of(start, len) };
    let records = unpack("zstd", packed, |packed, window_log_max| {
        let mut reader = zstd::stream::read::Decoder::with_buffer(packed)?;
        // Zstd's own limit is 27.
        reader.window_log_max(window_log_max.min(27))?;
        Ok(Box::new(reader))
    });
    // SAFETY: there is room for both.
    unsafe { (*unpacked, *unpacked_len) = (into_room(&records), records.len()) };
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// # Safety
///
/// As librdkafka calls it: packed bytes, and room for the place and the length.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafka_lz4_decompress(
    broker: *mut c_void,
    is_proper: c_int,
    offset: i64,
    start: *mut c_char,
    len: usize,
    unpacked: *mut *mut c_void,
    unpacked_len: *mut usize,
) -> RDKafkaRespErr {
    if is_proper == 0 {
        // Of brokers before 0.10.
        // SAFETY: what librdkafka handed over is handed on.
        return unsafe {
            __real_rd_kafka_lz4_decompress(broker, is_proper, offset, start, len, unpacked, unpacked_len)
        };
    }
    // SAFETY: librdkafka says so.
    let packed = unsafe { bytes_of(start, len) };
    let records = unpack("lz4", packed, |packed, _| Ok(Box::new(Lz4::open(packed)?)));
    // SAFETY: there is room for both.
    unsafe { (*unpacked, *unpacked_len) = (into_room(&records), records.len()) };
    RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// # Safety
///
/// As librdkafka calls it: packed bytes behind the header of Java's clients, and room for the length.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafka_snappy_java_uncompress(
    start: *const c_char,
    len: usize,
    unpacked_len: *mut usize,
    _error: *mut c_char,
    _error_len: usize,
) -> *mut c_char {
    // SAFETY: librdkafka says so.
    let records = unpack_snappy(unsafe { bytes_of(start, len) }, true);
    // SAFETY: there is room for the length.
    unsafe { *unpacked_len = records.len() };
    into_room(&records).cast()
}

thread_local! {
    /// What was unpacked when its length was asked for.
    static SNAPPY: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// # Safety
///
/// As librdkafka calls it: packed bytes, and room for the length.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafka_snappy_uncompressed_length(
    start: *const c_char,
    len: usize,
    told: *mut usize,
) -> bool {
    // SAFETY: librdkafka says so.
    let records = unpack_snappy(unsafe { bytes_of(start, len) }, false);
    // SAFETY: there is room for the length.
    unsafe { *told = records.len() };
    SNAPPY.set(records);
    true
}

/// # Safety
///
/// As librdkafka calls it: after the length was asked for, on the same thread, with room for so many bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_rd_kafka_snappy_uncompress(_: *const c_char, _: usize, room: *mut c_char) -> c_int {
    let records = SNAPPY.take();
    // SAFETY: librdkafka says so.
    unsafe { ptr::copy_nonoverlapping(records.as_ptr(), room.cast(), records.len()) };
    0
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Records whose values are of these lengths.
    fn records(lens: &[usize]) -> Vec<u8> {
        let mut records = Vec::new();
        for (place, &len) in (0..).zip(lens) {
            let mut head = vec![0, 0];
            push_varint(&mut head, place);
            push_record(&mut records, &head, Some(b"key"), &[&vec![b'x'; len]], &[0]);
        }
        records
    }

    /// Keys, and what values are: as they were, or what is said instead.
    fn read(mut records: &[u8]) -> Vec<String> {
        let mut read = Vec::new();
        while !records.is_empty() {
            let len = read_varint(&mut records).unwrap() as u64;
            let mut record = records.by_ref().take(len);
            record.read_exact(&mut [0]).unwrap();
            let places = [read_varint(&mut record).unwrap(), read_varint(&mut record).unwrap()];
            let (key, _) = read_cut(&mut record, usize::MAX).unwrap();
            let (value, _) = read_cut(&mut record, usize::MAX).unwrap();
            assert_eq!(record.limit(), 1, "no headers");
            skip(&mut record, 1).unwrap();
            let value = value.unwrap_or_default();
            let told = match packed(key.as_deref(), &value) {
                Some(Packed { value: Some(value), .. }) => format!("{} of {}", value.bytes().len(), value.whole_len()),
                Some(Packed { reason, .. }) => reason,
                None => value.len().to_string(),
            };
            read.push(format!("{}: {told}", places[1]));
        }
        read
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    type Open = for<'a> fn(&'a [u8], u32) -> io::Result<Box<dyn Read + 'a>>;

    const ALL: [(&str, Open); 4] = [
        ("zstd", |packed, _| Ok(Box::new(zstd::stream::read::Decoder::with_buffer(packed)?))),
        ("gzip", |packed, _| Ok(Box::new(GzDecoder::new(packed)))),
        ("lz4", |packed, _| Ok(Box::new(Lz4::open(packed)?))),
        ("snappy", |packed, _| Ok(Box::new(Snappy::open(packed, packed.len() % 2 == 0)))),
    ];

    #[test]
    fn what_is_within_the_bounds_is_as_it_was() {
        let whole = records(&[0, 5, 1_000_000]);
        let [(_, zstd_open), (_, gzip_open), ..] = ALL;
        assert!(unpack("zstd", &zstd(&whole), zstd_open) == whole);
        assert!(unpack("gzip", &gzip(&whole), gzip_open) == whole);
    }

    #[test]
    fn what_is_beyond_is_cut_as_little_as_will_do() {
        let [(_, open), ..] = ALL;
        let told = |lens: &[usize]| read(&unpack("zstd", &zstd(&records(lens)), open));
        assert_eq!(
            told(&[10, 80_000_000, 65_536, 65_537]),
            ["0: 10", "1: 65536 of 80000000", "2: 65536", "3: 65536 of 65537"]
        );
        let many = told(&vec![70_000; 1_100]);
        assert!(many.len() == 1_100 && many[7] == "7: 1024 of 70000", "{}", many[7]);
        let [all] = &told(&vec![0; RECORDS_MAX + 1])[..] else { panic!("one for all") };
        assert!(all.starts_with("0: this record and all others of its batch cannot be unpacked (zstd, "), "{all}");
        assert_eq!(told(&vec![0; 1_000]).len(), 1_000);
    }

    /// Whatever the bytes are, there are records, and one of them says why if they are not those.
    #[test]
    fn bytes_that_nobody_has_packed_are_records_that_say_so() {
        let whole = records(&[100, 1_000]);
        let mut dice = 1_u64;
        let mut roll = move |below: usize| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) as usize % below
        };
        for (name, open) in ALL {
            let good = match name {
                "gzip" => gzip(&whole),
                "zstd" => zstd(&whole),
                // Any bytes will do.
                _ => [&[0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73][..], &whole].concat(),
            };
            for turn in 0..2_000 {
                let mut bytes = good.clone();
                (0..=turn % 4).for_each(|_| bytes[roll(good.len())] = roll(256) as u8);
                bytes.truncate(good.len() - if turn % 3 == 0 { roll(good.len()) } else { 0 });
                let records = unpack(name, &bytes, open);
                let mut rest = &records[..];
                while !rest.is_empty() {
                    let len = read_varint(&mut rest).expect("a record has a length") as usize;
                    rest = &rest[len..];
                }
            }
            let [told] = &read(&unpack(name, b"", open))[..] else { panic!("{name}: one record") };
            assert!(told.contains("cannot be unpacked"), "{name}: {told}");
        }
    }

    #[test]
    fn nobody_can_write_what_a_reader_says() {
        let mut forged = vec![0; 16];
        forged.push(BATCH);
        forged.extend_from_slice(b"this record and all others");
        assert!(packed(None, &forged).is_none());
        assert!(*MARK != [0; 16]);
    }
}
