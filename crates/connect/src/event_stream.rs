//! Server-sent events out of the pieces in which they come.

use crate::MESSAGE_BYTES_MAX;

/// Takes pieces, and gives whole events: their lines, without the blank one that ends each.
#[derive(Debug, Default)]
pub(crate) struct Events {
    bytes: Vec<u8>,
    /// Bytes in which no end was found.
    looked_at: usize,
}

impl Events {
    /// Takes the next piece. Returns false if an event is larger than any message.
    pub(crate) fn push(&mut self, piece: &[u8]) -> bool {
        // Lines end in a line feed, with a carriage return before it or not: events need no such.
        self.bytes.extend(piece.iter().filter(|&&byte| byte != b'\r'));
        self.bytes.len() <= MESSAGE_BYTES_MAX
    }

    /// The next event that is whole; lines that only keep the connection alive are left out.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            let from = self.looked_at.saturating_sub(1);
            let Some(place) = self.bytes[from..].windows(2).position(|two| two == b"\n\n") else {
                self.looked_at = self.bytes.len();
                return None;
            };
            let rest = self.bytes.split_off(from + place + 2);
            let mut event = std::mem::replace(&mut self.bytes, rest);
            self.looked_at = 0;
            event.truncate(from + place);
            let lines = event.split(|&byte| byte == b'\n').filter(|line| !line.is_empty() && line[0] != b':');
            let event = lines.collect::<Vec<_>>().join(&b'\n');
            if !event.is_empty() {
                return Some(event);
            }
        }
    }
}

/// The name and the data of an event.
pub(crate) fn parts(event: &[u8]) -> (&[u8], &[u8]) {
    let field = |name: &[u8]| {
        let mut values = event.split(|&byte| byte == b'\n').filter_map(|line| line.strip_prefix(name));
        values.next().unwrap_or_default().trim_ascii()
    };
    (field(b"event:"), field(b"data:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_wherever_they_are_torn() {
        let stream =
            b":)\n\nevent: update\ndata: {\"id\":\"1\"}\n\n:thump\n\r\nevent: delete\r\ndata: 5\r\n\r\nevent: half";
        for size in 1..stream.len() {
            let (mut events, mut found) = (Events::default(), Vec::new());
            for piece in stream.chunks(size) {
                assert!(events.push(piece));
                found.extend(std::iter::from_fn(|| events.next()));
            }
            assert_eq!(found, [&b"event: update\ndata: {\"id\":\"1\"}"[..], b"event: delete\ndata: 5"], "{size}");
        }
        assert_eq!(parts(b"event: update\ndata: {}"), (&b"update"[..], &b"{}"[..]));
        assert_eq!(parts(b"id: 1"), (&b""[..], &b""[..]));
    }

    #[test]
    fn an_event_has_an_end() {
        let mut events = Events::default();
        assert!(events.push(&vec![b'a'; MESSAGE_BYTES_MAX]));
        assert!(events.next().is_none());
        assert!(!events.push(b"a"));
    }
}
