//! Names that people might have given themselves.

use std::collections::BTreeSet;

use crate::chance::Chance;

const FIRST: [&str; 48] = [
    "ada", "alma", "amir", "anouk", "ben", "bruno", "carla", "chidi", "dana", "daria", "elif", "emil", "esme", "farid",
    "fern", "greta", "hana", "hugo", "ines", "ivo", "jonas", "juno", "kaito", "kira", "lena", "leo", "lucia", "mads",
    "maya", "milo", "nadia", "nils", "nora", "omar", "oona", "pablo", "priya", "quinn", "rafi", "rosa", "sami",
    "sofia", "tariq", "thea", "tomas", "uma", "yara", "zoe",
];
const LAST: [&str; 36] = [
    "abadi", "berg", "castro", "demir", "eklund", "farouk", "garcia", "holm", "ibarra", "jensen", "kaya", "lund",
    "marsh", "novak", "okoye", "palmer", "quist", "reyes", "silva", "tanaka", "ueda", "vance", "weiss", "young",
    "zeman", "moreau", "petrov", "keller", "dubois", "rossi", "haas", "sato", "nair", "osei", "brandt", "larsen",
];
const THINGS: [&str; 36] = [
    "atlas", "bikes", "birds", "books", "bread", "cameras", "cello", "chess", "cinema", "clouds", "coffee", "comets",
    "cooks", "draws", "films", "garden", "hikes", "jazz", "kites", "lab", "maps", "math", "moss", "notes", "otter",
    "paints", "poems", "radio", "rivers", "runs", "sails", "stars", "tea", "trains", "vinyl", "writes",
];
/// Each as likely as it is listed often.
const NETWORKS: [&str; 6] = ["twitter", "twitter", "twitter", "bluesky", "bluesky", "mastodon"];

/// So many different names, the network before each.
pub(crate) fn handles(number: u32, chance: &mut Chance) -> Vec<String> {
    let mut taken = BTreeSet::new();
    (0..number).map(|_| free_handle(&mut taken, chance)).collect()
}

fn free_handle(taken: &mut BTreeSet<String>, chance: &mut Chance) -> String {
    let network = NETWORKS[chance.pick(NETWORKS.len())];
    let mut handle = format!("{network}:{}", handle(chance));
    while taken.contains(&handle) {
        handle.push(char::from(b'0' + chance.below(10) as u8));
    }
    taken.insert(handle.clone());
    handle
}

fn handle(chance: &mut Chance) -> String {
    let mut one_of = |words: &[&'static str]| words[chance.pick(words.len())];
    let (first, last, thing) = (one_of(&FIRST), one_of(&LAST), one_of(&THINGS));
    match chance.below(6) {
        0 => format!("{first}_{last}"),
        1 => format!("{first}.{last}"),
        2 => format!("{first}{last}"),
        3 => format!("{first}_{thing}"),
        4 => format!("{last}{thing}"),
        _ => format!("{thing}_{first}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Purpose;

    #[test]
    fn handles_are_all_different_and_the_same_from_one_seed() {
        let some = |seed| handles(20_000, &mut Chance::new(seed, Purpose::Handles));
        let handles = some(1);
        assert_eq!(handles.iter().collect::<BTreeSet<_>>().len(), handles.len());
        assert_eq!(handles, some(1));
        assert_ne!(handles, some(2));
    }
}
