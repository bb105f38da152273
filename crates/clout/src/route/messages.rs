//! Records that hold messages of networks: each gives the events, the profiles and the names that are in it.
//!
//! What one message tells about later ones is kept in memory. It is lost with the process, and learnt again from the records
//! that were routed before; what was counted since the last commit is void then.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use influence::Partitioner;
use kafka::{Given, Purpose, Read, Routing, Target};
use networks::{Account, Found, Learnt, Memory, Network, Options, Reader, Source, Standing, Tally};
use sha2::{Digest as _, Sha256};
use vocabulary::Profile;
use wire::{
    Encoding, Names, Respelled, encode_event_json_with_id, encode_event_with_id, encode_profile, encode_profile_json,
    name_key,
};

use crate::claims::{Asked, Hearing};
use crate::recorded::messages::{FACTS_MAX, Findings, summaries, unread};
use crate::recorded::naming::{Naming, Said, account_of};
use crate::recorded::people::Change;
use crate::words::count;

/// Acts that are remembered, so that repeats are dropped: 9 to 18 bytes each.
pub(crate) const ACTS_MAX: usize = 16 << 20;
/// Accounts that are remembered as not being there.
const GONE_MAX: usize = 1 << 20;

/// Reads messages, and makes records of what they say.
pub(crate) struct Messages {
    options: Options,
    site: Option<String>,
    names: Names,
    partitioner: Partitioner,
    /// How events are written, and profiles.
    encoding: Encoding,
    profile_encoding: Encoding,
    reader: Reader,
    /// Each partition is a source of its own.
    sources: BTreeMap<i32, Source>,
    gone: Gone,
    naming: Naming,
    said: Vec<Said>,
    findings: Findings,
    respelled: Respelled,
    /// Whether what was read last was routed before, and does not count.
    is_recalling: bool,
    /// Whether what is learnt is handed out, to be kept elsewhere.
    is_noting: bool,
    /// The listener for claims; `None` if none are to be heard.
    claims: Option<Hearing>,
    counts: Counts,
    committed: Arc<Mutex<Counts>>,
}

/// Facts of messages that were learnt since they were last taken, to be kept elsewhere.
#[derive(Debug, Default)]
pub(crate) struct News {
    pub(crate) learnt: Learnt,
    /// Accounts that are not there any more, or `None` where they are there again.
    pub(crate) gone: Vec<(String, Option<Standing>)>,
    /// The languages of accounts, as they are kept, or `None` where they are not kept any more.
    pub(crate) spoken: Vec<(Box<str>, Option<String>)>,
    /// What is to become of accounts that said whose they are, or `None` where it has.
    pub(crate) claims: Vec<(String, Option<Asked>)>,
}

/// What came of messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) tally: Tally,
    /// Acts by or on names that stand for nobody.
    pub(crate) ignored: u64,
    /// Changes of accounts that no topic takes.
    pub(crate) left_profiles: u64,
}

impl Counts {
    /// Tells people what came of messages.
    pub(crate) fn tell(&self) {
        let Counts { tally, ignored, left_profiles } = self;
        summaries(Some(tally)).iter().for_each(|network| eprintln!("{}", network.line()));
        if *left_profiles > 0 {
            let accounts = count(*left_profiles, "account", "accounts");
            eprintln!("note: no topic takes what networks say of {accounts}: --profiles-topic names one");
        }
        if *ignored > 0 {
            eprintln!("note: {} by or on names that stand for nobody left out", count(*ignored, "act", "acts"));
        }
    }

    fn merge(&mut self, more: &Counts) {
        self.tally.merge(&more.tally);
        self.ignored += more.ignored;
        self.left_profiles += more.left_profiles;
    }
}

/// How events and profiles are written.
pub(crate) struct Encodings {
    pub(crate) events: Encoding,
    pub(crate) profiles: Encoding,
}

