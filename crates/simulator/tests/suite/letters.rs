//! Dead letters that brokers take only if they are small.

use pipeline::Bugs;
use simulator::scenario::{Arrival, Mishap};
use simulator::{Scenario, run};

#[test]
fn a_dead_letter_that_is_refused_says_where_its_record_is_and_nothing_stops() {
    let mut scenario = Scenario::quiet(2, 2);
    for (number, at) in (0..3_000).step_by(20).enumerate() {
        scenario.retweet(at, &format!("p{}", number % 7), "ana", "");
        let value = vec![b'x'; [10, 100, 70_000][number % 3]];
        let (shard, key) = (number as u16 % 2, vec![b'k'; [1, 66_000][number % 2]]);
        scenario.records.push(Arrival { at, input: 1, shard, key, value });
    }
    scenario.fails(500, Mishap::SmallLetters { small_ms: 1_000 });
    scenario.fails(800, Mishap::Crash { worker: 0, back_ms: 10 });
    let verdict = run(&scenario, Bugs::NONE);
    assert_eq!((verdict.failure, verdict.rebuilds, verdict.errors.len()), (None, 0, 0));
}
