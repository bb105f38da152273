//! What is told of people: the sum of somebody's accounts, and what each of them adds.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use views::{Base, Close, Span, ViewsError};
use vocabulary::Score;

use crate::answer::{Account, CloseAnswer, Movement, ReceivedAnswer, ScoreAnswer, percent, seven, seven_if_any};
use crate::called::Called;
use crate::closes::{self, Movers, Of};
use crate::cursor::Cursor;
use crate::people::{Accounts, Standing, Tie, Whole, against};
use crate::person::{Person, Record};
use crate::scales::Scale;
use crate::view::{Absence, View, close_answer, pseudonym};
use pipeline::summed::{Products, Scale as Ruler};

/// People that one answer looks at who are not told.
const PASSED_OVER_MAX: usize = 10_000;

macro_rules! person_answer {
    ($($(#[doc = $what:literal])+ $factor:ident)+) => {
        /// A person: what all of their accounts add up to, where they stand among all people, and what each account adds.
        #[derive(Clone, Debug, Serialize, ToSchema)]
        pub struct PersonAnswer {
            /// The name under which the accounts were linked; the account's name for who has one account.
            #[schema(example = "ana")]
            pub person: String,
            /// Whether accounts were linked: else the person is one account.
            pub is_linked: bool,
            /// What the account that adds most, of those that are called anything, shows or is called.
            pub called: Option<String>,
            /// 0 to 100, against the scale of people.
            #[serde(serialize_with = "seven")]
            pub score: f32,
            /// 1 is the highest of all people.
            pub rank: u64,
            /// 0 to 100: the share of rated people whose score is lower.
            pub percentile: f64,
            /// Votes: the sum of the accounts'. reach * amplification * network * openness * room + audience.
            #[serde(serialize_with = "seven")]
            pub influence: f32,
            $($(#[doc = $what])+ #[serde(serialize_with = "seven")] pub $factor: f32,)+
            /// Exact counts of what others did, on all accounts.
            pub received: ReceivedAnswer,
            /// Followers of the accounts: who follows two of them counts twice.
            pub followers: u64,
            /// People whom the accounts follow.
            pub following: u64,
            /// The newest time that the score of an account is for, RFC 3339.
            #[schema(format = "date-time")]
            pub as_of: String,
            /// Votes: what 100 stands for among people.
            #[serde(serialize_with = "seven")]
            pub scale: f64,
            /// The score before; null if there was none.
            #[serde(serialize_with = "seven_if_any")]
            pub previous: Option<f32>,
            /// Counts the model's changes: scores of different versions are not comparable.
            pub model_version: u32,
            /// The accounts that agree to be found, those that add most first.
            pub accounts: Vec<PersonAccount>,
            /// Accounts that do not agree to be found, or are hidden for now.
            pub unlisted: u64,
            /// 0 to 100: the share of the influence that these add.
            pub unlisted_share: f64,
        }

        impl PersonAnswer {
            fn new(
                (person, is_linked): (String, bool),
                (record, standing): (&Record, Standing),
                scale: (Scale, f64),
            ) -> PersonAnswer {
                let (of_accounts, votes) = scale;
                PersonAnswer {
                    person,
                    is_linked,
                    called: None,
                    score: against(record, of_accounts.votes, votes),
                    rank: standing.higher as u64 + 1,
                    percentile: percent(standing.lower, standing.total),
                    influence: record.influence,
                    $($factor: record.$factor,)+
                    received: ReceivedAnswer(record.received),
                    followers: record.followers.into(),
                    following: record.following.into(),
                    as_of: wire::rfc3339(record.as_of).unwrap_or_default(),
                    scale: votes,
                    previous: record.previous(),
                    model_version: of_accounts.model_version,
                    accounts: Vec::new(),
                    unlisted: 0,
                    unlisted_share: 0.0,
                }
            }
        }
    };
}
vocabulary::each_factor!(person_answer);

/// One account of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonAccount {
    /// The account, by the name that is scored.
    #[schema(example = "bluesky:did:plc:ana")]
    pub user: String,
    /// What is said of it; null where the name has no network that is known, and nothing is said of it.
    pub account: Option<Account>,
    /// 0 to 100: what the account has by itself.
    #[serde(serialize_with = "seven")]
    pub score: f32,
    /// Votes: what it adds to the person's influence.
    #[serde(serialize_with = "seven")]
    pub influence: f32,
    /// 0 to 100: the share of the person's influence that this is.
    pub share: f64,
    /// How it is known that it is the person's: operator, claim, rel-me or move; null for who has one account.
    #[schema(example = "claim")]
    pub proof: Option<&'static str>,
    /// Where the proof can be seen.
    #[schema(format = "uri")]
    pub proof_url: Option<String>,
    /// When the proof was looked at last, RFC 3339.
    #[schema(format = "date-time")]
    pub checked_at: Option<String>,
}

/// The person whose account this is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PersonOf {
    /// The name under which the accounts were linked.
    #[schema(example = "ana")]
    pub person: String,
    /// 0 to 100: what all accounts add up to, against the scale of people.
    #[serde(serialize_with = "seven")]
    pub score: f32,
    /// 1 is the highest of all people.
    pub rank: u64,
    /// Accounts of the person that are told.
    pub accounts: u64,
}

/// Part of the ranking of people.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PeopleAnswer {
    /// The people, the highest score first.
    pub(crate) people: Vec<PersonAnswer>,
    /// What to ask with for those who follow; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// People with a score: whoever has several accounts counts once.
    pub(crate) total: u64,
}

/// People who moved most.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PeopleMoversAnswer {
    /// In how long: day, week or month.
    pub(crate) span: &'static str,
    /// Who rose most, the furthest first.
    pub(crate) up: Vec<PersonMover>,
    /// Who fell most, the furthest first.
    pub(crate) down: Vec<PersonMover>,
}

