//! Version 1.1 of X's API: tweets, notices of the streams, and what the Account Activity API sends.

use vocabulary::Kind;

use super::{account, page, snowflake};
use crate::emit::Emit;
use crate::json::Json;
use crate::memory::About;
use crate::post::{Acts, Writing};
use crate::{Account, Act, ActId, Network, Profile, Reason};

/// What a document is.
#[derive(Clone, Copy)]
pub(crate) enum Form<'a> {
    Tweet,
    /// A tweet is gone.
    Delete(Json<'a>),
    /// Favourites, follows and the like, one by one.
    UserEvent,
    /// The same, in lists by kind.
    Activity,
    /// What becomes of an account.
    Account,
    Notice,
}

/// Notices that streams mix with tweets.
const NOTICES: [&str; 7] =
    ["limit", "scrub_geo", "status_withheld", "user_withheld", "disconnect", "warning", "friends"];

/// Lists of the Account Activity API.
const ACTIVITIES: [&str; 8] = [
    "tweet_create_events",
    "favorite_events",
    "follow_events",
    "block_events",
    "tweet_delete_events",
    "user_event",
    "direct_message_events",
    "mute_events",
];

impl<'a> Form<'a> {
    pub(crate) fn of(json: Json<'a>) -> Option<Form<'a>> {
        let [user, text, full_text, id, delete, event, source, target] =
            json.get(["user", "text", "full_text", "id_str", "delete", "event", "source", "target"]);
        if user.is_object() && (text.is_text() || full_text.is_text() || id.is_there()) {
            return Some(Form::Tweet);
        }
        if id.is_there() && full_text.is_text() {
            return Some(Form::Tweet);
        }
        if delete.is_object() {
            return Some(Form::Delete(delete));
        }
        if event.is_text() && source.is_object() && target.is_object() {
            return Some(Form::UserEvent);
        }
        if json.get(ACTIVITIES).iter().any(|list| list.is_there()) {
            return Some(Form::Activity);
        }
        if super::account::FATES.iter().any(|fate| json.field(fate.word).is_object()) {
            return Some(Form::Account);
        }
        json.get(NOTICES).iter().any(|notice| notice.is_there()).then_some(Form::Notice)
    }
}

pub(crate) fn read(form: Form<'_>, json: Json<'_>, emit: &mut Emit<'_>) {
    match form {
        Form::Tweet => tweet(json, emit),
        Form::Delete(delete) => {
            match delete.at(&["status", "id_str"]).id().or_else(|| delete.at(&["status", "id"]).id()) {
                Some(id) => emit.deletion(&id, None),
                None => emit.skip(Reason::Notice),
            }
        }
        Form::UserEvent => user_event(json, emit),
        Form::Activity => activity(json, emit),
        Form::Account if super::account::read(json, emit) => {}
        Form::Account | Form::Notice => emit.skip(Reason::Notice),
    }
}

/// A person's id and name; the person is told as a profile.
fn person<'a>(user: Json<'a>, emit: &mut Emit<'_>) -> Option<(std::borrow::Cow<'a, str>, Option<String>)> {
    let [id_text, id, name, display] = user.get(["id_str", "id", "screen_name", "name"]);
    let id = id_text.text().or_else(|| id.id())?;
    let name = name.text();
    let display = display.text();
    if let Some(name) = &name {
        emit.learn_handle(name, &id);
    }
    emit.profile(Profile { handle: name.as_deref(), display_name: display.as_deref(), ..Profile::of(account(&id)) });
    Some((id, name.map(|name| name.into_owned())))
}

fn tweet(json: Json<'_>, emit: &mut Emit<'_>) {
    let [user, id_text, id, created, millis, language, retweeted] =
        json.get(["user", "id_str", "id", "created_at", "timestamp_ms", "lang", "retweeted_status"]);
    if user.field("protected").is_true() {
        return emit.skip(Reason::NotPublic);
    }
    let Some((author, handle)) = person(user, emit) else { return emit.skip(Reason::NoActor) };
    let Some(id) = id_text.text().or_else(|| id.id()) else { return emit.skip(Reason::NoId) };
    let at = millis.integer().or_else(|| created.time()).or_else(|| snowflake(&id));
    let Some(at) = emit.time(at) else { return emit.skip(Reason::NoTime) };
    let language = language.text().filter(|language| language != "und");
    let writing = Writing {
        id: &id,
        message: &id,
        author: account(&author),
        handle: handle.as_deref(),
        at,
        language: language.as_deref(),
    };
    emit.learn(About::Author, &id, &author);
    if retweeted.is_object() {
        return retweet(writing, retweeted, emit);
    }
    let mut acts = Acts::of(emit, writing);
    json.get(["text", "full_text"]).into_iter().for_each(|text| acts.hear(text, || Some(page(&id))));
    let [to_text, to, to_name, to_status, quoted, is_quote, entities, extended] = json.get([
        "in_reply_to_user_id_str",
        "in_reply_to_user_id",
        "in_reply_to_screen_name",
        "in_reply_to_status_id",
        "quoted_status",
        "is_quote_status",
        "entities",
        "extended_tweet",
    ]);
    let to_name = to_name.text();
    if let Some(to) = to_text.text().or_else(|| to.id()) {
        let [status_text] = json.get(["in_reply_to_status_id_str"]);
        match status_text.text().or_else(|| to_status.id()) {
            Some(status) => acts.reply(account(&to), to_name.as_deref(), Some(&status)),
            // Who is only addressed is mentioned; the mention itself is the same one.
            None => drop(acts.mention(account(&to))),
        }
    }
    if quoted.is_object() {
        let [user, id_text, id] = quoted.get(["user", "id_str", "id"]);
        let post = id_text.text().or_else(|| id.id());
        match user.field("protected").is_true() {
            true => acts.skip(Reason::NotPublic),
            false => match person(user, acts.emit()) {
                Some((target, _)) => acts.quote(account(&target), post.as_deref()),
                None => acts.skip(Reason::NoTarget),
            },
        }
    } else if is_quote.is_true() {
        acts.skip(Reason::NoTarget);
    }
    // What is cut short has only some of its mentions.
    let extended = extended.field("entities");
    let entities = if extended.is_object() { extended } else { entities };
    entities.field("user_mentions").each(|mention| mentioned(mention, &mut acts));
    acts.finish();
}