impl Messages {
    /// Reads messages with these options; `site` is their site of Stack Exchange.
    pub(crate) fn new(
        options: Options,
        site: Option<String>,
        names: Names,
        partitioner: Partitioner,
        encodings: &Encodings,
    ) -> Messages {
        Messages {
            reader: reader(&options, false),
            options,
            site,
            names,
            partitioner,
            encoding: encodings.events,
            profile_encoding: encodings.profiles,
            sources: BTreeMap::new(),
            gone: Gone::default(),
            naming: Naming::default(),
            said: Vec::new(),
            findings: Findings::default(),
            respelled: Respelled::default(),
            is_recalling: false,
            is_noting: false,
            claims: None,
            counts: Counts::default(),
            committed: Arc::default(),
        }
    }

    /// The same, for somebody who keeps what is learnt, in this application.
    pub(crate) fn noting(mut self, application: &str) -> Messages {
        self.is_noting = true;
        self.gone.application = application.to_owned();
        self.forget();
        self
    }

    /// The same, that hears accounts say whose they are.
    pub(crate) fn hearing(self, claims: Option<Hearing>) -> Messages {
        Messages { claims, ..self }
    }

    /// Returns the listener for claims; `None` if none are to be heard.
    pub(crate) fn claims(&mut self) -> Option<&mut Hearing> {
        self.claims.as_mut()
    }

    /// Takes what was learnt since the last call.
    pub(crate) fn take_news(&mut self) -> News {
        let mut learnt = self.reader.take_learnt();
        learnt.retain(|id| !self.gone.is_of_nobody(id, &self.names));
        let changes = self.claims.iter().flat_map(Hearing::changes);
        let claims = changes.map(|(account, asked)| (account.to_owned(), asked.cloned())).collect();
        News { learnt, gone: std::mem::take(&mut self.gone.noted), spoken: self.naming.spoken.take_changes(), claims }
    }

    /// Whether a message that cannot be read comes for the first time.
    pub(crate) fn is_first_unread(&mut self, message: &[u8]) -> bool {
        self.reader.is_first_unread(message)
    }

    /// Learns again what was kept.
    pub(crate) fn relearn(&mut self, learnt: &Learnt) {
        self.reader.relearn(learnt);
    }

    /// Learns again what has become of an account.
    pub(crate) fn relearn_gone(&mut self, user: &str, standing: Option<Standing>) {
        self.gone.insert(user, standing.unwrap_or(Standing::Active));
    }

    /// Learns of an account by the digest of its name that it is not to be known of, or may be again.
    pub(crate) fn learn_objection(&mut self, digest: Digest, objects: bool) {
        match objects {
            true => self.gone.objections.insert(digest),
            false => self.gone.objections.remove(&digest),
        };
    }

    /// Learns again what an account writes in. False if that is not what was kept.
    pub(crate) fn relearn_spoken(&mut self, user: &str, kept: Option<&str>) -> bool {
        self.naming.spoken.relearn(user, kept)
    }

    /// The time of the newest message that had one.
    pub(crate) fn last_at(&self) -> Option<i64> {
        self.sources.values().filter_map(Source::last_at).max()
    }

    /// What has come of all messages whose records are committed.
    pub(crate) fn counts(&self) -> Arc<Mutex<Counts>> {
        Arc::clone(&self.committed)
    }

    /// Reads a record's value. Returns why a part of it could not be read, if so.
    fn read(&mut self, read: &Read<'_>) -> Option<String> {
        let Messages { reader, sources, gone, naming, said, findings, names, site, .. } = self;
        // What was routed before has said its names then.
        let takes_names = read.name_partitions > 0 && !self.is_recalling;
        let source = sources.entry(read.partition).or_insert_with(|| Source::of_site(site.clone()));
        findings.clear();
        said.clear();
        let mut refused = None;
        for (line, message) in (1..).zip(messages(read.value.unwrap_or_default())) {
            reader.read(source, message, &mut |found| {
                let has_objected = |account| gone.has_objected(account, names);
                if matches!(found, Found::Kin(kin) if has_objected(kin.other)) {
                    return;
                }
                match account_of(&found).is_some_and(has_objected) {
                    true => {
                        naming.hush(&found, names, said);
                        // It is to be known of no more.
                        if matches!(found, Found::Claim(_) | Found::Kin(_)) {
                            return;
                        }
                    }
                    false => naming.hear(&found, names, takes_names.then_some(&mut *said)),
                }
                findings.take(&found, |profile| gone.learn(profile, names));
            });
            if let Some(&reason) = findings.unread.last() {
                findings.unread.clear();
                let place = if line == 1 { String::new() } else { format!("line {line} ") };
                refused.get_or_insert_with(|| format!("{place}{}", unread(reason)));
            }
        }
        refused
    }

