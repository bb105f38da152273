//! What is kept is never misread: the image of the version before is read, that of any other is refused, with a reason.

use influence::exchange::Section;
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use vocabulary::{Event, Kind, Profile};

const KEY: HashKey = HashKey::new([1, 2]);

#[test]
fn an_image_of_another_version_is_refused_with_a_reason() {
    let mut shard = Shard::new(Model::default(), KEY, 0, 1);
    let event = Event { actor: "ana", target: "bo", kind: Kind::Retweet, at: 1_700_000_000_000 };
    let events = [Arrival { clock: event.at, event }];
    shard.step(&Slice { clock: event.at, events: &events, ..Slice::default() }, &mut Effects::default());
    let mut image = Vec::new();
    shard.copy_image(&mut image);
    assert_eq!(image[..8], 13_u64.to_le_bytes());
    for version in [0, 2, 4, 29] {
        image[..8].copy_from_slice(&u64::to_le_bytes(version));
        let reason = Shard::from_image(&Model::default(), &KEY, 0, 1, &image).expect_err("another version").to_string();
        assert_eq!(
            reason,
            format!(
                "it is of version {version} of the format, this program reads versions 5 to 28: the shard is made anew from its events"
            )
        );
    }
}

/// The table of names grows a little with each new one: an image of meanwhile has both tables, and goes on as what it is of.
#[test]
fn an_image_of_a_table_that_grows_is_read_and_goes_on() {
    let mut shard = Shard::new(model(), KEY, 0, 1);
    let (mut image, mut again, mut grew) = (Vec::new(), Vec::new(), 0);
    for step in 0..400i64 {
        let clock = 1_700_000_000_000 + step * 1_000;
        let pair = |new: i64| (format!("a{}", step * 20 + new), format!("b{}", step * 7 + new));
        let pairs: Vec<(String, String)> = (0..20).map(pair).collect();
        let events: Vec<Arrival<'_>> = pairs
            .iter()
            .map(|(actor, target)| Arrival { clock, event: Event { actor, target, kind: Kind::Mention, at: clock } })
            .collect();
        let slice = Slice { clock, events: &events, ..Slice::default() };
        shard.step(&slice, &mut Effects::default());
        shard.copy_image(&mut image);
        if image[0] < 21 {
            continue;
        }
        grew += 1;
        let read = Shard::from_image(&model(), &KEY, 0, 1, &image).expect("an image of a table that grows");
        read.copy_image(&mut again);
        assert!(image == again, "step {step}");
        // The one that was read goes on.
        shard = read;
    }
    assert!(grew > 10, "{grew} images were of a table that grows");
    assert_eq!(shard.scores().count(), 400 * 7 + 13);
}

/// The image of the world below, as a program of version 5 of the format wrote it.
const IMAGE_5: &[u8] = include_bytes!("image-5.bin");

#[test]
fn an_image_of_version_5_becomes_the_one_that_is_written_now() {
    let mut now = Vec::new();
    small_world().copy_image(&mut now);
    assert_eq!((IMAGE_5[0], now[0]), (9, 17), "with linked accounts");
    assert_ne!(IMAGE_5[8..], now[8..], "names have other checks");
    let upgraded = Shard::from_image(&model(), &KEY, 0, 2, IMAGE_5).expect("an image of before");
    let mut image = Vec::new();
    upgraded.copy_image(&mut image);
    assert!(image == now, "some of it is not what events make");
}

fn model() -> Model {
    Model::with_half_life(86_400_000)
}

/// The first of two shards, which forty people share; two accounts are one person's.
fn small_world() -> Shard {
    const BEGIN: i64 = 1_700_000_000_000;
    let model = model();
    let mut shards = [0, 1].map(|number| Shard::new(model.clone(), KEY, number, 2));
    let mut effects = [0, 1].map(|_| Effects::default());
    let names: Vec<String> = (0..40).map(|number| format!("user{number}")).collect();
    for step in 0..3 {
        let clock = BEGIN + step as i64 * 60_000;
        let told = [0, 1].map(|to| {
            let sections = effects.iter().filter_map(|effects| effects.exchange.get(to).cloned());
            sections.filter(|section| !section.is_empty()).collect::<Vec<Section>>()
        });
        for (number, shard) in shards.iter_mut().enumerate() {
            let is_here = |name: &str| usize::from(model.partitioner.partition(name, 2)) == number;
            let acts = (0..120).map(|act| (&*names[(act * 7 + step) % 40], &*names[(act * 11 + 3) % 40]));
            let event = |(actor, target)| Event { actor, target, kind: Kind::Mention, at: clock };
            let acts = acts.filter(|(actor, _)| is_here(actor)).map(event);
            let events: Vec<_> = acts.map(|event| Arrival { clock, event }).collect();
            let links = [(&*names[1], &*names[2]), (&*names[2], &*names[1])];
            let links = links.into_iter().filter(|(user, _)| step == 0 && is_here(user));
            let profiles: Vec<_> =
                links.map(|(user, linked)| Profile { user, linked: Some(linked), ..Profile::default() }).collect();
            let exchange: Vec<_> = told[number].iter().collect();
            let (events, profiles, exchange) = (&*events, &*profiles, &*exchange);
            let slice = Slice { clock, exchange, profiles, events, sweep: 10, publishes: true, ..Slice::default() };
            shard.step(&slice, &mut effects[number]);
        }
    }
    let [first, _] = shards;
    first
}
