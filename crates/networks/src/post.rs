//! The acts of one post: whom it answers, quotes and mentions, each at most once.

use std::hash::{DefaultHasher, Hash, Hasher};
use vocabulary::Kind;

use crate::emit::Emit;
use crate::json::Json;
use crate::{Account, Act, ActId, Claim, Post, Profile, Reason, Standing};

/// More mentions than this in one post are not read.
const MENTIONS_MAX: usize = 128;

/// What an account says of itself by a post that says nothing else but to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    /// It objects to being scored.
    Objection,
    /// It is the account that a code was made for.
    Claim(&'a str),
    /// It is nobody else's any more.
    Apart,
}

/// All words begin so: texts without it are not looked at.
const BEGINNING: &str = "clout-";
/// The longest code, in bytes: it has the name of a person in it.
const CODE_BYTES_MAX: usize = 1024;

/// A text, as a network has it, without marks of HTML.
fn plain(text: &str) -> String {
    let mut is_mark = false;
    text.chars()
        .filter(|letter| {
            let was_mark = is_mark || *letter == '<';
            is_mark = was_mark && *letter != '>';
            // Marks of links stand within names as well.
            !was_mark && *letter != '\u{200b}'
        })
        .collect()
}

impl Word<'_> {
    /// The word that a plain text is. Names of others are no words; whoever writes about one of these has more words than that.
    fn of(plain: &str) -> Option<Word<'_>> {
        let mut words = plain.split_whitespace().filter(|word| !word.starts_with('@'));
        match (words.next()?, words.next(), words.next()) {
            ("clout-forget-me", None, _) => Some(Word::Objection),
            ("clout-unlink-me", None, _) => Some(Word::Apart),
            ("clout-verify", Some(code), None) if code.len() <= CODE_BYTES_MAX => Some(Word::Claim(code)),
            _ => None,
        }
    }
}

impl Emit<'_> {
    /// Looks at the text of an account's own post, which nobody keeps; `url` tells where people see the post.
    pub(crate) fn hear(
        &mut self,
        author: Account<'_>,
        post: &str,
        text: Json<'_>,
        url: impl FnOnce() -> Option<String>,
    ) {
        if self.is_hearsay || !text.raw().contains(BEGINNING) {
            return;
        }
        let Some(plain) = text.long_text().map(|text| plain(&text)) else { return };
        let code = match Word::of(&plain) {
            Some(Word::Objection) => {
                return self.profile(Profile { standing: Some(Standing::Objected), ..Profile::of(author) });
            }
            Some(Word::Claim(code)) => Some(code),
            Some(Word::Apart) => None,
            None => return,
        };
        self.claim(Claim { account: author, code, url: url().as_deref() }, post);
    }
}

/// A post, and who wrote it.
pub(crate) struct Writing<'a> {
    /// The post's id, by which other posts name it.
    pub(crate) id: &'a str,
    /// What the ids of its acts are made of: mostly the post's id.
    pub(crate) message: &'a str,
    pub(crate) author: Account<'a>,
    /// The author's handle, by which a mention may name them.
    pub(crate) handle: Option<&'a str>,
    pub(crate) at: i64,
    pub(crate) language: Option<&'a str>,
}

/// Gives the acts of a post. The answer comes first, so that its target is no mention as well.
pub(crate) struct Acts<'e, 'r, 'a> {
    emit: &'e mut Emit<'r>,
    writing: Writing<'a>,
    told: u32,
    seen: [u64; MENTIONS_MAX],
    seen_len: usize,
}

impl<'e, 'r, 'a> Acts<'e, 'r, 'a> {
    pub(crate) fn of(emit: &'e mut Emit<'r>, writing: Writing<'a>) -> Acts<'e, 'r, 'a> {
        emit.post(Post { id: writing.id, author: writing.author, at: Some(writing.at), language: writing.language });
        Acts { emit, writing, told: 0, seen: [0; MENTIONS_MAX], seen_len: 0 }
    }

    pub(crate) fn emit(&mut self) -> &mut Emit<'r> {
        self.emit
    }

