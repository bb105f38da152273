//! What the tweets of one answer of version 2 share: the posts that they refer to, and people.

use std::borrow::Cow;

use super::account;
use crate::Post;
use crate::emit::Emit;
use crate::json::Json;

/// Where the shared tweets and people are, by id and by name. Sixteen bytes each, and each is longer than that.
pub(crate) struct Includes<'a> {
    tweets: Json<'a>,
    users: Json<'a>,
    tweet_places: Vec<(u64, u32, u32)>,
    user_places: Vec<(u64, u32, u32)>,
    has_protected: bool,
}

impl<'a> Includes<'a> {
    pub(crate) fn of(includes: Json<'a>) -> Includes<'a> {
        let [tweets, users] = includes.get(["tweets", "users"]);
        let has_protected = memchr::memmem::find(users.raw().as_bytes(), b"\"protected\"").is_some();
        let tweet_places = places(tweets, |tweet| number(&tweet.field("id").id()?));
        let user_places = places(users, |user| {
            let [id, name] = user.get(["id", "username"]);
            id.id()?;
            Some(hash(&name.text()?))
        });
        Includes { tweets, users, tweet_places, user_places, has_protected }
    }

    /// A tweet by its id.
    pub(crate) fn tweet(&self, id: &str) -> Option<Json<'a>> {
        let found = find(self.tweets, &self.tweet_places, number(id)?)?;
        (found.field("id").id()? == id).then_some(found)
    }

    /// The id of a person by name, in any letter case.
    pub(crate) fn user_id(&self, name: &str) -> Option<Cow<'a, str>> {
        let found = find(self.users, &self.user_places, hash(name))?;
        let [id, own] = found.get(["id", "username"]);
        own.text()?.eq_ignore_ascii_case(name).then(|| id.id()).flatten()
    }

    /// True for people who show their tweets to followers only.
    pub(crate) fn is_protected(&self, id: &str) -> bool {
        self.has_protected
            && self
                .users
                .first(|user| {
                    let [own, protected] = user.get(["id", "protected"]);
                    (protected.is_true() && own.id()? == id).then_some(())
                })
                .is_some()
    }

    /// Tells who is there, and who wrote what is referred to.
    pub(crate) fn profiles(&self, emit: &mut Emit<'_>) {
        self.users.each(|user| {
            super::v2::person(user, emit);
            true
        });
        self.tweets.each(|tweet| {
            let [id, author, language] = tweet.get(["id", "author_id", "lang"]);
            if let (Some(id), Some(author)) = (id.id(), author.id()) {
                emit.learn(crate::memory::About::Author, &id, &author);
                let language = language.text();
                emit.post(Post {
                    id: &id,
                    author: account(&author),
                    at: tweet.field("created_at").time(),
                    language: language.as_deref(),
                });
            }
            true
        });
    }
}

fn places<'a>(list: Json<'a>, key: impl Fn(Json<'a>) -> Option<u64>) -> Vec<(u64, u32, u32)> {
    let mut count = 0;
    list.each(|element| {
        count += usize::from(key(element).is_some());
        true
    });
    let base = list.raw().as_ptr() as usize;
    let mut places = Vec::with_capacity(count);
    list.each(|element| {
        let start = element.raw().as_ptr() as usize - base;
        if let (Some(key), Ok(start), Ok(len)) =
            (key(element), u32::try_from(start), u32::try_from(element.raw().len()))
        {
            places.push((key, start, len));
        }
        true
    });
    places.sort_unstable();
    places
}

fn find<'a>(list: Json<'a>, places: &[(u64, u32, u32)], key: u64) -> Option<Json<'a>> {
    let place = places.partition_point(|place| place.0 < key);
    let &(found, start, len) = places.get(place)?;
    (found == key).then(|| list.slice(start as usize, len as usize)).flatten()
}

fn number(id: &str) -> Option<u64> {
    id.parse().ok()
}

fn hash(name: &str) -> u64 {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    for byte in name.bytes() {
        hasher.write_u8(byte.to_ascii_lowercase());
    }
    hasher.finish()
}
