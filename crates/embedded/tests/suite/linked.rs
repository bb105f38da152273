//! People with several accounts: what one account does to another gives nothing, and what is published of the accounts adds up.
use std::collections::BTreeMap;

use crate::common::*;
use influence::scale::Scale;
use influence::summed::{PeopleScale, sum};
use influence::{Model, Shard};
use oracle::{Act, Input};
use vocabulary::{Kind, Profile, Score};

/// Groups of accounts that are linked and unlinked while a world goes on: the accounts of each, and what each profile says.
struct Links(Vec<(String, String)>);

impl Links {
    /// By the seed, people of two to four accounts; some are unlinked later, and some linked with others.
    fn new(seed: u64, names: &[String]) -> Links {
        let mut dice = Dice::new(seed);
        let mut said = Vec::new();
        for _ in 0..30 {
            let first = dice.roll(names.len());
            let (size, stride) = (2 + dice.roll(3), 1 + dice.roll(3));
            let group: Vec<&String> = (0..size).map(|place| &names[(first + place * stride) % names.len()]).collect();
            let is_end = dice.roll(4) == 0;
            for own in &group {
                let others = group.iter().filter(|other| !is_end && *other != own);
                let others: Vec<&str> = others.map(|other| other.as_str()).collect();
                said.push(((*own).clone(), others.join("\n")));
            }
        }
        Links(said)
    }

