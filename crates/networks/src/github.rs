//! GitHub: events of the Events API and of GH Archive since 2011, and payloads of webhooks.

use std::borrow::Cow;
use vocabulary::Kind;

use crate::emit::Emit;
use crate::json::Json;
use crate::{Account, Act, ActId, Naming, Network, Profile, Reason};

/// A person or an organisation, by id where it is known.
struct Person<'a> {
    id: Cow<'a, str>,
    naming: Naming,
    login: Option<Cow<'a, str>>,
}

impl Person<'_> {
    fn account(&self) -> Account<'_> {
        Account { network: Network::GitHub, id: &self.id, naming: self.naming }
    }

    fn is(&self, other: &Person<'_>) -> bool {
        let same_login = || Some(self.login.as_ref()?.eq_ignore_ascii_case(other.login.as_ref()?));
        self.account() == other.account() || same_login() == Some(true)
    }
}

/// A person as an object with id and login, or, until 2014, as a login alone.
fn person<'a>(json: Json<'a>, emit: &mut Emit<'_>) -> Option<Person<'a>> {
    if json.is_text() {
        return Some(by_login(json.text()?, emit));
    }
    let [id, login, kind, name] = json.get(["id", "login", "type", "name"]);
    let login = login.text();
    let Some(id) = id.id() else { return Some(by_login(login?, emit)) };
    if let Some(login) = &login {
        emit.learn_handle(login, &id);
    }
    let person = Person { id, naming: Naming::Id, login };
    tell(&person, kind, name, emit);
    Some(person)
}

fn by_login<'a>(login: Cow<'a, str>, emit: &mut Emit<'_>) -> Person<'a> {
    let (id, naming) = emit.by_handle(&login);
    Person { id, naming, login: Some(login) }
}

fn tell(person: &Person<'_>, kind: Json<'_>, name: Json<'_>, emit: &mut Emit<'_>) {
    let is_bot = kind.says("Bot") || person.login.as_deref().is_some_and(|login| login.ends_with("[bot]"));
    let name = name.text();
    emit.profile(Profile {
        handle: person.login.as_deref(),
        display_name: name.as_deref(),
        is_bot: is_bot.then_some(true),
        ..Profile::of(person.account())
    });
}

/// What an event or a webhook is about, in common.
struct Case<'a> {
    actor: Person<'a>,
    payload: Json<'a>,
    at: Option<i64>,
}

/// One event of the Events API or of GH Archive.
pub(crate) fn event(json: Json<'_>, emit: &mut Emit<'_>) {
    let [kind, actor, attributes, repo, repository, payload, public, created, org] =
        json.get(["type", "actor", "actor_attributes", "repo", "repository", "payload", "public", "created_at", "org"]);
    if public.boolean() == Some(false) {
        return emit.skip(Reason::NotPublic);
    }
    let Some(actor) = person(actor, emit) else { return emit.skip(Reason::NoActor) };
    if attributes.is_object() {
        tell(&actor, attributes.field("type"), attributes.field("name"), emit);
    }
    let repo = if repo.is_there() { repo } else { repository };
    let case = Case { actor, payload, at: created.time() };
    let [repo_id, repo_name, old_owner] = repo.get(["id", "name", "owner"]);
    let owner = owner(repo_name, old_owner, org, payload, emit);
    // Until 2014, what is wrapped today was there as a number.
    let kind = kind.text();
    match kind.as_deref() {
        Some("WatchEvent") => star(&case, owner, repo_id, emit),
        Some("ForkEvent") => fork(&case, owner, emit),
        Some("FollowEvent") => {
            let target = person(payload.field("target"), emit);
            let message = target.as_ref().map(|target| format!("follow/{}/{}", case.actor.id, target.id));
            act(Kind::Follow, message, &case, target, None, emit);
        }
        Some("IssueCommentEvent") => comment("comment", &["issue", "user"], &case, emit),
        Some("PullRequestReviewEvent") => review(&case, emit),
        Some("PullRequestReviewCommentEvent") => comment("review_comment", &["pull_request", "user"], &case, emit),
        Some("DiscussionCommentEvent") => comment("discussion_comment", &["discussion", "user"], &case, emit),
        // A comment on a commit does not say whose the commit is.
        Some("CommitCommentEvent") => emit.skip(Reason::NoTarget),
        Some(
            "CreateEvent" | "DeleteEvent" | "PushEvent" | "ReleaseEvent" | "GollumEvent" | "PublicEvent"
            | "MemberEvent" | "IssuesEvent" | "PullRequestEvent" | "GistEvent" | "DownloadEvent" | "TeamAddEvent"
            | "ForkApplyEvent" | "DiscussionEvent",
        ) => emit.skip(Reason::NoAct),
        _ => emit.skip(Reason::OtherKind),
    }
}

