//! Which columns hold what, as somebody says it: `actor=screen_name,target=3,time=created_at`.

use std::str::FromStr;

/// Where a file's actors, targets, times and kinds are. What is not said is found by the usual names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    pub(super) actor: Option<Column>,
    pub(super) target: Option<Column>,
    pub(super) time: Option<Column>,
    pub(super) kind: Option<Column>,
}

/// A column of a table, or a key of JSON objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Name(String),
    /// Counted from 1.
    Number(usize),
}

impl Columns {
    /// True when no column is named.
    pub fn is_empty(&self) -> bool {
        *self == Columns::default()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Column> {
        [&self.actor, &self.target, &self.time, &self.kind].into_iter().flatten()
    }

    /// Whether a first line must say which column is which.
    pub(super) fn need_header(&self) -> bool {
        let has_three = self.actor.is_some() && self.target.is_some() && self.time.is_some();
        !has_three || self.all().any(|column| matches!(column, Column::Name(_)))
    }
}

/// A text that names no columns.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownColumns {
    /// Not a part and its column.
    #[error("{0:?} is not a part and its column, as in actor=screen_name,target=in_reply_to_screen_name,time=3")]
    Shape(String),
    /// No such part.
    #[error("events have no {0:?}: there are actor, target, time and kind")]
    Part(String),
    /// One part twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// Columns are counted from 1.
    #[error("there is no column 0: the first is 1")]
    Zero,
}

impl FromStr for Columns {
    type Err = UnknownColumns;

    fn from_str(text: &str) -> Result<Columns, UnknownColumns> {
        let mut columns = Columns::default();
        for part in text.split(',') {
            let (role, column) = part.split_once('=').ok_or_else(|| UnknownColumns::Shape(part.to_owned()))?;
            let (role, column) = (role.trim(), column.trim());
            let place = match role {
                "actor" => &mut columns.actor,
                "target" => &mut columns.target,
                "time" | "at" => &mut columns.time,
                "kind" => &mut columns.kind,
                _ => return Err(UnknownColumns::Part(role.to_owned())),
            };
            let column = match column.parse() {
                Ok(0) => return Err(UnknownColumns::Zero),
                Ok(number) => Column::Number(number),
                Err(_) if column.is_empty() => return Err(UnknownColumns::Shape(part.to_owned())),
                Err(_) => Column::Name(column.to_owned()),
            };
            if place.replace(column).is_some() {
                return Err(UnknownColumns::Twice(role.to_owned()));
            }
        }
        Ok(columns)
    }
}