/// A person who moved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PersonMover {
    /// The score now minus that of the accounts' closes together, both against the scale of people.
    #[serde(serialize_with = "seven")]
    pub(crate) change: f32,
    /// The day of the close from which it is counted: of several accounts the newest one.
    #[schema(format = "date", example = "2026-11-29")]
    pub(crate) since: String,
    /// Who moved.
    pub(crate) person: PersonAnswer,
}

/// How a person moved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PersonHistory {
    /// The name under which the accounts were linked; the account's name for who has one account.
    pub(crate) person: String,
    /// The movements that are kept, the oldest first.
    pub(crate) points: Vec<Movement>,
    /// How the accounts stood at the ends of days, added up, the oldest first: as the accounts are linked now.
    pub(crate) closes: Vec<CloseAnswer>,
}

/// All that this server knows of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PersonExport {
    /// What all accounts add up to, with those that do not agree to be found.
    pub(crate) person: PersonAnswer,
    /// Each account.
    pub(crate) accounts: Vec<AccountExport>,
}

/// All that this server knows of an account.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AccountExport {
    /// What is published.
    pub(crate) score: ScoreAnswer,
    /// What it is called in posts, without `@`.
    pub(crate) handle: Option<String>,
    /// The name that it shows.
    pub(crate) display_name: Option<String>,
    /// The address of its page.
    pub(crate) url: Option<String>,
    /// Whether its network says that it is a program.
    pub(crate) is_bot: Option<bool>,
    /// Whether it agrees to be found.
    pub(crate) agrees_to_be_found: Option<bool>,
    /// The movements that are kept, the oldest first.
    pub(crate) points: Vec<Movement>,
    /// How it stood at the ends of days, the oldest first.
    pub(crate) closes: Vec<CloseAnswer>,
}

impl Accounts for View {
    fn account(&self, user: &str) -> Option<Arc<Person>> {
        self.account_of(user)
    }

