//! Bluesky: lines of Jetstream, version 1, and posts as the applications' API shows them.

use vocabulary::Kind;

use crate::emit::Emit;
use crate::json::Json;
use crate::memory::About;
use crate::post::{Acts, Writing};
use crate::{Account, Act, ActId, Network, Post, Profile, Reason, Standing};

const POST: &str = "app.bsky.feed.post";

fn account(did: &str) -> Account<'_> {
    Account::by_id(Network::Bluesky, did)
}

/// One line of Jetstream.
pub(crate) fn jetstream(json: Json<'_>, emit: &mut Emit<'_>) {
    // Until October 2024, `kind` was `type`, with short words.
    let [did, time, kind, old_kind, commit, identity, of_account] =
        json.get(["did", "time_us", "kind", "type", "commit", "identity", "account"]);
    let Some(did) = did.text().filter(|did| did.starts_with("did:")) else {
        return emit.skip(Reason::NoActor);
    };
    let kind = if kind.is_there() { kind } else { old_kind };
    match kind.text().as_deref() {
        Some("commit" | "com") => {
            let Some(at) = time.integer().and_then(|micros| crate::time::in_range(micros / 1000)) else {
                return emit.skip(Reason::NoTime);
            };
            record(&did, at, commit, emit);
        }
        Some("identity" | "id") => handle(&did, identity.field("handle"), emit),
        Some("account" | "acc") => standing(&did, of_account, emit),
        _ => emit.skip(Reason::OtherKind),
    }
}

fn record(did: &str, at: i64, commit: Json<'_>, emit: &mut Emit<'_>) {
    let [operation, old_operation, collection, rkey, record] =
        commit.get(["operation", "type", "collection", "rkey", "record"]);
    let operation = if operation.is_there() { operation } else { old_operation };
    let (Some(operation), Some(collection), Some(rkey)) = (operation.text(), collection.text(), rkey.text()) else {
        return emit.skip(Reason::NoId);
    };
    let id = format!("at://{did}/{collection}/{rkey}");
    let message = &id["at://".len()..];
    match (&*operation, &*collection) {
        ("create" | "c", "app.bsky.feed.like") => endorsement(Kind::Like, did, message, at, record, emit),
        ("create" | "c", "app.bsky.feed.repost") => endorsement(Kind::Retweet, did, message, at, record, emit),
        ("create" | "c", "app.bsky.graph.follow") => follow(did, message, at, record, emit),
        ("create" | "c", "app.bsky.graph.block") => block(did, message, at, record, emit),
        ("delete" | "d", "app.bsky.graph.block") => unblock(did, message, at, emit),
        ("create" | "c", POST) => post(&id, did, None, at, record, emit),
        ("create" | "update" | "c" | "u", "app.bsky.actor.profile") => profile(did, record, emit),
        ("update" | "u", POST) => emit.skip(Reason::Edited),
        ("delete" | "d", "app.bsky.graph.follow") => unfollow(did, message, at, emit),
        ("delete" | "d", POST) => emit.deletion(&id, None),
        ("delete" | "d", "app.bsky.feed.like" | "app.bsky.feed.repost") => emit.skip(Reason::Undone),
        _ => emit.skip(Reason::OtherKind),
    }
}

/// A like or a repost.
fn endorsement(kind: Kind, did: &str, message: &str, at: i64, record: Json<'_>, emit: &mut Emit<'_>) {
    let [subject, via] = record.get(["subject", "via"]);
    let uri = subject.field("uri").text();
    let Some((owner, collection)) = uri.as_deref().and_then(parts) else {
        return emit.skip(Reason::NoTarget);
    };
    if collection != POST {
        return emit.skip(Reason::NotAPost);
    }
    let via = via.field("uri").text();
    let via = via.as_deref().and_then(parts).map(|(reposter, _)| account(reposter));
    let id = ActId { network: Network::Bluesky, message, part: None };
    let (actor, target) = (account(did), account(owner));
    emit.act(Act { id, actor, target, kind, at, language: None, post: uri.as_deref(), via });
}

fn follow(did: &str, message: &str, at: i64, record: Json<'_>, emit: &mut Emit<'_>) {
    let Some(subject) = record.field("subject").text().filter(|subject| subject.starts_with("did:")) else {
        return emit.skip(Reason::NoTarget);
    };
    emit.learn(About::Follow, message, &subject);
    tell(Kind::Follow, did, message, at, &subject, None, emit);
}

