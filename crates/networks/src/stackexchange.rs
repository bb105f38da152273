//! Dumps of Stack Exchange: one row of XML a line. No row says of which site it is.

use std::borrow::Cow;

use quick_xml::events::BytesStart;
use vocabulary::Kind;

use crate::emit::Emit;
use crate::memory::About;
use crate::{Account, Act, ActId, Network, Post, Profile, Reason};

/// The attributes that are looked at.
const NAMES: [&str; 13] = [
    "Id",
    "PostTypeId",
    "ParentId",
    "OwnerUserId",
    "CreationDate",
    "PostId",
    "UserId",
    "DisplayName",
    "Reputation",
    "VoteTypeId",
    "Text",
    "Body",
    "AccountId",
];

/// The longest value that is looked at; texts are longer.
const VALUE_BYTES_MAX: usize = 2048;

/// One line of a dump.
pub(crate) fn read(line: &[u8], emit: &mut Emit<'_>) {
    if is_frame(line) {
        emit.tally.of_mut(Some(Network::StackExchange)).messages -= 1;
        return;
    }
    if !line.starts_with(b"<row ") {
        return emit.skip(Reason::Malformed);
    }
    let content = line.strip_prefix(b"<").and_then(|line| line.strip_suffix(b"/>"));
    let Some(content) = content.and_then(|content| std::str::from_utf8(content).ok()) else {
        return emit.skip(Reason::Malformed);
    };
    let Some(row) = Row::of(content) else { return emit.skip(Reason::Malformed) };
    let Some(site) = emit.source.site.clone() else { return emit.skip(Reason::SiteUnknown) };
    if row.has("VoteTypeId") {
        // Votes do not say whose they are.
        emit.skip(Reason::NoActor);
    } else if row.has("PostTypeId") {
        post(&row, &site, emit);
    } else if row.has("PostId") && row.has("Text") {
        comment(&row, &site, emit);
    } else if row.has("DisplayName") && row.has("Reputation") {
        let Some(id) = row.number("Id") else { return emit.skip(Reason::NoId) };
        let account = format!("{site}:{id}");
        let account = Account::by_id(Network::StackExchange, &account);
        // User -1 is the site itself.
        let is_bot = (id == "-1").then_some(true);
        let name = row.value("DisplayName");
        emit.profile(Profile { display_name: name, is_bot, ..Profile::of(account) });
    } else {
        emit.skip(Reason::OtherKind);
    }
}

/// The declaration of XML, comments, and the element around all rows are no messages.
fn is_frame(line: &[u8]) -> bool {
    let name = line.strip_prefix(b"<").and_then(|line| line.strip_suffix(b">")).unwrap_or_default();
    let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric);
    is_name || [b"<?", b"<!", b"</"].iter().any(|begin| line.starts_with(*begin))
}

fn post(row: &Row<'_>, site: &str, emit: &mut Emit<'_>) {
    let Some(id) = row.number("Id") else { return emit.skip(Reason::NoId) };
    let Some(owner) = row.number("OwnerUserId") else { return emit.skip(Reason::NoActor) };
    let key = format!("{site}:{id}");
    emit.learn(About::Author, &key, owner);
    let at = row.value("CreationDate").and_then(crate::time::parse);
    let Some(at) = emit.time(at) else { return emit.skip(Reason::NoTime) };
    let author = format!("{site}:{owner}");
    let author = Account::by_id(Network::StackExchange, &author);
    emit.post(Post { id: &key, author, at: Some(at), language: None });
    match (row.value("PostTypeId"), row.number("ParentId")) {
        (Some("2"), Some(parent)) => answer(site, &format!("{site}:post:{id}"), author, parent, at, emit),
        (Some("2"), None) => emit.skip(Reason::NoTarget),
        (Some("1"), _) => emit.skip(Reason::NoAct),
        _ => emit.skip(Reason::OtherKind),
    }
}

fn comment(row: &Row<'_>, site: &str, emit: &mut Emit<'_>) {
    let Some(id) = row.number("Id") else { return emit.skip(Reason::NoId) };
    let Some(user) = row.number("UserId") else { return emit.skip(Reason::NoActor) };
    let Some(post) = row.number("PostId") else { return emit.skip(Reason::NoTarget) };
    let at = row.value("CreationDate").and_then(crate::time::parse);
    let Some(at) = emit.time(at) else { return emit.skip(Reason::NoTime) };
    let actor = format!("{site}:{user}");
    let actor = Account::by_id(Network::StackExchange, &actor);
    answer(site, &format!("{site}:comment:{id}"), actor, post, at, emit);
}

/// Somebody wrote something below a post.
fn answer(site: &str, message: &str, actor: Account<'_>, post: &str, at: i64, emit: &mut Emit<'_>) {
    let post = format!("{site}:{post}");
    let Some(owner) = emit.recall(About::Author, &post) else { return emit.skip(Reason::UnknownAuthor) };
    let target = format!("{site}:{owner}");
    let target = Account::by_id(Network::StackExchange, &target);
    let id = ActId { network: Network::StackExchange, message, part: None };
    emit.act(Act { id, actor, target, kind: Kind::Reply, at, language: None, post: Some(&post), via: None });
}

/// The attributes of a row.
struct Row<'a> {
    values: [Option<Cow<'a, str>>; NAMES.len()],
}

impl<'a> Row<'a> {
    /// The row, or `None` where it is not XML.
    fn of(content: &'a str) -> Option<Row<'a>> {
        let mut values = [const { None }; NAMES.len()];
        let element = BytesStart::from_content(content, "row".len());
        // Whether a name is there twice is not asked: it would cost memory.
        for attribute in element.attributes().with_checks(false) {
            let attribute = attribute.ok()?;
            let Some(place) = NAMES.iter().position(|name| name.as_bytes() == attribute.key.as_ref()) else { continue };
            let text: &[u8] = &attribute.value;
            values[place] = Some(match std::str::from_utf8(text) {
                Ok(text) if text.len() <= VALUE_BYTES_MAX => {
                    Cow::Owned(quick_xml::escape::unescape(text).ok()?.into_owned())
                }
                _ => Cow::Borrowed(""),
            });
        }
        Some(Row { values })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let place = NAMES.iter().position(|known| *known == name)?;
        self.values[place].as_deref()
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// An id: digits, and a minus before those of the site itself.
    fn number(&self, name: &str) -> Option<&str> {
        let value = self.value(name)?;
        let digits = value.strip_prefix('-').unwrap_or(value);
        let is_number = !digits.is_empty() && digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(value)
    }
}
