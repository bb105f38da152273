//! Mastodon's own API: statuses, notifications and accounts, one by one or as the stream sends them.

use std::borrow::Cow;
use vocabulary::Kind;

use crate::emit::{Emit, host};
use crate::json::Json;
use crate::kin::own_links;
use crate::memory::About;
use crate::post::{Acts, Writing};
use crate::{Account, Act, ActId, Network, Post, Profile, Reason, Standing};

/// More acts than this in one page of notifications are not read: the server sends at most 80 groups of 8.
const ACTS_MAX: u32 = 1000;

/// What a document of the API is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Status,
    Notification,
    Groups,
    Conversation,
    Account,
    /// What a status said before it was edited, or its source.
    Version,
}

impl Form {
    pub(crate) fn of(json: Json<'_>) -> Option<Form> {
        let [id, account, visibility, uri, content, kind, accounts, last_status, groups, acct, spoiler, text, created] =
            json.get([
                "id",
                "account",
                "visibility",
                "uri",
                "content",
                "type",
                "accounts",
                "last_status",
                "notification_groups",
                "acct",
                "spoiler_text",
                "text",
                "created_at",
            ]);
        if groups.is_list() {
            return Some(Form::Groups);
        }
        if accounts.is_list() && id.is_there() && (last_status.is_there() || json.field("unread").is_there()) {
            return Some(Form::Conversation);
        }
        if account.is_object() && id.is_there() && (visibility.is_there() || (uri.is_there() && content.is_there())) {
            return Some(Form::Status);
        }
        if account.is_object() && kind.is_text() && created.is_there() {
            return Some(Form::Notification);
        }
        if acct.is_text() && id.is_there() {
            return Some(Form::Account);
        }
        let is_source = id.is_there() && text.is_there();
        (spoiler.is_there() && (account.is_object() || is_source)).then_some(Form::Version)
    }
}

/// The events of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Event {
    #[default]
    None,
    Update,
    Edit,
    Delete,
    Notification,
    Conversation,
    Other,
}

impl Event {
    pub(crate) fn named(name: &[u8]) -> Event {
        match name {
            b"" | b"message" => Event::None,
            b"update" => Event::Update,
            b"status.update" => Event::Edit,
            b"delete" => Event::Delete,
            b"notification" => Event::Notification,
            b"conversation" => Event::Conversation,
            _ => Event::Other,
        }
    }
}

/// An event of the stream with its data.
pub(crate) fn event(event: Event, json: Json<'_>, emit: &mut Emit<'_>) {
    match event {
        Event::Update if json.is_object() => read(Form::Status, json, emit),
        Event::Edit if json.is_object() => read(Form::Version, json, emit),
        Event::Notification if json.is_object() => read(Form::Notification, json, emit),
        Event::Conversation => emit.skip(Reason::NotPublic),
        Event::Delete => match json.id() {
            Some(id) => emit.deletion(&id, None),
            None => emit.skip(Reason::NoId),
        },
        Event::Update | Event::Edit | Event::Notification => emit.skip(Reason::Malformed),
        Event::Other | Event::None => emit.skip(Reason::Notice),
    }
}

/// An event whose data are not JSON: the id of a deleted status may be any text.
pub(crate) fn event_of_text(event: Event, data: &[u8], emit: &mut Emit<'_>) {
    match (event, std::str::from_utf8(data)) {
        (Event::Delete, Ok(id))
            if !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            emit.deletion(id, None);
        }
        (Event::Other, _) => emit.skip(Reason::Notice),
        _ => emit.skip(Reason::Malformed),
    }
}

pub(crate) fn read(form: Form, json: Json<'_>, emit: &mut Emit<'_>) {
    match form {
        Form::Status => status(json, emit),
        Form::Notification => notification(json, emit),
        Form::Groups => groups(json, emit),
        Form::Conversation => emit.skip(Reason::NotPublic),
        Form::Account => {
            if person(json, emit).is_none() {
                emit.skip(Reason::NoActor);
            }
        }
        Form::Version => emit.skip(Reason::Edited),
    }
}