    fn record(&self, score: &Score) -> Record {
        let (votes, version) = (score.scale, score.scale_version);
        let model_version = self.scales().newest().map_or(0, |scale| scale.model_version);
        Record::new(score, self.scales().number(Scale { votes, version, model_version }))
    }

    fn scale(&self) -> (f64, u64) {
        self.scales().newest().map_or((1.0, 0), |scale| (scale.votes, scale.version))
    }
}

impl View {
    /// A person, by the name under which accounts were linked, or by that of an account.
    ///
    /// # Errors
    /// If there is no score.
    pub fn whole_person(&self, name: &str) -> Result<PersonAnswer, Absence> {
        self.person_as(name, false)
    }

    /// The same, with the accounts that do not agree to be found, for whoever may know all.
    pub(crate) fn person_as(&self, name: &str, knows_all: bool) -> Result<PersonAnswer, Absence> {
        let mut memory = String::new();
        let user = self.spell(name, &mut memory);
        let whole = self.linked().whole(name).or_else(|| {
            // Whoever asks for an account that does not agree to be found hears of no other one.
            let tie = self.linked().tie(user).filter(|_| knows_all || !self.is_hidden(user))?;
            self.linked().whole(&tie.person)
        });
        match whole {
            Some(whole) => self.whole_answer(&whole, knows_all).ok_or(Absence::NotRated),
            None => self.alone(user).ok_or_else(|| self.absence(user)),
        }
    }

    /// Whether somebody is in no list, no search and on no page, since nobody has said that they are somebody.
    pub(crate) fn is_withheld(&self, person: &Person, record: &Record) -> bool {
        let bound = self.unclaimed_below();
        bound > 0.0 && record.score < bound && !self.is_claimed(&person.name)
    }

    fn is_claimed(&self, user: &str) -> bool {
        let agrees = || self.called(user).is_some_and(|called| called.is_listed == Some(true));
        self.linked().tie(user).is_some() || self.linked().whole(user).is_some() || agrees()
    }

    /// The person whose account this is, unless the account does not agree to be found, or is all that the person has.
    pub(crate) fn person_of(&self, user: &str) -> Option<PersonOf> {
        let tie = self.linked().tie(user).filter(|_| !self.is_hidden(user))?;
        let whole = self.linked().whole(&tie.person)?;
        let record = whole.sum.record()?;
        let (scale, votes) = self.scale_of_people()?;
        let told = whole.accounts.iter().filter(|(account, _)| !self.is_hidden(account)).count();
        Some(PersonOf {
            person: tie.person.to_string(),
            score: against(&record, scale.votes, votes),
            rank: self.standing_of(&record).higher as u64 + 1,
            accounts: told as u64,
        })
    }

    /// Votes: what 100 stands for among accounts, and among people.
    fn scale_of_people(&self) -> Option<(Scale, f64)> {
        let newest = self.scales().newest()?;
        Some((newest, self.linked().votes(Some(newest.votes))?))
    }

    fn standing_of(&self, record: &Record) -> Standing {
        self.with_ranking(|ranking| self.linked().standing(record.height(), ranking.line(None)))
    }

    /// Somebody with one account.
    fn alone(&self, user: &str) -> Option<PersonAnswer> {
        let person = self.account_of(user)?;
        let record = person.record().filter(|record| !self.is_withheld(&person, record))?;
        let (scale, votes) = self.scale_of_people()?;
        let mut answer =
            PersonAnswer::new((person.name.to_string(), false), (&record, self.standing_of(&record)), (scale, votes));
        answer.accounts.extend(self.part(&person, &record, record.influence, None));
        answer.called = name_of(&answer.accounts);
        Some(answer)
    }

