//! The acts of one post: whom it answers, quotes and mentions, each at most once.

use std::hash::{DefaultHasher, Hash, Hasher};
use vocabulary::Kind;

use crate::emit::Emit;
use crate::json::Json;
use crate::{Account, Act, ActId, Post, Profile, Reason, Standing};

/// More mentions than this in one post are not read.
const MENTIONS_MAX: usize = 128;

/// Whoever posts this, and nothing else but to whom, objects to being scored.
const OBJECTION: &str = "clout-forget-me";

/// Whether a text, as a network has it, says nothing but the objection. Marks of HTML and names of others are no words; whoever writes
/// about the objection has more of these.
fn objects(text: &str) -> bool {
    let mut is_mark = false;
    let plain: String = text
        .chars()
        .map(|letter| {
            let was_mark = is_mark || letter == '<';
            is_mark = was_mark && letter != '>';
            // Marks of links stand within names as well.
            if was_mark { '\u{200b}' } else { letter }
        })
        .filter(|letter| *letter != '\u{200b}')
        .collect();
    let mut words = plain.split_whitespace().filter(|word| !word.starts_with('@'));
    words.next() == Some(OBJECTION) && words.next().is_none()
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

    /// Looks at the post's text, which nobody keeps.
    pub(crate) fn hear(&mut self, text: Json<'_>) {
        if text.raw().contains(OBJECTION) && text.long_text().is_some_and(|text| objects(&text)) {
            let author = self.writing.author;
            self.emit.profile(Profile { standing: Some(Standing::Objected), ..Profile::of(author) });
        }
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
    fn whoever_posts_the_word_alone_objects_and_whoever_writes_about_it_does_not() {
        for text in [
            "clout-forget-me",
            " clout-forget-me\n",
            "<p>clout-forget-me</p>",
            "@clout clout-forget-me",
            r#"<p><span class="h-card"><a href="https://a.example/@clout">@<span>clout</span></a></span> clout-forget-me</p>"#,
        ] {
            assert!(objects(text), "{text}");
        }
        for text in [
            "",
            "forget me",
            "post clout-forget-me and you are gone",
            "clout-forget-me is a word",
            "<p>he said</p> <p>clout-forget-me</p>",
            "clout-forget-me!",
            "RT @ana: clout-forget-me please",
        ] {
            assert!(!objects(text), "{text}");
        }
    }
}