    /// The records of what was read last.
    fn given(&mut self, read: &Read<'_>) -> Result<Vec<Given>, String> {
        let Read { partitions, profile_partitions, name_partitions, .. } = *read;
        let Messages { findings, said, names, respelled, partitioner, counts, claims, .. } = self;
        findings.claims.drain(..).for_each(|claimed| {
            if let Some(claims) = claims {
                claims.hear(claimed, names);
            }
        });
        let mut given = Vec::new();
        for Said { user, field, value } in said.drain(..).filter(|said| !names.ignores(&said.user)) {
            let (partition, key) = (partitioner.partition(&user, name_partitions), name_key(field, &user));
            given.push(Given { of: Purpose::Name, partition, key, value: value.map(String::into_bytes) });
        }
        for Change { user, opted_out, trust } in findings.changes.drain(..) {
            if names.ignores(&user) {
                counts.ignored += 1;
                continue;
            }
            if profile_partitions == 0 {
                counts.left_profiles += 1;
                continue;
            }
            let mut value = Vec::new();
            let profile = Profile { user: &user, opted_out, trust, ..Profile::default() };
            match self.profile_encoding {
                Encoding::Protobuf => encode_profile(&profile, &mut value),
                Encoding::Json => encode_profile_json(&profile, &mut value),
            }
            let partition = partitioner.partition(&user, profile_partitions);
            given.push(Given { of: Purpose::Profile, partition, key: user, value: Some(value) });
        }
        for (event, id) in findings.acts() {
            let Some(event) = names.event(event, respelled).map_err(|malformed| malformed.to_string())? else {
                counts.ignored += 1;
                continue;
            };
            let mut value = Vec::new();
            match self.encoding {
                Encoding::Protobuf => encode_event_with_id(&event, id, &mut value),
                Encoding::Json => encode_event_json_with_id(&event, id, &mut value),
            }
            let partition = partitioner.partition(event.actor, partitions);
            let (of, key) = (Purpose::Event, event.actor.to_owned());
            given.push(Given { of, partition, key, value: Some(value) });
        }
        Ok(given)
    }
}

fn reader(options: &Options, is_noting: bool) -> Reader {
    let memory = Memory::bounded(FACTS_MAX, ACTS_MAX);
    Reader::new(options.clone(), if is_noting { memory.noting() } else { memory })
}

/// The messages of a value: one, or the lines of a server-sent event.
pub(crate) fn messages(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_json = matches!(value.trim_ascii_start().first(), Some(b'{' | b'['));
    value.split(move |byte| !is_json && *byte == b'\n')
}

impl Routing for Messages {
    fn target(&mut self, read: Read<'_>) -> Target {
        if std::mem::take(&mut self.is_recalling) {
            self.reader.take_tally();
        }
        let refused = self.read(&read);
        match self.given(&read) {
            Ok(records) => Target::Given { records, refused },
            Err(why) => Target::Refused(why),
        }
    }

    fn recall(&mut self, read: Read<'_>) {
        self.is_recalling = true;
        self.read(&read);
    }

    fn forget(&mut self) {
        self.reader = reader(&self.options, self.is_noting);
        self.sources.clear();
        self.naming = if self.is_noting { Naming::noting() } else { Naming::default() };
        let application = std::mem::take(&mut self.gone.application);
        self.gone = Gone { is_noting: self.is_noting, application, ..Gone::default() };
        self.counts = Counts::default();
        self.is_recalling = false;
        self.claims.iter_mut().for_each(Hearing::forget);
    }

