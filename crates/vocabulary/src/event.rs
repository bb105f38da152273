//! What comes in from people: events and profiles.

use crate::Kind;

/// Milliseconds since 1970-01-01 00:00 UTC; may be negative.
pub type Timestamp = i64;

/// One act at a time by an actor on a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Who acts.
    pub actor: &'a str,
    /// Who is acted upon.
    pub target: &'a str,
    /// What was done.
    pub kind: Kind,
    /// When it was done: event time.
    pub at: Timestamp,
}

/// What is known about an account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile<'a> {
    /// Whose profile this is.
    pub user: &'a str,
    /// True erases the person, until a later profile says false. `None` leaves it as it is.
    pub opted_out: Option<bool>,
    /// Prior of the account, 0 to [`TRUST_MAX`](crate::TRUST_MAX); 1 is ordinary, 0 is suspended and hands out nothing.
    /// `None` leaves it as it is.
    pub trust: Option<f64>,
    /// When the account was created: it is as old as that, however new it is here. `None` leaves it as it is.
    pub created: Option<Timestamp>,
    /// Whether its network vouches for who this is: whom it has vouched for is known. False leaves it as it is.
    pub is_verified: bool,
    /// The other accounts of the person whose account this is, a line each, at most [`LINKED_MAX`](crate::LINKED_MAX): what
    /// one of them does to another gives nothing from now on. An empty text ends that. `None` leaves it as it is.
    pub linked: Option<&'a str>,
    /// The country that the account declares, by its code of ISO 3166-1. Nothing that is scored depends on it. `None` leaves it
    /// as it is.
    pub country: Option<&'static str>,
}
