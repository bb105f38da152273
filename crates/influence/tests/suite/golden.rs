//! What is kept is never misread: the image of another version of the format is refused, with a reason.

use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use vocabulary::{Event, Kind};

const KEY: HashKey = HashKey::new([1, 2]);

#[test]
fn an_image_of_another_version_is_refused_with_a_reason() {
    let mut shard = Shard::new(Model::default(), KEY, 0, 1);
    let event = Event { actor: "ana", target: "bo", kind: Kind::Retweet, at: 1_700_000_000_000 };
    let events = [Arrival { clock: event.at, event }];
    shard.step(&Slice { clock: event.at, events: &events, ..Slice::default() }, &mut Effects::default());
    let mut image = Vec::new();
    shard.copy_image(&mut image);
    assert_eq!(image[..8], 5_u64.to_le_bytes());
    for version in [0, 2, 4, 13] {
        image[..8].copy_from_slice(&u64::to_le_bytes(version));
        let reason = Shard::from_image(&Model::default(), &KEY, 0, 1, &image).expect_err("another version").to_string();
        assert_eq!(
            reason,
            format!(
                "it is of version {version} of the format, this program reads versions 5 to 12: the shard is made anew from its events"
            )
        );
    }
}
