//! Shards by number, as people read them.

/// Ascending numbers as ranges: `0-5, 7`.
pub fn shard_list(shards: impl IntoIterator<Item = u16>) -> String {
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for shard in shards {
        match ranges.last_mut() {
            Some((_, last)) if u32::from(*last) + 1 == u32::from(shard) => *last = shard,
            _ => ranges.push((shard, shard)),
        }
    }
    let text = |&(first, last): &(u16, u16)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::shard_list;

    #[test]
    fn neighbours_are_one_range() {
        let list = |shards: &[u16]| shard_list(shards.iter().copied());
        assert_eq!([list(&[]), list(&[3]), list(&[0, 1, 2, 4, 65535])], ["", "3", "0-2, 4, 65535"]);
    }
}