/// A follow that is taken back. The message says which record, and not whom it was of.
fn unfollow(did: &str, message: &str, at: i64, emit: &mut Emit<'_>) {
    emit.deletion(message, Some(Kind::Follow));
    if let Some(subject) = emit.recall(About::Follow, message).map(str::to_owned) {
        tell(Kind::Unfollow, did, message, at, &subject, Some((Kind::Unfollow, 0)), emit);
    }
}

fn block(did: &str, message: &str, at: i64, record: Json<'_>, emit: &mut Emit<'_>) {
    let Some(subject) = record.field("subject").text().filter(|subject| subject.starts_with("did:")) else {
        return emit.skip(Reason::NoTarget);
    };
    emit.learn(About::Block, message, &subject);
    tell(Kind::Block, did, message, at, &subject, None, emit);
}

/// A block that ends. The message says which record, and not whom it was of.
fn unblock(did: &str, message: &str, at: i64, emit: &mut Emit<'_>) {
    emit.deletion(message, Some(Kind::Block));
    if let Some(subject) = emit.recall(About::Block, message).map(str::to_owned) {
        tell(Kind::Unblock, did, message, at, &subject, Some((Kind::Unblock, 0)), emit);
    }
}

fn tell(kind: Kind, did: &str, message: &str, at: i64, subject: &str, part: Option<(Kind, u32)>, emit: &mut Emit<'_>) {
    let id = ActId { network: Network::Bluesky, message, part };
    let (actor, target) = (account(did), account(subject));
    emit.act(Act { id, actor, target, kind, at, language: None, post: None, via: None });
}

fn post(id: &str, did: &str, handle: Option<&str>, at: i64, record: Json<'_>, emit: &mut Emit<'_>) {
    let [reply, embed, facets, langs, text] = record.get(["reply", "embed", "facets", "langs", "text"]);
    let language = langs.first(|language| language.text());
    let message = id.strip_prefix("at://").unwrap_or(id);
    let author = account(did);
    let mut acts = Acts::of(emit, Writing { id, message, author, handle, at, language: language.as_deref() });
    acts.hear(text, || page(id));
    if reply.is_object() {
        let parent = reply.at(&["parent", "uri"]).text();
        match parent.as_deref().and_then(parts) {
            Some((owner, _)) => acts.reply(account(owner), None, parent.as_deref()),
            None => acts.skip(Reason::NoTarget),
        }
    }
    quote(embed, &mut acts);
    facets.each(|facet| {
        let mut goes_on = true;
        facet.field("features").each(|feature| {
            let [lexicon, did] = feature.get(["$type", "did"]);
            if lexicon.says("app.bsky.richtext.facet#mention") {
                match did.text().filter(|did| did.starts_with("did:")) {
                    Some(did) => goes_on = acts.mention(account(&did)),
                    None => acts.skip(Reason::NoTarget),
                }
            }
            goes_on
        });
        goes_on
    });
    acts.finish();
}

/// The page of a post.
fn page(uri: &str) -> Option<String> {
    let (owner, _) = parts(uri)?;
    Some(format!("https://bsky.app/profile/{owner}/post/{}", uri.rsplit('/').next()?))
}

fn quote(embed: Json<'_>, acts: &mut Acts<'_, '_, '_>) {
    let [lexicon, record] = embed.get(["$type", "record"]);
    let uri = match lexicon.text().as_deref() {
        Some("app.bsky.embed.record") => record.field("uri"),
        Some("app.bsky.embed.recordWithMedia") => record.at(&["record", "uri"]),
        _ => return,
    };
    let uri = uri.text();
    match uri.as_deref().and_then(parts) {
        Some((owner, POST)) => acts.quote(account(owner), uri.as_deref()),
        Some(_) => acts.skip(Reason::NotAPost),
        None => acts.skip(Reason::NoTarget),
    }
}

fn handle(did: &str, handle: Json<'_>, emit: &mut Emit<'_>) {
    let Some(handle) = handle.text().filter(|handle| handle != "handle.invalid") else {
        return emit.skip(Reason::NoNews);
    };
    if handle.ends_with(".ap.brid.gy") {
        emit.learn(About::Copy, did, "activitypub");
    }
    emit.profile(Profile { handle: Some(&handle), ..Profile::of(account(did)) });
}