fn is_public(status: Json<'_>) -> bool {
    matches!(status.field("visibility").text().as_deref(), Some("public" | "unlisted"))
}

fn status(json: Json<'_>, emit: &mut Emit<'_>) {
    if !is_public(json) {
        return emit.skip(Reason::NotPublic);
    }
    let [id, uri, account, created, language, reblog] =
        json.get(["id", "uri", "account", "created_at", "language", "reblog"]);
    let Some(author) = person(account, emit) else { return emit.skip(Reason::NoActor) };
    let Some(id) = uri.text().or_else(|| id.id()) else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(created.time()) else { return emit.skip(Reason::NoTime) };
    let language = language.text();
    if reblog.is_object() {
        return boost(&id, &author, at, reblog, emit);
    }
    written(json, &id, &author, at, language.as_deref(), emit);
}

fn boost(id: &str, booster: &str, at: i64, reblog: Json<'_>, emit: &mut Emit<'_>) {
    if !is_public(reblog) {
        return emit.skip(Reason::NotPublic);
    }
    let [account, uri, language] = reblog.get(["account", "uri", "language"]);
    let Some(author) = person(account, emit) else { return emit.skip(Reason::NoTarget) };
    let (uri, language) = (uri.text(), language.text());
    if let Some(uri) = &uri {
        emit.post(Post { id: uri, author: self::account(&author), at: None, language: language.as_deref() });
    }
    let id = ActId { network: Network::Mastodon, message: id, part: None };
    let (actor, target) = (self::account(booster), self::account(&author));
    let (language, post) = (language.as_deref(), uri.as_deref());
    emit.act(Act { id, actor, target, kind: Kind::Retweet, at, language, post, via: None });
}

fn written(json: Json<'_>, id: &str, author: &str, at: i64, language: Option<&str>, emit: &mut Emit<'_>) {
    let [own, answered_status, answered, mentions, quote, content, url] =
        json.get(["account", "in_reply_to_id", "in_reply_to_account_id", "mentions", "quote", "content", "url"]);
    let author = account(author);
    let writing = Writing { id, message: id, author, handle: None, at, language };
    let mut acts = Acts::of(emit, writing);
    acts.hear(content, || Some(url.text().unwrap_or(Cow::Borrowed(id)).into_owned()));
    if let Some(answered) = answered.id() {
        // Accounts are numbered by each server: only the message itself says whom the number means.
        let own_id = own.field("id").id();
        let named = mentions.first(|mention| {
            let [id, url] = mention.get(["id", "url"]);
            (id.id().as_deref() == Some(&answered)).then(|| url.text()).flatten()
        });
        if own_id.as_deref() == Some(&answered) {
            acts.skip(Reason::ToOneself);
        } else if let Some(url) = named {
            let target = canonical(&url, acts.emit());
            acts.reply(account(&target), None, None);
        } else {
            acts.skip(Reason::NoTarget);
        }
    } else if answered_status.is_there() {
        acts.skip(Reason::NoTarget);
    }
    quoted(quote, &mut acts);
    mentions.each(|mention| match mention.field("url").text() {
        Some(url) => {
            let target = canonical(&url, acts.emit());
            acts.mention(account(&target))
        }
        None => {
            acts.skip(Reason::NoTarget);
            true
        }
    });
    acts.finish();
}

