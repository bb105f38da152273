//! The key of the hash of names that an application has where none is configured.
//!
//! It is made of the id that the brokers drew for the application's journal. So all its processes have the same key without
//! telling each other, it lasts as long as the application, which never outlives its journal, and no other application has
//! it. Who may describe the journal can compute it.

use influence::HashKey;
use sha2::{Digest, Sha256};

use crate::admin::{Admin, AdminError};
use crate::connection::Connection;
use crate::topics::Topics;

/// The key of the application with these topics.
///
/// # Errors
/// If the brokers do not answer, or do not tell the journal's id.
pub fn hash_key(connection: &Connection, topics: &Topics) -> Result<HashKey, AdminError> {
    Ok(of_id(&Admin::connect(connection)?.topic_id(&topics.journal)?))
}

fn of_id(id: &str) -> HashKey {
    let mut digest = Sha256::new_with_prefix("clout: the key of the hash of names\n");
    digest.update(id);
    let digest = digest.finalize();
    let word = |place: usize| digest[8 * place..].iter().take(8).rfold(0, |word, &byte| word << 8 | u64::from(byte));
    HashKey::new([word(0), word(1)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An application that is started again, by a later version as well, has the key that it had.
    #[test]
    fn an_id_gives_one_key_for_ever() {
        assert_eq!(of_id("lG8vqbqeSbyhzHn7bXk0Yw").words(), [0x3e5e_d127_5fe3_2994, 0xf6ec_a1e5_d1d8_0486]);
        assert_ne!(of_id("lG8vqbqeSbyhzHn7bXk0Yw"), of_id("lG8vqbqeSbyhzHn7bXk0YA"));
    }
}