    /// The inputs, with what is said of links in between.
    fn among<'a>(&'a self, inputs: &[Input<'a>]) -> Vec<Input<'a>> {
        let every = inputs.len() / self.0.len() + 1;
        let mut said = self.0.iter();
        let mut all = Vec::new();
        for (place, input) in inputs.iter().enumerate() {
            if place % every == 0
                && let Some((user, linked)) = said.next()
            {
                all.push(Input::Profile(oracle::Profile { user, linked: Some(linked), ..oracle::Profile::default() }));
            }
            all.push(*input);
        }
        all
    }
}

#[test]
fn what_accounts_of_one_person_do_to_each_other_is_left_out_as_the_oracle_says_on_any_number_of_partitions() {
    let model = fine(Model::with_half_life(HOUR));
    let mut left_out = 0;
    for seed in 7_000..7_120 {
        let small = Small::of_any_span(seed, &model);
        let links = Links::new(seed, small.names());
        let inputs = links.among(&small.inputs());
        let truth = truth(&model, &inputs);
        let exact = exact_parts(&world(&model, 1, 1, &inputs));
        for partitions in [1, 4, 16] {
            let found = world(&model, partitions, 2, &inputs);
            let shards: Vec<&Shard> = found.shards().collect();
            hold(&truth, &shards, Bound::FINE);
            let taken = found.progress().taken;
            assert_eq!(taken.own_accounts, truth.tally.own_accounts, "seed {seed} on {partitions} partitions");
            assert!(exact_parts(&found) == exact, "seed {seed} on {partitions} partitions");
            for (shard, number) in shards.into_iter().zip(0..) {
                let (mut image, mut twin) = (Vec::new(), Vec::new());
                shard.copy_image(&mut image);
                let again = Shard::from_image(&model, &KEY, number, partitions, &image).expect("an image");
                again.copy_image(&mut twin);
                assert!(image == twin, "seed {seed}, shard {number}");
            }
        }
        left_out += truth.tally.own_accounts;
    }
    assert!(left_out > 1_000, "{left_out} acts were left out");
}

/// A chain, a circle, everybody on everybody, by all that gives something: whoever does that stands as if nothing had been done.
#[test]
fn own_accounts_that_endorse_each_other_in_any_form_gain_nothing() {
    let model = fine(Model::with_half_life(HOUR));
    for seed in 7_200..7_230 {
        let small = Small::of_any_span(seed, &model);
        let mut inputs = small.inputs();
        // Whoever opts out has no other account any more.
        inputs.retain(|input| !matches!(input, Input::Profile(profile) if profile.opted_out.is_some()));
        let own: Vec<&str> = small.names().iter().take(5).map(String::as_str).collect();
        let others: Vec<String> = own
            .iter()
            .map(|name| own.iter().filter(|other| *other != name).copied().collect::<Vec<_>>().join("\n"))
            .collect();
        let linked = own.iter().zip(&others).map(|(user, linked)| {
            Input::Profile(oracle::Profile { user, linked: Some(linked), ..oracle::Profile::default() })
        });
        let linked: Vec<Input<'_>> = linked.collect();
        let mut dice = Dice::new(seed);
        let plain: Vec<Input<'_>> = linked.iter().chain(&inputs).copied().collect();
        let mut ringed = linked;
        for input in &inputs {
            ringed.push(*input);
            // Acts on oneself tell no time.
            let Input::Act(Act { at_ms, actor, target, .. }) = *input else { continue };
            if actor == target {
                continue;
            }
            let (actor, target) = (own[dice.roll(5)], own[dice.roll(5)]);
            let given: Vec<oracle::Kind> = oracle::Kind::ALL.into_iter().filter(|kind| kind.is_on_target()).collect();
            let kind = given[dice.roll(given.len())];
            ringed.push(Input::Act(Act { actor, target, kind, at_ms }));
        }
        for partitions in [1, 4] {
            let (plain, ringed) = (world(&model, partitions, 1, &plain), world(&model, partitions, 1, &ringed));
            assert!(ringed.progress().taken.own_accounts > plain.progress().taken.own_accounts + 40);
            // Whoever is met in another order hears of rates at another time: they differ by less than the threshold.
            let (plain, ringed) = (scores(&plain), scores(&ringed));
            assert!(plain.keys().eq(ringed.keys()), "seed {seed} on {partitions} partitions");
            for (name, before) in &plain {
                let after = &ringed[name];
                let is_same = |part: fn(&Score) -> f64| {
                    (part(after) / part(before) - 1.0).abs() < 1e-5 || part(after) == part(before)
                };
                assert!(
                    is_same(|score| score.influence) && is_same(|score| score.score),
                    "{name}: {after:?} {before:?}"
                );
                assert_eq!((after.received, after.followers), (before.received, before.followers), "{name}");
            }
        }
    }
}

/// A follow of before gives nothing for as long as the two are linked, and after that what it gave: audiences are the same bits.
#[test]
fn a_follow_between_two_who_are_linked_later_is_taken_back_and_given_again() {
    let model = fine(Model::with_half_life(HOUR));
    let mut moved = 0;
    for seed in 7_500..7_530 {
        let small = Small::of_any_span(seed, &model);
        let mut inputs = small.inputs();
        inputs.retain(|input| !matches!(input, Input::Profile(profile) if profile.opted_out.is_some()));
        let Some(at_ms) = inputs.iter().find_map(|input| match input {
            Input::Act(act) => Some(act.at_ms),
            _ => None,
        }) else {
            continue;
        };
        let own: Vec<&str> = small.names().iter().take(3).map(String::as_str).collect();
        let pairs = [(0, 1), (1, 0), (0, 2)];
        let follow = |(one, other): (usize, usize)| {
            Input::Act(Act { actor: own[one], target: own[other], kind: oracle::Kind::Follow, at_ms })
        };
        inputs.splice(0..0, pairs.into_iter().map(follow));
        let others: Vec<String> = own
            .iter()
            .map(|name| own.iter().filter(|other| *other != name).copied().collect::<Vec<_>>().join("\n"))
            .collect();
        let link = |is_linked: bool| {
            own.iter().zip(&others).map(move |(user, others)| {
                let linked = Some(if is_linked { others.as_str() } else { "" });
                Input::Profile(oracle::Profile { user, linked, ..oracle::Profile::default() })
            })
        };
        let with = |links: &[bool]| -> Vec<Input<'_>> {
            inputs.iter().copied().chain(links.iter().flat_map(|is_linked| link(*is_linked))).collect()
        };
        for partitions in [1, 4, 16] {
            let play = |links: &[bool]| {
                let inputs = with(links);
                let world = world(&model, partitions, 2, &inputs);
                hold(&truth(&model, &inputs), &world.shards().collect::<Vec<_>>(), Bound::FINE);
                (exact_parts(&world), scores(&world))
            };
            let (never, linked) = (play(&[]), play(&[true]));
            let (apart, again) = (play(&[true, false]), play(&[true, false, true]));
            assert!(never.0 == apart.0 && linked.0 == again.0, "seed {seed} on {partitions} partitions");
            // Rates are told by thresholds, so that what comes of them hangs on the steps in between; audiences do not.
            for (name, once) in &linked.1 {
                let twice = &again.1[name];
                assert_eq!(
                    once.audience.to_bits(),
                    twice.audience.to_bits(),
                    "{name}, seed {seed} on {partitions} partitions"
                );
                assert!(
                    (once.influence - twice.influence).abs() <= 1e-5 * twice.influence,
                    "{name}: {once:?} {twice:?}"
                );
            }
            for name in &own {
                let (Some(before), Some(after)) = (never.1.get(*name), linked.1.get(*name)) else { continue };
                assert!(after.followers <= before.followers, "{name}: {after:?} {before:?}");
                moved += u64::from(after.followers < before.followers && after.audience < before.audience);
            }
        }
    }
    assert!(moved > 30, "{moved} audiences were taken back");
}

