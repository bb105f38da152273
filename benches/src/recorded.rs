//! A log kept in memory, so that its making is not measured.

use vocabulary::{Event, Kind, Timestamp};

/// Events in memory, names one after the other.
pub struct Recorded {
    text: String,
    events: Vec<(u32, u8, u8, Kind, Timestamp)>,
}

impl Recorded {
    /// The events of a world.
    pub fn of(world: &worlds::World) -> Recorded {
        let mut recorded = Recorded { text: String::new(), events: Vec::new() };
        let mut events = world.events().expect("the reference world is valid");
        while let Some(event) = events.next_event() {
            let start = recorded.text.len() as u32;
            recorded.text.push_str(event.actor);
            recorded.text.push_str(event.target);
            let lengths = (event.actor.len() as u8, event.target.len() as u8);
            recorded.events.push((start, lengths.0, lengths.1, event.kind, event.at));
        }
        recorded
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// One of them.
    pub fn event(&self, number: usize) -> Event<'_> {
        let (start, actor_len, target_len, kind, at) = self.events[number];
        let middle = start as usize + usize::from(actor_len);
        let actor = &self.text[start as usize..middle];
        let target = &self.text[middle..middle + usize::from(target_len)];
        Event { actor, target, kind, at }
    }
}
