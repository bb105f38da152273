//! Drawing the key of the hash of names.

use std::io;

use influence::HashKey;

/// A key that nobody knows, from the system's randomness.
///
/// # Errors
/// If the system has none.
pub fn draw_hash_key() -> io::Result<HashKey> {
    Ok(HashKey::new([getrandom::u64()?, getrandom::u64()?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_another_one() {
        assert_ne!(draw_hash_key().unwrap(), draw_hash_key().unwrap());
    }
}