/// The owner of an event's repository. Only organisations are told with their id; whole pull requests have it as well.
fn owner<'a>(
    name: Json<'a>,
    old: Json<'a>,
    org: Json<'a>,
    payload: Json<'a>,
    emit: &mut Emit<'_>,
) -> Option<Person<'a>> {
    if old.is_object() {
        return person(old, emit);
    }
    let login = match (old.text(), name.text()) {
        (Some(login), _) => login,
        (None, Some(Cow::Borrowed(name))) => Cow::Borrowed(name.split_once('/')?.0),
        (None, Some(Cow::Owned(name))) => Cow::Owned(name.split_once('/')?.0.to_owned()),
        (None, None) => return None,
    };
    let whole = payload.at(&["pull_request", "base", "repo", "owner"]);
    for told in [org, whole] {
        let is_owner =
            told.is_object() && told.field("login").text().is_some_and(|own| own.eq_ignore_ascii_case(&login));
        if is_owner && told.field("id").id().is_some() {
            return person(told, emit);
        }
    }
    Some(by_login(login, emit))
}

fn star(case: &Case<'_>, owner: Option<Person<'_>>, repo_id: Json<'_>, emit: &mut Emit<'_>) {
    // One id for a webhook's `star` and `watch` and for the event.
    let message = repo_id.id().map(|repo| format!("star/{}/{repo}", case.actor.id));
    act(Kind::Like, message, case, owner, None, emit);
}

fn fork(case: &Case<'_>, owner: Option<Person<'_>>, emit: &mut Emit<'_>) {
    let forkee = case.payload.field("forkee");
    // Until 2014, the fork's number stood in its place.
    let id = if forkee.is_object() { forkee.field("id").id() } else { forkee.id() };
    let message = id.map(|id| format!("fork/{id}"));
    act(Kind::Retweet, message, case, owner, None, emit);
}

fn comment(word: &str, author: &[&str], case: &Case<'_>, emit: &mut Emit<'_>) {
    let [action, comment] = case.payload.get(["action", "comment"]);
    let id = comment.field("id").id();
    match action.text().as_deref() {
        Some("edited") => return emit.skip(Reason::Edited),
        Some("deleted") => {
            return match id {
                Some(id) => emit.deletion(&format!("{word}/{id}"), Some(Kind::Reply)),
                None => emit.skip(Reason::NoId),
            };
        }
        _ => {}
    }
    let target = person(case.payload.at(author), emit);
    let message = id.map(|id| format!("{word}/{id}"));
    let [writer, body, url] = comment.get(["user", "body", "html_url"]);
    // Whoever edits or moves a comment is not always its author.
    if let Some(message) = message.as_ref().filter(|_| writer.field("id").id().as_deref() == Some(&*case.actor.id)) {
        emit.hear(case.actor.account(), message, body, || url.text().map(Cow::into_owned));
    }
    let post = case.payload.field(author[0]).field("id").id().map(|id| format!("{}/{id}", author[0]));
    act(Kind::Reply, message, case, target, post.as_deref(), emit);
}

fn review(case: &Case<'_>, emit: &mut Emit<'_>) {
    let [action, review] = case.payload.get(["action", "review"]);
    match action.text().as_deref() {
        Some("edited" | "updated") => return emit.skip(Reason::Edited),
        Some("dismissed") => return emit.skip(Reason::OtherKind),
        _ => {}
    }
    let target = person(case.payload.at(&["pull_request", "user"]), emit);
    let message = review.field("id").id().map(|id| format!("review/{id}"));
    let post = case.payload.at(&["pull_request", "id"]).id().map(|id| format!("pull_request/{id}"));
    act(Kind::Reply, message, case, target, post.as_deref(), emit);
}

