//! Where a page of the ranking ended, as text that nobody needs to understand.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::problem::Problem;

/// The last of those who were told.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// What they are ranked by.
    pub(crate) height: f32,
    /// Their name; empty for somebody who is not called by name.
    pub(crate) user: String,
    /// So many stand from there on to the end of the page: where the last one is not called by name.
    pub(crate) skip: usize,
}

/// Stands before the number that is skipped: no name has it.
const SKIPS: u8 = 0;

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let mut bytes = self.height.to_be_bytes().to_vec();
        bytes.extend(self.user.as_bytes());
        if self.skip > 0 {
            bytes.push(SKIPS);
            bytes.extend(self.skip.to_string().as_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn decode(text: &str) -> Result<Cursor, Problem> {
        decode(text)
            .ok_or_else(|| Problem::bad_request("invalid cursor: take it from the answer before, or leave it out"))
    }
}

fn decode(text: &str) -> Option<Cursor> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (height, user) = bytes.split_first_chunk::<4>()?;
    let height = f32::from_be_bytes(*height);
    let (user, skip) = match user.iter().position(|byte| *byte == SKIPS) {
        Some(end) => (&user[..end], std::str::from_utf8(&user[end + 1..]).ok()?.parse().ok()?),
        None => (user, 0),
    };
    let user = String::from_utf8(user.to_vec()).ok()?;
    (height.is_finite() && height >= 0.0).then_some(Cursor { height, user, skip })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_anything_else_is_refused() {
        for (height, user, skip) in
            [(87.25, "bluesky:did:plc:bö", 0), (20_022.5, "bluesky:did:plc:bö", 0), (5.0, "", 7)]
        {
            let cursor = Cursor { height, user: user.into(), skip };
            assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        }
        for text in ["", "%", "AAAA", "AAAAAAAA=", "f8AAAAo", "Qq6AAP8", "QKAAAAB4", "🙂"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }
}
