//! Lines of `actor target time` and perhaps a kind, separated by spaces or tabs.

use vocabulary::Event;

use crate::kind::KindWords;
use crate::time::TimeReader;
use crate::{Malformed, accept};

const COLUMNS_MAX: usize = 4;

/// The event that a line holds.
pub(super) fn event<'a>(line: &'a str, kinds: &KindWords, times: &TimeReader) -> Result<Event<'a>, Malformed> {
    let mut columns = line.split([' ', '\t']).filter(|column| !column.is_empty());
    let [actor, target, at] = [(); 3].map(|()| columns.next().unwrap_or_default());
    let kind = columns.next();
    if target.is_empty() {
        return Err(Malformed::Columns(usize::from(!actor.is_empty())));
    }
    // What has more columns is no list, and its fourth no kind.
    let kind = match columns.count() {
        0 => kinds.kind(kind),
        more => Err(Malformed::Columns(COLUMNS_MAX + more)),
    };
    accept::event(actor, target, times.read(at), kind)
}