    fn whole_answer(&self, whole: &Whole, knows_all: bool) -> Option<PersonAnswer> {
        let record = whole.sum.record()?;
        let (scale, votes) = self.scale_of_people()?;
        let standing = self.standing_of(&record);
        let name = match knows_all || whole.accounts.iter().any(|(account, _)| !self.is_hidden(account)) {
            true => whole.sum.name.to_string(),
            false => pseudonym(self.key(&whole.sum.name)),
        };
        let mut answer = PersonAnswer::new((name, true), (&record, standing), (scale, votes));
        let mut unlisted = 0.0;
        for (account, tie) in &whole.accounts {
            let Some(person) = self.account_of(account) else { continue };
            let Some(own) = person.record() else { continue };
            if !knows_all && self.is_hidden(account) {
                answer.unlisted += 1;
                unlisted += own.influence;
            } else {
                answer.accounts.extend(self.part(&person, &own, record.influence, Some(tie)));
            }
        }
        answer.accounts.sort_by(|one, other| other.influence.total_cmp(&one.influence));
        answer.unlisted_share = share(unlisted, record.influence);
        answer.called = name_of(&answer.accounts);
        Some(answer)
    }

    fn part(&self, person: &Arc<Person>, record: &Record, whole: f32, tie: Option<&Tie>) -> Option<PersonAccount> {
        Some(PersonAccount {
            user: person.name.to_string(),
            account: self.account_answer(person, record),
            score: record.score,
            influence: record.influence,
            share: share(record.influence, whole),
            proof: tie.map(|tie| tie.proof.word()),
            proof_url: tie.and_then(|tie| tie.url.as_deref()).map(str::to_owned),
            checked_at: tie.and_then(|tie| wire::rfc3339(tie.checked_at)),
        })
    }

    /// People, the highest first: so many of them, after those who were told before; and how many there are.
    pub(crate) fn people_from(&self, after: Option<&Cursor>, limit: usize) -> PeopleAnswer {
        let from = after.map_or((f32::INFINITY, ""), |cursor| (cursor.height, cursor.user.as_str()));
        let mut skip = after.map_or(0, |cursor| cursor.skip);
        let (mut found, mut total, mut looked) = (Vec::new(), 0, 0);
        self.with_ranking(|ranking| {
            total = self.linked().standing(0.0, ranking.line(None)).total;
            self.linked().walk(ranking.line(None), from, |person, height| {
                let is_last = !from.1.is_empty() && height == from.0 && *person.name == *from.1;
                if is_last || skip > 0 {
                    skip -= usize::from(!is_last);
                    return true;
                }
                looked += 1;
                found.push((Arc::clone(person), height));
                found.len() <= limit && looked < PASSED_OVER_MAX
            });
        });
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next =
            found.last().filter(|_| has_more).map(|(person, height)| self.cursor_at(&found, person, *height, after));
        let people = found.iter().filter_map(|(person, _)| self.told(person)).collect();
        PeopleAnswer { people, next_cursor: next.as_ref().map(Cursor::encode), total: total as u64 }
    }

    /// Where a page ends: with a name, unless nobody is to be told by it.
    fn cursor_at(
        &self,
        told: &[(Arc<Person>, f32)],
        last: &Arc<Person>,
        height: f32,
        after: Option<&Cursor>,
    ) -> Cursor {
        if !self.is_person_hidden(&last.name) {
            return Cursor { height, user: last.name.to_string(), skip: 0 };
        }
        let alike = told.iter().rev().take_while(|(_, other)| *other == height).count();
        let before = after.filter(|after| after.height == height && alike == told.len());
        Cursor { height, user: String::new(), skip: alike + before.map_or(0, |after| after.skip) }
    }

    fn is_person_hidden(&self, name: &str) -> bool {
        match self.linked().whole(name) {
            Some(whole) => whole.accounts.iter().all(|(account, _)| self.is_hidden(account)),
            None => self.is_hidden(name),
        }
    }

    /// Somebody of the ranking of people, as others are told.
    fn told(&self, person: &Arc<Person>) -> Option<PersonAnswer> {
        let name = &*person.name;
        if let Some(whole) = self.linked().whole(name) {
            return self.whole_answer(&whole, false);
        }
        let mut answer = self.alone(name)?;
        if self.is_hidden(name) {
            answer.person = pseudonym(self.key(name));
            answer.called = None;
            answer.unlisted = answer.accounts.len() as u64;
            answer.unlisted_share = 100.0;
            answer.accounts.clear();
        }
        Some(answer)
    }