/// Mastodon's quotes count once the quoted author agreed; older servers of other makes put the status itself there.
fn quoted(quote: Json<'_>, acts: &mut Acts<'_, '_, '_>) {
    if !quote.is_object() {
        return;
    }
    let [state, status, own_account] = quote.get(["state", "quoted_status", "account"]);
    let status = if own_account.is_object() { quote } else { status };
    if state.is_there() && !state.says("accepted") || !status.is_object() {
        return acts.skip(Reason::NoTarget);
    }
    if !is_public(status) {
        return acts.skip(Reason::NotPublic);
    }
    let [account, uri] = status.get(["account", "uri"]);
    match person(account, acts.emit()) {
        Some(target) => acts.quote(self::account(&target), uri.text().as_deref()),
        None => acts.skip(Reason::NoTarget),
    }
}

fn notification(json: Json<'_>, emit: &mut Emit<'_>) {
    let [id, kind, account, status, created] = json.get(["id", "type", "account", "status", "created_at"]);
    let kind = kind.text();
    let kind = match kind.as_deref() {
        Some("mention" | "status" | "quote" | "poll") if status.is_object() => return self::status(status, emit),
        Some("update") => return emit.skip(Reason::Edited),
        Some("favourite") => Kind::Like,
        Some("reblog") => Kind::Retweet,
        Some("follow") => Kind::Follow,
        _ => return emit.skip(Reason::OtherKind),
    };
    let Some(at) = emit.time(created.time()) else { return emit.skip(Reason::NoTime) };
    let Some(actor) = person(account, emit) else { return emit.skip(Reason::NoActor) };
    if kind == Kind::Follow {
        let Some(owner) = emit.options.owner.clone() else { return emit.skip(Reason::OwnerUnknown) };
        let owner = canonical(&owner, emit).into_owned();
        let Some(id) = id.id() else { return emit.skip(Reason::NoId) };
        let message = format!("{owner}/notifications/{id}");
        let id = ActId { network: Network::Mastodon, message: &message, part: None };
        let (actor, target) = (self::account(&actor), self::account(&owner));
        return emit.act(Act { id, actor, target, kind, at, language: None, post: None, via: None });
    }
    on_status(kind, &actor, at, status, emit);
}

/// A favourite or a boost of a status, as its author is told of it.
fn on_status(kind: Kind, actor: &str, at: i64, status: Json<'_>, emit: &mut Emit<'_>) {
    if !status.is_object() {
        return emit.skip(Reason::NoTarget);
    }
    if !is_public(status) {
        return emit.skip(Reason::NotPublic);
    }
    let [id, uri, account, language] = status.get(["id", "uri", "account", "language"]);
    let Some(target) = person(account, emit) else { return emit.skip(Reason::NoTarget) };
    let Some(post) = uri.text().or_else(|| id.id()) else { return emit.skip(Reason::NoId) };
    let language = language.text();
    // The notification has the server's own number: what is the same for all who tell it is who did what to which post.
    let message = format!("{}/{actor}/{post}", kind.word());
    let id = ActId { network: Network::Mastodon, message: &message, part: None };
    let (actor, target) = (self::account(actor), self::account(&target));
    emit.act(Act { id, actor, target, kind, at, language: language.as_deref(), post: Some(&post), via: None });
}

/// Notifications of version 2: groups name their accounts and their status by number, and those are told once.
fn groups(json: Json<'_>, emit: &mut Emit<'_>) {
    let [accounts, partial, statuses, groups] =
        json.get(["accounts", "partial_accounts", "statuses", "notification_groups"]);
    let mut told = 0;
    groups.each(|group| {
        let [kind, samples, status_id, latest] =
            group.get(["type", "sample_account_ids", "status_id", "latest_page_notification_at"]);
        let kind = match kind.text().as_deref() {
            Some("favourite") => Kind::Like,
            Some("reblog") => Kind::Retweet,
            _ => {
                emit.skip(Reason::OtherKind);
                told += 1;
                return true;
            }
        };
        let Some(at) = emit.time(latest.time()) else {
            emit.skip(Reason::NoTime);
            told += 1;
            return true;
        };
        let wanted = status_id.id();
        let status = statuses.first(|status| (status.field("id").id() == wanted).then_some(status));
        samples.each(|sample| {
            let sample = sample.id();
            let is_meant = |account: Json<'_>| sample.is_some() && account.field("id").id() == sample;
            let mut account = accounts.first(|account| is_meant(account).then_some(account));
            // Those that are only drawn as pictures are told in short, without their id on the network.
            if account.is_none() {
                account = partial.first(|account| is_meant(account).then_some(account));
            }
            match (account.and_then(|account| person(account, emit)), status) {
                (Some(actor), Some(status)) => on_status(kind, &actor, at, status, emit),
                (None, _) => emit.skip(Reason::NoActor),
                (_, None) => emit.skip(Reason::NoTarget),
            }
            told += 1;
            told < ACTS_MAX
        });
        told < ACTS_MAX
    });
    if told == 0 {
        emit.skip(Reason::NoAct);
    }
}

