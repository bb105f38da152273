//! ActivityStreams 2.0: what ActivityPub servers send to each other, and what they export.

use std::borrow::Cow;
use vocabulary::Kind;

use crate::emit::{Emit, host};
use crate::json::Json;
use crate::kin::{named, own_links};
use crate::mastodon::{canonical, spelling};
use crate::memory::About;
use crate::post::{Acts, Writing};
use crate::{Account, Act, ActId, Network, Profile, Reason, Standing};

const POSTS: [&str; 9] = ["Note", "Article", "Page", "Question", "Video", "Audio", "Image", "Event", "Document"];
const ACTORS: [&str; 5] = ["Person", "Service", "Application", "Group", "Organization"];
const ACTIVITIES: [&str; 32] = [
    "Create",
    "Update",
    "Announce",
    "Like",
    "Follow",
    "Undo",
    "Move",
    "Delete",
    "Block",
    "Accept",
    "Reject",
    "Flag",
    "Add",
    "Remove",
    "Invite",
    "Dislike",
    "EmojiReact",
    "View",
    "Listen",
    "Read",
    "Arrive",
    "Join",
    "Leave",
    "Offer",
    "Ignore",
    "TentativeAccept",
    "TentativeReject",
    "Travel",
    "QuoteRequest",
    "Collection",
    "OrderedCollection",
    "Tombstone",
];

/// Activities inside activities: more levels than any server sends.
const LEVELS_MAX: u8 = 4;

pub(crate) fn is_known(kind: &str) -> bool {
    POSTS.contains(&kind) || ACTORS.contains(&kind) || ACTIVITIES.contains(&kind) || kind.ends_with("CollectionPage")
}

fn account(id: &str) -> Account<'_> {
    Account::by_id(Network::ActivityPub, id)
}

