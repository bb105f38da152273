//! Single profiles as the records of a log hold them.

use prost::Message;
use vocabulary::Profile;

use crate::event::text;
use crate::malformed::quote;
use crate::{Encoding, Framing, Malformed, accept, json, proto, protobuf, time};

/// Decodes profiles one by one and keeps its memory between them.
#[derive(Debug)]
pub struct ProfileDecoder {
    encoding: Encoding,
    framing: Framing,
    message: proto::Profile,
    user: String,
    linked: String,
}

impl ProfileDecoder {
    /// A decoder for records of one encoding.
    pub fn new(encoding: Encoding) -> Self {
        Self {
            encoding,
            framing: Framing::Bare,
            message: proto::Profile::default(),
            user: String::new(),
            linked: String::new(),
        }
    }

    /// The same for records behind such a frame.
    pub fn framed(self, framing: Framing) -> Self {
        Self { framing, ..self }
    }

    /// The profile that `bytes` hold: what is absent stays as it is.
    pub fn decode<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Profile<'a>, Malformed> {
        let bytes = self.framing.open(bytes, self.encoding)?;
        match self.encoding {
            Encoding::Json => json::profile(text(bytes)?, &mut self.user, &mut self.linked),
            Encoding::Protobuf => protobuf::profile(bytes, &mut self.message, &mut self.linked),
        }
    }

    /// What a record without a value says, a tombstone: the account of its key is deleted, which is opting out. A key that
    /// is not a plain name, as some serialisers write it, is refused: it would name nobody.
    pub fn decode_tombstone<'a>(&self, key: Option<&'a [u8]>) -> Result<Profile<'a>, Malformed> {
        let user = text(key.ok_or(Malformed::Missing("user"))?)?;
        if user.starts_with(['"', '{']) {
            return Err(Malformed::Key(quote(user)));
        }
        accept::profile(Profile { user, opted_out: Some(true), ..Profile::default() })
    }
}

/// Appends the protobuf message of a profile, without a length before it.
pub fn encode_profile(profile: &Profile<'_>, out: &mut Vec<u8>) {
    let Profile { user, opted_out, trust, created, is_verified, linked, country } = *profile;
    let (user, created_at, verified) = (user.to_owned(), created, is_verified);
    let country = country.unwrap_or_default().to_owned();
    let linked = linked.map(|linked| proto::Linked { accounts: linked.lines().map(str::to_owned).collect() });
    let message =
        proto::Profile { user, opted_out, trust, created_at, verified, linked, country, ..Default::default() };
    message.encode_raw(out);
}

/// Appends a profile as one JSON object, without a line end.
pub fn encode_profile_json(profile: &Profile<'_>, out: &mut Vec<u8>) {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        user: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        opted_out: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        trust: Option<f64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        created_at: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        verified: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        linked: Option<Vec<&'a str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        country: Option<&'static str>,
    }
    let Profile { user, opted_out, trust, created, is_verified, linked, country } = *profile;
    let linked = linked.map(|linked| linked.lines().collect());
    let created_at = created.and_then(time::rfc3339);
    let verified = is_verified.then_some(true);
    // Memory takes everything, and a trust is a number.
    let _ = serde_json::to_writer(out, &Line { user, opted_out, trust, created_at, verified, linked, country });
}
