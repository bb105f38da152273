//! Lines of `actor target time` and perhaps a kind, separated by spaces or tabs.

use influence::{Event, Kind};

use crate::kind::kind_or;
use crate::{Malformed, accept, parse_time};

const COLUMNS_MAX: usize = 4;

/// The event that a line holds; `default_kind` is that of lines without a kind.
pub(super) fn event(line: &str, default_kind: Option<Kind>) -> Result<Event<'_>, Malformed> {
    let mut columns = line.split([' ', '\t']).filter(|column| !column.is_empty());
    let actor = columns.next().ok_or(Malformed::Missing("actor"))?;
    let target = columns.next().ok_or(Malformed::Missing("target"))?;
    let at = columns.next().ok_or(Malformed::Missing("time"))?;
    let kind = columns.next();
    match columns.count() {
        0 => accept::event(actor, target, kind_or(kind, default_kind)?, parse_time(at)?),
        more => Err(Malformed::Columns(COLUMNS_MAX + more)),
    }
}