/// The first type of an object.
fn kind(json: Json<'_>) -> Option<Cow<'_, str>> {
    let [kind, other] = json.get(["type", "@type"]);
    let kind = if kind.is_there() { kind } else { other };
    kind.first(|kind| kind.text())
}

/// The id of something that is named by id, or is there with its id or, failing that, its address.
fn id(json: Json<'_>) -> Option<Cow<'_, str>> {
    json.first(|json| {
        if json.is_text() {
            return json.text();
        }
        let [id, other, url, href] = json.get(["id", "@id", "url", "href"]);
        let address = |url: Json<'_>| if url.is_object() { None } else { Some(()) }.is_some();
        id.text()
            .or_else(|| other.text())
            .or_else(|| {
                url.first(|url| if address(url) { url.text() } else { None })
                    .or_else(|| url.first(|url| url.field("href").text()))
            })
            .or_else(|| href.text())
    })
}

/// The one name of an actor.
fn actor<'a>(json: Json<'a>, emit: &Emit<'_>) -> Option<Cow<'a, str>> {
    let id = id(json)?;
    Some(Cow::Owned(canonical(&id, emit).into_owned()))
}

/// One activity, one object, or a collection of them.
pub(crate) fn read(json: Json<'_>, level: u8, emit: &mut Emit<'_>) {
    if level > LEVELS_MAX {
        return emit.skip(Reason::TooDeep);
    }
    let Some(kind) = kind(json) else { return emit.skip(Reason::OtherKind) };
    match &*kind {
        "Create" => create(json, emit),
        "Update" => update(json, emit),
        "Announce" => announce(json, level, emit),
        "Like" => like(json, emit),
        "Follow" => relation("Follow", Kind::Follow, About::Follow, json, emit),
        "Block" => relation("Block", Kind::Block, About::Block, json, emit),
        "Undo" => undo(json, emit),
        "Delete" => delete(json, emit),
        "Move" => moved(json, emit),
        "Tombstone" => match id(json) {
            Some(id) => emit.deletion(&id, None),
            None => emit.skip(Reason::NoId),
        },
        kind if POSTS.contains(&kind) => {
            if is_public(json) {
                post(json, None, None, emit);
            } else {
                emit.skip(Reason::NotPublic);
            }
        }
        kind if ACTORS.contains(&kind) => profile(json, emit),
        kind if kind.contains("Collection") => collection(json, level, emit),
        _ => emit.skip(Reason::OtherKind),
    }
}

fn collection(json: Json<'_>, level: u8, emit: &mut Emit<'_>) {
    let [ordered, items, first] = json.get(["orderedItems", "items", "first"]);
    let list = if ordered.is_there() { ordered } else { items };
    if first.is_object() && !list.is_there() {
        return read(first, level + 1, emit);
    }
    if !list.is_there() {
        return emit.skip(Reason::NoAct);
    }
    let mut first = true;
    // Whoever sends a list says what others said.
    let was_hearsay = std::mem::replace(&mut emit.is_hearsay, true);
    list.each_or_self(|item| {
        // The collection itself was counted as the message that its first item is.
        if !std::mem::take(&mut first) {
            emit.tally.of_mut(Some(Network::ActivityPub)).messages += 1;
        }
        if item.is_object() {
            read(item, level + 1, emit)
        } else {
            emit.skip(Reason::NoAct)
        }
        true
    });
    emit.is_hearsay = was_hearsay;
    if first {
        emit.skip(Reason::NoAct);
    }
}

fn says_public(list: Json<'_>) -> bool {
    list.first(|address| {
        let address = id(address)?;
        let is_public = matches!(
            &*address,
            "https://www.w3.org/ns/activitystreams#Public"
                | "http://www.w3.org/ns/activitystreams#Public"
                | "as:Public"
                | "Public"
        );
        is_public.then_some(())
    })
    .is_some()
}

/// True for what is addressed to the public, openly or unlisted. What an activity does not say, its object may.
fn is_public(json: Json<'_>) -> bool {
    let [to, cc, object] = json.get(["to", "cc", "object"]);
    if to.is_there() || cc.is_there() {
        return says_public(to) || says_public(cc);
    }
    let [to, cc] = object.get(["to", "cc"]);
    says_public(to) || says_public(cc)
}

fn create(json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object, published] = json.get(["actor", "object", "published"]);
    if !is_public(json) {
        return emit.skip(Reason::NotPublic);
    }
    let Some(author) = actor(by, emit) else { return emit.skip(Reason::NoActor) };
    if !kind(object).is_some_and(|kind| POSTS.contains(&&*kind)) {
        return emit.skip(Reason::OtherKind);
    }
    post(object, Some(&author), published.time(), emit);
}

fn update(json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object] = json.get(["actor", "object"]);
    if kind(object).is_some_and(|kind| ACTORS.contains(&&*kind)) {
        let (by, of) = (actor(by, emit), actor(object, emit));
        return if by.is_some() && (of.is_none() || by == of) {
            profile(object, emit)
        } else {
            emit.skip(Reason::Forged)
        };
    }
    if !is_public(json) {
        return emit.skip(Reason::NotPublic);
    }
    emit.skip(Reason::Edited);
}