    /// People who rose and who fell most in so long: whoever has several accounts once. It looks at everybody, now and then.
    pub(crate) fn people_movers(&self, span: Span, limit: usize) -> [Vec<PersonMover>; 2] {
        let (Some(closes), Some((newest, votes))) = (self.closes(), self.scale_of_people()) else {
            return [Vec::new(), Vec::new()];
        };
        // Only the scale of accounts is closed: that of people is taken to have stood to it as now.
        let ratio = votes / newest.votes;
        let moved = |record: &Record, base: &Base| {
            let scale = self.scales().get(record.scale);
            let is_comparable = scale.model_version == base.model_version;
            is_comparable.then(|| against(record, scale.votes, scale.votes * ratio) - score_then(base, ratio))
        };
        let Movers { up, down } = closes.movers(Of::People, span, |base, offer| {
            let mut offer_from = |person: &Arc<Person>, base: Option<Base>| {
                let Some((record, base)) = person.record().zip(base) else { return };
                if let Some(change) = moved(&record, &base) {
                    offer(change, Arc::clone(person), base);
                }
            };
            for person in self.everybody().filter(|person| !self.linked().is_linked(&person.name)) {
                offer_from(&person, base(&person.name));
            }
            self.linked()
                .each(|sum, accounts| offer_from(sum, base_together(accounts.iter().filter_map(|user| base(user)))));
        });
        [up, down].map(|people| {
            let mover = |(person, base): &(Arc<Person>, Base)| {
                let change = moved(&person.record()?, base)?;
                Some(PersonMover { change, since: closes::date(base.day), person: self.told(person)? })
            };
            let mut movers: Vec<PersonMover> = people.iter().filter_map(mover).take(limit).collect();
            // They have moved on since they were looked for.
            movers.sort_by(|one, other| other.change.abs().total_cmp(&one.change.abs()));
            movers
        })
    }

    /// How a person moved, as far as it is remembered.
    pub(crate) fn person_history(&self, name: &str, closes: &[Vec<Close>]) -> Result<PersonHistory, Absence> {
        let person = self.whole_person(name)?;
        let points = match person.is_linked {
            true => self.movements(self.person_key(&person.person)),
            false => self.history(&person.person)?.points,
        };
        let closes = closes_together(closes).iter().map(close_answer).collect();
        Ok(PersonHistory { person: person.person, points, closes })
    }

    /// All that is known of a person, for whoever may know all: with the closes of the accounts, in the order of
    /// [`View::accounts_of`].
    pub(crate) fn export(&self, name: &str, closes: &[Vec<Close>]) -> Result<PersonExport, Absence> {
        let person = self.person_as(name, true)?;
        let accounts = self.accounts_of(&person).into_iter().enumerate();
        let accounts = accounts.filter_map(|(place, account)| {
            let score = self.answer(&self.account_of(&account)?, true)?;
            let called = self.called(&account);
            let text = |text: fn(&Called) -> &Option<Box<str>>| {
                called.as_deref().and_then(|called| text(called).as_deref()).map(str::to_owned)
            };
            Some(AccountExport {
                score,
                handle: text(|called| &called.handle),
                display_name: text(|called| &called.display_name),
                url: text(|called| &called.url),
                is_bot: called.as_deref().and_then(|called| called.is_bot),
                agrees_to_be_found: called.as_deref().and_then(|called| called.is_listed),
                points: self.movements(self.key(&account)),
                closes: closes.get(place).map_or_else(Vec::new, |closes| closes.iter().map(close_answer).collect()),
            })
        });
        let accounts = accounts.collect();
        Ok(PersonExport { person, accounts })
    }