fn standing(did: &str, of_account: Json<'_>, emit: &mut Emit<'_>) {
    let [active, status] = of_account.get(["active", "status"]);
    let standing = match (active.boolean(), status.text().as_deref()) {
        (Some(true), _) => Standing::Active,
        (_, Some("takendown" | "suspended")) => Standing::Suspended,
        (_, Some("deleted")) => Standing::Deleted,
        (_, Some("deactivated")) => Standing::Deactivated,
        // `desynchronized`, `throttled` and whatever is added say nothing about the person.
        _ => return emit.skip(Reason::NoNews),
    };
    emit.profile(Profile { standing: Some(standing), ..Profile::of(account(did)) });
}

fn profile(did: &str, record: Json<'_>, emit: &mut Emit<'_>) {
    let [name, labels] = record.get(["displayName", "labels"]);
    let name = name.text();
    // A profile is told whole: a label that it does not have any more does not hold any more.
    let (mut is_listed, mut is_bot) = (true, None);
    labels.field("values").each(|label| {
        match label.field("val").text().as_deref() {
            Some("!no-unauthenticated") => is_listed = false,
            Some("bot") => is_bot = Some(true),
            _ => {}
        }
        true
    });
    let is_listed = record.is_object().then_some(is_listed);
    emit.profile(Profile { display_name: name.as_deref(), is_listed, is_bot, ..Profile::of(account(did)) });
}

/// A post as the API shows it, alone or in somebody's feed.
pub(crate) fn view(json: Json<'_>, emit: &mut Emit<'_>) {
    let [lexicon, post, reason] = json.get(["$type", "post", "reason"]);
    let post_view = if post.is_object() { post } else { json };
    let [uri, author, record, indexed] = post_view.get(["uri", "author", "record", "indexedAt"]);
    let uri = uri.text().filter(|uri| uri.starts_with("at://"));
    let author_did = author.field("did").text();
    if uri.is_none() || author_did.is_none() {
        // Records and people, told by what they are: a record alone does not say whose it is.
        let is_person = lexicon.text().is_some_and(|lexicon| lexicon.starts_with("app.bsky.actor.defs#"));
        return if is_person { person(json, emit) } else { emit.skip(Reason::NoActor) };
    }
    let (uri, author_did) = (uri.unwrap_or_default(), author_did.unwrap_or_default());
    person(author, emit);
    let handle = author.field("handle").text();
    let [by, reposted] = reason.get(["by", "indexedAt"]);
    if let Some(reposter) = by.field("did").text() {
        person(by, emit);
        let Some(at) = emit.time(reposted.time()) else { return emit.skip(Reason::NoTime) };
        emit.post(Post { id: &uri, author: account(&author_did), at: None, language: None });
        let message = format!("{reposter}/app.bsky.feed.repost/{uri}");
        let id = ActId { network: Network::Bluesky, message: &message, part: None };
        let (actor, target) = (account(&reposter), account(&author_did));
        return emit.act(Act {
            id,
            actor,
            target,
            kind: Kind::Retweet,
            at,
            language: None,
            post: Some(&uri),
            via: None,
        });
    }
    // What was imported says when it was written; what claims to be from the future was written when it was seen.
    let seen = indexed.time();
    let written = record.field("createdAt").time();
    let at = match (seen, written) {
        (Some(seen), Some(written)) => Some(seen.min(written)),
        _ => seen,
    };
    let Some(at) = emit.time(at) else { return emit.skip(Reason::NoTime) };
    self::post(&uri, &author_did, handle.as_deref(), at, record, emit);
}

fn person(person: Json<'_>, emit: &mut Emit<'_>) {
    let [did, handle, name] = person.get(["did", "handle", "displayName"]);
    let Some(did) = did.text() else { return emit.skip(Reason::NoActor) };
    let (handle, name) = (handle.text(), name.text());
    if handle.as_deref().is_some_and(|handle| handle.ends_with(".ap.brid.gy")) {
        emit.learn(About::Copy, &did, "activitypub");
    }
    emit.profile(Profile { handle: handle.as_deref(), display_name: name.as_deref(), ..Profile::of(account(&did)) });
}

/// The owner and the collection of a record, by its address. The owner must be named by id.
fn parts(uri: &str) -> Option<(&str, &str)> {
    let mut parts = uri.strip_prefix("at://")?.split('/');
    let (owner, collection, rkey) = (parts.next()?, parts.next()?, parts.next()?);
    (owner.starts_with("did:") && owner.len() > 4 && !rkey.is_empty()).then_some((owner, collection))
}