#[test]
fn what_accounts_have_adds_up_and_the_factors_multiply_to_the_influence() {
    let model = Model::with_half_life(HOUR);
    let close = |one: f64, other: f64| (one - other).abs() <= 1e-12 * one.abs().max(other.abs()).max(1e-300);
    for seed in 7_300..7_400 {
        let small = Small::of_any_span(seed, &model);
        let world = world(&model, 1, 1, &small.inputs());
        let accounts: Vec<Score> = scores(&world).into_values().collect();
        let mut dice = Dice::new(seed);
        for account in &accounts {
            let alone = sum([account], account.scale).expect("an account");
            assert_eq!(alone, *account, "who has one account is that account");
            let group: Vec<&Score> = (0..2 + dice.roll(4)).map(|_| &accounts[dice.roll(accounts.len())]).collect();
            let all = sum(group.iter().copied(), account.scale).expect("accounts");
            let by_hand = |part: fn(&Score) -> f64| group.iter().map(|score| part(score)).sum::<f64>();
            assert!(close(all.reach, by_hand(|score| score.reach)), "{all:?}");
            assert!(close(all.audience, by_hand(|score| score.audience)), "{all:?}");
            assert!(close(all.influence, by_hand(|score| score.influence)), "{all:?}");
            assert!(close(all.reach * all.amplification, by_hand(|score| score.reach * score.amplification)));
            let product = all.reach * all.amplification * all.network * all.openness * all.room + all.audience;
            assert!(close(product, all.influence), "{product} {all:?}");
            assert!((0.0..=1.0 + 1e-12).contains(&all.room) && (0.0..=1.0 + 1e-12).contains(&all.openness));
            let likes: u64 = group.iter().map(|score| score.received.of(Kind::Like)).sum();
            assert_eq!(all.received.of(Kind::Like), likes);
            let scale = Scale { votes: account.scale, version: 1 };
            assert_eq!(all.score.to_bits(), scale.score(all.influence).to_bits());
        }
    }
    assert_eq!(sum([], 100.0), None);
}