    fn committed(&mut self) {
        if self.is_recalling {
            return;
        }
        self.claims.iter_mut().for_each(Hearing::committed);
        let mut counts = std::mem::take(&mut self.counts);
        counts.tally = self.reader.take_tally();
        self.committed.lock().unwrap_or_else(PoisonError::into_inner).merge(&counts);
    }
}

/// The digest by which connectors know an erased account: its name must not be in their records.
pub(crate) type Digest = u128;

/// The digest of an account's name, which is another one in each application.
pub(crate) fn digest_of(application: &str, user: &str) -> Digest {
    let digest = Sha256::new().chain_update("clout: who was erased\n").chain_update(application).chain_update("\n");
    let digest = digest.chain_update(user).finalize();
    Digest::from_be_bytes(std::array::from_fn(|place| digest[place]))
}

/// The accounts that are suspended or deleted, as far as that was said lately: the older half is forgotten when there are too many.
#[derive(Default)]
pub(crate) struct Gone {
    newer: BTreeMap<String, Standing>,
    older: BTreeMap<String, Standing>,
    /// Changes since they were last taken; none are kept where nobody takes them.
    noted: Vec<(String, Option<Standing>)>,
    is_noting: bool,
    /// True once somebody has objected by a post.
    has_objections: bool,
    /// Digests of the names of accounts that were erased.
    objections: HashSet<Digest>,
    application: String,
}

impl Gone {
    /// Takes what a network says of an account. Returns what that means for its score, if it means anything.
    pub(crate) fn learn(&mut self, profile: &networks::Profile<'_>, names: &Names) -> Option<Change> {
        let standing = profile.standing?;
        let (name, mut respelled) = (profile.account.to_string(), String::new());
        let user = names.spell(&name, &mut respelled);
        let before = self.standing(user);
        if before == Some(Standing::Objected) || self.was_erased(user) {
            return None;
        }
        let change = Change::of(user, before, standing);
        if before.is_none() && change.is_none() {
            return None;
        }
        if self.is_noting && before != Some(standing) {
            let is_gone = matches!(standing, Standing::Suspended | Standing::Deleted | Standing::Objected);
            self.noted.push((user.to_owned(), is_gone.then_some(standing)));
        }
        self.insert(user, standing);
        change
    }

    /// Returns true if the account has objected to being scored or was erased, so that nobody is told what it is called.
    pub(crate) fn has_objected(&self, account: Account<'_>, names: &Names) -> bool {
        if self.silences_nobody() {
            return false;
        }
        let (name, mut respelled) = (account.to_string(), String::new());
        let user = names.spell(&name, &mut respelled);
        self.is_silent(user)
    }

    /// Whether this is the id of an account that has objected, or was erased, on whatever network.
    fn is_of_nobody(&self, id: &str, names: &Names) -> bool {
        if self.silences_nobody() {
            return false;
        }
        let mut respelled = String::new();
        Network::of_names().any(|network| {
            let name = format!("{}:{id}", network.prefix());
            self.is_silent(names.spell(&name, &mut respelled))
        })
    }

    /// Whether nothing is to be known of an account, by the name that is scored.
    fn is_silent(&self, user: &str) -> bool {
        self.standing(user) == Some(Standing::Objected) || self.was_erased(user)
    }

    fn silences_nobody(&self) -> bool {
        !self.has_objections && self.objections.is_empty()
    }

    fn standing(&self, user: &str) -> Option<Standing> {
        self.newer.get(user).or_else(|| self.older.get(user)).copied()
    }

    fn was_erased(&self, user: &str) -> bool {
        !self.objections.is_empty() && self.objections.contains(&digest_of(&self.application, user))
    }

    fn insert(&mut self, user: &str, standing: Standing) {
        if self.newer.len() >= GONE_MAX / 2 && !self.newer.contains_key(user) {
            self.older = std::mem::take(&mut self.newer);
        }
        self.has_objections |= standing == Standing::Objected;
        self.newer.insert(user.to_owned(), standing);
    }
}

#[cfg(test)]
mod tests {
    use wire::{EventDecoder, ProfileDecoder};

    use super::*;

