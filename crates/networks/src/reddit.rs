//! Reddit: lines of the archives that Pushshift began, and objects of the API.

use std::borrow::Cow;
use vocabulary::Kind;

use crate::emit::Emit;
use crate::json::Json;
use crate::memory::About;
use crate::{Account, Act, ActId, Naming, Network, Post, Profile, Reason};

/// One comment or one submission.
pub(crate) fn read(json: Json<'_>, emit: &mut Emit<'_>) {
    let [id, author, author_id, parent, link, created, access, body, title, selftext, permalink] = json.get([
        "id",
        "author",
        "author_fullname",
        "parent_id",
        "link_id",
        "created_utc",
        "subreddit_type",
        "body",
        "title",
        "selftext",
        "permalink",
    ]);
    if matches!(access.text().as_deref(), Some("private" | "employees_only" | "gold_only")) {
        return emit.skip(Reason::NotPublic);
    }
    let Some(name) = author.text().filter(|name| !matches!(&**name, "[deleted]" | "[removed]")) else {
        return emit.skip(Reason::NoActor);
    };
    let Some(id) = id.id() else { return emit.skip(Reason::NoId) };
    let id = id.rsplit_once('_').map_or(&*id, |(_, id)| id);
    let seconds = created.integer();
    let Some(at) = emit.time(seconds.and_then(|seconds| seconds.checked_mul(1000))) else {
        return emit.skip(Reason::NoTime);
    };
    let (own, naming) = match author_id.text().filter(|id| id.starts_with("t2_")) {
        Some(id) => {
            emit.learn_handle(&name, &id);
            (id, Naming::Id)
        }
        None => match emit.recall(About::Alias, &name.to_lowercase()) {
            Some(id) => (Cow::Owned(id.to_owned()), Naming::Id),
            None => (Cow::Borrowed(&*name), Naming::Handle),
        },
    };
    let actor = Account { network: Network::Reddit, id: &own, naming };
    emit.profile(Profile { handle: Some(&name), ..Profile::of(actor) });
    let is_comment = link.is_there() || parent.is_there() || (body.is_there() && !title.is_there());
    let full = if is_comment { format!("t1_{id}") } else { format!("t3_{id}") };
    // The name, and not the id: what is known of it is looked up when it is needed, so both forms stay one.
    emit.learn(About::Author, &full, &name);
    emit.post(Post { id: &full, author: actor, at: Some(at), language: None });
    let page = || permalink.text().map(|path| format!("https://www.reddit.com{path}"));
    emit.hear(actor, &full, if is_comment { body } else { selftext }, page);
    if !is_comment {
        return emit.skip(Reason::NoAct);
    }
    let Some(parent) = answered(parent, link) else { return emit.skip(Reason::NoTarget) };
    let Some(target_name) = emit.recall(About::Author, &parent).map(str::to_owned) else {
        return emit.skip(Reason::UnknownAuthor);
    };
    if target_name.eq_ignore_ascii_case(&name) {
        return emit.skip(Reason::ToOneself);
    }
    let known = emit.recall(About::Alias, &target_name.to_lowercase()).map(str::to_owned);
    let target = match &known {
        Some(id) => Account::by_id(Network::Reddit, id),
        None => Account::by_handle(Network::Reddit, &target_name),
    };
    let id = ActId { network: Network::Reddit, message: &full, part: None };
    let post = Some(&*parent);
    emit.act(Act { id, actor, target, kind: Kind::Reply, at, language: None, post, via: None });
}

/// What a comment answers: another comment, or the submission. In archives of December 2022, ids are numbers.
fn answered<'a>(parent: Json<'a>, link: Json<'a>) -> Option<Cow<'a, str>> {
    if let Some(full) = parent.text() {
        return full.starts_with(['t']).then_some(full);
    }
    match (parent.integer(), link.integer()) {
        (Some(parent), Some(link)) if parent == link => Some(Cow::Owned(format!("t3_{}", base36(link)?))),
        (Some(parent), None)
            if link.text().is_some_and(|link| base36(parent).is_some_and(|id| link == format!("t3_{id}"))) =>
        {
            link.text()
        }
        (Some(parent), _) => Some(Cow::Owned(format!("t1_{}", base36(parent)?))),
        (None, Some(link)) => Some(Cow::Owned(format!("t3_{}", base36(link)?))),
        (None, None) => link.text().filter(|link| link.starts_with("t3_")),
    }
}

fn base36(number: i64) -> Option<String> {
    let mut rest = u64::try_from(number).ok()?;
    let mut digits = Vec::new();
    loop {
        digits.push(char::from_digit((rest % 36) as u32, 36)?);
        rest /= 36;
        if rest == 0 {
            return Some(digits.into_iter().rev().collect());
        }
    }
}