fn act(
    kind: Kind,
    message: Option<String>,
    case: &Case<'_>,
    target: Option<Person<'_>>,
    post: Option<&str>,
    emit: &mut Emit<'_>,
) {
    let Some(target) = target else { return emit.skip(Reason::NoTarget) };
    if case.actor.is(&target) {
        return emit.skip(Reason::ToOneself);
    }
    let Some(message) = message else { return emit.skip(Reason::NoId) };
    let Some(at) = emit.time(case.at) else { return emit.skip(Reason::NoTime) };
    let id = ActId { network: Network::GitHub, message: &message, part: None };
    let (actor, target) = (case.actor.account(), target.account());
    emit.act(Act { id, actor, target, kind, at, language: None, post, via: None });
}

/// One payload of a webhook, with the name of its event where that is known: it is sent beside the payload.
pub(crate) fn hook(name: Option<Json<'_>>, json: Json<'_>, emit: &mut Emit<'_>) {
    let [action, sender, repository, sponsorship, starred, forkee, comment_object, review_object] =
        json.get(["action", "sender", "repository", "sponsorship", "starred_at", "forkee", "comment", "review"]);
    if repository.field("private").is_true() || sponsorship.field("privacy_level").says("private") {
        return emit.skip(Reason::NotPublic);
    }
    let Some(actor) = person(sender, emit) else { return emit.skip(Reason::NoActor) };
    let action = action.text();
    let action = action.as_deref();
    let name = name.and_then(|name| name.text());
    let name = name.as_deref().or_else(|| guess(json, action));
    let at = match name {
        Some("star") => starred,
        Some("watch") => repository.field("updated_at"),
        Some("fork") => forkee.field("created_at"),
        Some("pull_request_review") => review_object.field("submitted_at"),
        Some("sponsorship") => sponsorship.field("created_at"),
        _ => comment_object.field("created_at"),
    };
    let case = Case { actor, payload: json, at: at.time() };
    let owner = |emit: &mut Emit<'_>| person(repository.field("owner"), emit);
    match (name, action) {
        (Some("star"), Some("deleted")) => emit.skip(Reason::Undone),
        (Some("star"), Some("created")) | (Some("watch"), Some("started")) => {
            let owner = owner(emit);
            star(&case, owner, repository.field("id"), emit);
        }
        (Some("fork"), _) => {
            let owner = owner(emit);
            fork(&case, owner, emit);
        }
        (Some("issue_comment"), _) => comment("comment", &["issue", "user"], &case, emit),
        (Some("pull_request_review"), _) => review(&case, emit),
        (Some("pull_request_review_comment"), _) => {
            comment("review_comment", &["pull_request", "user"], &case, emit);
        }
        (Some("discussion_comment"), _) => comment("discussion_comment", &["discussion", "user"], &case, emit),
        (Some("commit_comment"), _) => emit.skip(Reason::NoTarget),
        (Some("sponsorship"), Some("created")) => {
            let [sponsor, sponsorable] = sponsorship.get(["sponsor", "sponsorable"]);
            let Some(actor) = person(sponsor, emit) else { return emit.skip(Reason::NoActor) };
            let target = person(sponsorable, emit);
            let message = target.as_ref().map(|target| format!("sponsorship/{}/{}/{:?}", actor.id, target.id, case.at));
            act(Kind::Mention, message, &Case { actor, ..case }, target, None, emit);
        }
        (Some("sponsorship"), _) => emit.skip(Reason::NoAct),
        (Some(_), _) => emit.skip(Reason::NoAct),
        (None, _) => emit.skip(Reason::OtherKind),
    }
}

/// The event that a payload is of, by the fields that only it has.
fn guess(json: Json<'_>, action: Option<&str>) -> Option<&'static str> {
    let [starred, forkee, comment, review, issue, pull_request, discussion, sponsorship] =
        json.get(["starred_at", "forkee", "comment", "review", "issue", "pull_request", "discussion", "sponsorship"]);
    // A star that was taken back has the field as well, with `null`.
    let has_starred = starred.is_there() || memchr::memmem::find(json.raw().as_bytes(), b"\"starred_at\"").is_some();
    Some(match action {
        _ if sponsorship.is_object() => "sponsorship",
        _ if forkee.is_object() => "fork",
        _ if comment.is_object() && issue.is_object() => "issue_comment",
        _ if comment.is_object() && pull_request.is_object() => "pull_request_review_comment",
        _ if comment.is_object() && discussion.is_object() => "discussion_comment",
        _ if comment.is_object() => "commit_comment",
        _ if review.is_object() && pull_request.is_object() => "pull_request_review",
        Some("created" | "deleted") if has_starred => "star",
        Some("started") => "watch",
        _ => return None,
    })
}
