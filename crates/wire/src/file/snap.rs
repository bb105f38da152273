//! Lines of `actor target time` and perhaps a kind, separated by spaces or tabs.

use influence::{Event, Kind};

use crate::kind::kind_or;
use crate::{Malformed, accept, parse_time};

const COLUMNS_MAX: usize = 4;

/// The event that a line holds; `default_kind` is that of lines without a kind.
pub(super) fn event(line: &str, default_kind: Option<Kind>) -> Result<Event<'_>, Malformed> {
    let mut columns = line.split([' ', '\t']).filter(|column| !column.is_empty());
    let [actor, target, at] = [(); 3].map(|()| columns.next().unwrap_or_default());
    let kind = columns.next();
    let event = accept::event(actor, target, parse_time(at), kind_or(kind, default_kind))?;
    match columns.count() {
        0 => Ok(event),
        more => Err(Malformed::Columns(COLUMNS_MAX + more)),
    }
}
