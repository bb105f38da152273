//! Batches as a stranger writes them, byte by byte, and how a broker takes them.

use std::io::{Read, Write};
use std::net::TcpStream;

use flate2::Compression;
use flate2::write::GzEncoder;
use testbroker::Broker;

/// How a batch is packed, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Codec {
    Gzip = 1,
    Snappy = 2,
    Lz4 = 3,
    Zstd = 4,
}

/// Records in the making: values of one byte, so often.
pub(crate) struct Records {
    writer: Packer,
    count: i32,
}

enum Packer {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
}

impl Write for Packer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Packer::Plain(writer) => writer.write(bytes),
            Packer::Gzip(writer) => writer.write(bytes),
            Packer::Zstd(writer) => writer.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Records {
    pub(crate) fn plain() -> Records {
        Records { writer: Packer::Plain(Vec::new()), count: 0 }
    }

    pub(crate) fn gzip() -> Records {
        Records { writer: Packer::Gzip(GzEncoder::new(Vec::new(), Compression::best())), count: 0 }
    }

    pub(crate) fn zstd() -> Records {
        let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("an encoder");
        encoder.window_log(20).expect("a window");
        Records { writer: Packer::Zstd(encoder), count: 0 }
    }

    /// Adds a record.
    pub(crate) fn push(mut self, key: &[u8], value: &[u8]) -> Records {
        self.push_parts(key, value, 1);
        self
    }

    /// Adds so many records, whose values are a text so often.
    pub(crate) fn push_many(mut self, count: usize, text: &[u8], times: usize) -> Records {
        (0..count).for_each(|_| self.push_parts(b"k", text, times));
        self
    }

    fn push_parts(&mut self, key: &[u8], value: &[u8], times: usize) {
        let mut head = vec![0];
        varint(&mut head, 0);
        varint(&mut head, i64::from(self.count));
        varint(&mut head, key.len() as i64);
        head.extend_from_slice(key);
        varint(&mut head, (value.len() * times) as i64);
        let mut len = Vec::new();
        varint(&mut len, (head.len() + value.len() * times + 1) as i64);
        let mut write = |bytes: &[u8]| self.writer.write_all(bytes).expect("memory takes it");
        write(&len);
        write(&head);
        (0..times).for_each(|_| write(value));
        write(&[0]);
        self.count += 1;
    }

    /// The bytes, and how many records they are.
    pub(crate) fn finish(self) -> (Vec<u8>, i32) {
        let bytes = match self.writer {
            Packer::Plain(bytes) => bytes,
            Packer::Gzip(writer) => writer.finish().expect("memory takes it"),
            Packer::Zstd(writer) => writer.finish().expect("memory takes it"),
        };
        (bytes, self.count)
    }
}

/// An LZ4 frame with a checksum of its content, of blocks that are stored as they are.
pub(crate) fn lz4(content: &[u8], checksum: u32) -> Vec<u8> {
    // The version, independent blocks, a checksum; blocks of 4 MiB; and the second byte of the hash of both.
    let mut frame = vec![0x04, 0x22, 0x4d, 0x18, 0x64, 0x70, 0xb9];
    for block in content.chunks(4 << 20) {
        frame.extend_from_slice(&(block.len() as u32 | 1 << 31).to_le_bytes());
        frame.extend_from_slice(block);
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&checksum.to_le_bytes());
    frame
}

fn varint(bytes: &mut Vec<u8>, number: i64) {
    let mut folded = ((number << 1) ^ (number >> 63)) as u64;
    while folded >= 0x80 {
        bytes.push(folded as u8 | 0x80);
        folded >>= 7;
    }
    bytes.push(folded as u8);
}

fn crc32c(bytes: &[u8]) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| (0..8).fold(byte, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }))
        .collect();
    !bytes.iter().fold(!0, |crc, &byte| crc >> 8 ^ table[usize::from(crc as u8 ^ byte)])
}

/// Has a broker store a batch; the offset of its first record, or the broker's error.
pub(crate) fn produce(broker: &Broker, topic: &str, codec: Codec, records: &(Vec<u8>, i32)) -> Result<i64, i16> {
    let (packed, count) = records;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_millis() as i64;
    let mut checked = (codec as i16).to_be_bytes().to_vec();
    checked.extend_from_slice(&(count - 1).to_be_bytes());
    [now, now, -1].iter().for_each(|number| checked.extend_from_slice(&number.to_be_bytes()));
    checked.extend_from_slice(&(-1_i16).to_be_bytes());
    checked.extend_from_slice(&(-1_i32).to_be_bytes());
    checked.extend_from_slice(&count.to_be_bytes());
    checked.extend_from_slice(packed);
    let mut batch = 0_i64.to_be_bytes().to_vec();
    batch.extend_from_slice(&(checked.len() as i32 + 9).to_be_bytes());
    batch.extend_from_slice(&(-1_i32).to_be_bytes());
    batch.push(2);
    batch.extend_from_slice(&crc32c(&checked).to_be_bytes());
    batch.extend_from_slice(&checked);
    // Produce, version 7, from a client without a name, in no transaction, to all replicas.
    let mut request = [0, 0, 0, 7, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff].to_vec();
    request.extend_from_slice(&60_000_i32.to_be_bytes());
    request.extend_from_slice(&1_i32.to_be_bytes());
    request.extend_from_slice(&(topic.len() as i16).to_be_bytes());
    request.extend_from_slice(topic.as_bytes());
    [1, 0, batch.len() as i32].iter().for_each(|number| request.extend_from_slice(&number.to_be_bytes()));
    request.extend_from_slice(&batch);
    let mut stream = TcpStream::connect(broker.brokers()).expect("the broker listens");
    stream.write_all(&(request.len() as i32).to_be_bytes()).expect("it reads");
    stream.write_all(&request).expect("it reads");
    let mut len = [0; 4];
    stream.read_exact(&mut len).expect("it answers");
    let mut answer = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut answer).expect("it answers");
    // Behind the request's number, one topic, its name, one partition and its number.
    let answer = &answer[4 + 4 + 2 + topic.len() + 4 + 4..];
    match i16::from_be_bytes(answer[..2].try_into().expect("two bytes")) {
        0 => Ok(i64::from_be_bytes(answer[2..10].try_into().expect("eight bytes"))),
        error => Err(error),
    }
}