    fn routing() -> Messages {
        let options = Options { drops_repeats: true, ..Options::default() };
        let encodings = Encodings { events: Encoding::Json, profiles: Encoding::Json };
        Messages::new(options, None, Names::default(), Partitioner::Murmur2, &encodings)
    }

    fn read(value: &str) -> Read<'_> {
        Read {
            partition: 0,
            key: None,
            value: Some(value.as_bytes()),
            partitions: 1,
            profile_partitions: 1,
            name_partitions: 1,
        }
    }

    /// What a record gives, as text.
    fn told(routing: &mut Messages, value: &str) -> String {
        let Target::Given { records, refused } = routing.target(read(value)) else { panic!("it gives records") };
        let value = |given: &Given| given.value.clone().expect("a value");
        let record = |given: &Given| match given.of {
            Purpose::Name => String::new(),
            Purpose::Profile => {
                let (mut decoder, value) = (ProfileDecoder::new(Encoding::Json), value(given));
                let profile = decoder.decode(&value).expect("a profile");
                format!("{} {:?} {:?}", profile.user, profile.opted_out, profile.trust)
            }
            Purpose::Event => {
                let (mut decoder, value) = (EventDecoder::new(Encoding::Json, None), value(given));
                let event = decoder.decode(&value).expect("an event");
                assert_eq!(given.key, event.actor);
                format!("{} {} {}", event.actor, event.kind.word(), event.target)
            }
        };
        let is_no_name = |given: &&Given| given.of != Purpose::Name;
        records.iter().filter(is_no_name).map(record).chain(refused).collect::<Vec<_>>().join("; ")
    }

    fn follow(operation: &str) -> String {
        let record = if operation == "create" { r#","record":{"subject":"did:plc:b"}"# } else { "" };
        format!(
            r#"{{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"{operation}","collection":"app.bsky.graph.follow","rkey":"1"{record}}}}}"#
        )
    }

    fn account(active: bool, status: &str) -> String {
        format!(
            r#"{{"did":"did:plc:a","time_us":1783175888085434,"kind":"account","account":{{"active":{active},"did":"did:plc:a","seq":1,"time":"2026-07-04T00:00:00Z"{status}}}}}"#
        )
    }

    #[test]
    fn of_an_account_that_was_erased_nothing_is_told_and_nothing_is_kept() {
        let mut routing = routing().noting("clout");
        let called = |routing: &mut Messages, handle: &str| -> Vec<String> {
            let identity = format!(r#"{{"did":"did:plc:a","handle":"{handle}","seq":1}}"#);
            let message =
                format!(r#"{{"did":"did:plc:a","time_us":1783175888085434,"kind":"identity","identity":{identity}}}"#);
            let Target::Given { records, .. } = routing.target(read(&message)) else { panic!("it gives records") };
            let text =
                |given: &Given| String::from_utf8_lossy(given.value.as_deref().unwrap_or(b"nothing")).into_owned();
            records.iter().map(|given| format!("{} {}", given.key, text(given))).collect()
        };
        assert_eq!(called(&mut routing, "ana.example"), ["handle/bluesky:did:plc:a ana.example"]);
        let erased = ["a", "b"].map(|id| digest_of("clout", &format!("bluesky:did:plc:{id}")));
        erased.iter().for_each(|digest| routing.learn_objection(*digest, true));
        // What was told before it was heard is taken back, once.
        assert_eq!(called(&mut routing, "zoe.example"), ["handle/bluesky:did:plc:a nothing"]);
        assert_eq!(called(&mut routing, "ana.example"), [""; 0]);
        assert_eq!(told(&mut routing, &account(false, r#","status":"deleted""#)), "", "it has opted out already");
        // Its acts go on, since others count them; whom they were of is not kept.
        assert_eq!(told(&mut routing, &follow("create")), "bluesky:did:plc:a follow bluesky:did:plc:b");
        let news = routing.take_news();
        assert_eq!((news.learnt.facts(), news.gone.len(), news.spoken.len()), (0, 0, 0));
        // In another application it is somebody else's digest.
        assert_ne!(erased[0], digest_of("other", "bluesky:did:plc:a"));
        erased.iter().for_each(|digest| routing.learn_objection(*digest, false));
        assert_eq!(called(&mut routing, "zoe.example"), ["handle/bluesky:did:plc:a zoe.example"]);
    }

    #[test]
    fn what_was_routed_before_is_known_and_not_counted() {
        let (mut routing, unfollow) = (routing(), "bluesky:did:plc:a unfollow bluesky:did:plc:b");
        assert_eq!(told(&mut routing, &follow("delete")), "", "whom it was of is not known");
        // The transaction is aborted, and somebody else has routed the follow.
        routing.forget();
        routing.recall(read(&follow("create")));
        routing.committed();
        assert_eq!(told(&mut routing, &follow("create")), "", "it was told before");
        assert_eq!(told(&mut routing, &follow("delete")), unfollow);
        routing.committed();
        let committed = routing.committed.lock().unwrap().tally.clone();
        assert_eq!((committed.messages(), committed.of(Some(Network::Bluesky)).all_acts()), (2, 1));
        // What was told and is not committed is told again.
        routing.forget();
        assert_eq!(told(&mut routing, &follow("create")), "bluesky:did:plc:a follow bluesky:did:plc:b");
    }

    #[test]
    fn an_account_changes_what_it_is_once() {
        let mut routing = routing();
        let (active, suspended) = (account(true, ""), account(false, r#","status":"suspended""#));
        let deleted = account(false, r#","status":"deleted""#);
        for (line, expected) in [
            (&active, ""),
            (&suspended, "bluesky:did:plc:a None Some(0.0)"),
            (&suspended, ""),
            (&active, "bluesky:did:plc:a None Some(1.0)"),
            (&active, ""),
            (&deleted, "bluesky:did:plc:a Some(true) None"),
            (&active, "bluesky:did:plc:a Some(false) None"),
        ] {
            assert_eq!(told(&mut routing, line), expected, "{line}");
        }
    }

    #[test]
    fn what_accounts_are_called_is_given_once_and_again_after_what_is_not_committed() {
        let mut routing = routing();
        let names = |routing: &mut Messages, value: &str| {
            let Target::Given { records, .. } = routing.target(read(value)) else { panic!("it gives records") };
            let text =
                |given: &Given| format!("{} {:?}", given.key, given.value.as_deref().map(String::from_utf8_lossy));
            let names = records.iter().filter(|given| given.of == Purpose::Name);
            names.map(text).collect::<Vec<_>>().join("; ")
        };
        let identity = r#"{"did":"did:plc:a","time_us":1783175888085434,"kind":"identity","identity":{"did":"did:plc:a","handle":"ana.example.com","seq":1}}"#;
        let handle = "handle/bluesky:did:plc:a Some(\"ana.example.com\")";
        assert_eq!(names(&mut routing, identity), handle);
        assert_eq!(names(&mut routing, identity), "");
        // The transaction is aborted.
        routing.forget();
        assert_eq!(names(&mut routing, identity), handle);
        // What was routed before has said its names then, and a topic that is not there takes none.
        routing.forget();
        routing.recall(read(identity));
        assert_eq!(names(&mut routing, identity), handle);
        let nowhere = Read { name_partitions: 0, ..read(identity) };
        routing.forget();
        assert!(matches!(routing.target(nowhere), Target::Given { records, .. } if records.is_empty()));
        let gone = names(&mut routing, &account(false, r#","status":"deleted""#));
        assert!(gone.starts_with("handle/bluesky:did:plc:a None; display_name/bluesky:did:plc:a None; "), "{gone}");
    }

    fn post(rkey: u32, day: i64, language: &str) -> String {
        let micros = (20_000 + day) * 86_400_000_000;
        format!(
            r#"{{"did":"did:plc:a","time_us":{micros},"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post","rkey":"{rkey}","record":{{"text":"x","langs":["{language}"]}}}}}}"#
        )
    }

    #[test]
    fn what_somebody_writes_in_is_told_when_it_changes_and_known_after_a_restart() {
        let mut routing = routing().noting("clout");
        let names = |routing: &mut Messages, value: &str| {
            let Target::Given { records, .. } = routing.target(read(value)) else { panic!("it gives records") };
            let text =
                |given: &Given| format!("{} {:?}", given.key, given.value.as_deref().map(String::from_utf8_lossy));
            records.iter().map(text).collect::<Vec<_>>().join("; ")
        };
        let told = |language: &str| format!("language/bluesky:did:plc:a Some(\"{language}\")");
        assert_eq!(names(&mut routing, &post(1, 0, "nl-BE")), told("nl"));
        assert_eq!(names(&mut routing, &post(2, 0, "nl")), "");
        assert_eq!(names(&mut routing, &post(3, 1, "en")), "");
        // A network that repeats itself does not make it more.
        assert_eq!(names(&mut routing, &post(3, 1, "en")), "");
        assert_eq!(names(&mut routing, &post(4, 1, "en")), told("en"), "as many, and written later");
        let news = routing.take_news();
        assert_eq!(news.spoken, [("bluesky:did:plc:a".into(), Some("20000 nl 2;20001 en 2".to_owned()))]);
        assert!(routing.take_news().spoken.is_empty());

        // What was kept is learnt again; what is told then was told before, and is told once more.
        routing.forget();
        routing.relearn(&news.learnt);
        let spoken = news.spoken.iter().all(|(user, kept)| routing.relearn_spoken(user, kept.as_deref()));
        assert!(spoken);
        assert_eq!(names(&mut routing, &post(4, 1, "en")), "", "it was read before");
        assert_eq!(names(&mut routing, &post(5, 0, "nl")), told("nl"));
        let gone = names(&mut routing, &account(false, r#","status":"deleted""#));
        assert!(gone.contains("language/bluesky:did:plc:a None"), "{gone}");
        assert_eq!(routing.take_news().spoken, [("bluesky:did:plc:a".into(), None)]);
    }

    #[test]
    fn a_record_may_be_whole_server_sent_event_or_list_and_says_which_line_is_broken() {
        let mut routing = routing();
        let event = format!("event: message\ndata: {}\n\n", follow("create"));
        assert_eq!(told(&mut routing, &event), "bluesky:did:plc:a follow bluesky:did:plc:b");
        // The follow is told again, and ends.
        let list = format!("[{},\n{}]", follow("create"), follow("delete"));
        assert_eq!(told(&mut routing, &list), "bluesky:did:plc:a unfollow bluesky:did:plc:b");
        for (value, expected) in [
            ("", ""),
            (":)", ""),
            ("no message", "is neither JSON nor a row of a dump"),
            (": heartbeat\ndata: {\"broken\"\n", "line 2 is neither JSON nor a row of a dump"),
            ("{\"broken\"", "is neither JSON nor a row of a dump"),
        ] {
            assert_eq!(told(&mut routing, value), expected, "{value}");
        }
    }

    #[test]
    fn nothing_is_heard_of_whose_an_account_is_that_objected_or_was_erased() {
        let says = |did: &str, rkey: u32, text: &str| {
            format!(
                r#"{{"did":"did:plc:{did}","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"create","collection":"app.bsky.feed.post","rkey":"{rkey}","record":{{"$type":"app.bsky.feed.post","text":"{text}"}}}}}}"#
            )
        };
        let mut routing = routing().noting("app").hearing(Some(Hearing::of(&[7; 16])));
        routing.learn_objection(digest_of("app", "bluesky:did:plc:erased"), true);
        for line in [
            says("ana", 1, "clout-unlink-me"),
            says("erased", 1, "clout-unlink-me"),
            says("bo", 1, "clout-forget-me"),
            says("bo", 2, "clout-unlink-me"),
        ] {
            routing.target(read(&line));
        }
        let heard: Vec<String> = routing.take_news().claims.into_iter().map(|(account, _)| account).collect();
        assert_eq!(heard, ["bluesky:did:plc:ana"]);
        // And what is not committed is void.
        routing.forget();
        assert_eq!(routing.take_news().claims, []);
    }
}
