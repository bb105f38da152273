//! YouTube's Data API: threads of comments, comments, subscriptions and channels.

use vocabulary::Kind;

use crate::emit::Emit;
use crate::json::Json;
use crate::memory::About;
use crate::{Account, Act, ActId, Network, Post, Profile, Reason};

fn account(channel: &str) -> Account<'_> {
    Account::by_id(Network::YouTube, channel)
}

/// One resource.
pub(crate) fn read(json: Json<'_>, emit: &mut Emit<'_>) {
    let [kind, snippet] = json.get(["kind", "snippet"]);
    match kind.text().as_deref() {
        Some("youtube#commentThread") => thread(json, emit),
        Some("youtube#comment") => comment(json, None, emit),
        Some("youtube#subscription") => subscription(json, emit),
        Some("youtube#channel") => match (json.field("id").text(), snippet.get(["title", "customUrl"])) {
            (Some(channel), [title, custom]) => {
                let (title, custom) = (title.text(), custom.text());
                let handle = custom.as_deref().map(|custom| custom.trim_start_matches('@'));
                emit.profile(Profile { display_name: title.as_deref(), handle, ..Profile::of(account(&channel)) });
            }
            _ => emit.skip(Reason::NoId),
        },
        _ => emit.skip(Reason::OtherKind),
    }
}

fn thread(json: Json<'_>, emit: &mut Emit<'_>) {
    let [snippet, replies] = json.get(["snippet", "replies"]);
    let [channel, top, is_public] = snippet.get(["channelId", "topLevelComment", "isPublic"]);
    if is_public.boolean() == Some(false) {
        return emit.skip(Reason::NotPublic);
    }
    let channel = channel.text().or_else(|| top.at(&["snippet", "channelId"]).text());
    comment(top, channel.as_deref(), emit);
    replies.field("comments").each(|reply| {
        comment(reply, channel.as_deref(), emit);
        true
    });
}

/// A comment on a video, or an answer to one. Threads are flat: an answer names the first comment only.
fn comment(json: Json<'_>, channel: Option<&str>, emit: &mut Emit<'_>) {
    let [id, snippet] = json.get(["id", "snippet"]);
    let [author, name, published, parent, own_channel, text] =
        snippet.get(["authorChannelId", "authorDisplayName", "publishedAt", "parentId", "channelId", "textDisplay"]);
    let Some(author) = author.text().or_else(|| author.field("value").text()) else {
        return emit.skip(Reason::NoActor);
    };
    let Some(id) = id.text() else { return emit.skip(Reason::NoId) };
    let name = name.text();
    let handle = name.as_deref().and_then(|name| name.strip_prefix('@'));
    emit.profile(Profile { display_name: name.as_deref(), handle, ..Profile::of(account(&author)) });
    emit.learn(About::Author, &id, &author);
    let Some(at) = emit.time(published.time()) else { return emit.skip(Reason::NoTime) };
    emit.post(Post { id: &id, author: account(&author), at: Some(at), language: None });
    emit.hear(account(&author), &id, text, || None);
    let parent = parent.text();
    let target = match &parent {
        Some(parent) => match emit.recall(About::Author, parent) {
            Some(author) => author.to_owned(),
            None => return emit.skip(Reason::UnknownAuthor),
        },
        None => {
            let own = own_channel.text();
            match channel.or(own.as_deref()).or(emit.options.channel.as_deref()) {
                Some(channel) => channel.to_owned(),
                None => return emit.skip(Reason::ChannelUnknown),
            }
        }
    };
    let message = ActId { network: Network::YouTube, message: &id, part: None };
    let (actor, target) = (account(&author), account(&target));
    let post = parent.as_deref();
    emit.act(Act { id: message, actor, target, kind: Kind::Reply, at, language: None, post, via: None });
}

fn subscription(json: Json<'_>, emit: &mut Emit<'_>) {
    let [id, snippet] = json.get(["id", "snippet"]);
    let [subscriber, resource, published] = snippet.get(["channelId", "resourceId", "publishedAt"]);
    let Some(subscriber) = subscriber.text() else { return emit.skip(Reason::NoActor) };
    let Some(target) = resource.field("channelId").text() else { return emit.skip(Reason::NoTarget) };
    let Some(id) = id.text() else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(published.time()) else { return emit.skip(Reason::NoTime) };
    let id = ActId { network: Network::YouTube, message: &id, part: None };
    let (actor, target) = (account(&subscriber), account(&target));
    emit.act(Act { id, actor, target, kind: Kind::Follow, at, language: None, post: None, via: None });
}