    /// Looks at the post's text, which nobody keeps; `url` tells where people see the post.
    pub(crate) fn hear(&mut self, text: Json<'_>, url: impl FnOnce() -> Option<String>) {
        self.emit.hear(self.writing.author, self.writing.id, text, url);
    }

    /// The post answers one of the target's. `handle` is the target's, by which a mention may name it again.
    pub(crate) fn reply(&mut self, target: Account<'_>, handle: Option<&str>, post: Option<&str>) {
        self.is_new(target);
        if let Some(handle) = handle {
            self.is_new(Account::by_handle(target.network, &handle.to_lowercase()));
        }
        self.tell(Kind::Reply, target, post, 0);
    }

    pub(crate) fn quote(&mut self, target: Account<'_>, post: Option<&str>) {
        self.tell(Kind::Quote, target, post, 0);
    }

    /// The post is somebody else's, passed on.
    pub(crate) fn retweet(&mut self, target: Account<'_>, post: Option<&str>) {
        self.tell(Kind::Retweet, target, post, 0);
    }

    /// The post names the target. False once there are too many.
    pub(crate) fn mention(&mut self, target: Account<'_>) -> bool {
        if self.seen_len == MENTIONS_MAX {
            self.skip(Reason::TooMany);
            return false;
        }
        if self.is_new(target) {
            let post = self.writing.id;
            self.tell(Kind::Mention, target, Some(post), self.seen_len as u32 - 1);
        }
        true
    }

    /// A part of the post gives no act.
    pub(crate) fn skip(&mut self, reason: Reason) {
        self.told += 1;
        self.emit.skip(reason);
    }

    /// The post is read to its end.
    pub(crate) fn finish(self) {
        if self.told == 0 {
            self.emit.skip(Reason::NoAct);
        }
    }

    fn is_new(&mut self, target: Account<'_>) -> bool {
        let mut hasher = DefaultHasher::new();
        target.hash(&mut hasher);
        let hash = hasher.finish();
        if self.seen[..self.seen_len].contains(&hash) {
            return false;
        }
        if self.seen_len < MENTIONS_MAX {
            self.seen[self.seen_len] = hash;
            self.seen_len += 1;
        }
        true
    }

    fn tell(&mut self, kind: Kind, target: Account<'_>, post: Option<&str>, place: u32) {
        self.told += 1;
        let Writing { message, author, handle, at, language, .. } = self.writing;
        let names_author = target.naming == crate::Naming::Handle
            && handle.is_some_and(|handle| handle.to_lowercase() == target.id.to_lowercase());
        if names_author {
            return self.emit.skip(Reason::ToOneself);
        }
        let id = ActId { network: author.network, message, part: Some((kind, place)) };
        self.emit.act(Act { id, actor: author, target, kind, at, language, post, via: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_posts_a_word_alone_says_it_and_whoever_writes_about_it_does_not() {
        let marked =
            r#"<p><span class="h-card"><a href="https://a.example/@clout">@<span>clout</span></a></span> WORD</p>"#;
        for (word, said) in [
            ("clout-forget-me", Word::Objection),
            ("clout-unlink-me", Word::Apart),
            ("clout-verify 2CQ7-K3ZJ", Word::Claim("2CQ7-K3ZJ")),
        ] {
            for text in ["WORD", " WORD\n", "<p>WORD</p>", "@clout WORD", marked] {
                let text = text.replace("WORD", word);
                assert_eq!(Word::of(&plain(&text)), Some(said), "{text}");
            }
            for text in
                ["post WORD and you are gone", "WORD is a word", "<p>he said</p> <p>WORD</p>", "RT @ana: WORD", "“WORD"]
            {
                let text = text.replace("WORD", word);
                assert_eq!(Word::of(&plain(&text)), None, "{text}");
            }
        }
        for text in ["", "forget me", "clout-forget-me!", "clout-verify", "clout-verify @clout"] {
            assert_eq!(Word::of(text), None, "{text}");
        }
        assert_eq!(Word::of(&format!("clout-verify {}", "A".repeat(CODE_BYTES_MAX + 1))), None);
    }
}