fn mentioned(mention: Json<'_>, acts: &mut Acts<'_, '_, '_>) -> bool {
    let [id_text, id, name] = mention.get(["id_str", "id", "screen_name"]);
    // Suspended people have the id -1, or none.
    let id = id_text.text().or_else(|| id.id()).filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    match (id, name.text()) {
        (Some(id), _) => acts.mention(account(&id)),
        (None, Some(name)) => {
            let (id, naming) = acts.emit().by_handle(&name);
            acts.mention(Account { network: Network::X, id: &id, naming })
        }
        (None, None) => {
            acts.skip(Reason::NoTarget);
            true
        }
    }
}

/// A retweet is one act. Its mentions are those of the tweet that it passes on, and its author.
fn retweet(writing: Writing<'_>, retweeted: Json<'_>, emit: &mut Emit<'_>) {
    let [user, id_text, id] = retweeted.get(["user", "id_str", "id"]);
    if user.field("protected").is_true() {
        return emit.skip(Reason::NotPublic);
    }
    let Some((target, _)) = person(user, emit) else { return emit.skip(Reason::NoTarget) };
    let post = id_text.text().or_else(|| id.id());
    if let Some(post) = &post {
        emit.learn(About::Author, post, &target);
        emit.post(crate::Post { id: post, author: account(&target), at: None, language: writing.language });
    }
    let Writing { message, author, at, language, .. } = writing;
    let id = ActId { network: Network::X, message, part: Some((Kind::Retweet, 0)) };
    let target = account(&target);
    emit.act(Act { id, actor: author, target, kind: Kind::Retweet, at, language, post: post.as_deref(), via: None });
}

fn user_event(json: Json<'_>, emit: &mut Emit<'_>) {
    let [event, source, target, object, created] =
        json.get(["event", "source", "target", "target_object", "created_at"]);
    let kind = match event.text().as_deref() {
        Some("favorite") => Kind::Like,
        Some("follow") => Kind::Follow,
        Some("unfollow") => Kind::Unfollow,
        Some("block") => Kind::Block,
        Some("unblock") => Kind::Unblock,
        Some("unfavorite") => return emit.skip(Reason::Undone),
        _ => return emit.skip(Reason::OtherKind),
    };
    let post = object.field("id_str").text();
    relation(kind, source, target, post.as_deref(), created.time(), emit);
}

/// An act of one person on another that is not a tweet.
fn relation(kind: Kind, source: Json<'_>, target: Json<'_>, post: Option<&str>, at: Option<i64>, emit: &mut Emit<'_>) {
    let Some((actor, _)) = person(source, emit) else { return emit.skip(Reason::NoActor) };
    let Some((target, _)) = person(target, emit) else { return emit.skip(Reason::NoTarget) };
    let Some(at) = emit.time(at) else { return emit.skip(Reason::NoTime) };
    let message = match (kind, post) {
        (Kind::Like, Some(post)) => format!("{}/{actor}/{post}", kind.word()),
        _ => format!("{}/{actor}/{target}/{at}", kind.word()),
    };
    let id = ActId { network: Network::X, message: &message, part: None };
    let (actor, target) = (account(&actor), account(&target));
    emit.act(Act { id, actor, target, kind, at, language: None, post, via: None });
}

fn activity(json: Json<'_>, emit: &mut Emit<'_>) {
    let [tweets, favorites, follows, blocks, deletes, _, _, _] = json.get(ACTIVITIES);
    let mut is_first = true;
    let mut next = |emit: &mut Emit<'_>| {
        // The document was counted as the message that its first event is.
        if !std::mem::take(&mut is_first) {
            emit.tally.of_mut(Some(Network::X)).messages += 1;
        }
    };
    tweets.each(|tweet| {
        next(emit);
        self::tweet(tweet, emit);
        true
    });
    favorites.each(|favorite| {
        next(emit);
        let [user, status, created, millis] = favorite.get(["user", "favorited_status", "created_at", "timestamp_ms"]);
        let at = millis.integer().or_else(|| created.time());
        let post = status.field("id_str").text();
        relation(Kind::Like, user, status.field("user"), post.as_deref(), at, emit);
        true
    });
    for list in [follows, blocks] {
        list.each(|event| {
            next(emit);
            let [kind, source, target, created] = event.get(["type", "source", "target", "created_timestamp"]);
            let kind = match kind.text().as_deref() {
                Some("follow") => Kind::Follow,
                Some("unfollow") => Kind::Unfollow,
                Some("block") => Kind::Block,
                Some("unblock") => Kind::Unblock,
                _ => {
                    emit.skip(Reason::OtherKind);
                    return true;
                }
            };
            relation(kind, source, target, None, created.integer(), emit);
            true
        });
    }
    deletes.each(|gone| {
        next(emit);
        match gone.at(&["status", "id"]).id() {
            Some(id) => emit.deletion(&id, None),
            None => emit.skip(Reason::NoId),
        }
        true
    });
    if is_first {
        emit.skip(Reason::NotPublic);
    }
}