/// A post, by the actor of the activity that carries it, if one does.
fn post(json: Json<'_>, by: Option<&str>, sent: Option<i64>, emit: &mut Emit<'_>) {
    let [attributed, published, answered, tags, content_map, language, content, url] =
        json.get(["attributedTo", "published", "inReplyTo", "tag", "contentMap", "language", "content", "url"]);
    let author = actor(attributed, emit);
    let author = match (by, &author) {
        // Servers say of their own people what these wrote, and of nobody else.
        (Some(by), Some(author)) if by != author && host(by) != host(author) => return emit.skip(Reason::Forged),
        (Some(by), _) => by,
        (None, Some(author)) => author,
        (None, None) => return emit.skip(Reason::NoActor),
    };
    let Some(post) = id(json) else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(published.time().or(sent)) else { return emit.skip(Reason::NoTime) };
    let language = first_key(content_map).or_else(|| language.text()).or_else(|| language.field("identifier").text());
    emit.learn(About::Author, &post, author);
    let writing =
        Writing { id: &post, message: &post, author: account(author), handle: None, at, language: language.as_deref() };
    let mut acts = Acts::of(emit, writing);
    let page = || url.first(|url| url.text().or_else(|| url.field("href").text())).map(Cow::into_owned);
    acts.hear(content, || page().or_else(|| Some(post.to_string())));
    if answered.is_there() {
        let uri = id(answered);
        let target = answered.first(|answered| author_of(answered, acts.emit()));
        match target {
            Some(target) => acts.reply(account(&target), None, uri.as_deref()),
            None => acts.skip(Reason::UnknownAuthor),
        }
    }
    quote(json, &mut acts);
    tags.each_or_self(|tag| {
        if kind(tag).is_none_or(|kind| kind != "Mention") {
            return true;
        }
        match tag.field("href").text() {
            Some(href) => {
                let target = canonical(&href, acts.emit());
                acts.mention(account(&target))
            }
            None => {
                acts.skip(Reason::NoTarget);
                true
            }
        }
    });
    acts.finish();
}

fn quote(json: Json<'_>, acts: &mut Acts<'_, '_, '_>) {
    let fields = json.get(["quote", "quoteUri", "quoteUrl", "_misskey_quote"]);
    let Some(quoted) = fields.into_iter().find(|quoted| quoted.is_there()) else { return };
    match author_of(quoted, acts.emit()) {
        Some(target) => acts.quote(account(&target), id(quoted).as_deref()),
        None => acts.skip(Reason::UnknownAuthor),
    }
}

/// The author of a post that is there, or is named by its address: by the address itself, or as learnt from the post.
fn author_of(post: Json<'_>, emit: &Emit<'_>) -> Option<Cow<'static, str>> {
    if let Some(author) = actor(post.field("attributedTo"), emit).or_else(|| actor(post.field("actor"), emit)) {
        return Some(Cow::Owned(author.into_owned()));
    }
    let uri = id(post)?;
    if let Some(author) = emit.recall(About::Author, &uri) {
        return Some(Cow::Owned(author.to_owned()));
    }
    Some(Cow::Owned(canonical(author_in(&uri)?, emit).into_owned()))
}

/// Mastodon's addresses of statuses begin with their author's.
fn author_in(uri: &str) -> Option<&str> {
    let (author, status) = uri.split_once("/statuses/")?;
    let name = author.split_once("/users/")?.1;
    (!name.is_empty() && !name.contains('/') && !status.is_empty()).then_some(author)
}

fn announce(json: Json<'_>, level: u8, emit: &mut Emit<'_>) {
    let [by, object, cc, published] = json.get(["actor", "object", "cc", "published"]);
    if !is_public(json) {
        return emit.skip(Reason::NotPublic);
    }
    // Lemmy's communities pass on what their members do: the act is the member's.
    if kind(object).is_some_and(|kind| ACTIVITIES.contains(&&*kind) && kind != "Announce") {
        // What members say of themselves their own servers say, and nobody else.
        let was_hearsay = std::mem::replace(&mut emit.is_hearsay, true);
        read(object, level + 1, emit);
        emit.is_hearsay = was_hearsay;
        return;
    }
    let Some(booster) = actor(by, emit) else { return emit.skip(Reason::NoActor) };
    let Some(post) = id(object) else { return emit.skip(Reason::NoTarget) };
    let target = author_of(object, emit).or_else(|| addressee(cc, &post, &booster, emit));
    let Some(target) = target else { return emit.skip(Reason::UnknownAuthor) };
    let Some(message) = message(json, "Announce", &booster, &post) else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(published.time()) else { return emit.skip(Reason::NoTime) };
    let id = ActId { network: Network::ActivityPub, message: &message, part: None };
    let (actor, target) = (account(&booster), account(&target));
    emit.act(Act { id, actor, target, kind: Kind::Retweet, at, language: None, post: Some(&post), via: None });
}