    /// The names of the accounts whose closes are a person's.
    pub(crate) fn accounts_of(&self, person: &PersonAnswer) -> Vec<String> {
        match self.linked().whole(&person.person) {
            Some(whole) if person.is_linked => {
                whole.accounts.into_iter().map(|(account, _)| account.into_string()).collect()
            }
            _ => vec![person.person.clone()],
        }
    }

    /// The closes of these accounts; none where none are kept. It reads the disk.
    pub(crate) fn closes_of_all(&self, accounts: &[String]) -> Result<Vec<Vec<Close>>, ViewsError> {
        accounts.iter().map(|account| self.closes_of(account)).collect()
    }

    /// The hash under which movements of a person are kept: no account has such a name.
    pub(crate) fn person_key(&self, person: &str) -> u64 {
        self.key(&format!("person\0{person}"))
    }
}

fn name_of(accounts: &[PersonAccount]) -> Option<String> {
    let told = accounts.iter().filter_map(|part| part.account.as_ref());
    told.filter_map(|account| account.display_name.clone().or_else(|| account.handle.clone())).next()
}

/// The closes of several accounts as one: nothing where none has closed, or where they are of several models.
fn base_together(mut bases: impl Iterator<Item = Base>) -> Option<Base> {
    let first = bases.next()?;
    let (mut together, mut is_comparable, mut count) = (first, true, 1);
    for base in bases {
        count += 1;
        is_comparable &= base.model_version == together.model_version;
        let influence = together.influence + base.influence;
        let newest = if base.day > together.day { base } else { together };
        together = Base { influence, ..newest };
    }
    if count > 1 {
        together.score = Ruler { votes: together.scale, version: 0 }.score(together.influence.into()) as f32;
    }
    is_comparable.then_some(together)
}

/// The score at a close against the scale of people, which stands to that of accounts in this ratio.
fn score_then(base: &Base, ratio: f64) -> f32 {
    match ratio == 1.0 {
        true => base.score,
        false => Ruler { votes: base.scale * ratio, version: 0 }.score(base.influence.into()) as f32,
    }
}

/// Percent, to a ten-thousandth.
fn share(part: f32, of: f32) -> f64 {
    if of > 0.0 { (f64::from(part) / f64::from(of) * 1_000_000.0).round() / 10_000.0 } else { 0.0 }
}

/// Closes of several accounts, added up day by day: on a day without a close an account stands as before. Of the days, only
/// those from the newest model's first on, as scores of different models cannot be added.
fn closes_together(accounts: &[Vec<Close>]) -> Vec<Close> {
    if let [alone] = accounts {
        return alone.clone();
    }
    let model_version = accounts.iter().flatten().map(|close| close.model_version).max().unwrap_or_default();
    let of_model = |close: &&Close| close.model_version == model_version;
    let mut days: HashMap<i32, f64> = HashMap::new();
    for close in accounts.iter().flatten().filter(of_model) {
        days.insert(close.day, close.scale);
    }
    let mut days: Vec<(i32, f64)> = days.into_iter().collect();
    days.sort_by_key(|(day, _)| *day);
    days.into_iter().map(|(day, scale)| on_day(accounts, day, scale, model_version)).collect()
}

fn on_day(accounts: &[Vec<Close>], day: i32, scale: f64, model_version: u32) -> Close {
    let (mut products, mut influence, mut audience) = (Products::default(), 0.0, 0.0);
    for closes in accounts {
        let until = closes.partition_point(|close| close.day <= day);
        let last = closes[..until].last().filter(|close| close.model_version == model_version);
        if let Some(close) = last {
            products.add(&Products::of(closes::moment(close).factors));
            influence += f64::from(close.influence);
            audience += f64::from(close.audience);
        }
    }
    let ruler = Ruler { votes: scale, version: 0 };
    Close {
        day,
        score: ruler.score(influence) as f32,
        influence: influence as f32,
        factors: products.factors().map(|factor| factor as f32),
        audience: audience as f32,
        scale,
        model_version,
    }
}
