//! Bearer tokens: read from a file, kept as hashes, compared in constant time, never shown.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tracing::warn;

/// Shorter ones can be guessed.
const LEN_MIN: usize = 16;

/// What users may do who are neither the file's owner nor in its group.
const OTHERS_READ: u32 = 0o4;
const OTHERS_WRITE: u32 = 0o2;

/// The tokens that are let in.
#[derive(Clone)]
pub struct Tokens(Vec<[u8; 32]>);

/// The tokens cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokensError {
    /// The file cannot be read.
    #[error("cannot read the tokens in {path}", path = .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is none.
    #[error("no token in it: one a line, at least {LEN_MIN} characters each")]
    None,
    /// Anybody could put one in.
    #[error("every user of this machine may write into {path}: take that away (chmod o-w)", path = .path.display())]
    Writable {
        /// Which.
        path: PathBuf,
    },
    /// One is no good.
    #[error("line {line}: a token has at least {LEN_MIN} characters, none of them a blank")]
    Unfit {
        /// Where, from 1.
        line: usize,
    },
}

impl Tokens {
    /// The tokens in a file, one a line; empty lines and lines that begin with `#` are left out.
    pub fn read(path: &Path) -> Result<Tokens, TokensError> {
        let unreadable = |source| TokensError::Unreadable { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(unreadable)?;
        let mode = mode(&file).map_err(unreadable)?;
        if mode & OTHERS_WRITE != 0 {
            return Err(TokensError::Writable { path: path.to_owned() });
        }
        if mode & OTHERS_READ != 0 {
            // Where tokens are is not for logs.
            warn!("every user of this machine can read the tokens: take that away (chmod o-r)");
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        Tokens::parse(&text)
    }

    /// The tokens in a text, likewise.
    pub fn parse(text: &str) -> Result<Tokens, TokensError> {
        let mut hashes = Vec::new();
        for (line, token) in (1..).zip(text.lines().map(str::trim)) {
            if token.is_empty() || token.starts_with('#') {
                continue;
            }
            if token.len() < LEN_MIN || token.contains(char::is_whitespace) {
                return Err(TokensError::Unfit { line });
            }
            hashes.push(hash(token));
        }
        if hashes.is_empty() { Err(TokensError::None) } else { Ok(Tokens(hashes)) }
    }

    /// Whether the value of an `authorization` header holds one of them. Takes as long whether it does or not.
    pub(crate) fn allow(&self, authorization: &[u8]) -> bool {
        let Some((scheme, token)) = authorization.split_at_checked(7) else { return false };
        let hash = Sha256::digest(token);
        let is_same =
            |known: &[u8; 32]| known.iter().zip(hash).fold(0, |differ, (one, other)| differ | (one ^ other)) == 0;
        let is_known = self.0.iter().fold(false, |found, known| found | is_same(known));
        is_known & scheme.eq_ignore_ascii_case(b"bearer ")
    }
}

/// Who may read and write a regular file; what is a pipe or the like is nobody else's.
#[cfg(unix)]
fn mode(file: &File) -> io::Result<u32> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata()?;
    Ok(if metadata.is_file() { metadata.mode() } else { 0 })
}

#[cfg(not(unix))]
fn mode(_: &File) -> io::Result<u32> {
    Ok(0)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_the_tokens_is_needed_and_none_is_shown() {
        let tokens = Tokens::parse("# for the page\n\nabcdefghijklmnop\n0123456789abcdef\n").unwrap();
        for allowed in ["Bearer abcdefghijklmnop", "bearer 0123456789abcdef"] {
            assert!(tokens.allow(allowed.as_bytes()), "{allowed}");
        }
        for refused in ["", "Bearer ", "Bearer abcdefghijklmnoq", "Basic abcdefghijklmnop", "abcdefghijklmnop"] {
            assert!(!tokens.allow(refused.as_bytes()), "{refused}");
        }
        assert_eq!(format!("{tokens:?}"), "Tokens(2)");
        assert!(Tokens::parse("\n").is_err());
        assert_eq!(
            Tokens::parse("\nshort").unwrap_err().to_string(),
            "line 2: a token has at least 16 characters, none of them a blank"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_file_into_which_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let path = std::env::temp_dir().join(format!("clout-tokens-{}", std::process::id()));
        std::fs::write(&path, "abcdefghijklmnop").unwrap();
        let read = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Tokens::read(&path).map_err(|error| error.to_string())
        };
        for mode in [0o600, 0o640, 0o644] {
            assert!(read(mode).is_ok(), "{mode:o}");
        }
        for mode in [0o602, 0o666] {
            assert!(read(mode).unwrap_err().contains("(chmod o-w)"), "{mode:o}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
