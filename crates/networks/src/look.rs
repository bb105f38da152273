//! Which network a message is of, by the names of its fields.

use crate::json::Json;
use crate::mastodon::{self, Event};
use crate::x;

/// What a message looks like.
pub(crate) enum Form<'a> {
    /// Messages one after the other.
    Each(Json<'a>),
    /// A wrapping around a message.
    Inside(Json<'a>),
    /// A message as text in another one.
    InsideText(Json<'a>),
    Bluesky,
    BlueskyView,
    Mastodon(mastodon::Form),
    MastodonEvent(Event, Json<'a>),
    ActivityStreams,
    X1(x::v1::Form<'a>),
    X2,
    X2Tweet,
    X2Compliance,
    GitHubEvent,
    GitHubHook(Option<Json<'a>>, Json<'a>),
    Reddit,
    YouTube,
    Unknown,
}

/// Fields in which tools put the message itself, the surest first.
const WRAPPINGS: [&str; 14] = [
    "response", "tweet", "status", "object", "activity", "post", "payload", "data", "message", "record", "event",
    "value", "json", "body",
];

/// Fields in which answers hold lists of messages.
const LISTS: [&str; 9] =
    ["feed", "posts", "items", "orderedItems", "statuses", "tweets", "children", "notifications", "events"];

pub(crate) fn look(json: Json<'_>) -> Form<'_> {
    if json.is_list() {
        return Form::Each(json);
    }
    if !json.is_object() {
        return Form::Unknown;
    }
    // Nearly all that a busy reader sees; told without looking at all fields.
    if json.raw().starts_with("{\"did\":\"did:") {
        return Form::Bluesky;
    }
    bluesky(json)
        .or_else(|| youtube(json))
        .or_else(|| reddit(json))
        .or_else(|| github(json))
        .or_else(|| mastodon(json))
        .or_else(|| x_v1(json))
        .or_else(|| x_v2(json))
        .or_else(|| activity_streams(json))
        .or_else(|| wrapped(json))
        .unwrap_or(Form::Unknown)
}

fn bluesky(json: Json<'_>) -> Option<Form<'_>> {
    let [did, time, kind, lexicon, uri, author, record, post] =
        json.get(["did", "time_us", "kind", "$type", "uri", "author", "record", "post"]);
    if did.is_text() && (time.is_there() || kind.is_there()) {
        return Some(Form::Bluesky);
    }
    let starts = |value: Json<'_>, start: &str| value.text().is_some_and(|text| text.starts_with(start));
    if starts(lexicon, "app.bsky.") {
        return Some(Form::BlueskyView);
    }
    let is_view = |uri: Json<'_>, author: Json<'_>| starts(uri, "at://") && author.is_object();
    let is_feed_post = post.is_object() && {
        let [uri, author] = post.get(["uri", "author"]);
        is_view(uri, author)
    };
    ((is_view(uri, author) && record.is_object()) || is_feed_post).then_some(Form::BlueskyView)
}

fn youtube(json: Json<'_>) -> Option<Form<'_>> {
    let [kind, items] = json.get(["kind", "items"]);
    if !kind.text()?.starts_with("youtube#") {
        return None;
    }
    Some(if items.is_list() { Form::Each(items) } else { Form::YouTube })
}

fn reddit(json: Json<'_>) -> Option<Form<'_>> {
    let [kind, data, subreddit, subreddit_id, author, link_id, selftext] =
        json.get(["kind", "data", "subreddit", "subreddit_id", "author", "link_id", "selftext"]);
    if data.is_object() && kind.text().is_some_and(|kind| matches!(&*kind, "Listing" | "t1" | "t3")) {
        let children = data.field("children");
        return Some(if children.is_list() { Form::Each(children) } else { Form::Inside(data) });
    }
    let is_in_subreddit = subreddit.is_there() || subreddit_id.is_there();
    (is_in_subreddit && (author.is_there() || link_id.is_there() || selftext.is_there())).then_some(Form::Reddit)
}

fn github(json: Json<'_>) -> Option<Form<'_>> {
    let [kind, actor, repo, repository, payload, sender, sponsorship, event, request, action] = json.get([
        "type",
        "actor",
        "repo",
        "repository",
        "payload",
        "sender",
        "sponsorship",
        "event",
        "request",
        "action",
    ]);
    let is_event = kind.text().is_some_and(|kind| kind.len() > 5 && kind.ends_with("Event"));
    if is_event && actor.is_there() && (repo.is_there() || repository.is_there() || payload.is_there()) {
        return Some(Form::GitHubEvent);
    }
    let is_hook = |sender: Json<'_>, repository: Json<'_>, sponsorship: Json<'_>, action: Json<'_>| {
        let is_user = sender.is_object() && sender.field("login").is_there();
        is_user && (repository.is_object() || sponsorship.is_object() || action.is_there())
    };
    if is_hook(sender, repository, sponsorship, action) {
        return Some(Form::GitHubHook(None, json));
    }
    let inner = if payload.is_object() { payload } else { request.field("payload") };
    let [sender, repository, sponsorship, action] = inner.get(["sender", "repository", "sponsorship", "action"]);
    let is_wrapped = event.is_text() && is_hook(sender, repository, sponsorship, action);
    is_wrapped.then_some(Form::GitHubHook(Some(event), inner))
}

fn mastodon(json: Json<'_>) -> Option<Form<'_>> {
    let [event, payload, stream] = json.get(["event", "payload", "stream"]);
    if event.is_text() && (payload.is_text() || stream.is_list()) {
        let event = Event::named(event.text()?.as_bytes());
        if !matches!(event, Event::Other) || stream.is_list() {
            return Some(Form::MastodonEvent(event, payload));
        }
    }
    mastodon::Form::of(json).map(Form::Mastodon)
}

fn x_v1(json: Json<'_>) -> Option<Form<'_>> {
    x::v1::Form::of(json).map(Form::X1)
}

fn x_v2(json: Json<'_>) -> Option<Form<'_>> {
    let [author_id, text, data, includes, action, id, username, title, errors] =
        json.get(["author_id", "text", "data", "includes", "action", "id", "username", "title", "errors"]);
    if author_id.is_there() && (text.is_there() || id.is_there()) {
        return Some(Form::X2Tweet);
    }
    if action.is_text() && id.is_there() && json.field("reason").is_there() {
        return Some(Form::X2Compliance);
    }
    if username.is_text() && id.is_there() && json.field("name").is_there() && !json.field("acct").is_there() {
        return Some(Form::X2Tweet);
    }
    if data.is_there() {
        let is_tweet = |tweet: Json<'_>| {
            let [author, text, id, username] = tweet.get(["author_id", "text", "id", "username"]);
            id.is_there() && (author.is_there() || text.is_there() || username.is_there())
        };
        if includes.is_object() || data.first(|first| Some(is_tweet(first))).unwrap_or(false) {
            return Some(Form::X2);
        }
        let is_of_account = || x::account::FATES.iter().any(|fate| data.field(fate.word).is_object());
        return (data.field("delete").is_object() || is_of_account()).then_some(Form::X2Compliance);
    }
    (errors.is_list() && title.is_there()).then_some(Form::X2Compliance)
}

fn activity_streams(json: Json<'_>) -> Option<Form<'_>> {
    let [context, kind, other_kind, actor, object, attributed, to, id] =
        json.get(["@context", "type", "@type", "actor", "object", "attributedTo", "to", "id"]);
    let is_typed = kind.is_there() || other_kind.is_there();
    let is_known = kind.first(|kind| kind.text()).is_some_and(|kind| crate::activitystreams::is_known(&kind));
    let is_shaped = actor.is_there() || attributed.is_there() || to.is_there() || object.is_there();
    let is_activity_streams = context.is_there()
        || (is_known && (is_shaped || id.is_there() || json.field("url").is_there()))
        || (is_known && json.field("name").is_there())
        || (is_known && json.field("content").is_there());
    (is_typed && is_activity_streams).then_some(Form::ActivityStreams)
}

fn wrapped(json: Json<'_>) -> Option<Form<'_>> {
    let lists = json.get(LISTS);
    if let Some(list) = lists.into_iter().find(|list| list.is_list()) {
        return Some(Form::Each(list));
    }
    let inner = json.get(WRAPPINGS);
    if let Some(value) = inner.into_iter().find(|value| value.is_object() || value.is_list()) {
        return Some(if value.is_list() { Form::Each(value) } else { Form::Inside(value) });
    }
    let is_json = |value: &Json<'_>| value.raw().starts_with("\"{") || value.raw().starts_with("\"[");
    inner.into_iter().find(is_json).map(Form::InsideText)
}
