//! The address of an account's page on its network, for people to follow. Names and what accounts say of themselves are chosen
//! by strangers: whatever they are, the address is of `http` or `https`, names a host, and has no user or password in it.

use url::Url;
use vocabulary::{Id, Network};

/// The longest address that is shown, in bytes.
const ADDRESS_BYTES_MAX: usize = 1_024;

/// The page of an account by its name, by what it is called, and by the page that it names itself; `None` where none is
/// known.
pub(crate) fn page(user: &str, handle: Option<&str>, own: Option<&str>) -> Option<String> {
    let (network, id) = Network::of_name(user)?;
    let by_handle = || {
        let named = id.strip_prefix('@').or_else(|| id.strip_prefix("u/"));
        network.page_by_handle().and_then(|page| filled(page, handle.or(named)?))
    };
    match network.id() {
        Id::Begins(beginning, page) if id.starts_with(beginning) => filled(page, id),
        Id::Number(page) if is_number(id) => filled(page, id),
        Id::Number(_) | Id::NumberWithoutPage | Id::WithoutPage => by_handle(),
        Id::Address => {
            let address = safe(id)?;
            // Another host than the account's own may be anybody's.
            let own = own.and_then(safe).filter(|own| own.host_str() == address.host_str());
            Some(own.unwrap_or(address).into())
        }
        Id::OfSite(page) => {
            let (site, number) = id.split_once(':')?;
            let address = safe(&format!("https://{site}"))?;
            let is_site = is_number(number) && site.contains('.') && address.host_str() == Some(site);
            is_site.then(|| filled(page, number)).flatten().map(|path| format!("https://{site}{path}"))
        }
        Id::Begins(..) => None,
    }
}

fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit())
}

/// An address with an id or a handle in it: one step of a path, whatever its letters are.
fn filled(page: &str, id: &str) -> Option<String> {
    if id.is_empty() || id == "." || id == ".." {
        return None;
    }
    let mut step = String::with_capacity(id.len());
    for &byte in id.as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' => step.push(char::from(byte)),
            _ => step.push_str(&format!("%{byte:02X}")),
        }
    }
    Some(page.replace("{}", &step)).filter(|address| address.len() <= ADDRESS_BYTES_MAX)
}

/// An address that anybody may follow.
fn safe(address: &str) -> Option<Url> {
    let is_plain = address.len() <= ADDRESS_BYTES_MAX && !address.contains(|letter: char| letter.is_control());
    let url = is_plain.then(|| Url::parse(address).ok()).flatten()?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    (is_web && url.username().is_empty() && url.password().is_none()).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_page_where_its_id_or_its_handle_names_one() {
        for (user, handle, own, expected) in [
            ("bluesky:did:plc:a", Some("ana.example"), None, Some("https://bsky.app/profile/did:plc:a")),
            ("bluesky:ada", None, None, None),
            ("x:12", Some("ana"), None, Some("https://x.com/i/user/12")),
            ("twitter:12", None, None, Some("https://x.com/i/user/12")),
            ("twitter:ada", None, None, None),
            ("x:@ana", None, None, Some("https://x.com/ana")),
            ("github:12", Some("ana"), None, Some("https://github.com/ana")),
            ("github:12", None, None, None),
            ("github:12", Some("../a?b#c"), None, Some("https://github.com/..%2Fa%3Fb%23c")),
            ("github:12", Some(".."), None, None),
            ("github:@ana", None, None, Some("https://github.com/ana")),
            ("reddit:t2_1", Some("ana"), None, Some("https://www.reddit.com/user/ana")),
            ("reddit:u/ana", None, None, Some("https://www.reddit.com/user/ana")),
            ("youtube:UCa", None, None, Some("https://www.youtube.com/channel/UCa")),
            ("stackexchange:mathoverflow.net:12", None, None, Some("https://mathoverflow.net/users/12")),
            ("stackexchange:evil.example/a:12", None, None, None),
            ("stackexchange:a@evil.example:12", None, None, None),
            ("stackexchange:mathoverflow:12", None, None, None),
            ("activitypub:https://a.example/users/ana", None, None, Some("https://a.example/users/ana")),
            (
                "activitypub:https://a.example/users/ana",
                None,
                Some("https://a.example/@ana"),
                Some("https://a.example/@ana"),
            ),
            (
                "activitypub:https://a.example/users/ana",
                None,
                Some("https://evil.example/@ana"),
                Some("https://a.example/users/ana"),
            ),
            (
                "activitypub:https://a.example/users/ana",
                None,
                Some("javascript:alert(1)"),
                Some("https://a.example/users/ana"),
            ),
            ("activitypub:javascript:alert(1)", None, None, None),
            ("activitypub:data:text/html,a", None, None, None),
            (concat!("activitypub:https:", "//ana:secret@a.example/"), None, None, None),
            ("mastodon:ana", None, None, None),
            ("ana", Some("ana"), Some("https://a.example"), None),
            ("other:12", None, Some("https://a.example"), None),
        ] {
            assert_eq!(page(user, handle, own).as_deref(), expected, "{user} {handle:?} {own:?}");
        }
        assert_eq!(page(&format!("x:@{}", "a".repeat(2_000)), None, None), None);
    }
}