/// The boosted author among those who are told of the boost: the one who lives where the post does, or the only one.
fn addressee(cc: Json<'_>, post: &str, booster: &str, emit: &Emit<'_>) -> Option<Cow<'static, str>> {
    let is_person = |address: &str| {
        address.contains("://")
            && !address.ends_with("#Public")
            && !address.contains("/followers")
            && !address.contains("/collections/")
            && canonical(address, emit) != booster
    };
    let near = cc.first(|one| id(one).filter(|address| is_person(address) && host(address) == host(post)));
    let mut people = 0;
    let mut only = None;
    cc.each_or_self(|one| {
        if let Some(address) = id(one).filter(|address| is_person(address)) {
            people += 1;
            only = Some(address);
        }
        people < 2
    });
    let found = near.or(if people == 1 { only } else { None })?;
    Some(Cow::Owned(canonical(&found, emit).into_owned()))
}

/// The id of an activity, or what it says in place of one.
fn message<'a>(json: Json<'a>, kind: &str, actor: &str, object: &str) -> Option<Cow<'a, str>> {
    let id = json.field("id").text().or_else(|| json.field("@id").text());
    Some(id.unwrap_or_else(|| Cow::Owned(format!("{kind}/{actor}/{object}"))))
}

fn like(json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object, published] = json.get(["actor", "object", "published"]);
    let Some(liker) = actor(by, emit) else { return emit.skip(Reason::NoActor) };
    let Some(post) = id(object) else { return emit.skip(Reason::NoTarget) };
    let Some(target) = author_of(object, emit) else { return emit.skip(Reason::UnknownAuthor) };
    let Some(message) = message(json, "Like", &liker, &post) else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(published.time()) else { return emit.skip(Reason::NoTime) };
    let id = ActId { network: Network::ActivityPub, message: &message, part: None };
    let (actor, target) = (account(&liker), account(&target));
    emit.act(Act { id, actor, target, kind: Kind::Like, at, language: None, post: Some(&post), via: None });
}

/// A follow or a block, done now, which may be undone by its id alone.
fn relation(what: &str, kind: Kind, about: About, json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object, published] = json.get(["actor", "object", "published"]);
    let Some(by) = actor(by, emit) else { return emit.skip(Reason::NoActor) };
    let Some(target) = actor(object, emit) else { return emit.skip(Reason::NoTarget) };
    if let Some(id) = json.field("id").text() {
        emit.learn(about, &id, &target);
    }
    let Some(message) = message(json, what, &by, &target) else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(published.time()) else { return emit.skip(Reason::NoTime) };
    let id = ActId { network: Network::ActivityPub, message: &message, part: None };
    let (actor, target) = (account(&by), account(&target));
    emit.act(Act { id, actor, target, kind, at, language: None, post: None, via: None });
}

fn undo(json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object, published] = json.get(["actor", "object", "published"]);
    let Some(by) = actor(by, emit) else { return emit.skip(Reason::NoActor) };
    let undone = id(object);
    let (kind, target) = match kind(object).as_deref() {
        Some("Follow") => (Kind::Unfollow, actor(object.field("object"), emit)),
        Some("Block") => (Kind::Unblock, actor(object.field("object"), emit)),
        Some("Like" | "Announce" | "EmojiReact" | "Dislike") => return emit.skip(Reason::Undone),
        Some(_) => return emit.skip(Reason::OtherKind),
        // Named by its id only: it may be one that was seen.
        None => match undone.as_deref() {
            Some(id) => match (emit.recall(About::Follow, id), emit.recall(About::Block, id)) {
                (Some(target), _) => (Kind::Unfollow, Some(Cow::Owned(target.to_owned()))),
                (None, Some(target)) => (Kind::Unblock, Some(Cow::Owned(target.to_owned()))),
                (None, None) => return emit.skip(Reason::Undone),
            },
            None => return emit.skip(Reason::NoTarget),
        },
    };
    // Only one's own follows and blocks can be taken back.
    if actor(object.field("actor"), emit).is_some_and(|owner| owner != by) {
        return emit.skip(Reason::Forged);
    }
    let Some(target) = target else { return emit.skip(Reason::NoTarget) };
    let Some(message) = message(json, "Undo", &by, undone.as_deref().unwrap_or(&target)) else {
        return emit.skip(Reason::NoId);
    };
    let Some(at) = emit.time(published.time()) else { return emit.skip(Reason::NoTime) };
    let id = ActId { network: Network::ActivityPub, message: &message, part: None };
    let (actor, target) = (account(&by), account(&target));
    emit.act(Act { id, actor, target, kind, at, language: None, post: None, via: None });
}

