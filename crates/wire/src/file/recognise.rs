//! The format of a file by looking at its first bytes. It believes a format only when most of the first records are
//! events in it, so that a picture, a page or a novel is none.

use influence::Kind;

use super::csv::Header;
use super::frames::{Length, length};
use super::lines::{is_record, without_byte_order_mark};
use super::{Format, snap};
use crate::event::text;
use crate::{Encoding, EventDecoder};

const HEAD_BYTES_MAX: usize = 64 << 10;

/// Records that are tried: enough to outvote a few that are malformed.
const SAMPLE_RECORDS: usize = 100;

/// Files whose events name no kind are recognised all the same, whatever their kind will be.
const ANY_KIND: Option<Kind> = Some(Kind::Mention);

pub(super) fn recognise(head: &[u8]) -> Option<Format> {
    let head = &head[..head.len().min(HEAD_BYTES_MAX)];
    let lines = sample(without_byte_order_mark(head));
    if lines.first().is_some_and(|line| Header::from_line(line).is_ok()) {
        return Some(Format::Csv);
    }
    let mut json = EventDecoder::new(Encoding::Json, ANY_KIND);
    if most(&lines, |line| json.decode(line).is_ok()) {
        return Some(Format::Json);
    }
    if most(&lines, |line| text(line).is_ok_and(|line| snap::event(line, ANY_KIND).is_ok())) {
        return Some(Format::Snap);
    }
    let mut protobuf = EventDecoder::new(Encoding::Protobuf, None);
    most(&messages(head)?, |message| protobuf.decode(message).is_ok()).then_some(Format::Protobuf)
}

/// True when at least half of the records, and at least one, are events.
fn most(records: &[&[u8]], mut is_event: impl FnMut(&[u8]) -> bool) -> bool {
    let events = records.iter().filter(|record| is_event(record)).count();
    events > 0 && 2 * events >= records.len()
}

/// The first lines that are records. A last one without an end is left out if others came before: it may be cut.
fn sample(head: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = head.split(|byte| *byte == b'\n').filter(|line| is_record(line)).collect();
    if !head.ends_with(b"\n") && lines.len() > 1 {
        lines.pop();
    }
    lines.truncate(SAMPLE_RECORDS);
    lines.iter().map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}

/// The first messages that are whole; `None` if a length is broken.
fn messages(head: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    let mut rest = head;
    while messages.len() < SAMPLE_RECORDS {
        match length(rest) {
            Length::Broken => return None,
            Length::Cut => break,
            Length::Known { prefix_bytes, message_bytes } => {
                let Some(message) = rest[prefix_bytes..].get(..message_bytes) else { break };
                messages.push(message);
                rest = &rest[prefix_bytes + message_bytes..];
            }
        }
    }
    Some(messages)
}