pub(crate) fn account(id: &str) -> Account<'_> {
    Account::by_id(Network::Mastodon, id)
}

/// The actor id of an account, which is told as a profile; `None` where the message does not say who it is.
fn person<'a>(json: Json<'a>, emit: &mut Emit<'_>) -> Option<Cow<'a, str>> {
    let [uri, url, acct, name, bot, noindex, indexable, discoverable, suspended, moved] = json.get([
        "uri",
        "url",
        "acct",
        "display_name",
        "bot",
        "noindex",
        "indexable",
        "discoverable",
        "suspended",
        "moved",
    ]);
    let (uri, url) = (uri.text(), url.text());
    let id = match (&uri, &url) {
        (Some(uri), url) => {
            let id = spelling(uri);
            if let Some(url) = url.as_ref().filter(|url| spelling(url) != id) {
                emit.learn(About::Alias, &spelling(url), &id);
            }
            id.into_owned()
        }
        (None, Some(url)) => canonical(url, emit).into_owned(),
        (None, None) => return None,
    };
    let acct = acct.text();
    let handle = acct.as_deref().map(|acct| match (acct.contains('@'), host(&id)) {
        (false, Some(host)) => Cow::Owned(format!("{acct}@{host}")),
        _ => Cow::Borrowed(acct),
    });
    let is_hidden = noindex.is_true() || [indexable, discoverable].iter().any(|flag| flag.boolean() == Some(false));
    let is_listed = if is_hidden { Some(false) } else { indexable.boolean() };
    let name = name.text();
    let moved = moved.field("uri").text();
    emit.profile(Profile {
        handle: handle.as_deref(),
        display_name: name.as_deref(),
        url: url.as_deref(),
        is_bot: bot.boolean(),
        is_listed,
        standing: suspended.boolean().map(Standing::suspended),
        moved_to: moved.as_deref(),
        ..Profile::of(account(&id))
    });
    if emit.options.hears_kin {
        let links = own_links(json.field("fields"), emit);
        emit.links_to(account(&id), &links);
    }
    Some(Cow::Owned(id))
}

/// The one name of an account that a message names by some address of it: the id that was learnt for the address, else
/// the address.
pub(crate) fn canonical<'a>(address: &'a str, emit: &Emit<'_>) -> Cow<'a, str> {
    let spelling = spelling(address);
    match emit.recall(About::Alias, &spelling) {
        Some(id) => Cow::Owned(id.to_owned()),
        None => spelling,
    }
}

/// The page of an actor, `HOST/@NAME`, is the same account as `HOST/users/NAME`.
pub(crate) fn spelling(address: &str) -> Cow<'_, str> {
    let Some(place) = address.find("://").map(|place| place + 3) else { return Cow::Borrowed(address) };
    let Some((host, name)) = address[place..].split_once("/@") else { return Cow::Borrowed(address) };
    if host.contains('/') || name.is_empty() || name.contains(['/', '@', '?', '#']) {
        return Cow::Borrowed(address);
    }
    Cow::Owned(format!("{}{host}/users/{name}", &address[..place]))
}