fn delete(json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object] = json.get(["actor", "object"]);
    let Some(by) = actor(by, emit) else { return emit.skip(Reason::NoActor) };
    let Some(gone) = id(object) else { return emit.skip(Reason::NoTarget) };
    if spelling(&gone) == by {
        return emit.profile(Profile { standing: Some(Standing::Deleted), ..Profile::of(account(&by)) });
    }
    if host(&gone) != host(&by) {
        return emit.skip(Reason::Forged);
    }
    emit.deletion(&gone, None);
}

fn moved(json: Json<'_>, emit: &mut Emit<'_>) {
    let [by, object, target] = json.get(["actor", "object", "target"]);
    let (Some(by), Some(old)) = (actor(by, emit), actor(object, emit)) else { return emit.skip(Reason::NoActor) };
    let Some(target) = actor(target, emit) else { return emit.skip(Reason::NoTarget) };
    if by != old {
        return emit.skip(Reason::Forged);
    }
    emit.profile(Profile { moved_to: Some(&target), ..Profile::of(account(&by)) });
    emit.has_moved(account(&by), &target);
}

fn profile(json: Json<'_>, emit: &mut Emit<'_>) {
    let [username, name, url, indexable, discoverable, suspended, moved, fields, before] = json.get([
        "preferredUsername",
        "name",
        "url",
        "indexable",
        "discoverable",
        "suspended",
        "movedTo",
        "attachment",
        "alsoKnownAs",
    ]);
    let Some(own) = id(json) else { return emit.skip(Reason::NoId) };
    let own = spelling(&own);
    let url = url.first(|url| url.text().or_else(|| url.field("href").text()));
    if let Some(url) = url.as_deref().filter(|url| spelling(url) != own) {
        emit.learn(About::Alias, &spelling(url), &own);
    }
    let username = username.text();
    let handle = username.as_deref().zip(host(&own)).map(|(name, host)| format!("{name}@{host}"));
    let (name, moved) = (name.text(), moved.text());
    let is_hidden = [indexable, discoverable].iter().any(|flag| flag.boolean() == Some(false));
    emit.profile(Profile {
        handle: handle.as_deref().or(username.as_deref()),
        display_name: name.as_deref(),
        url: url.as_deref(),
        is_bot: kind(json).map(|kind| matches!(&*kind, "Service" | "Application")),
        is_listed: if is_hidden { Some(false) } else { indexable.boolean() },
        standing: suspended.boolean().map(Standing::suspended),
        moved_to: moved.as_deref(),
        ..Profile::of(account(&own))
    });
    if emit.options.hears_kin {
        let (links, before) = (own_links(fields, emit), named(before, emit));
        emit.links_to(account(&own), &links);
        emit.was_before(account(&own), &before);
        if let Some(moved) = moved {
            let moved = canonical(&moved, emit).into_owned();
            emit.has_moved(account(&own), &moved);
        }
    }
}

/// The first language that a text is there in.
fn first_key(map: Json<'_>) -> Option<Cow<'_, str>> {
    if !map.is_object() {
        return None;
    }
    let inner = map.raw()[1..].trim_start().strip_prefix('"')?;
    let key = &inner[..inner.find('"')?];
    (key.len() <= 16 && !key.contains('\\')).then_some(Cow::Borrowed(key))
}