/// Every person has an account on each of two networks, and acts on one or the other, by their own preference: how far the
/// accounts, added up, are off the people.
#[test]
fn higgs_split_over_two_accounts_a_person_adds_up_to_nearly_the_same_scores() {
    let Some(log) = higgs() else { return };
    let model = Model::with_half_life(DAY);
    let acts = log.acts();
    let whole = scores(&world(&model, 1, 1, &log.inputs()));
    let mut dice = Dice::new(11);
    let mut preferences: BTreeMap<&str, f64> = BTreeMap::new();
    let names: Vec<[String; 2]> = acts
        .iter()
        .map(|act| {
            let mut unit = || dice.roll(1 << 30) as f64 / f64::from(1 << 30);
            // Beta(1/2, 1/2): most prefer one of the two by far.
            let preference =
                *preferences.entry(act.actor).or_insert_with(|| (std::f64::consts::FRAC_PI_2 * unit()).sin().powi(2));
            let network = if unit() < preference { "a" } else { "b" };
            [act.actor, act.target].map(|name| format!("{network}:{name}"))
        })
        .collect();
    let split: Vec<Input<'_>> =
        acts.iter().zip(&names).map(|(act, [actor, target])| Input::Act(Act { actor, target, ..*act })).collect();
    let accounts = scores(&world(&model, 1, 1, &split));
    let mut people: BTreeMap<&str, Vec<&Score>> = BTreeMap::new();
    for (name, score) in &accounts {
        people.entry(&name[2..]).or_default().push(score);
    }
    let of_accounts = accounts.values().next().expect("accounts").scale;
    let influence = |accounts: &Vec<&Score>| accounts.iter().map(|score| score.influence).sum::<f64>();
    let largest = people.values().map(influence).fold(0.0, f64::max);
    let mut scale = PeopleScale::default();
    scale.begin(of_accounts, largest, 0);
    let scale = scale.look(of_accounts, largest, 0);
    let summed: BTreeMap<&str, Score> =
        people.into_iter().map(|(name, accounts)| (name, sum(accounts, scale).expect("accounts"))).collect();
    let mut first: Vec<(&String, &Score)> = whole.iter().collect();
    first.sort_by(|one, other| other.1.influence.total_cmp(&one.1.influence));
    let mut off: Vec<f64> = first[..1_000]
        .iter()
        .map(|(name, score)| (summed.get(name.as_str()).map_or(0.0, |summed| summed.score) - score.score).abs())
        .collect();
    off.sort_by(f64::total_cmp);
    eprintln!("top 1,000 of {} people: off by {:.3} in the median, {:.3} at 95 %", whole.len(), off[500], off[950]);
    assert!(off[500] <= 0.3, "{}", off[500]);
}

/// A profile that says nothing of links leaves them, and one that opts out ends them.
#[test]
fn links_stay_until_they_are_ended() {
    let model = Model::with_half_life(HOUR);
    let mut world = embedded::World::new(&model, KEY, 4, 1);
    let mut clock = 1_700_000_000_000;
    let mut acts = |world: &mut embedded::World<'_>| {
        let before = world.progress().taken.own_accounts;
        for (actor, target) in [("a:1", "b:1"), ("b:1", "a:1"), ("a:1", "c:1")] {
            clock += 1_000;
            world.event(&vocabulary::Event { actor, target, kind: Kind::Retweet, at: clock });
        }
        world.rest();
        world.progress().taken.own_accounts - before
    };
    let say = |world: &mut embedded::World<'_>, user: &str, profile: Profile<'_>| {
        world.profile(&Profile { user, ..profile });
        world.rest();
    };
    let linked = |linked| Profile { linked: Some(linked), ..Profile::default() };
    assert_eq!(acts(&mut world), 0);
    say(&mut world, "a:1", linked("b:1"));
    assert_eq!(acts(&mut world), 1, "each account is told of the others by itself");
    say(&mut world, "b:1", linked("a:1"));
    assert_eq!(acts(&mut world), 2);
    say(&mut world, "a:1", Profile { trust: Some(1.0), ..Profile::default() });
    assert_eq!(acts(&mut world), 2);
    say(&mut world, "a:1", linked("b:1\nc:1"));
    assert_eq!(acts(&mut world), 3);
    say(&mut world, "a:1", Profile { opted_out: Some(true), ..Profile::default() });
    say(&mut world, "a:1", Profile { opted_out: Some(false), ..Profile::default() });
    assert_eq!(acts(&mut world), 1);
    say(&mut world, "b:1", linked(""));
    assert_eq!(acts(&mut world), 0);
}
