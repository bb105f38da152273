//! Version 2 of X's API: tweets with what they share, one by one, or flattened; and notices of compliance.

use std::borrow::Cow;

use super::includes::Includes;
use super::{account, page, snowflake};
use crate::emit::Emit;
use crate::json::Json;
use crate::memory::About;
use crate::post::{Acts, Writing};
use crate::{Account, Network, Profile, Reason};

/// A tweet or a person without an answer around it. Flattened tweets have everything inside.
pub(crate) fn bare(json: Json<'_>, emit: &mut Emit<'_>) {
    let includes = Includes::of(json.field("includes"));
    tweet(json, &includes, emit);
}

/// One element of an answer's data.
pub(crate) fn tweet(json: Json<'_>, includes: &Includes<'_>, emit: &mut Emit<'_>) {
    let [id, author, own_author, created, edits, language, references] =
        json.get(["id", "author_id", "author", "created_at", "edit_history_tweet_ids", "lang", "referenced_tweets"]);
    if !author.is_there() && json.field("username").is_there() {
        return if person(json, emit).is_none() {
            emit.skip(Reason::NoActor)
        };
    }
    let Some(author) = author.id().or_else(|| own_author.field("id").id()) else { return emit.skip(Reason::NoActor) };
    if own_author.field("protected").is_true() || includes.is_protected(&author) {
        return emit.skip(Reason::NotPublic);
    }
    let Some(id) = id.id() else { return emit.skip(Reason::NoId) };
    let handle = if own_author.is_object() { person(own_author, emit).and_then(|(_, handle)| handle) } else { None };
    let Some(at) = emit.time(created.time().or_else(|| snowflake(&id))) else { return emit.skip(Reason::NoTime) };
    // An edited tweet has an id of its own; its acts are those of the first version.
    let first = edits.first(|edit| edit.id());
    let language = language.text().filter(|language| language != "und");
    emit.learn(About::Author, &id, &author);
    let writing = Writing {
        id: &id,
        message: first.as_deref().unwrap_or(&id),
        author: account(&author),
        handle: handle.as_deref(),
        at,
        language: language.as_deref(),
    };
    let mut acts = Acts::of(emit, writing);
    let reference = |kind: &str| references.first(|reference| reference.field("type").says(kind).then_some(reference));
    if let Some(retweeted) = reference("retweeted") {
        let post = retweeted.field("id").id();
        match owner(retweeted, includes, acts.emit()) {
            Some(target) => acts.retweet(account(&target), post.as_deref()),
            None => acts.skip(Reason::NoTarget),
        }
        return acts.finish();
    }
    acts.hear(json.field("text"), || Some(page(&id)));
    answer(json, reference("replied_to"), includes, &mut acts);
    if let Some(quoted) = reference("quoted") {
        let post = quoted.field("id").id();
        match owner(quoted, includes, acts.emit()) {
            Some(target) => acts.quote(account(&target), post.as_deref()),
            None => acts.skip(Reason::NoTarget),
        }
    }
    json.at(&["entities", "mentions"]).each(|mention| mentioned(mention, includes, &mut acts));
    acts.finish();
}

fn answer(json: Json<'_>, replied: Option<Json<'_>>, includes: &Includes<'_>, acts: &mut Acts<'_, '_, '_>) {
    let [to, to_user] = json.get(["in_reply_to_user_id", "in_reply_to_user"]);
    let to_name = to_user.field("username").text();
    let to = to.id().or_else(|| to_user.field("id").id());
    let Some(replied) = replied else {
        // Who is only addressed is mentioned.
        if let Some(to) = to {
            acts.mention(account(&to));
        }
        return;
    };
    let post = replied.field("id").id();
    let target = to.map(|to| Cow::Owned(to.into_owned())).or_else(|| owner(replied, includes, acts.emit()));
    match target {
        Some(target) => acts.reply(account(&target), to_name.as_deref(), post.as_deref()),
        None => acts.skip(Reason::NoTarget),
    }
}

/// The author of a tweet that is referred to: told with it, or beside it, or before.
fn owner(reference: Json<'_>, includes: &Includes<'_>, emit: &Emit<'_>) -> Option<Cow<'static, str>> {
    let [id, author, own_author] = reference.get(["id", "author_id", "author"]);
    if let Some(author) = author.id().or_else(|| own_author.field("id").id()) {
        return Some(Cow::Owned(author.into_owned()));
    }
    let id = id.id()?;
    let shared = includes.tweet(&id).and_then(|tweet| tweet.field("author_id").id());
    let known = || emit.recall(About::Author, &id).map(str::to_owned);
    shared.map(Cow::into_owned).or_else(known).map(Cow::Owned)
}

fn mentioned(mention: Json<'_>, includes: &Includes<'_>, acts: &mut Acts<'_, '_, '_>) -> bool {
    let [id, name] = mention.get(["id", "username"]);
    let name = name.text();
    match (id.id().or_else(|| includes.user_id(name.as_deref()?)), &name) {
        (Some(id), _) => acts.mention(account(&id)),
        (None, Some(name)) => {
            let (id, naming) = acts.emit().by_handle(name);
            acts.mention(Account { network: Network::X, id: &id, naming })
        }
        (None, None) => {
            acts.skip(Reason::NoTarget);
            true
        }
    }
}

/// A person's id and name; the person is told as a profile.
pub(crate) fn person<'a>(user: Json<'a>, emit: &mut Emit<'_>) -> Option<(Cow<'a, str>, Option<String>)> {
    let [id, username, name] = user.get(["id", "username", "name"]);
    let (id, username, name) = (id.id()?, username.text(), name.text());
    if let Some(username) = &username {
        emit.learn_handle(username, &id);
    }
    emit.profile(Profile { handle: username.as_deref(), display_name: name.as_deref(), ..Profile::of(account(&id)) });
    Some((id, username.map(Cow::into_owned)))
}

/// What must not be kept any more, from the stream of notices or a batch job.
pub(crate) fn compliance(json: Json<'_>, emit: &mut Emit<'_>) {
    let [id, action, data] = json.get(["id", "action", "data"]);
    if let (Some(id), Some("delete")) = (id.id(), action.text().as_deref()) {
        return emit.deletion(&id, None);
    }
    if let Some(id) = data.at(&["delete", "tweet", "id"]).id() {
        return emit.deletion(&id, None);
    }
    if !super::account::read(data, emit) {
        emit.skip(Reason::Notice);
    }
}
