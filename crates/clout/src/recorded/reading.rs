//! What people say about the files that they give: the same options for every command that reads some.

use clap::Args;
use encoding_rs::Encoding;
use jiff::tz::{Offset, TimeZone};
use vocabulary::Kind;
use wire::{Columns, Format, KindWords, Reading, TimeFormat, Times, parse_kind};

/// How event logs are written, as far as it is not seen by looking at them.
#[derive(Args, Clone, Debug, Default)]
pub struct ReadingArgs {
    /// How the files are written: snap (lines of actor, target, time and perhaps kind), csv (under a header), json or
    /// protobuf (each message after its length); without it each file is recognised by looking at it
    #[arg(long, help_heading = "Input", value_name = "FORMAT")]
    pub format: Option<Format>,
    /// Which column of a table, or key of JSON objects, holds what, by name or by number from 1. Parts left out are found
    /// by their usual names
    #[arg(long, help_heading = "Input", value_name = "actor=NAME,target=NAME,time=NAME,kind=NAME")]
    pub columns: Option<Columns>,
    /// Kind of the events that name none: mention, retweet, quote, reply, like, follow, unfollow, block or unblock [default: mention]
    #[arg(long, help_heading = "Input", value_name = "KIND", value_parser = parse_kind)]
    pub kind: Option<Kind>,
    /// Words of the files for kinds, as in share=retweet,comment=reply,view=skip; may be repeated. Acts of kinds that are
    /// neither known nor named here are skipped and counted
    #[arg(long, help_heading = "Input", value_name = "WORD=KIND|skip,...", value_delimiter = ',', value_parser = kind_word)]
    pub kinds: Vec<(String, Option<Kind>)>,
    /// How times are written that cannot be told by looking: a pattern, as in '%m/%d/%Y %H:%M' or %Y%m%d, or the unit of
    /// numbers: s, ms, us or ns
    #[arg(long, help_heading = "Input", value_name = "PATTERN")]
    pub time_format: Option<TimeFormat>,
    /// Where the clock stood that times without an offset were read from: utc, +02:00, or a name as Europe/Berlin
    #[arg(long, help_heading = "Input", value_name = "ZONE", value_parser = time_zone, allow_hyphen_values = true)]
    pub time_zone: Option<TimeZone>,
    /// How letters are written, as in latin1 or shift_jis [default: UTF-8, or UTF-16 where a file shows it]
    #[arg(long = "text-encoding", help_heading = "Input", value_name = "NAME", value_parser = text_encoding)]
    pub text_encoding: Option<&'static Encoding>,
}

impl ReadingArgs {
    /// The same as the readers want it.
    pub(crate) fn reading(&self) -> Reading {
        let kinds = KindWords::new(Some(self.kind.unwrap_or(Kind::Mention)));
        let kinds = self.kinds.iter().fold(kinds, |kinds, (word, kind)| kinds.with(word, *kind));
        let times = Times::of_files(self.time_format.clone(), self.time_zone.clone());
        Reading { kinds, columns: self.columns.clone().unwrap_or_default(), times }
    }

    /// True when nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        let ReadingArgs { format, columns, kind, kinds, time_format, time_zone, text_encoding } = self;
        format.is_none()
            && columns.is_none()
            && kind.is_none()
            && kinds.is_empty()
            && time_format.is_none()
            && time_zone.is_none()
            && text_encoding.is_none()
    }
}

/// What messages of networks do not say.
#[derive(Args, Clone, Debug, Default)]
pub struct NetworkArgs {
    /// The site of a dump of Stack Exchange, as in mathoverflow.net [default: the name of the folder that it is in]
    #[arg(long, help_heading = "Networks", value_name = "NAME")]
    pub site: Option<String>,
    /// The channel whose YouTube comments do not say of which channel they are, by its id, as in UC...
    #[arg(long, help_heading = "Networks", value_name = "ID")]
    pub channel: Option<String>,
    /// Whose Mastodon notifications are read, by the address of the account, as in `https://example.com/users/ana`
    #[arg(long, help_heading = "Networks", value_name = "ADDRESS")]
    pub owner: Option<String>,
}

impl NetworkArgs {
    /// The same as the reader of messages wants it.
    pub(crate) fn options(&self) -> networks::Options {
        let (channel, owner) = (self.channel.clone(), self.owner.clone());
        networks::Options { channel, owner, drops_repeats: true, ..networks::Options::default() }
    }
}

fn kind_word(text: &str) -> Result<(String, Option<Kind>), String> {
    let (word, kind) = text.rsplit_once('=').ok_or("not a word and its kind, as in share=retweet or view=skip")?;
    match kind {
        "skip" => Ok((word.to_owned(), None)),
        _ => Ok((word.to_owned(), Some(parse_kind(kind).map_err(|error| format!("{error}, or skip"))?))),
    }
}

fn time_zone(text: &str) -> Result<TimeZone, String> {
    if text.eq_ignore_ascii_case("utc") || text.eq_ignore_ascii_case("z") {
        return Ok(TimeZone::UTC);
    }
    if let Some(offset) = offset(text) {
        return Ok(offset.to_time_zone());
    }
    TimeZone::get(text)
        .map_err(|_| "not a time zone: write utc, an offset as +02:00, or a name as Europe/Berlin".to_owned())
}

/// `+2`, `+02`, `+0200` or `+02:00`.
fn offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let number = |digits: &str, max: i32| {
        let is_digits = !digits.is_empty() && digits.len() <= 2 && digits.bytes().all(|digit| digit.is_ascii_digit());
        digits.parse().ok().filter(|number: &i32| is_digits && *number <= max)
    };
    Offset::from_seconds(sign * (number(hours, 23)? * 3600 + number(minutes, 59)? * 60)).ok()
}

fn text_encoding(text: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(text.as_bytes()).ok_or_else(|| {
        "not a text encoding: there are utf-8, utf-16le, latin1, windows-1251, shift_jis and others".to_owned()
    })
}
