//! What accounts are called, as the records of a compacted topic: each says one thing of one account, so that what is said
//! later takes the place of what was said before, and of nothing else. The key is `FIELD/USER`, the value is text.

/// The thing that a record says of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameField {
    /// What it is called in posts, without `@`.
    Handle,
    /// The name that it shows.
    DisplayName,
    /// The address of its page.
    Url,
    /// Whether its network says that it is a program: `yes` or `no`.
    Bot,
    /// Whether it agrees to be found and shown by others: `yes` or `no`.
    Listed,
    /// Whether it is there: `no` for one that its owner has hidden for now.
    There,
    /// What it mostly writes in, as its posts were seen: the first part of a language tag, in small letters.
    Language,
    /// The country that its profile declares: ISO 3166-1 alpha-2, in capital letters.
    Country,
}

/// The longest value that is kept, in bytes of UTF-8; what is longer is cut.
const VALUE_BYTES_MAX: usize = 1_024;

impl NameField {
    /// All of them.
    pub const ALL: [NameField; 8] = [
        NameField::Handle,
        NameField::DisplayName,
        NameField::Url,
        NameField::Bot,
        NameField::Listed,
        NameField::There,
        NameField::Language,
        NameField::Country,
    ];

    /// The word before the slash of a key.
    pub fn word(self) -> &'static str {
        match self {
            NameField::Handle => "handle",
            NameField::DisplayName => "display_name",
            NameField::Url => "url",
            NameField::Bot => "bot",
            NameField::Listed => "listed",
            NameField::There => "there",
            NameField::Language => "language",
            NameField::Country => "country",
        }
    }
}

/// The key of the record that says this of a user.
pub fn name_key(field: NameField, user: &str) -> String {
    format!("{}/{user}", field.word())
}

/// What a key says, and of whom; `None` for any other key.
pub fn read_name_key(key: &[u8]) -> Option<(NameField, &str)> {
    let (word, user) = std::str::from_utf8(key).ok()?.split_once('/')?;
    let field = NameField::ALL.into_iter().find(|field| field.word() == word)?;
    (!user.is_empty()).then_some((field, user))
}

/// The value of a field that is yes or no.
pub fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// As much of a value as is kept.
pub fn cut_name(value: &str) -> &str {
    let end = (0..=VALUE_BYTES_MAX.min(value.len())).rev().find(|&end| value.is_char_boundary(end));
    &value[..end.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_others_are_refused() {
        for field in NameField::ALL {
            let user = "activitypub:https://a.example/users/ana";
            assert_eq!(read_name_key(name_key(field, user).as_bytes()), Some((field, user)));
        }
        for key in ["", "handle", "handle/", "name/ana", "/ana", "Handle/ana"] {
            assert_eq!(read_name_key(key.as_bytes()), None, "{key}");
        }
        assert_eq!(read_name_key(b"handle/\xff"), None);
    }

    #[test]
    fn a_long_value_is_cut_between_two_letters() {
        assert_eq!(cut_name(&"ö".repeat(600)).len(), 1_024);
        assert_eq!(cut_name(&format!("a{}", "ö".repeat(600))).len(), 1_023);
        assert_eq!(cut_name("ana"), "ana");
    }
}
