//! Which accounts are one person's, as the records of a compacted topic: one for each account, under its name.

use prost::Message;
use serde::{Deserialize, Serialize};
use vocabulary::{LINKED_MAX, Timestamp};

use crate::{Malformed, accept, proto};

/// How it is known that accounts are one person's. Likeness of names is no proof, and neither is what one account says of
/// another that does not say it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// Whoever runs the application says so.
    Operator,
    /// Each account posted the code that was made for it.
    Claim,
    /// Two pages link to each other as those of one person.
    RelMe,
    /// One account has moved to another, which says that it was the first before.
    Move,
}

impl Proof {
    /// All of them.
    pub const ALL: [Proof; 4] = [Proof::Operator, Proof::Claim, Proof::RelMe, Proof::Move];

    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Proof::Operator => "operator",
            Proof::Claim => "claim",
            Proof::RelMe => "rel-me",
            Proof::Move => "move",
        }
    }

    /// The proof that is called so.
    pub fn of_word(word: &str) -> Option<Proof> {
        Proof::ALL.into_iter().find(|proof| proof.word() == word)
    }
}

/// That an account is a person's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The account, by the name that is scored.
    pub account: String,
    /// Whose it is.
    pub person: String,
    /// All accounts of the person, this one among them.
    pub accounts: Vec<String>,
    /// How that is known.
    pub proof: Proof,
    /// Where the proof can be seen.
    pub url: Option<String>,
    /// When the proof was looked at last.
    pub checked_at: Timestamp,
    /// When the accounts became one person's.
    pub linked_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Line {
    account: String,
    person: String,
    #[serde(default)]
    accounts: Vec<String>,
    #[serde(default = "operator")]
    proof: String,
    #[serde(default)]
    url: String,
    #[serde(default)]
    checked_at: Timestamp,
    #[serde(default)]
    linked_at: Timestamp,
}

fn operator() -> String {
    Proof::Operator.word().to_owned()
}

impl Link {
    /// Whether it can be what it says: names are names, and not too many.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn check(&self) -> Result<(), Malformed> {
        accept::name("account", &self.account)?;
        accept::name("person", &self.person)?;
        self.accounts.iter().try_for_each(|account| accept::name("linked account", account))?;
        // One is the account itself.
        match self.accounts.len() {
            count if count > LINKED_MAX + 1 => Err(Malformed::TooManyLinked(count - 1)),
            _ => Ok(()),
        }
    }

    /// The other accounts of the person, a line each, as a profile has them.
    pub fn others(&self) -> String {
        let others = self.accounts.iter().filter(|other| **other != self.account);
        others.map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// The link of a record's value, in either encoding: no protobuf message begins as a JSON object does.
///
/// # Errors
/// If it is none; says why.
pub fn decode_link(bytes: &[u8]) -> Result<Link, Malformed> {
    let line = if bytes.trim_ascii_start().first() == Some(&b'{') {
        serde_json::from_slice(bytes).map_err(|error| Malformed::Json(error.to_string()))?
    } else {
        let message = proto::Link::decode(bytes).map_err(|error| Malformed::Protobuf(error.to_string()))?;
        let proto::Link { account, person, accounts, proof, url, checked_at, linked_at } = message;
        Line { account, person, accounts, proof, url, checked_at, linked_at }
    };
    let Line { account, person, accounts, proof, url, checked_at, linked_at } = line;
    let proof = Proof::of_word(&proof).ok_or_else(|| {
        let words = Proof::ALL.map(Proof::word).join(", ");
        Malformed::Field(format!("proof {proof:?} is none of {words}"))
    })?;
    let url = Some(url).filter(|url| !url.is_empty());
    let link = Link { account, person, accounts, proof, url, checked_at, linked_at };
    link.check()?;
    Ok(link)
}

/// The value of a link's record, as protobuf.
pub fn encode_link(link: &Link) -> Vec<u8> {
    let Link { account, person, accounts, proof, url, checked_at, linked_at } = link.clone();
    let (proof, url) = (proof.word().to_owned(), url.unwrap_or_default());
    proto::Link { account, person, accounts, proof, url, checked_at, linked_at }.encode_to_vec()
}

/// The value of a link's record, as JSON.
pub fn encode_link_json(link: &Link) -> Vec<u8> {
    let Link { account, person, accounts, proof, url, checked_at, linked_at } = link.clone();
    let (proof, url) = (proof.word().to_owned(), url.unwrap_or_default());
    // Memory takes everything, and there are no numbers that JSON has not.
    serde_json::to_vec(&Line { account, person, accounts, proof, url, checked_at, linked_at }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back_in_both_encodings_and_what_cannot_be_is_refused() {
        for proof in Proof::ALL {
            let link = Link {
                account: "bluesky:did:plc:ana".into(),
                person: "ana".into(),
                accounts: vec!["bluesky:did:plc:ana".into(), "activitypub:https://a.example/users/ana".into()],
                proof,
                url: (proof == Proof::Claim).then(|| "https://a.example/1".into()),
                checked_at: 1_700_000_000_000,
                linked_at: 1_600_000_000_000,
            };
            assert_eq!(decode_link(&encode_link(&link)).unwrap(), link);
            assert_eq!(decode_link(&encode_link_json(&link)).unwrap(), link);
            assert_eq!(link.others(), "activitypub:https://a.example/users/ana");
        }
        assert_eq!(decode_link(br#"{"account":"a","person":"p"}"#).unwrap().proof, Proof::Operator);
        for text in [
            r#"{"account":"","person":"p"}"#,
            r#"{"account":"a","person":""}"#,
            r#"{"account":"a\nb","person":"p"}"#,
            r#"{"account":"a","person":"p","proof":"hearsay"}"#,
            r#"{"account":"a","person":"p","accounts":["a","b\u0000"]}"#,
            "{",
            "nonsense",
            "",
        ] {
            assert!(decode_link(text.as_bytes()).is_err(), "{text}");
        }
        let many: Vec<String> = (0..=LINKED_MAX + 1).map(|number| format!("a{number}")).collect();
        let text = serde_json::json!({ "account": "a0", "person": "p", "accounts": many }).to_string();
        assert!(decode_link(text.as_bytes()).is_err());
    }
}
