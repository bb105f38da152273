//! Where a page of the ranking ended, as text that nobody needs to understand.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::problem::Problem;

/// The last of those who were told.
#[derive(Debug, PartialEq)]
pub(crate) struct Cursor {
    /// What they are ranked by.
    pub(crate) height: f32,
    pub(crate) user: String,
}

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let mut bytes = self.height.to_be_bytes().to_vec();
        bytes.extend(self.user.as_bytes());
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
    let user = String::from_utf8(user.to_vec()).ok()?;
    (height.is_finite() && height >= 0.0).then_some(Cursor { height, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_anything_else_is_refused() {
        for height in [87.25, 20_022.5] {
            let cursor = Cursor { height, user: "bluesky:did:plc:bö".into() };
            assert_eq!(Cursor::decode(&cursor.encode()).unwrap(), cursor);
        }
        for text in ["", "%", "AAAA", "AAAAAAAA=", "f8AAAAo", "Qq6AAP8", "🙂"] {
            assert!(Cursor::decode(text).is_err(), "{text}");
        }
    }
}
